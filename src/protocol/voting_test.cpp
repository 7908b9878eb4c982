#include <gtest/gtest.h>

#include "protocol/step.h"
#include "protocol/tcc.h"
#include "protocol/two_phase.h"

namespace settle::protocol {
namespace {

constexpr Instant kT0 = instant_of(1'700'000'000'000'000);
constexpr Instant at_ms(std::int64_t ms) { return kT0 + milliseconds{ms}; }

/// A transaction of two branches whose first phase is driven by the daemon or by the client.
struct Tx {
  Plan plan;
  State state;

  explicit Tx(Pattern pattern, bool client_driven = false, std::size_t branches = 2) {
    static const char* const kIds[] = {"a", "b", "c"};
    plan.pattern = pattern;
    plan.order = Order::kConcurrent;
    plan.client_driven = client_driven;
    for (std::size_t i = 0; i < branches; ++i) add(kIds[i]);
  }

  void add(const char* id) {
    BranchPlan branch;
    branch.id = id;
    if (!plan.client_driven) branch.forward = "http://p/first";
    branch.confirm = "http://p/forth";
    branch.back = "http://p/back";
    plan.topological.push_back(static_cast<std::uint16_t>(plan.branches.size()));
    plan.branches.push_back(branch);
  }
  std::optional<Step> on(Event event, Instant now = kT0) { return step(plan, state, {.on = event, .now = now}); }
  std::optional<Step> enlist(const char* id) {
    add(id);
    const auto index = static_cast<std::int32_t>(plan.branches.size() - 1);
    return step(plan, state, {.on = Event::kEnlist, .now = kT0, .branch = index, .op = Op::kTry});
  }
  std::vector<OpRef> ready_at(Instant now = kT0) const {
    std::vector<OpRef> out;
    ready(plan, state, now, out);
    return out;
  }
  std::optional<Step> answer(std::int32_t branch, Op op, Outcome outcome, Instant now = kT0, bool read_only = false) {
    OpState& called = op_state(state, {branch, op});
    called.call = 1;
    called.sent_at = now;
    Occurrence what{.now = now, .branch = branch, .op = op, .outcome = outcome, .read_only = read_only};
    what.on = event_of_answer(plan, state, what, CheckState::kUndecided);
    return step(plan, state, what);
  }
};

using Refs = std::vector<OpRef>;

TEST(Tcc, TheDaemonTriesAllAtOnceAndConfirmsWhenAllAreDone) {
  Tx tx(Pattern::kTcc);
  EXPECT_EQ(tx.on(Event::kBegin)->durability, Durability::kForced);
  EXPECT_EQ(tx.ready_at(), (Refs{{0, Op::kTry}, {1, Op::kTry}}));
  EXPECT_EQ(tx.answer(0, Op::kTry, Outcome::kDone)->durability, Durability::kLazy);
  EXPECT_EQ(tx.state.decision, Decision::kNone);
  EXPECT_EQ(tx.answer(1, Op::kTry, Outcome::kDone)->durability, Durability::kForced) << "the decision";
  EXPECT_EQ(tx.state.phase, Phase::kConfirming);
  EXPECT_EQ(tx.ready_at(), (Refs{{0, Op::kConfirm}, {1, Op::kConfirm}}));
  tx.answer(0, Op::kConfirm, Outcome::kDone);
  EXPECT_EQ(tx.answer(1, Op::kConfirm, Outcome::kDone)->durability, Durability::kForcedIfTold);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
}

TEST(Tcc, ARefusedTryCancelsOnlyWhatMayHaveBeenTried) {
  Tx tx(Pattern::kTcc);
  tx.on(Event::kBegin);
  tx.answer(0, Op::kTry, Outcome::kDone);
  EXPECT_EQ(tx.answer(1, Op::kTry, Outcome::kRefused)->durability, Durability::kForced);
  EXPECT_EQ(tx.ready_at(), (Refs{{0, Op::kCancel}}));
  tx.answer(0, Op::kCancel, Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
}

TEST(Tcc, RULE_R8_AConfirmThatIsRefusedIsAskedOnAndNeverBecomesACancel) {
  Tx tx(Pattern::kTcc, false, 1);
  tx.on(Event::kBegin);
  tx.answer(0, Op::kTry, Outcome::kDone);
  for (int minute = 0; minute < 10; ++minute) {
    tx.answer(0, Op::kConfirm, Outcome::kRefused, at_ms(60'000 * minute));
    EXPECT_EQ(tx.state.phase, Phase::kConfirming);
  }
  ASSERT_TRUE(tx.state.incident);
  EXPECT_EQ(tx.state.incident->cause, Cause::kRefused);
  EXPECT_FALSE(tx.on(Event::kAbort)) << "opposes the decision";
  tx.answer(0, Op::kConfirm, Outcome::kDone, at_ms(700'000));
  EXPECT_FALSE(tx.state.incident) << "it closes itself";
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
}

TEST(Tcc, RULE_R11_OnlyTheClientsSubmitCommitsWhatItDrives) {
  Tx tx(Pattern::kTcc, true, 1);
  tx.on(Event::kBegin);
  EXPECT_TRUE(tx.ready_at().empty()) << "the client calls the tries";
  EXPECT_EQ(tx.enlist("b")->durability, Durability::kForced) << "nobody else remembers it";
  tx.answer(0, Op::kTry, Outcome::kDone);
  tx.answer(1, Op::kTry, Outcome::kDone);
  EXPECT_EQ(tx.state.decision, Decision::kNone) << "reports decide nothing";
  EXPECT_EQ(tx.on(Event::kSubmit)->durability, Durability::kForced);
  EXPECT_EQ(tx.ready_at(), (Refs{{0, Op::kConfirm}, {1, Op::kConfirm}}));
  tx.answer(0, Op::kConfirm, Outcome::kDone);
  EXPECT_FALSE(tx.on(Event::kSubmit)->changed) << "a repeated submit ends nothing";
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kRunning);
  EXPECT_EQ(tx.ready_at(), (Refs{{1, Op::kConfirm}}));
}

TEST(Tcc, RULE_R1_WhatOnlyItsClientCallsIsCancelledWhetherItWasTriedOrNot) {
  Tx tx(Pattern::kTcc, true, 1);
  tx.plan.deadline = milliseconds{60'000};
  tx.on(Event::kBegin);
  tx.enlist("b");
  EXPECT_EQ(next_due(tx.plan, tx.state), at_ms(60'000));
  tx.on(Event::kDeadline, at_ms(60'000));
  EXPECT_EQ(tx.state.decision, Decision::kAbort);
  EXPECT_EQ(tx.ready_at(at_ms(60'000)).size(), 2U);
  EXPECT_FALSE(tx.on(Event::kSubmit)) << "too late";
}

TEST(Tcc, NothingIsEnlistedOnceItIsDecidedOrTheDaemonDrives) {
  Tx client(Pattern::kTcc, true, 1);
  client.on(Event::kBegin);
  client.on(Event::kSubmit);
  EXPECT_FALSE(client.enlist("late"));
  Tx daemon(Pattern::kTcc);
  daemon.on(Event::kBegin);
  EXPECT_FALSE(daemon.enlist("more"));
}

TEST(TwoPhase, AReadOnlyVoterHearsNoCommit) {
  Tx tx(Pattern::kTwoPhase);
  tx.on(Event::kBegin);
  tx.answer(0, Op::kPrepare, Outcome::kDone, kT0, true);
  tx.answer(1, Op::kPrepare, Outcome::kDone);
  EXPECT_EQ(tx.ready_at(), (Refs{{1, Op::kCommit}}));
  tx.answer(1, Op::kCommit, Outcome::kDone);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
}

TEST(TwoPhase, WhereAllHaveOnlyReadTheDecisionIsTheEnd) {
  Tx tx(Pattern::kTwoPhase);
  tx.on(Event::kBegin);
  tx.answer(0, Op::kPrepare, Outcome::kDone, kT0, true);
  EXPECT_EQ(tx.answer(1, Op::kPrepare, Outcome::kDone, kT0, true)->durability, Durability::kForced);
  EXPECT_EQ(tx.state.phase, Phase::kEnded);
}

TEST(TwoPhase, ReadOnlyVotesSurviveARecord) {
  Tx tx(Pattern::kTwoPhase);
  tx.on(Event::kBegin);
  tx.answer(0, Op::kPrepare, Outcome::kDone, kT0, true);
  const Result<State> read = decode_state(encode_state(tx.state));
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->branches[0].forward.read_only);
  EXPECT_FALSE(read->branches[1].forward.read_only);
}

TEST(TwoPhase, RULE_R1_ALostVoteIsRolledBackAlsoIfALaterOneWasNo) {
  Tx tx(Pattern::kTwoPhase, false, 1);
  tx.on(Event::kBegin);
  tx.answer(0, Op::kPrepare, Outcome::kUnknown, at_ms(3000));
  tx.answer(0, Op::kPrepare, Outcome::kRefused, at_ms(4000));
  EXPECT_EQ(tx.state.phase, Phase::kRollingBack);
  EXPECT_EQ(tx.ready_at(at_ms(6000)), (Refs{{0, Op::kRollback}}));
}

TEST(TwoPhase, AfterARestartTheUndecidedGoOn) {
  Tx tx(Pattern::kTwoPhase);
  tx.on(Event::kBegin);
  tx.answer(0, Op::kPrepare, Outcome::kDone);
  tx.state = *decode_state(encode_state(tx.state));
  tx.on(Event::kRecover, at_ms(10));
  EXPECT_EQ(tx.state.decision, Decision::kNone);
  EXPECT_EQ(tx.ready_at(at_ms(10)), (Refs{{1, Op::kPrepare}}));
}

TEST(Stop, NothingIsCalledUntilARetry) {
  Tx tx(Pattern::kTcc);
  tx.on(Event::kBegin);
  tx.on(Event::kStop);
  EXPECT_TRUE(tx.ready_at().empty());
  EXPECT_EQ(next_due(tx.plan, tx.state), kNever);
  ASSERT_TRUE(tx.state.incident);
  EXPECT_EQ(tx.state.incident->cause, Cause::kStopped);
  tx.state = *decode_state(encode_state(tx.state));
  EXPECT_TRUE(tx.state.stopped);
  tx.on(Event::kRetryNow);
  EXPECT_EQ(tx.ready_at().size(), 2U);
  EXPECT_FALSE(tx.state.incident);
}

TEST(FollowUps, HangOnTheOutcomeAndKeepTheRecordOpen) {
  Tx tx(Pattern::kTcc, false, 1);
  BranchPlan commit;
  commit.id = "mail";
  commit.forward = "http://p/mail";
  commit.role = Role::kOnCommit;
  BranchPlan abort;
  abort.id = "undo";
  abort.back = "http://p/undo";
  abort.role = Role::kOnAbort;
  tx.plan.branches.push_back(commit);
  tx.plan.branches.push_back(abort);
  tx.plan.topological = {0, 1, 2};
  tx.on(Event::kBegin);
  tx.answer(0, Op::kTry, Outcome::kDone);
  EXPECT_EQ(tx.answer(0, Op::kConfirm, Outcome::kDone)->durability, Durability::kForced) << "more hangs on it";
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
  EXPECT_EQ(tx.state.phase, Phase::kFollowing);
  EXPECT_EQ(tx.ready_at(), (Refs{{1, Op::kDeliver}}));
  tx.answer(1, Op::kDeliver, Outcome::kDone);
  EXPECT_EQ(tx.state.phase, Phase::kEnded);
}

}  // namespace
}  // namespace settle::protocol
