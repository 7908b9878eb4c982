#include "protocol/passes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

// Retries in passes, on one clock, and what else faces with rules of their own ask of the tables.

namespace settle::protocol {
namespace {

using std::chrono::seconds;

constexpr Instant kT0 = instant_of(1'700'000'000'000'000);
constexpr Instant at_s(std::int64_t s) { return kT0 + seconds{s}; }
constexpr Duration kTimeLimit = seconds{3};

struct Tx {
  Plan plan;
  State state;
  std::uint32_t passes = 0;  ///< that ended

  explicit Tx(std::size_t branches, Pattern pattern = Pattern::kSaga) {
    static const char* const kIds[] = {"01", "02", "03", "04"};
    plan.pattern = pattern;
    plan.passes = {.on = true, .lock = seconds{10}};
    plan.retry = {.base = seconds{10}, .cap = seconds{100}, .factor_permille = 2000, .jitter_permille = 0};
    plan.undoes_refused = true;
    plan.client_driven = pattern == Pattern::kTcc || pattern == Pattern::kTwoPhase;
    for (std::size_t i = 0; i < branches; ++i) {
      BranchPlan branch;
      branch.id = kIds[i];
      branch.forward = plan.client_driven ? "" : "http://p/do";
      branch.confirm = plan.client_driven ? "http://p/confirm" : "";
      branch.back = "http://p/undo";
      branch.attempt_timeout = kTimeLimit;
      plan.topological.push_back(static_cast<std::uint16_t>(i));
      plan.branches.push_back(branch);
    }
  }
  std::optional<Step> note(std::optional<Step> step) {
    if (step) passes += step->passes_ended;
    return step;
  }
  std::optional<Step> on(Event event, Instant now = kT0) { return occurs({.on = event, .now = now}); }
  std::optional<Step> occurs(const Occurrence& what) { return note(step(plan, state, what)); }
  std::optional<Step> kick(Instant now, Duration older = Duration{0}, Duration sooner = Duration{0}) {
    return note(start_pass(plan, state, {.now = now, .older = older, .sooner = sooner}));
  }
  std::vector<OpRef> ready_at(Instant now = kT0) const {
    std::vector<OpRef> out;
    ready(plan, state, now, out);
    return out;
  }
  void call(OpRef ref, Instant now = kT0) {
    op_state(state, ref).call = 1;
    op_state(state, ref).sent_at = now;
  }
  std::optional<Step> answer(OpRef ref, Outcome outcome, Instant now = kT0, CheckState check = CheckState::kUndecided) {
    call(ref, now);
    return hear(ref, outcome, now, check);
  }
  std::optional<Step> hear(OpRef ref, Outcome outcome, Instant now = kT0, CheckState check = CheckState::kUndecided) {
    Occurrence what{.now = now, .branch = ref.branch, .op = ref.op, .outcome = outcome, .result = "words"};
    what.on = event_of_answer(plan, state, what, check);
    return note(step(plan, state, what));
  }
  [[nodiscard]] std::int64_t interval() const {
    return std::chrono::duration_cast<seconds>(state.clock.interval).count();
  }
  [[nodiscard]] std::int64_t next_in(Instant now = kT0) const {
    return std::chrono::duration_cast<seconds>(state.clock.next_at - now).count();
  }
};

using Refs = std::vector<OpRef>;
constexpr OpRef action(int branch) { return {branch, Op::kAction}; }
constexpr OpRef undo(int branch) { return {branch, Op::kCompensate}; }
constexpr OpRef deliver(int branch) { return {branch, Op::kDeliver}; }
constexpr OpRef kCheckBack{-1, Op::kCheck};

// --------------------------------------------------------------------------------------------------- the pass itself

TEST(Passes, ASubmittedSagaBeginsOneAndItsEndEndsIt) {
  Tx tx(2);
  tx.on(Event::kBegin);
  EXPECT_TRUE(tx.state.clock.is_open);
  EXPECT_EQ(tx.next_in(), 10);
  EXPECT_EQ(tx.ready_at(), Refs{action(0)});
  tx.answer(action(0), Outcome::kDone);
  EXPECT_EQ(tx.passes, 0U);
  tx.answer(action(1), Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
  EXPECT_EQ(tx.passes, 1U);
}

TEST(Passes, WhatFailsRestsUntilTheNextOneAndDoublesTheInterval) {
  Tx tx(2);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kUnknown);
  EXPECT_EQ(tx.passes, 1U);
  EXPECT_EQ(tx.interval(), 20);
  EXPECT_TRUE(tx.ready_at(at_s(1000)).empty()) << "only a pass makes it due";
  EXPECT_EQ(next_due(tx.plan, tx.state), at_s(20));
  tx.kick(at_s(20));
  EXPECT_EQ(tx.next_in(at_s(20)), 10) << "the lock: whoever dies in this pass delays the next one by no more";
  EXPECT_EQ(tx.ready_at(at_s(20)), Refs{action(0)});
  tx.answer(action(0), Outcome::kUnknown, at_s(20));
  EXPECT_EQ(tx.interval(), 40);
  EXPECT_EQ(tx.next_in(at_s(20)), 40);
}

TEST(Passes, RunningKeepsTheInterval) {
  Tx tx(1);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kRunning);
  EXPECT_EQ(tx.interval(), 10);
  EXPECT_EQ(tx.passes, 1U);
}

TEST(Passes, ThreeBranchesThatFailTogetherDoubleOnce) {
  Tx tx(3);
  tx.plan.order = Order::kConcurrent;
  tx.on(Event::kBegin);
  for (int i = 0; i < 3; ++i) tx.call(action(i));
  for (int i = 0; i < 3; ++i) tx.hear(action(i), Outcome::kUnknown);
  EXPECT_EQ(tx.interval(), 20);
  EXPECT_EQ(tx.passes, 1U) << "it ends when nothing of it is under way";
}

TEST(Passes, TheIntervalIsCapped) {
  Tx tx(1);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kUnknown);
  for (int i = 1; i < 10; ++i) {
    tx.kick(at_s(i * 1000));
    tx.answer(action(0), Outcome::kUnknown, at_s(i * 1000));
  }
  EXPECT_EQ(tx.interval(), 100);
}

TEST(Passes, ProgressBringsALongIntervalBackToTheBase) {
  Tx tx(3);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kUnknown);
  tx.kick(at_s(20));
  tx.answer(action(0), Outcome::kDone, at_s(20));
  EXPECT_EQ(tx.interval(), 10);
  EXPECT_EQ(tx.next_in(at_s(20)), 10);
}

