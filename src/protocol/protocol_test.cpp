#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "protocol/message.h"
#include "protocol/retry.h"
#include "protocol/saga.h"
#include "protocol/step.h"

namespace settle::protocol {
namespace {

constexpr Instant kT0 = instant_of(1'700'000'000'000'000);
constexpr Instant at_ms(std::int64_t ms) { return kT0 + milliseconds{ms}; }

/// A transaction under test, with words for what happens to it.
struct Tx {
  Plan plan;
  State state;

  static Tx saga(int steps, Order order = Order::kList) {
    static const char* const kIds[] = {"a", "b", "c", "d"};
    Tx tx;
    tx.plan.order = order;
    for (int i = 0; i < steps; ++i) {
      BranchPlan branch;
      branch.id = kIds[i];
      branch.forward = "http://p/do";
      branch.back = "http://p/undo";
      tx.plan.branches.push_back(branch);
      tx.plan.topological.push_back(static_cast<std::uint16_t>(i));
    }
    tx.plan.successors.resize(tx.plan.branches.size());
    return tx;
  }
  static Tx message(int targets, bool two_step) {
    Tx tx = saga(targets, Order::kConcurrent);
    tx.plan.pattern = Pattern::kMessage;
    tx.plan.two_step = two_step;
    if (two_step) tx.plan.check = "http://p/check";
    return tx;
  }

  std::optional<Step> on(Event event, Instant now = kT0) { return step(plan, state, {.on = event, .now = now}); }
  std::vector<OpRef> ready_at(Instant now) const {
    std::vector<OpRef> out;
    ready(plan, state, now, out);
    return out;
  }
  void send(OpRef ref, Instant now) {
    OpState& op = op_state(state, ref);
    op.call = 1;
    op.sent_at = now;
  }
  std::optional<Step> answer(OpRef ref, Outcome outcome, Instant now, bool reached = true,
                             CheckState check = CheckState::kUndecided) {
    Occurrence what{
        .now = now, .branch = ref.branch, .op = ref.op, .dice = 1U << 31U, .outcome = outcome, .reached = reached};
    what.on = event_of_answer(plan, state, what, check);
    return step(plan, state, what);
  }
};

using Refs = std::vector<OpRef>;
constexpr OpRef action(int branch) { return {branch, Op::kAction}; }
constexpr OpRef undo(int branch) { return {branch, Op::kCompensate}; }
constexpr OpRef deliver(int branch) { return {branch, Op::kDeliver}; }

TEST(Saga, ListOrderGoesStepByStepAndEndsWithTheLast) {
  Tx tx = Tx::saga(2);
  ASSERT_EQ(tx.on(Event::kBegin)->durability, Durability::kForced);
  EXPECT_EQ(tx.ready_at(kT0), Refs{action(0)});
  tx.send(action(0), kT0);
  EXPECT_TRUE(tx.ready_at(kT0).empty());
  EXPECT_EQ(tx.answer(action(0), Outcome::kDone, kT0)->durability, Durability::kLazy);
  EXPECT_EQ(tx.ready_at(kT0), Refs{action(1)});
  const auto last = tx.answer(action(1), Outcome::kDone, kT0);
  EXPECT_EQ(last->durability, Durability::kForcedIfTold);
  EXPECT_EQ(tx.state.phase, Phase::kEnded);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
}

TEST(Saga, RefusalTurnsBackAndUndoesOnlyWhatMayHaveRun) {
  Tx tx = Tx::saga(3);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone, kT0);
  EXPECT_EQ(tx.answer(action(1), Outcome::kRefused, kT0)->durability, Durability::kForced);
  EXPECT_EQ(tx.state.decision, Decision::kAbort);
  EXPECT_EQ(tx.ready_at(kT0), Refs{undo(0)});
  EXPECT_EQ(tx.answer(undo(0), Outcome::kDone, kT0)->durability, Durability::kForcedIfTold);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
}

TEST(Saga, RULE_R1_AnEarlierUnknownAttemptIsCompensatedThoughALaterOneWasRefused) {
  Tx tx = Tx::saga(1);
  tx.on(Event::kBegin);
  tx.send(action(0), kT0);
  tx.answer(action(0), Outcome::kUnknown, at_ms(3000));
  tx.send(action(0), at_ms(4000));
  tx.answer(action(0), Outcome::kRefused, at_ms(4001));
  EXPECT_EQ(tx.state.phase, Phase::kCompensating);
  EXPECT_EQ(tx.ready_at(at_ms(4001)), Refs{undo(0)});
}

TEST(Saga, RULE_R1_AfterARecoveryEveryOpenStepCountsAsCalled) {
  Tx tx = Tx::saga(3);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone, kT0);
  tx.state = *decode_state(encode_state(tx.state));
  tx.on(Event::kRecover, at_ms(100));
  tx.on(Event::kAbort, at_ms(100));
  EXPECT_TRUE(tx.ready_at(at_ms(100)).empty()) << "R7: they may still run";
  EXPECT_EQ(tx.ready_at(at_ms(3100)), Refs{undo(2)});
  tx.answer(undo(2), Outcome::kDone, at_ms(3100));
  EXPECT_EQ(tx.ready_at(at_ms(3100)), Refs{undo(1)});
}

TEST(Saga, RULE_R7_ACompensationWaitsForItsActionsTimeLimit) {
  Tx tx = Tx::saga(1);
  tx.on(Event::kBegin);
  tx.send(action(0), kT0);
  tx.on(Event::kAbort, at_ms(10));
  EXPECT_TRUE(tx.ready_at(at_ms(10)).empty()) << "still under way";
  tx.answer(action(0), Outcome::kUnknown, at_ms(20));  // connection lost; the participant may still work
  EXPECT_TRUE(tx.ready_at(at_ms(2999)).empty());
  EXPECT_EQ(next_due(tx.plan, tx.state), at_ms(3000));
  EXPECT_EQ(tx.ready_at(at_ms(3000)), Refs{undo(0)});
}

TEST(Saga, RULE_R7_RunningIsNoEnd) {
  Tx tx = Tx::saga(1);
  tx.on(Event::kBegin);
  tx.send(action(0), kT0);
  tx.answer(action(0), Outcome::kRunning, at_ms(20));
  tx.on(Event::kAbort, at_ms(30));
  EXPECT_TRUE(tx.ready_at(at_ms(2999)).empty());
  EXPECT_EQ(tx.ready_at(at_ms(3000)), Refs{undo(0)});
}

TEST(Saga, RULE_R7_ARefusalDoesNotEndAnEarlierAttemptThatMayStillRun) {
  Tx tx = Tx::saga(1);
  tx.on(Event::kBegin);
  tx.send(action(0), kT0);
  tx.answer(action(0), Outcome::kRunning, at_ms(20));
  tx.send(action(0), at_ms(520));
  tx.answer(action(0), Outcome::kRefused, at_ms(530));
  EXPECT_TRUE(tx.ready_at(at_ms(2999)).empty());
  EXPECT_EQ(tx.ready_at(at_ms(3000)), Refs{undo(0)});
}

TEST(Saga, RULE_R7_AfterARecoveryADoubtfulRefusalWaitsToo) {
  Tx tx = Tx::saga(1);
  tx.on(Event::kBegin);
  tx.send(action(0), kT0);
  tx.answer(action(0), Outcome::kUnknown, at_ms(10));
  tx.send(action(0), at_ms(500));
  tx.answer(action(0), Outcome::kRefused, at_ms(510));
  tx.state = *decode_state(encode_state(tx.state));
  tx.on(Event::kRecover, at_ms(600));
  EXPECT_TRUE(tx.ready_at(at_ms(3599)).empty());
  EXPECT_EQ(tx.ready_at(at_ms(3600)), Refs{undo(0)});
}

TEST(Saga, StepsBehindAStepWithoutCompensationStillComeFirst) {
  Tx tx = Tx::saga(3);
  tx.plan.branches[1].back = {};
  tx.on(Event::kBegin);
  for (int i = 0; i < 3; ++i) {
    tx.send(action(i), kT0);
    if (i < 2) tx.answer(action(i), Outcome::kDone, kT0);
  }
  tx.answer(action(2), Outcome::kUnknown, at_ms(3000));
  tx.on(Event::kAbort, at_ms(3000));
  EXPECT_EQ(tx.ready_at(at_ms(3000)), Refs{undo(2)});
  tx.answer(undo(2), Outcome::kDone, at_ms(3000));
  EXPECT_EQ(tx.ready_at(at_ms(3000)), Refs{undo(0)});
}

TEST(Saga, FAIL_D8_GraphIsUndoneInReverseTopologicalOrder) {
  // a -> b, a -> c, b -> d, c -> d
  Tx tx = Tx::saga(4, Order::kGraph);
  tx.plan.branches[1].after = {0};
  tx.plan.branches[2].after = {0};
  tx.plan.branches[3].after = {1, 2};
  tx.plan.successors = {{1, 2}, {3}, {3}, {}};
  tx.on(Event::kBegin);
  EXPECT_EQ(tx.ready_at(kT0), Refs{action(0)});
  tx.answer(action(0), Outcome::kDone, kT0);
  EXPECT_EQ(tx.ready_at(kT0), (Refs{action(1), action(2)}));
  tx.answer(action(1), Outcome::kDone, kT0);
  EXPECT_EQ(tx.ready_at(kT0), Refs{action(2)});
  tx.answer(action(2), Outcome::kDone, kT0);
  tx.answer(action(3), Outcome::kRefused, kT0);
  EXPECT_EQ(tx.ready_at(kT0), (Refs{undo(2), undo(1)}));
  tx.answer(undo(1), Outcome::kDone, kT0);
  EXPECT_EQ(tx.ready_at(kT0), Refs{undo(2)});
  tx.answer(undo(2), Outcome::kDone, kT0);
  EXPECT_EQ(tx.ready_at(kT0), Refs{undo(0)});
}

TEST(Saga, UsedUpBoundCompensatesThisStepToo) {
  Tx tx = Tx::saga(1);
  tx.plan.branches[0].retry.attempts = 2;
  tx.on(Event::kBegin);
  tx.send(action(0), kT0);
  tx.answer(action(0), Outcome::kUnknown, at_ms(3000));
  EXPECT_EQ(tx.state.phase, Phase::kActing);
  tx.send(action(0), at_ms(4000));
  tx.answer(action(0), Outcome::kUnknown, at_ms(7000));
  EXPECT_EQ(tx.state.cause, Cause::kExhausted);
  EXPECT_EQ(tx.ready_at(at_ms(7000)), Refs{undo(0)});
}

TEST(Saga, AnOutageAndRunningAnswersBurnNoAttempts) {
  Tx tx = Tx::saga(1);
  tx.plan.branches[0].retry.attempts = 2;
  tx.on(Event::kBegin);
  for (int i = 0; i < 50; ++i) {
    tx.send(action(0), at_ms(i));
    tx.answer(action(0), i % 2 == 0 ? Outcome::kRunning : Outcome::kUnknown, at_ms(i), i % 2 == 0);
  }
  EXPECT_EQ(tx.state.phase, Phase::kActing);
  EXPECT_EQ(tx.state.branches[0].forward.attempts, 0U);
}

TEST(Saga, AStuckCompensationIsAnIncidentThatClosesItself) {
  Tx tx = Tx::saga(1);
  tx.plan.branches[0].retry.attempts = 1;
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kUnknown, kT0);
  ASSERT_EQ(tx.state.phase, Phase::kCompensating);
  tx.answer(undo(0), Outcome::kUnknown, at_ms(10'000));
  ASSERT_TRUE(tx.state.incident);
  EXPECT_EQ(tx.state.incident->cause, Cause::kExhausted);
  EXPECT_GE(tx.state.branches[0].back.due, at_ms(70'000)) << "asked on, slowly";
  tx.answer(undo(0), Outcome::kDone, at_ms(80'000));
  EXPECT_FALSE(tx.state.incident);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
}

TEST(Saga, RULE_R8_AContradictionIsEvidenceAndFlipsNothing) {
  Tx tx = Tx::saga(2);
  tx.on(Event::kBegin);
  tx.answer(action(0), Outcome::kDone, kT0);
  const auto told =
      step(tx.plan, tx.state, {.on = Event::kContradicted, .now = kT0, .branch = 0, .outcome = Outcome::kRefused});
  ASSERT_TRUE(told);
  EXPECT_EQ(tx.state.incident->cause, Cause::kContradiction);
  EXPECT_EQ(tx.state.branches[0].forward.status, OpStatus::kDone);
  EXPECT_EQ(tx.state.phase, Phase::kActing);
}

TEST(Message, TwoStepsDecideBySubmit) {
  Tx tx = Tx::message(2, true);
  EXPECT_EQ(tx.on(Event::kPrepare)->durability, Durability::kForced);
  EXPECT_TRUE(tx.ready_at(at_ms(4999)).empty());
  EXPECT_EQ(tx.ready_at(at_ms(5000)), (Refs{{-1, Op::kCheck}}));
  EXPECT_EQ(tx.on(Event::kSubmit)->durability, Durability::kForced);
  EXPECT_EQ(tx.ready_at(kT0), (Refs{deliver(0), deliver(1)}));
  EXPECT_FALSE(tx.on(Event::kAbort)) << "submitted: cannot be taken back";
  tx.answer(deliver(0), Outcome::kDone, kT0);
  tx.answer(deliver(1), Outcome::kDone, kT0);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kCommitted);
  EXPECT_FALSE(tx.on(Event::kSubmit)->changed);
  EXPECT_FALSE(tx.on(Event::kAbort));
}

TEST(Message, RULE_R3_TimeNeverAbortsAPreparedMessage) {
  Tx tx = Tx::message(1, true);
  tx.plan.deadline = milliseconds{1000};
  tx.on(Event::kPrepare);
  ASSERT_TRUE(deadline_is_due(tx.plan, tx.state, at_ms(1000)));
  tx.on(Event::kDeadline, at_ms(1000));
  EXPECT_FALSE(deadline_is_due(tx.plan, tx.state, at_ms(99'000)));
  EXPECT_EQ(tx.ready_at(at_ms(1000)), (Refs{{-1, Op::kCheck}})) << "asked at once";
  EXPECT_FALSE(tx.state.incident);
  for (int i = 0; i < 1000; ++i) tx.answer({-1, Op::kCheck}, Outcome::kUnknown, at_ms(2000 + i));
  EXPECT_EQ(tx.state.phase, Phase::kPrepared);
  EXPECT_EQ(tx.state.incident->cause, Cause::kUndecided);
  EXPECT_TRUE(tx.on(Event::kSubmit));
  EXPECT_FALSE(tx.state.incident);
}

TEST(Message, FAIL_F3_ChecksThatReachNobodyDecideAndCountNothing) {
  Tx tx = Tx::message(1, true);
  tx.on(Event::kPrepare);
  for (int i = 0; i < 100; ++i) tx.answer({-1, Op::kCheck}, Outcome::kUnknown, at_ms(5000 + i), false);
  EXPECT_EQ(tx.state.check.attempts, 0U);
  EXPECT_EQ(tx.state.phase, Phase::kPrepared);
  EXPECT_GE(tx.state.check.due, at_ms(10'000)) << "not sooner than check_after";
}

TEST(Message, CheckBackDecidesAndALaterSubmitMustAgree) {
  Tx tx = Tx::message(1, true);
  tx.on(Event::kPrepare);
  EXPECT_EQ(tx.answer({-1, Op::kCheck}, Outcome::kDone, at_ms(5000), true, CheckState::kAborted)->durability,
            Durability::kForced);
  EXPECT_EQ(tx.state.outcome, GlobalOutcome::kAborted);
  EXPECT_FALSE(tx.on(Event::kSubmit));
  EXPECT_TRUE(tx.on(Event::kAbort));
}

TEST(Message, OrderedTargetsWaitBehindAParkedOneUntilARetry) {
  Tx tx = Tx::message(2, false);
  tx.plan.order = Order::kList;
  tx.on(Event::kBegin);
  EXPECT_EQ(tx.ready_at(kT0), Refs{deliver(0)});
  tx.answer(deliver(0), Outcome::kRefused, kT0);
  EXPECT_TRUE(tx.ready_at(at_ms(1'000'000)).empty());
  EXPECT_EQ(tx.state.incident->cause, Cause::kRefused);
  tx.on(Event::kRetryNow, at_ms(5));
  EXPECT_EQ(tx.ready_at(at_ms(5)), Refs{deliver(0)});
  EXPECT_FALSE(tx.state.incident);
}

TEST(Message, DelayCountsFromSubmit) {
  Tx tx = Tx::message(1, true);
  tx.plan.delay = milliseconds{700};
  tx.on(Event::kPrepare);
  tx.on(Event::kSubmit, at_ms(100));
  EXPECT_TRUE(tx.ready_at(at_ms(799)).empty());
  EXPECT_EQ(next_due(tx.plan, tx.state), at_ms(800));
  EXPECT_EQ(tx.ready_at(at_ms(800)), Refs{deliver(0)});
}

TEST(Tables, EveryPhaseMeetsEveryEventWithoutHarm) {
  for (const Pattern pattern : {Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase}) {
    for (int phase = 0; phase < kPhases; ++phase) {
      for (int event = 0; event < kEvents; ++event) {
        Tx tx = pattern == Pattern::kMessage ? Tx::message(2, true) : Tx::saga(2);
        tx.plan.pattern = pattern;
        tx.state.branches.resize(2);
        tx.state.phase = static_cast<Phase>(phase);
        const State before = tx.state;
        Occurrence what{.on = static_cast<Event>(event), .now = kT0, .branch = 0};
        if (what.on >= Event::kConfirmDone && what.on <= Event::kBackUnknown) what.op = Op::kCompensate;
        const auto taken = step(tx.plan, tx.state, what);
        if (!taken) {
          EXPECT_EQ(encode_state(tx.state), encode_state(before)) << "refused, but changed";
        }
        if (before.phase == Phase::kEnded) {
          EXPECT_FALSE(taken && taken->changed);
        }
      }
    }
  }
}

TEST(Retry, FAIL_K7_PausesGrowToTheCapAndNeverOverflow) {
  RetryPolicy policy;
  policy.jitter_permille = 0;
  EXPECT_EQ(next_pause(policy, 1, 0), milliseconds{500});
  EXPECT_EQ(next_pause(policy, 2, 0), milliseconds{1000});
  EXPECT_EQ(next_pause(policy, 8, 0), milliseconds{60'000});
  EXPECT_EQ(next_pause(policy, UINT32_MAX, 0), milliseconds{60'000});
  policy.cap = std::chrono::hours{24 * 400};
  policy.factor_permille = 100'000;
  EXPECT_EQ(next_pause(policy, 100, UINT32_MAX), policy.cap);
}

TEST(Retry, JitterSpreadsEvenlyAroundThePause) {
  RetryPolicy policy;
  EXPECT_EQ(next_pause(policy, 1, 0), milliseconds{400});
  EXPECT_EQ(next_pause(policy, 1, 1U << 31U), milliseconds{500});
  EXPECT_LT(next_pause(policy, 1, UINT32_MAX), milliseconds{600});
  EXPECT_GT(next_pause(policy, 1, UINT32_MAX), milliseconds{599});
}

/// The part between the marks of docs/protocols/NAME.md is `describe`; SETTLE_REWRITE=1 rewrites it.
void expect_documented(Pattern pattern) {
  const std::string path = std::string(SETTLE_DOCS) + "/protocols/" + std::string(settle::name_of(pattern)) + ".md";
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  std::string page = text.str();
  const std::string open = "<!-- generated: " + std::string(settle::name_of(pattern)) + " -->\n";
  const std::size_t from = page.find(open);
  const std::size_t to = page.find("<!-- end -->");
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos) << path;
  const std::string shown = page.substr(from + open.size(), to - from - open.size());
  if (std::getenv("SETTLE_REWRITE") != nullptr && shown != describe(pattern)) {
    page.replace(from + open.size(), to - from - open.size(), describe(pattern));
    std::ofstream(path) << page;
    return;
  }
  EXPECT_EQ(shown, describe(pattern)) << "stale: run protocol_test with SETTLE_REWRITE=1";
}

TEST(Docs, SagaPageShowsTheTable) { expect_documented(Pattern::kSaga); }
TEST(Docs, MessagePageShowsTheTable) { expect_documented(Pattern::kMessage); }
TEST(Docs, TccPageShowsTheTable) { expect_documented(Pattern::kTcc); }
TEST(Docs, TwoPhasePageShowsTheTable) { expect_documented(Pattern::kTwoPhase); }

}  // namespace
}  // namespace settle::protocol
