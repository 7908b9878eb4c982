#include <gtest/gtest.h>

#include "protocol/message.h"
#include "protocol/saga.h"
#include "protocol/step.h"

// Sagas that do not simply turn back: pivot, forward recovery, optional steps; messages whose targets decide.

namespace settle::protocol {
namespace {

constexpr Instant kT0 = instant_of(1'700'000'000'000'000);
constexpr Instant at_ms(std::int64_t ms) { return kT0 + milliseconds{ms}; }
constexpr std::int32_t kB = 1;

struct Tx {
  Plan plan;
  State state;

  explicit Tx(std::size_t branches, Pattern pattern = Pattern::kSaga) {
    static const char* const kIds[] = {"a", "b", "c", "d"};
    plan.pattern = pattern;
    for (std::size_t i = 0; i < branches; ++i) {
      BranchPlan branch;
      branch.id = kIds[i];
      branch.forward = "http://p/do";
      branch.back = "http://p/undo";
      plan.topological.push_back(static_cast<std::uint16_t>(i));
      plan.branches.push_back(branch);
    }
  }
  void pivot(std::size_t at) {
    plan.branches[at].pivot = true;
    plan.pivot = static_cast<std::int32_t>(at);
  }
  std::optional<Step> on(Event event, Instant now = kT0) { return step(plan, state, {.on = event, .now = now}); }
  std::vector<OpRef> ready_at(Instant now = kT0) const {
    std::vector<OpRef> out;
    ready(plan, state, now, out);
    return out;
  }
  std::optional<Step> answer(OpRef ref, Outcome outcome, Instant now = kT0) {
    OpState& called = op_state(state, ref);
    called.call = 1;
    called.sent_at = now;
    Occurrence what{.now = now, .branch = ref.branch, .op = ref.op, .outcome = outcome};
    what.on = event_of_answer(plan, state, what, CheckState::kUndecided);
    return step(plan, state, what);
  }
};

using Refs = std::vector<OpRef>;
constexpr OpRef action(int branch) { return {branch, Op::kAction}; }
constexpr OpRef undo(int branch) { return {branch, Op::kCompensate}; }

TEST(Pivot, RULE_R2_ItIsReleasedDurablyBeforeItIsCalled) {
  Tx tx(3);
  tx.pivot(1);
  tx.on(Event::kBegin);
  EXPECT_FALSE(tx.state.pivot_released);
  EXPECT_EQ(tx.answer(action(0), Outcome::kDone)->durability, Durability::kForced) << "the release";
  EXPECT_TRUE(tx.state.pivot_released);
  EXPECT_EQ(tx.ready_at(), Refs{action(1)});
}

TEST(Pivot, RULE_R2_WhileItIsUnknownOnlyItsRefusalTurnsBack) {
  Tx tx(2);
  tx.pivot(1);
  tx.plan.deadline = milliseconds{1000};
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone);
  tx.answer(action(kB), Outcome::kUnknown);
  EXPECT_FALSE(tx.on(Event::kAbort, at_ms(10)));
  EXPECT_FALSE(deadline_is_due(tx.plan, tx.state, at_ms(2000)));
  tx.answer(action(kB), Outcome::kRefused, at_ms(4000));
  EXPECT_EQ(tx.state.phase, Phase::kCompensating);
  EXPECT_EQ(tx.ready_at(at_ms(8000)), Refs{undo(kB)}) << "behind an unknown attempt: its own compensation first";
}

TEST(Pivot, RULE_R2_WithoutACompensationItIsAskedOnAfterAnUnknownAttempt) {
  Tx tx(2);
  tx.pivot(1);
  tx.plan.branches[1].back = {};
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone);
  tx.answer(action(kB), Outcome::kUnknown);
  tx.answer(action(kB), Outcome::kRefused, at_ms(4000));
  EXPECT_EQ(tx.state.phase, Phase::kActing);
  ASSERT_TRUE(tx.state.incident);
  tx.answer(action(kB), Outcome::kDone, at_ms(9000));
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
}

TEST(Pivot, RULE_R1_OneThatWasNotReleasedWasNotCalled) {
  Tx tx(2);
  tx.pivot(1);
  tx.on(Event::kBegin);
  tx.state = *decode_state(encode_state(tx.state));
  tx.on(Event::kRecover, at_ms(100));
  tx.on(Event::kAbort, at_ms(100));
  EXPECT_EQ(tx.ready_at(at_ms(9000)), Refs{undo(0)});
}

TEST(Pivot, BehindItNothingTurnsBack) {
  Tx tx(2);
  tx.pivot(0);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone);
  tx.answer(action(kB), Outcome::kRefused);
  EXPECT_EQ(tx.state.phase, Phase::kActing);
  ASSERT_TRUE(tx.state.incident);
  EXPECT_EQ(tx.state.incident->cause, Cause::kRefused);
}