TEST(Passes, QuickProgressAtTheBaseSetsNoTime) {
  Tx tx(3);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone, kT0 + milliseconds{1499});
  EXPECT_EQ(tx.state.clock.next_at, at_s(10));
  tx.answer(action(1), Outcome::kDone, kT0 + milliseconds{1500});
  EXPECT_EQ(tx.state.clock.next_at, at_s(10) + milliseconds{1500});
}

TEST(Passes, OneThatIsAskedForDuringAnotherFollowsIt) {
  Tx tx(1);
  tx.on(Event::kBegin);
  tx.call(action(0));
  EXPECT_TRUE(tx.on(Event::kSubmit));
  EXPECT_EQ(tx.passes, 0U);
  tx.hear(action(0), Outcome::kUnknown);
  EXPECT_EQ(tx.passes, 1U);
  EXPECT_TRUE(tx.state.clock.is_open);
  EXPECT_EQ(tx.ready_at(), Refs{action(0)});
  tx.answer(action(0), Outcome::kDone);
  EXPECT_EQ(tx.passes, 2U);
}

TEST(Passes, OneWithNothingToDoEndsAtOnce) {
  Tx tx(1, Pattern::kTcc);
  tx.on(Event::kBegin);
  EXPECT_FALSE(tx.state.clock.is_open) << "an announcement is no pass";
  EXPECT_TRUE(tx.kick(at_s(10)));
  EXPECT_EQ(tx.passes, 1U);
  EXPECT_EQ(tx.state.phase, Phase::kTrying);
}

TEST(Passes, AStoppedTransactionBeginsNone) {
  Tx tx(1);
  tx.on(Event::kBegin);
  tx.on(Event::kStop);
  EXPECT_EQ(tx.passes, 1U) << "the one under way ends, nothing of it is called";
  EXPECT_FALSE(tx.kick(at_s(10)));
  EXPECT_EQ(next_due(tx.plan, tx.state), kNever);
  EXPECT_FALSE(tx.on(Event::kSubmit)) << "shown as failed: nothing is submitted any more";
}

TEST(Passes, ARecoveredOneGoesOn) {
  Tx tx(2);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone);
  tx.call(action(1));
  Result<State> read = decode_state(encode_state(tx.state));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->clock.interval, tx.state.clock.interval);
  EXPECT_EQ(read->clock.next_at, tx.state.clock.next_at);
  tx.state = std::move(*read);
  tx.on(Event::kRecover, at_s(1));
  EXPECT_EQ(tx.ready_at(at_s(1)), Refs{action(1)});
  tx.answer(action(1), Outcome::kDone, at_s(1));
  EXPECT_EQ(tx.passes, 1U);
}

