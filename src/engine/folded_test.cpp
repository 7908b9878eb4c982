#include "engine/folded.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/desk_testing.h"
#include "engine/open_transactions.h"

namespace settle::engine {
namespace {

constexpr std::size_t kNone = 0;  // of them stay unfolded

Instant some_instant(Random& random, Instant around) {
  switch (random.below(4)) {
    case 0:
      return kNoInstant;
    case 1:
      return kNever;
    default:
      return around + milliseconds{random.between(-5'000, 500'000)};
  }
}

std::string some_text(Random& random) { return std::string(random.below(40), static_cast<char>(random.below(256))); }

OpState some_op(Random& random, Instant around) {
  OpState op;
  op.status = static_cast<OpStatus>(random.below(4));
  op.doubtful = random.below(2) == 0;
  op.exhausted = random.below(2) == 0;
  op.last = static_cast<Outcome>(1 + random.below(4));
  op.last_answer = static_cast<AnswerCode>(random.between(-9, 599));
  op.attempts = static_cast<std::uint32_t>(random.below(5));
  op.running = static_cast<std::uint32_t>(random.below(5));
  op.due = some_instant(random, around);
  op.since = some_instant(random, around);
  op.result = some_text(random);
  op.skipped = static_cast<std::uint32_t>(random.below(3));
  op.call = random.below(2) == 0 ? 0 : random.next();
  // Under way it would not be at rest: it waits in a line, or is over.
  op.sent_at = op.call == 0 ? some_instant(random, around) : kNoInstant;
  op.quiet_at = some_instant(random, around);
  return op;
}

State some_state(Random& random, std::size_t branches) {
  State state;
  state.phase = Phase::kActing;
  state.decision = static_cast<Decision>(random.below(3));
  state.cause = static_cast<Cause>(random.below(9));
  state.cause_branch = static_cast<std::int32_t>(random.between(-1, 3));
  state.reason = some_text(random);
  state.created_at = kT0 + milliseconds{random.between(0, 1000)};
  state.updated_at = kT0 + milliseconds{random.between(-1000, 100'000)};
  state.deadline_at = some_instant(random, kT0);
  state.deliver_at = some_instant(random, kT0);
  state.deadline_seen = random.below(2) == 0;
  state.pivot_released = random.below(2) == 0;
  state.stopped = random.below(2) == 0;
  state.heuristic = static_cast<Heuristic>(random.below(3));
  if (random.below(2) == 0) state.check = some_op(random, kT0);
  if (random.below(2) == 0) state.incident = Incident{Cause::kExhausted, kT0, 1, Op::kCompensate};
  for (std::size_t i = 0; i < branches; ++i) {
    BranchState& branch = state.branches.emplace_back();
    if (random.below(4) != 0) branch.forward = some_op(random, kT0);
    if (random.below(2) == 0) branch.back = some_op(random, kT0);
    branch.forward.read_only = random.below(4) == 0;
  }
  for (std::uint64_t i = random.below(5); i > 0; --i) {
    state.timeline.push_back({kT0 + milliseconds{i}, Happening::kOpUnknown, 1, Op::kAction, 503, 7});
  }
  return state;
}

OwnedPlan some_plan(Random& random) {
  std::vector<std::string> urls;
  for (std::uint64_t i = 1 + random.below(4); i > 0; --i) urls.push_back("http://p" + std::to_string(i) + "/a");
  return Desk::saga(urls, milliseconds{random.between(0, 1000)});
}

TEST(Folded, KeepsEverything) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random = Random::stream(seed, "folded");
    OpenTransactions open(kNone);
    const Tid tid{seed, 1, 2, 3};
    Entry& entry = open.add(tid, "order-" + std::to_string(seed), some_plan(random));
    const PlanDigest digest = entry.plan.digest();
    const State state = some_state(random, entry.plan->branches.size());
    entry.state = state;
    entry.version = entry.handed_over = entry.must = 7;
    entry.durable = {7, state.phase, state.decision, state.outcome};
    entry.alerted = random.below(2) == 0;
    entry.incident_counted = random.below(2) == 0;
    entry.incident_told = random.below(2) == 0;
    entry.incident_version = static_cast<Version>(random.below(8));
    const bool alerted = entry.alerted, counted = entry.incident_counted, told = entry.incident_told;
    const Version incident_version = entry.incident_version;
    open.rest(entry);
    ASSERT_EQ(open.entries(), 0U) << "seed " << seed;
    ASSERT_EQ(open.size(), 1U);

    const Entry* const again = open.find(tid);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again, open.find("order-" + std::to_string(seed)));
    EXPECT_TRUE(again->state == state) << "seed " << seed;
    EXPECT_EQ(again->plan.digest(), digest);
    EXPECT_EQ(again->gid, "order-" + std::to_string(seed));
    EXPECT_EQ(again->version, 7U);
    EXPECT_EQ(again->handed_over, 7U);
    EXPECT_EQ(again->must, 7U);
    EXPECT_EQ(again->durable.version, 7U);
    EXPECT_EQ(again->durable.phase, state.phase);
    EXPECT_EQ(again->durable.decision, state.decision);
    EXPECT_EQ(again->durable.outcome, state.outcome);
    EXPECT_EQ(again->alerted, alerted);
    EXPECT_EQ(again->incident_counted, counted);
    EXPECT_EQ(again->incident_told, told);
    EXPECT_EQ(again->incident_version, incident_version);
  }
}

TEST(Folded, NothingThatIsWaitedForIsFolded) {
  OpenTransactions open(kNone);
  Entry& entry = open.add({1, 1, 0, 1}, "g", Desk::saga({"http://p/a"}));
  entry.state.branches.resize(1);
  entry.version = entry.handed_over = 1;
  EXPECT_FALSE(is_at_rest(entry)) << "not durable";
  entry.durable.version = 1;
  EXPECT_TRUE(is_at_rest(entry));
  entry.waiters.push_back({});
  EXPECT_FALSE(is_at_rest(entry)) << "somebody wants an answer";
  entry.waiters.clear();
  entry.held.emplace_back(Request{});
  EXPECT_FALSE(is_at_rest(entry)) << "a verb waits";
  entry.held.clear();
  entry.state.branches[0].forward.call = 5;
  EXPECT_TRUE(is_at_rest(entry)) << "a call that waits in a line";
  entry.state.branches[0].forward.sent_at = kT0;
  EXPECT_FALSE(is_at_rest(entry)) << "a call is under way";
}

TEST(Folded, OnlyWhatIsBeyondTheBoundIsFolded) {
  OpenTransactions open(3);
  std::vector<Entry*> entries;
  for (std::uint64_t i = 0; i < 5; ++i) {
    Entry& entry = open.add({i + 1, 1, 0, 1}, "g" + std::to_string(i), Desk::saga({"http://p/a"}));
    entry.state.phase = Phase::kActing;
    entry.version = entry.handed_over = 1;
    entry.durable.version = 1;
    entries.push_back(&entry);
  }
  for (Entry* entry : entries) open.rest(*entry);
  EXPECT_EQ(open.entries(), 3U);
  EXPECT_EQ(open.size(), 5U);
  for (std::uint64_t i = 0; i < 5; ++i) open.remove(*open.find("g" + std::to_string(i)));
  EXPECT_EQ(open.size(), 0U);
  EXPECT_EQ(open.entries(), 0U);
}

}  // namespace
}  // namespace settle::engine