TEST(ForwardRecovery, NeverTurnsBack) {
  Tx tx(1);
  tx.plan.forward_recovery = true;
  tx.plan.branches[0].retry.attempts = 1;
  tx.on(Event::kBegin);
  EXPECT_FALSE(tx.on(Event::kAbort));
  tx.answer(action(0), Outcome::kUnknown);
  EXPECT_EQ(tx.state.phase, Phase::kActing) << "its bound is used up, and it is asked on";
  EXPECT_TRUE(tx.state.incident);
  tx.answer(action(0), Outcome::kDone, at_ms(90'000));
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
  EXPECT_FALSE(tx.state.incident);
}

TEST(OptionalStep, WhatIsLeftIsUndoneFirstAndTheSagaGoesOn) {
  Tx tx(2);
  tx.plan.branches[0].optional = true;
  tx.plan.branches[0].retry.attempts = 1;
  tx.on(Event::kBegin);
  EXPECT_EQ(tx.answer(action(0), Outcome::kUnknown)->durability, Durability::kForced)
      << "its undo must not leave before a crash can no longer forget it";
  EXPECT_EQ(tx.ready_at(), Refs{action(1)}) << "meanwhile";
  tx.answer(action(kB), Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kRunning) << "what may have run is not undone yet";
  EXPECT_EQ(tx.ready_at(at_ms(3000)), Refs{undo(0)});
  tx.answer(undo(0), Outcome::kDone, at_ms(3000));
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
}

TEST(OptionalStep, ItsDegradeTargetIsDeliveredOnceTheSagaHasCommitted) {
  Tx tx(2);
  BranchPlan later;
  later.id = "later";
  later.forward = "http://p/later";
  later.role = Role::kDegrade;
  tx.plan.branches.push_back(later);
  tx.plan.topological = {0, 1, 2};
  tx.plan.branches[0].optional = true;
  tx.plan.branches[0].degrade = 2;
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kRefused);
  EXPECT_EQ(tx.ready_at(), Refs{action(1)}) << "a saga that turns back must not have delivered it";
  tx.answer(action(kB), Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
  EXPECT_EQ(tx.ready_at(), (Refs{{2, Op::kDeliver}}));
}

TEST(Bind, RULE_R6_AResultThatALaterStepTakesIsForced) {
  Tx tx(2);
  tx.plan.binds.push_back({.branch = 1, .source = 0, .from = "/id", .into = "/order"});
  tx.on(Event::kBegin);
  EXPECT_EQ(tx.answer(action(0), Outcome::kDone)->durability, Durability::kForced);
  Tx plain(2);
  plain.on(Event::kBegin);
  EXPECT_EQ(plain.answer(action(0), Outcome::kDone)->durability, Durability::kLazy);
}

TEST(MessagePolicy, ATargetThatTurnsBackUndoesWhatWasDeliveredLastFirst) {
  Tx tx(3, Pattern::kMessage);
  tx.plan.branches[2].on_refused = Policy::kCompensate;
  tx.on(Event::kBegin);
  EXPECT_EQ(tx.state.decision, Decision::kNone) << "a target can still turn it back";
  tx.answer({0, Op::kDeliver}, Outcome::kDone);
  tx.answer({1, Op::kDeliver}, Outcome::kDone);
  EXPECT_EQ(tx.answer({2, Op::kDeliver}, Outcome::kRefused)->durability, Durability::kForced);
  EXPECT_EQ(tx.state.decision, Decision::kAbort);
  EXPECT_EQ(tx.ready_at(), Refs{undo(1)});
  tx.answer(undo(1), Outcome::kDone);
  EXPECT_EQ(tx.ready_at(), Refs{undo(0)});
  tx.answer(undo(0), Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
}

TEST(MessagePolicy, ADegradedTargetHoldsNothingUp) {
  Tx tx(2, Pattern::kMessage);
  tx.plan.branches[0].on_refused = Policy::kDegrade;
  tx.on(Event::kBegin);
  tx.answer({0, Op::kDeliver}, Outcome::kRefused);
  EXPECT_FALSE(tx.state.incident);
  EXPECT_EQ(tx.ready_at(), (Refs{{1, Op::kDeliver}})) << "in list order the next one's turn has come";
  tx.answer({1, Op::kDeliver}, Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
}

}  // namespace
}  // namespace settle::protocol