TEST(Passes, RULE_R7_AfterARecoveryAStepMayRunForTheTimeLimitOfItsAttempts) {
  Tx tx(1);
  tx.plan.attempt_timeout = seconds{8};  // in passes it is the plan's, whatever its branches say
  ASSERT_TRUE(tx.on(Event::kBegin));
  tx.call(action(0));
  Result<State> read = decode_state(encode_state(tx.state));
  ASSERT_TRUE(read.ok());
  tx.state = std::move(*read);
  ASSERT_TRUE(tx.on(Event::kRecover, at_s(10)));
  EXPECT_EQ(tx.state.branches[0].forward.quiet_at, at_s(18));
}

TEST(Passes, ADeadlineThatCanTurnNothingBackBeginsNoPass) {
  Tx tx(1);
  tx.plan.forward_recovery = true;
  tx.plan.deadline = seconds{5};
  ASSERT_TRUE(tx.on(Event::kBegin));
  ASSERT_TRUE(tx.answer(action(0), Outcome::kUnknown, at_s(1)));
  EXPECT_EQ(next_due(tx.plan, tx.state), at_s(21));
}

TEST(Passes, WhatTheClockHoldsIsRemembered) {
  Tx tx(1);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kUnknown);
  Result<State> read = decode_state(encode_state(tx.state));
  ASSERT_TRUE(read.ok());
  tx.state = std::move(*read);
  tx.on(Event::kRecover, at_s(1));
  EXPECT_FALSE(tx.state.clock.is_open);
  EXPECT_EQ(tx.interval(), 20);
  EXPECT_EQ(next_due(tx.plan, tx.state), at_s(20));
}

// ------------------------------------------------------------------------------------------------------------- saga

TEST(Passes, ARefusedStepIsUndoneItselfFirst) {
  Tx tx(2);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone);
  tx.answer(action(1), Outcome::kRefused);
  EXPECT_EQ(tx.ready_at(), Refs{undo(1)}) << "at once: a refusal is an end, nothing of the step runs any more";
  tx.answer(undo(1), Outcome::kDone);
  tx.answer(undo(0), Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
  EXPECT_EQ(tx.state.branches[1].forward.status, OpStatus::kRefused);
  EXPECT_EQ(tx.passes, 1U) << "the way back belongs to the pass";
}

TEST(Passes, WithoutTheOptionARefusedStepIsNotUndone) {
  Tx tx(2);
  tx.plan.undoes_refused = false;
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone);
  tx.answer(action(1), Outcome::kRefused);
  EXPECT_EQ(tx.ready_at(), Refs{undo(0)});
}

TEST(Passes, RetriesWithinTheirLimitAreMadeAtOnce) {
  Tx tx(1);
  tx.plan.passes.retry_limit = 3;
  tx.on(Event::kBegin);
  for (int i = 0; i < 3; ++i) {
    tx.answer(action(0), i == 1 ? Outcome::kRunning : Outcome::kUnknown);
    EXPECT_EQ(tx.ready_at(), Refs{action(0)}) << i;
  }
  tx.answer(action(0), Outcome::kUnknown);
  EXPECT_EQ(tx.state.phase, Phase::kCompensating);
  EXPECT_EQ(tx.state.cause, Cause::kExhausted);
  EXPECT_EQ(tx.passes, 0U) << "the compensation waits for the last attempt's time limit, within the pass (R7)";
  EXPECT_EQ(next_due(tx.plan, tx.state), kT0 + kTimeLimit);
  tx.answer(undo(0), Outcome::kDone, kT0 + kTimeLimit);
  EXPECT_EQ(tx.passes, 1U);
}

TEST(Passes, TheDeadlineIsLookedAtWhenOneBegins) {
  Tx tx(2);
  tx.plan.deadline = seconds{60};
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kRunning);
  EXPECT_FALSE(deadline_is_due(tx.plan, tx.state, at_s(61))) << "never by itself";
  tx.kick(at_s(10));
  EXPECT_EQ(tx.state.phase, Phase::kActing);
  tx.answer(action(0), Outcome::kRunning, at_s(10));
  tx.kick(at_s(20), seconds{40});
  EXPECT_EQ(tx.state.cause, Cause::kDeadline) << "20 s old, and taken for 60 s";
  tx.answer(undo(0), Outcome::kDone, at_s(20));
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
  EXPECT_EQ(tx.state.branches[0].forward.status, OpStatus::kOpen);
}

