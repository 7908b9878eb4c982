#include "api/http/waiting.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "protocol/step.h"

namespace settle::api {
namespace {

constexpr Instant kNow = instant_of(1'000'000'000);

Plan random_plan(Random& random) {
  Plan plan;
  const auto count = 1 + random.next() % 5;
  plan.pattern = random.next() % 3 == 0 ? Pattern::kMessage : Pattern::kSaga;
  plan.order = static_cast<Order>(random.next() % (plan.pattern == Pattern::kSaga ? 3 : 2));
  static constexpr std::string_view kIds[] = {"a", "b", "c", "d", "e"};
  for (std::size_t i = 0; i < count; ++i) {
    BranchPlan& branch = plan.branches.emplace_back();
    branch.id = kIds[i];
    branch.forward = "http://a/";
    if (random.next() % 4 != 0) branch.back = "http://b/";
    for (std::uint16_t before = 0; before < i; ++before) {
      if (plan.order == Order::kGraph && random.next() % 2 == 0) branch.after.push_back(before);
    }
  }
  return plan;
}

void randomize(Random& random, OpState& op, bool may_be_refused) {
  switch (random.next() % (may_be_refused ? 5 : 4)) {
    case 0:
      op.status = OpStatus::kDone;
      break;
    case 1:
      op.call = 7;
      break;
    case 2:
      op.attempts = 1;
      op.doubtful = true;
      op.due = kNow + milliseconds{static_cast<std::int64_t>(random.next() % 5) - 2};
      break;
    case 4:
      op.status = OpStatus::kRefused;
      op.doubtful = random.next() % 2 == 0;
      break;
    default:
      break;
  }
  if (random.next() % 4 == 0) op.quiet_at = kNow + milliseconds{static_cast<std::int64_t>(random.next() % 5) - 2};
}

State random_state(Random& random, const Plan& plan) {
  State state;
  if (plan.pattern == Pattern::kSaga) {
    state.phase = random.next() % 2 == 0 ? Phase::kActing : Phase::kCompensating;
  } else {
    state.phase = random.next() % 2 == 0 ? Phase::kPrepared : Phase::kDelivering;
  }
  if (random.next() % 4 == 0) state.deliver_at = kNow + milliseconds{1};
  randomize(random, state.check, false);
  if (state.check.status == OpStatus::kDone) state.check.status = OpStatus::kOpen;
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    BranchState& branch = state.branches.emplace_back();
    randomize(random, branch.forward, true);
    if (state.phase == Phase::kCompensating) randomize(random, branch.back, false);
  }
  return state;
}

/// What the document says is awaited must be what the protocol would call: each op of the one is in the other.
TEST(Waiting, AgreesWithTheProtocolOnRandomStates) {
  Random random(42);
  int found = 0;
  for (int round = 0; round < 30'000; ++round) {
    const OwnedPlan plan = OwnedPlan::encode(random_plan(random));
    const State state = random_state(random, *plan);
    const std::vector<Awaited> awaited = waiting_for(*plan, state);
    for (const Instant now : {kNow, kNow + milliseconds{2}, kNow + milliseconds{10}}) {
      std::vector<protocol::OpRef> ready;
      protocol::ready(*plan, state, now, ready);
      for (const protocol::OpRef& op : ready) {
        ++found;
        EXPECT_TRUE(std::any_of(
            awaited.begin(), awaited.end(),
            [&](const Awaited& one) { return one.branch == op.branch && one.op == op.op && one.due <= now; }))
            << "round " << round << " branch " << op.branch;
      }
      for (const Awaited& one : awaited) {
        if (one.state->in_flight() || one.due > now) continue;
        EXPECT_TRUE(std::find(ready.begin(), ready.end(), protocol::OpRef{one.branch, one.op}) != ready.end())
            << "round " << round << " branch " << one.branch;
      }
    }
  }
  EXPECT_GT(found, 10'000);
}

TEST(Waiting, AnAttemptUnderWayIsAwaitedWithoutATime) {
  Plan plan;
  plan.branches.resize(1);
  plan.branches[0].id = "a";
  plan.branches[0].forward = "http://a/";
  State state;
  state.phase = Phase::kActing;
  state.branches.resize(1);
  state.branches[0].forward.call = 3;
  const OwnedPlan owned = OwnedPlan::encode(plan);
  const std::vector<Awaited> awaited = waiting_for(*owned, state);
  ASSERT_EQ(awaited.size(), 1U);
  EXPECT_EQ(awaited[0].due, kNoInstant);
  state.phase = Phase::kEnded;
  EXPECT_TRUE(waiting_for(*owned, state).empty());
}

}  // namespace
}  // namespace settle::api
