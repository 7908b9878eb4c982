#include "engine/awaited.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "protocol/step.h"

namespace settle::engine {
namespace {

constexpr Instant kNow = instant_of(1'000'000'000);

Plan random_plan(Random& random) {
  Plan plan;
  const auto count = 1 + random.next() % 5;
  plan.pattern = static_cast<Pattern>(1 + random.next() % kPatterns);
  const bool saga = plan.pattern == Pattern::kSaga;
  plan.order = static_cast<Order>(random.next() % (saga ? 3 : 2));
  plan.client_driven = random.next() % 3 == 0;
  static constexpr std::string_view kIds[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (std::size_t i = 0; i < count; ++i) {
    BranchPlan& branch = plan.branches.emplace_back();
    branch.id = kIds[i];
    branch.forward = "http://a/";
    branch.confirm = "http://c/";
    if (random.next() % 4 != 0) branch.back = "http://b/";
    branch.optional = saga && random.next() % 4 == 0;
    branch.on_refused = static_cast<Policy>(random.next() % 3);
    for (std::size_t before = 0; before < i; ++before) {
      if (plan.order == Order::kGraph && random.next() % 2 == 0)
        branch.after.push_back(static_cast<std::uint16_t>(before));
    }
  }
  if (saga && random.next() % 2 == 0) plan.branches[random.next() % count].pivot = true;
  for (const Role role : {Role::kDegrade, Role::kOnCommit, Role::kOnAbort}) {
    if (random.next() % 2 == 0) continue;
    BranchPlan& branch = plan.branches.emplace_back();
    branch.id = kIds[plan.branches.size() - 1];
    branch.role = role;
    branch.forward = branch.back = "http://f/";
    if (role == Role::kDegrade) {
      plan.branches[random.next() % count].degrade = static_cast<std::int32_t>(plan.branches.size() - 1);
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

Phase random_phase(Random& random, Pattern pattern) {
  const auto dice = random.next() % 4;
  if (dice == 3) return Phase::kFollowing;
  switch (pattern) {
    case Pattern::kSaga:
      return dice == 0 ? Phase::kActing : Phase::kCompensating;
    case Pattern::kMessage:
      return dice == 0 ? Phase::kPrepared : dice == 1 ? Phase::kDelivering : Phase::kCompensating;
    case Pattern::kTcc:
      return dice == 0 ? Phase::kTrying : dice == 1 ? Phase::kConfirming : Phase::kCancelling;
    case Pattern::kTwoPhase:
      return dice == 0 ? Phase::kPreparing : dice == 1 ? Phase::kCommitting : Phase::kRollingBack;
  }
  return Phase::kEnded;
}

State random_state(Random& random, const Plan& plan) {
  State state;
  state.phase = random_phase(random, plan.pattern);
  state.outcome = random.next() % 2 == 0 ? GlobalOutcome::kCommitted : GlobalOutcome::kAborted;
  state.pivot_released = random.next() % 2 == 0;
  state.stopped = random.next() % 8 == 0;
  if (random.next() % 4 == 0) state.deliver_at = kNow + milliseconds{1};
  randomize(random, state.check, false);
  if (state.check.status == OpStatus::kDone) state.check.status = OpStatus::kOpen;
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    BranchState& branch = state.branches.emplace_back();
    randomize(random, branch.forward, true);
    branch.forward.read_only = plan.pattern == Pattern::kTwoPhase && random.next() % 4 == 0;
    // Phases that only go forward have no undo under way, but for steps that a saga does without.
    const bool left = plan.branches[i].optional && branch.forward.status == OpStatus::kRefused;
    if (state.phase != Phase::kActing || left) randomize(random, branch.back, false);
  }
  return state;
}

/// What the document says is awaited must be what the protocol would call: each op of the one is in the other.
TEST(Awaited, AgreesWithTheProtocolOnRandomStates) {
  Random random(42);
  int found = 0;
  for (int round = 0; round < 30'000; ++round) {
    const OwnedPlan plan = OwnedPlan::encode(random_plan(random));
    const State state = random_state(random, *plan);
    const std::vector<Awaited> all = awaited(*plan, state);
    for (const Instant now : {kNow, kNow + milliseconds{2}, kNow + milliseconds{10}}) {
      std::vector<protocol::OpRef> ready;
      protocol::ready(*plan, state, now, ready);
      for (const protocol::OpRef& op : ready) {
        ++found;
        EXPECT_TRUE(std::any_of(
            all.begin(), all.end(),
            [&](const Awaited& one) { return one.branch == op.branch && one.op == op.op && one.due <= now; }))
            << "round " << round << " branch " << op.branch;
      }
      for (const Awaited& one : all) {
        if (one.state->in_flight() || one.due > now) continue;
        EXPECT_TRUE(std::find(ready.begin(), ready.end(), protocol::OpRef{one.branch, one.op}) != ready.end())
            << "round " << round << " branch " << one.branch;
      }
    }
  }
  EXPECT_GT(found, 10'000);
}

TEST(Awaited, AnAttemptUnderWayIsAwaitedWithoutATime) {
  Plan plan;
  plan.branches.resize(1);
  plan.branches[0].id = "a";
  plan.branches[0].forward = "http://a/";
  State state;
  state.phase = Phase::kActing;
  state.branches.resize(1);
  state.branches[0].forward.call = 3;
  const OwnedPlan owned = OwnedPlan::encode(plan);
  const std::vector<Awaited> all = awaited(*owned, state);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].due, kNoInstant);
  state.phase = Phase::kEnded;
  EXPECT_TRUE(awaited(*owned, state).empty());
}

}  // namespace
}  // namespace settle::engine