TEST(Passes, TheDeadlineBeginsOne) {
  Tx tx(1, Pattern::kTcc);
  tx.plan.deadline = seconds{7};
  tx.on(Event::kBegin);
  EXPECT_EQ(next_due(tx.plan, tx.state), at_s(7));
}

TEST(Passes, ASagaTakesNoAbort) {
  Tx tx(1);
  tx.on(Event::kBegin);
  EXPECT_FALSE(tx.on(Event::kAbort));
}

// ---------------------------------------------------------------------------------------------------------- tcc, xa

TEST(Passes, PhaseTwoGoesFromTheLastToTheFirstOneByOne) {
  Tx tx(3, Pattern::kTcc);
  tx.plan.phase_two = PhaseTwo::kLastToFirst;
  tx.on(Event::kBegin);
  tx.on(Event::kSubmit);
  for (int i = 2; i >= 0; --i) {
    const OpRef confirm{i, Op::kConfirm};
    EXPECT_EQ(tx.ready_at(), Refs{confirm});
    tx.call(confirm);
    EXPECT_TRUE(tx.ready_at().empty()) << "one at a time";
    EXPECT_EQ(next_due(tx.plan, tx.state), kNever) << "its answer is awaited, and no time";
    tx.hear(confirm, Outcome::kDone);
  }
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
  EXPECT_EQ(tx.passes, 1U);
}

TEST(Passes, TheFirstThatDoesNotSucceedEndsThePass) {
  Tx tx(2, Pattern::kTcc);
  tx.plan.phase_two = PhaseTwo::kLastToFirst;
  tx.on(Event::kBegin);
  tx.on(Event::kSubmit);
  tx.answer({1, Op::kConfirm}, Outcome::kRefused);
  EXPECT_EQ(tx.passes, 1U);
  EXPECT_EQ(tx.state.phase, Phase::kConfirming) << "a decision to commit is never taken back";
  EXPECT_EQ(tx.state.clock.problem.outcome, Outcome::kRefused);
  EXPECT_EQ(tx.state.clock.problem.words, "words");
  EXPECT_EQ(tx.interval(), 20);
}

