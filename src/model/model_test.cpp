#include <gtest/gtest.h>

#include "base/random.h"
#include "model/plan.h"
#include "model/state.h"

namespace settle {
namespace {

Plan two_steps() {
  Plan plan;
  plan.branches.resize(2);
  plan.branches[0] = {.id = "stock",
                      .forward = "http://a/lock",
                      .confirm = {},
                      .back = "http://a/unlock",
                      .input = "{\"n\":1}",
                      .back_input = {},
                      .after = {},
                      .retry = {}};
  plan.branches[1] = {.id = "points",
                      .forward = "http://b/add",
                      .confirm = {},
                      .back = {},
                      .input = {},
                      .back_input = "x",
                      .has_back_input = true,
                      .after = {},
                      .retry = {}};
  return plan;
}

TEST(Plan, RoundTripKeepsEveryField) {
  Plan plan = two_steps();
  plan.order = Order::kGraph;
  plan.branches[1].after = {0};
  plan.branches[1].retry.attempts = 7;
  plan.headers = {{"x-tenant", "7"}};
  plan.labels = {{"shop", "berlin"}};
  plan.deadline = milliseconds{1234};
  const OwnedPlan owned = OwnedPlan::encode(plan);
  Result<OwnedPlan> back = OwnedPlan::decode(owned.bytes());
  ASSERT_TRUE(back.ok());
  const Plan& read = **back;
  ASSERT_EQ(read.branches.size(), 2U);
  EXPECT_EQ(read.branches[0].forward, "http://a/lock");
  EXPECT_EQ(read.branches[1].back_input, "x");
  EXPECT_TRUE(read.branches[1].has_back_input);
  EXPECT_EQ(read.branches[1].retry.attempts, 7U);
  EXPECT_EQ(read.headers, plan.headers);
  EXPECT_EQ(read.labels, plan.labels);
  EXPECT_EQ(read.deadline, milliseconds{1234});
  EXPECT_EQ(read.topological, (std::vector<std::uint16_t>{0, 1}));
  EXPECT_EQ(back->bytes(), owned.bytes());
}

TEST(Plan, DigestIgnoresLabelsAndSeesEverythingElse) {
  const PlanDigest digest = OwnedPlan::encode(two_steps()).digest();
  Plan labelled = two_steps();
  labelled.labels = {{"a", "b"}};
  labelled.trace_parent = "00-x";
  EXPECT_EQ(OwnedPlan::encode(labelled).digest(), digest);
  Plan other = two_steps();
  other.branches[0].input = "{\"n\": 1}";
  EXPECT_NE(OwnedPlan::encode(other).digest(), digest);
  Plan slower = two_steps();
  slower.branches[1].attempt_timeout = milliseconds{3001};
  EXPECT_NE(OwnedPlan::encode(slower).digest(), digest);
}

TEST(Plan, EveryFlippedOrMissingByteIsNoticed) {
  const std::string bytes = OwnedPlan::encode(two_steps()).bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    EXPECT_FALSE(OwnedPlan::decode(flipped).ok()) << i;
    EXPECT_FALSE(OwnedPlan::decode(bytes.substr(0, i)).ok()) << i;
  }
}

TEST(Plan, FAIL_M6_CyclesAndBadEdgesAreNamed) {
  Plan plan = two_steps();
  plan.order = Order::kGraph;
  plan.branches[0].after = {1};
  plan.branches[1].after = {0};
  const Result<void> cycle = check_plan(plan);
  ASSERT_FALSE(cycle.ok());
  EXPECT_NE(cycle.error().message.find("cycle"), std::string::npos);
  plan.branches[0].after = {9};
  EXPECT_FALSE(check_plan(plan).ok());
  plan.branches[0].after = {};
  EXPECT_TRUE(check_plan(plan).ok());
}

TEST(Plan, IdsMustBeUniqueAndNotReserved) {
  Plan plan = two_steps();
  plan.branches[1].id = "stock";
  EXPECT_FALSE(check_plan(plan).ok());
  plan.branches[1].id = "00";
  EXPECT_FALSE(check_plan(plan).ok());
}

State some_state() {
  State state;
  state.phase = Phase::kCompensating;
  state.decision = Decision::kAbort;
  state.cause = Cause::kRefused;
  state.cause_branch = 1;
  state.reason = "no stock";
  state.created_at = instant_of(1'700'000'000'000'000);
  state.updated_at = state.created_at + milliseconds{5};
  state.branches.resize(2);
  state.branches[0].forward.status = OpStatus::kDone;
  state.branches[0].forward.attempts = 3;
  state.branches[0].forward.result = "{\"id\":9}";
  state.branches[0].back.due = state.created_at + milliseconds{700};
  state.branches[1].forward.doubtful = true;
  state.incident = Incident{Cause::kExhausted, state.updated_at, 0, Op::kCompensate};
  note(state, {.at = state.created_at, .happening = Happening::kBegun});
  note(state,
       {.at = state.updated_at, .happening = Happening::kOpRefused, .branch = 1, .op = Op::kAction, .answer = 409});
  return state;
}

TEST(State, RoundTripKeepsEveryDurableField) {
  const State state = some_state();
  const std::string bytes = encode_state(state);
  const Result<State> back = decode_state(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(encode_state(*back), bytes);
  EXPECT_TRUE(*back == state);
}

TEST(State, AnOpMayBeDueBeforeTheBeginByTheClockOfAnotherOwner) {
  State state = some_state();
  state.branches[0].back.due = state.created_at - milliseconds{700};
  state.branches[1].forward.since = state.created_at - milliseconds{900};
  state.branches[1].back.due = state.created_at;
  const Result<State> back = decode_state(encode_state(state));
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(*back == state);
}

TEST(State, RULE_R1_RecordWrittenDuringAnAttemptSaysDoubtful) {
  State state = some_state();
  state.branches[1].forward.doubtful = false;
  state.branches[1].forward.call = 17;
  const Result<State> back = decode_state(encode_state(state));
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back->branches[1].forward.doubtful);
  EXPECT_FALSE(back->branches[1].forward.in_flight());
}

TEST(State, FAIL_H7_EveryFlippedOrMissingByteIsNoticed) {
  const std::string bytes = encode_state(some_state());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
    EXPECT_FALSE(decode_state(flipped).ok()) << i;
    EXPECT_FALSE(decode_state(bytes.substr(0, i)).ok()) << i;
  }
}

TEST(Timeline, IsBoundedAndFoldsRepetitions) {
  State state = some_state();
  const std::size_t before = state.timeline.size();
  for (int i = 0; i < 1000; ++i) {
    note(state, {.at = state.updated_at,
                 .happening = Happening::kOpUnknown,
                 .branch = 0,
                 .op = Op::kCompensate,
                 .answer = 503});
  }
  EXPECT_EQ(state.timeline.size(), before + 1);
  EXPECT_EQ(state.timeline.back().count, 1000U);
  for (int i = 0; i < 1000; ++i) {
    note(state, {.at = state.updated_at,
                 .happening = Happening::kOpUnknown,
                 .branch = i % 2,
                 .op = Op::kCompensate,
                 .answer = 503});
  }
  EXPECT_EQ(state.timeline.size(), kTimelineEntriesMax);
  EXPECT_EQ(state.timeline.front().happening, Happening::kBegun);
  EXPECT_TRUE(decode_state(encode_state(state)).ok());
}

}  // namespace
}  // namespace settle