TEST(Passes, TwoPhaseGoesFromTheFirstToTheLastAlsoBack) {
  Tx tx(2, Pattern::kTwoPhase);
  tx.plan.phase_two = PhaseTwo::kFirstToLast;
  tx.on(Event::kBegin);
  tx.on(Event::kAbort);
  EXPECT_EQ(tx.ready_at(), (Refs{{0, Op::kRollback}}));
  tx.call({0, Op::kRollback});
  EXPECT_EQ(next_due(tx.plan, tx.state), kNever);
  tx.hear({0, Op::kRollback}, Outcome::kDone);
  EXPECT_EQ(tx.ready_at(), (Refs{{1, Op::kRollback}}));
  tx.answer({1, Op::kRollback}, Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
}

TEST(Passes, RULE_R11_ASubmitOfASubmittedOneNeverEndsIt) {
  Tx tx(1, Pattern::kTcc);
  tx.on(Event::kBegin);
  tx.on(Event::kSubmit);
  tx.answer({0, Op::kConfirm}, Outcome::kUnknown);
  EXPECT_TRUE(tx.on(Event::kSubmit, at_s(1)));
  EXPECT_EQ(tx.state.phase, Phase::kConfirming);
  EXPECT_EQ(tx.ready_at(at_s(1)), (Refs{{0, Op::kConfirm}})) << "it asks for a pass";
  tx.answer({0, Op::kConfirm}, Outcome::kDone, at_s(1));
  EXPECT_FALSE(tx.on(Event::kSubmit, at_s(2))) << "it has succeeded";
}

TEST(Passes, AnAbortCanBeRepeatedUntilTheEnd) {
  Tx tx(1, Pattern::kTcc);
  tx.on(Event::kBegin);
  tx.on(Event::kAbort);
  tx.answer({0, Op::kCancel}, Outcome::kUnknown);
  EXPECT_TRUE(tx.on(Event::kAbort, at_s(1)));
  tx.answer({0, Op::kCancel}, Outcome::kDone, at_s(1));
  EXPECT_EQ(tx.passes, 2U);
  EXPECT_FALSE(tx.on(Event::kAbort, at_s(2)));
}

// ---------------------------------------------------------------------------------------------------------- message

struct Message : Tx {
  explicit Message(std::size_t targets = 2) : Tx(targets, Pattern::kMessage) {
    plan.two_step = true;
    plan.check = "http://p/check";
    plan.deadline = seconds{35};
  }
};

TEST(Passes, APreparedMessageIsAskedBackOnlyWhenItIsOverdue) {
  Message tx;
  tx.on(Event::kPrepare);
  tx.kick(at_s(10));
  EXPECT_EQ(tx.passes, 1U);
  EXPECT_TRUE(tx.ready_at(at_s(30)).empty());
  EXPECT_EQ(next_due(tx.plan, tx.state), at_s(20));
  tx.kick(at_s(35));
  EXPECT_EQ(tx.ready_at(at_s(35)), Refs{kCheckBack});
  tx.answer(kCheckBack, Outcome::kUnknown, at_s(35));
  EXPECT_EQ(tx.interval(), 20);
  tx.kick(at_s(55));
  tx.answer(kCheckBack, Outcome::kRunning, at_s(55));
  EXPECT_EQ(tx.interval(), 10) << "a producer that is there is asked at the first pace";
  tx.kick(at_s(65));
  tx.answer(kCheckBack, Outcome::kDone, at_s(65), CheckState::kCommitted);
  EXPECT_EQ(tx.ready_at(at_s(65)), Refs{deliver(0)}) << "delivered in the same pass";
}

TEST(Passes, ADelayComesWithSubmitCountsFromBeginAndEndsThePass) {
  Message tx(1);
  tx.on(Event::kPrepare);
  tx.occurs({.on = Event::kSubmit, .now = at_s(5), .delay = seconds{100}});
  EXPECT_EQ(tx.passes, 1U);
  EXPECT_TRUE(tx.ready_at(at_s(5)).empty());
  EXPECT_EQ(next_due(tx.plan, tx.state), at_s(100));
  tx.kick(at_s(50));
  EXPECT_EQ(tx.passes, 2U) << "too early";
  tx.kick(at_s(51), Duration{0}, seconds{49});
  EXPECT_EQ(tx.ready_at(at_s(51)), Refs{deliver(0)}) << "a test lets the delay be over";
}

TEST(Passes, ADelayHoldsAlsoWhenTheCheckBackDecides) {
  Message tx(1);
  tx.plan.delay = seconds{100};
  tx.on(Event::kPrepare);
  tx.kick(at_s(35));
  tx.answer(kCheckBack, Outcome::kDone, at_s(35), CheckState::kCommitted);
  EXPECT_EQ(tx.passes, 1U);
  EXPECT_EQ(next_due(tx.plan, tx.state), at_s(100));
}

TEST(Passes, ARefusedDeliveryIsAskedAgainInTheNextOne) {
  Message tx;
  tx.on(Event::kPrepare);
  tx.on(Event::kSubmit);
  tx.answer(deliver(0), Outcome::kRefused);
  EXPECT_EQ(tx.passes, 1U) << "in order: the second is not called";
  EXPECT_FALSE(tx.state.incident);
  tx.kick(at_s(20));
  EXPECT_EQ(tx.ready_at(at_s(20)), Refs{deliver(0)});
}

// ------------------------------------------------------------------------------------------------------- the record

TEST(Passes, ThePlanKeepsTheOptions) {
  Tx tx(1, Pattern::kTcc);
  tx.plan.phase_two = PhaseTwo::kLastToFirst;
  tx.plan.dialect = Dialect::kDtm;
  tx.plan.passes.retry_limit = 5;
  const OwnedPlan owned = OwnedPlan::encode(tx.plan);
  Result<OwnedPlan> read = OwnedPlan::decode(owned.bytes());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)->phase_two, PhaseTwo::kLastToFirst);
  EXPECT_EQ((*read)->dialect, Dialect::kDtm);
  EXPECT_EQ((*read)->passes, tx.plan.passes);
  EXPECT_TRUE((*read)->undoes_refused);
  const OwnedPlan more = read->with_enlisted(tx.plan.branches.front());
  EXPECT_EQ(more->passes, tx.plan.passes);
  EXPECT_EQ(more.digest(), owned.digest());
}

TEST(Passes, APlanWithoutThemIsWrittenAsBefore) {
  Tx tx(1);
  tx.plan.passes = {};
  tx.plan.undoes_refused = false;
  const OwnedPlan owned = OwnedPlan::encode(tx.plan);
  EXPECT_EQ(owned.bytes()[1], 1);
  tx.on(Event::kBegin);
  EXPECT_EQ(encode_state(tx.state)[1], 1);
}

}  // namespace
}  // namespace settle::protocol
