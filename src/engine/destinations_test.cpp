// Breakers and pauses: what holds calls back, and that it costs nobody else anything.

#include <gtest/gtest.h>

#include <set>

#include "engine/breaker.h"
#include "engine/desk_testing.h"
#include "engine/gate.h"

namespace settle::engine {
namespace {

using std::chrono::seconds;

constexpr BreakerLimits kThree{.failures = 3, .pause = seconds{1}, .pause_max = seconds{8}};

// ----------------------------------------------------------------------------------------------------------- breaker

TEST(Breaker, OnlyWhatSaysThatADestinationDoesNotServeCounts) {
  const std::set<AnswerCode> failed{
      kAnswerTimeout, kAnswerReset, kAnswerRefused, kAnswerUnresolved, kAnswerGarbage, 408, 429, 502, 503, 504};
  for (AnswerCode code = -9; code < 600; ++code) {
    const Liveness expected = failed.count(code) != 0                              ? Liveness::kFailed
                              : code == kAnswerUnbound || code == kAnswerCancelled ? Liveness::kUnasked
                                                                                   : Liveness::kAlive;
    EXPECT_EQ(liveness_of(code), expected) << code;
  }
}

TEST(Breaker, OpensAfterSoManyFailuresInARowAndNotBefore) {
  Breaker breaker;
  for (const Liveness liveness : {Liveness::kFailed, Liveness::kFailed, Liveness::kAlive, Liveness::kFailed,
                                  Liveness::kUnasked, Liveness::kFailed}) {
    EXPECT_EQ(breaker.ended(1, liveness, kT0, kThree, 0), Breaker::Change::kNone);
    EXPECT_TRUE(breaker.admits(kT0));
  }
  EXPECT_EQ(breaker.ended(1, Liveness::kFailed, kT0, kThree, 0), Breaker::Change::kOpened);
  EXPECT_FALSE(breaker.admits(kT0));
}

TEST(Breaker, ProbesOneAtATimeWithPausesThatGrowUpToTheirBound) {
  Breaker breaker;
  for (int i = 0; i < 3; ++i) (void)breaker.ended(1, Liveness::kFailed, kT0, kThree, 0);
  Instant now = kT0;
  std::vector<std::int64_t> pauses;
  for (std::uint64_t probe = 10; probe < 16; ++probe) {
    const Duration pause = breaker.probe_at() - now;
    pauses.push_back(pause.count() / 1'000'000);
    EXPECT_FALSE(breaker.admits(breaker.probe_at() - Duration{1}));
    now = breaker.probe_at();
    ASSERT_TRUE(breaker.admits(now));
    breaker.left(probe);
    EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen);
    EXPECT_FALSE(breaker.admits(now + seconds{3600})) << "one probe";
    EXPECT_EQ(breaker.ended(probe, Liveness::kFailed, now, kThree, 0), Breaker::Change::kNone);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{1, 2, 4, 8, 8, 8}));
  now = breaker.probe_at();
  breaker.left(99);
  EXPECT_EQ(breaker.ended(99, Liveness::kAlive, now, kThree, 0), Breaker::Change::kClosed);
  EXPECT_TRUE(breaker.admits(now));
  EXPECT_EQ(breaker.failures_in_a_row(), 0U);
}

TEST(Breaker, LateFailuresOfEarlierCallsAreNoProbes) {
  Breaker breaker;
  for (int i = 0; i < 3; ++i) (void)breaker.ended(1, Liveness::kFailed, kT0, kThree, 0);
  const Instant due = breaker.probe_at();
  EXPECT_EQ(breaker.ended(2, Liveness::kFailed, kT0 + milliseconds{10}, kThree, 0), Breaker::Change::kNone);
  EXPECT_EQ(breaker.probe_at(), due);
  breaker.left(7);
  EXPECT_EQ(breaker.ended(3, Liveness::kFailed, due, kThree, 0), Breaker::Change::kNone);
  EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen) << "the probe is still under way";
  EXPECT_EQ(breaker.ended(4, Liveness::kAlive, due, kThree, 0), Breaker::Change::kClosed) << "somebody answered";
}

TEST(Breaker, TheDiceSpreadProbesByAFifthAtMost) {
  for (const std::uint32_t dice : {0U, 0x8000'0000U, 0xffff'ffffU}) {
    Breaker breaker;
    for (int i = 0; i < 3; ++i) (void)breaker.ended(1, Liveness::kFailed, kT0, kThree, dice);
    EXPECT_GE(breaker.probe_at(), kT0 + seconds{1});
    EXPECT_LE(breaker.probe_at(), kT0 + milliseconds{1200});
  }
}

TEST(Breaker, WithoutABoundItNeverOpens) {
  Breaker breaker;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(breaker.ended(1, Liveness::kFailed, kT0, BreakerLimits{}, 0), Breaker::Change::kNone);
  }
  EXPECT_TRUE(breaker.admits(kT0));
  EXPECT_EQ(breaker.failures_in_a_row(), 1000U);
}

// -------------------------------------------------------------------------------------------------------------- gate

TEST(Gate, OnlyTimeIsWaitedForWithATimer) {
  DestinationGate gate(1, kThree);
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 3; ++i) {
    const auto slot = gate.enter("http://p/", kT0);
    ids.push_back(slot.id);
    if (i < 2) (void)gate.leave(slot.id, 503, kT0);
  }
  // The third is under way; a fourth waits for its slot, and no timer can help it.
  const auto fourth = gate.enter("http://p/", kT0);
  EXPECT_FALSE(fourth.admitted);
  gate.queue({fourth.id, {}, {}}, false);
  EXPECT_EQ(gate.next_due(), kNever);
  (void)gate.leave(ids[2], kAnswerTimeout, kT0);
  EXPECT_NE(gate.next_due(), kNever) << "open, and somebody waits";
  EXPECT_FALSE(gate.next(fourth.id, kT0));
  const Instant due = gate.next_due();
  EXPECT_FALSE(gate.pop_due(due - Duration{1}));
  const auto popped = gate.pop_due(due);
  ASSERT_TRUE(popped);
  EXPECT_EQ(gate.next(*popped, due)->id, fourth.id);
  EXPECT_EQ(gate.next_due(), kNever);
}

TEST(Gate, ForgettingIdleDestinationsForgetsNoPauseAndNoOpenBreaker) {
  DestinationGate gate(1, kThree);
  (void)gate.set_paused("http://paused:1", true);
  for (int i = 0; i < 3; ++i) (void)gate.leave(gate.enter("http://down:1/", kT0).id, 503, kT0);
  for (int i = 0; i < 20'000; ++i) {
    (void)gate.leave(gate.enter("http://host-" + std::to_string(i) + "/", kT0).id, 200, kT0);
  }
  EXPECT_LE(gate.destinations(), 10'001U);
  EXPECT_FALSE(gate.enter("http://paused:1/x", kT0).admitted);
  EXPECT_FALSE(gate.enter("http://down:1/x", kT0).admitted);
}

TEST(DestinationFigures, OfSeveralWorkersAreOne) {
  DestinationFigures one;
  one.breaker = BreakerState::kHalfOpen;
  one.calls = 3;
  one.failures_in_a_row = 2;
  one.last_error = 503;
  one.last_error_at = kT0;
  DestinationFigures other = one;
  other.breaker = BreakerState::kOpen;
  other.probe_at = kT0 + seconds{5};
  other.failures_in_a_row = 7;
  other.waiting = 4;
  one.add(other);
  EXPECT_EQ(one.breaker, BreakerState::kOpen);
  EXPECT_EQ(one.probe_at, kT0 + seconds{5});
  EXPECT_EQ(one.calls, 6U);
  EXPECT_EQ(one.failures_in_a_row, 7U);
  EXPECT_EQ(one.waiting, 4U);
}

// ------------------------------------------------------------------------------------------------------------ worker

Limits with_breaker(std::size_t calls = 100) {
  Limits limits;
  limits.calls_per_destination = calls;
  limits.breaker = kThree;
  return limits;
}

const OpState& forward_of(const State& state) { return state.branches.front().forward; }

/// The newest state that was saved for this gid.
State saved(const Desk& desk, const std::string& gid) {
  State state;
  for (const auto* list : {&desk.synced, &desk.saves}) {
    for (const Save& save : *list) {
      if (save.gid == gid) state = *decode_state(save.state);
    }
  }
  return state;
}

/// Begins sagas of one step there until the breaker has opened.
void break_destination(Desk& desk, const std::string& url) {
  for (int i = 0; i < 3; ++i) {
    desk.begin(0, "broken-" + std::to_string(i), Desk::saga({url}));
    desk.sync();
    desk.answer(desk.take_call(), Outcome::kUnknown, 503);
    desk.sync();
  }
}

TEST(Destinations, FAIL_G3_AnOpenBreakerBurnsNoAttemptAndLetsOneProbeOut) {
  Desk desk(with_breaker());
  break_destination(desk, "http://p:1/a");
  EXPECT_EQ(desk.changes, std::vector<std::string>{"http://p:1 down"});
  desk.begin(0, "held", Desk::saga({"http://p:1/a"}));
  desk.sync();
  EXPECT_TRUE(desk.calls.empty());
  EXPECT_EQ(desk.worker.counters().calls, 3U);

  // The broken ones come due again meanwhile; they wait too.
  desk.pass(milliseconds{990});
  EXPECT_TRUE(desk.calls.empty());
  EXPECT_LE(desk.worker.next_due(), desk.now + milliseconds{300});
  desk.pass(milliseconds{300});
  ASSERT_EQ(desk.calls.size(), 1U) << "one probe";
  const Sent probe = desk.take_call();
  EXPECT_EQ(probe.gid, "held");
  EXPECT_EQ(probe.attempt, 1U);
  desk.answer(probe, Outcome::kUnknown, kAnswerTimeout);
  desk.sync();
  EXPECT_EQ(forward_of(saved(desk, "held")).attempts, 1U) << "the probe was a real attempt";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(forward_of(saved(desk, "broken-" + std::to_string(i))).attempts, 1U) << "those that were held have none";
  }
  EXPECT_TRUE(desk.calls.empty());

  desk.pass(milliseconds{2500});
  ASSERT_EQ(desk.calls.size(), 1U);
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  EXPECT_EQ(desk.changes.back(), "http://p:1 back");
  EXPECT_GE(desk.calls.size(), 2U) << "all that waited leave";
  while (!desk.calls.empty()) desk.answer(desk.take_call(), Outcome::kDone);
  desk.pass(seconds{60});
  while (!desk.calls.empty()) desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
  EXPECT_EQ(desk.worker.counters().breakers_opened, 1U);
}

TEST(Destinations, FAIL_L5_NobodyElseIsDelayed) {
  Desk desk(with_breaker(1));
  break_destination(desk, "http://p:1/a");
  desk.worker.on(PauseDestination{"http://q:1", true}, desk.now);
  for (int i = 0; i < 50; ++i) {
    desk.begin(0, "p-" + std::to_string(i), Desk::saga({"http://p:1/a"}));
    desk.begin(0, "q-" + std::to_string(i), Desk::saga({"http://q:1/a"}));
    desk.begin(0, "r-" + std::to_string(i), Desk::saga({"http://p:2/a"}));
    desk.sync();
    const Sent sent = desk.take_call();
    EXPECT_EQ(sent.url, "http://p:2/a");
    desk.answer(sent, Outcome::kDone);
    desk.sync();
    EXPECT_TRUE(desk.calls.empty());
  }
  for (const DestinationFigures& figures : desk.worker.destinations()) {
    if (figures.name == "http://p:2") {
      EXPECT_EQ(figures.calls, 50U);
    }
    if (figures.name == "http://q:1") {
      EXPECT_TRUE(figures.paused);
      EXPECT_EQ(figures.waiting, 50U);
      EXPECT_EQ(figures.calls, 0U);
    }
    if (figures.name == "http://p:1") {
      EXPECT_EQ(figures.breaker, BreakerState::kOpen);
      EXPECT_EQ(figures.last_error, 503);
      EXPECT_EQ(figures.failures_in_a_row, 3U);
    }
  }
}

TEST(Destinations, APauseHoldsAndAResumeLetsGoInTheOrderOfTheirComing) {
  Desk desk(with_breaker(2));
  desk.worker.on(PauseDestination{"http://p:1", true}, desk.now);
  for (int i = 0; i < 5; ++i) {
    desk.begin(0, "g" + std::to_string(i), Desk::saga({"http://p:1/a"}));
    desk.sync();
  }
  desk.pass(seconds{3600});
  EXPECT_TRUE(desk.calls.empty());
  EXPECT_EQ(desk.worker.next_due(), kNever) << "time alone changes nothing";
  desk.worker.on(PauseDestination{"http://p:1", false}, desk.now);
  ASSERT_EQ(desk.calls.size(), 2U);
  for (int i = 0; i < 5; ++i) {
    const Sent sent = desk.take_call();
    EXPECT_EQ(sent.gid, "g" + std::to_string(i));
    desk.answer(sent, Outcome::kDone);
    desk.sync();
  }
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(Destinations, AResumeTriesABrokenDestinationAtOnce) {
  Desk desk(with_breaker());
  break_destination(desk, "http://p:1/a");
  desk.begin(0, "held", Desk::saga({"http://p:1/a"}));
  desk.sync();
  EXPECT_TRUE(desk.calls.empty());
  desk.worker.on(PauseDestination{"http://p:1", false}, desk.now);
  ASSERT_EQ(desk.calls.size(), 1U);
  desk.answer(desk.take_call(), Outcome::kDone);
  EXPECT_EQ(desk.changes.back(), "http://p:1 back");
}

TEST(Destinations, AnAnswerWhilePausedStillCounts) {
  Desk desk(with_breaker());
  desk.begin(0, "g", Desk::saga({"http://p:1/a", "http://p:1/b"}));
  desk.sync();
  const Sent first = desk.take_call();
  desk.worker.on(PauseDestination{"http://p:1", true}, desk.now);
  desk.answer(first, Outcome::kDone);
  desk.sync();
  EXPECT_TRUE(desk.calls.empty()) << "the second step waits";
  desk.worker.on(PauseDestination{"http://p:1", false}, desk.now);
  EXPECT_EQ(desk.take_call().branch, "b");
}

// A deadline does not wait for a destination: what was held reached nobody, so there is nothing to undo.
TEST(Destinations, ADeadlinePassesOverWhatIsHeld) {
  Desk desk(with_breaker());
  desk.worker.on(PauseDestination{"http://p:1", true}, desk.now);
  desk.begin(0, "g", Desk::saga({"http://p:1/a"}, seconds{5}));
  desk.sync();
  desk.pass(seconds{5});
  desk.sync();
  EXPECT_TRUE(desk.calls.empty());
  EXPECT_EQ(desk.worker.open(), 0U);
  EXPECT_EQ(saved(desk, "g").outcome, GlobalOutcome::kAborted);
}

TEST(Destinations, ABoundOnTimeEndsAlsoForWhatIsHeld) {
  Plan plan;
  for (const auto& [id, url] : {std::pair("a", "http://a:1/"), std::pair("b", "http://b:1/")}) {
    BranchPlan branch;
    branch.id = id;
    branch.forward = url;
    branch.back = "http://undo:1/";
    branch.retry.lasting = seconds{2};
    plan.branches.push_back(branch);
  }
  Desk desk(with_breaker());
  desk.worker.on(PauseDestination{"http://b:1", true}, desk.now);
  desk.begin(1, "g", OwnedPlan::encode(plan), seconds{60});
  desk.sync();
  desk.pass(seconds{1});
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  desk.pass(milliseconds{1999});
  EXPECT_EQ(saved(desk, "g").decision, Decision::kNone) << "it was wanted when `a` was done";
  desk.pass(milliseconds{1});
  EXPECT_EQ(saved(desk, "g").decision, Decision::kAbort);
  desk.sync();
  const Sent undo = desk.take_call();
  EXPECT_EQ(undo.branch, "a");
  EXPECT_TRUE(desk.calls.empty()) << "what was held has reached nobody";
  desk.answer(undo, Outcome::kDone);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
  for (const DestinationFigures& figures : desk.worker.destinations()) EXPECT_EQ(figures.waiting, 0U) << figures.name;
}

Plan one_step(std::string_view url) {
  Plan plan;
  BranchPlan branch;
  branch.id = "a";
  branch.forward = url;
  branch.back = "http://undo:1/";
  branch.retry.lasting = seconds{2};
  plan.branches.push_back(branch);
  return plan;
}

/// Not by much: whoever was put off would be so for longer.
void pass_its_bound(Desk& desk) {
  for (int i = 0; i < 6; ++i) {
    desk.sync();
    desk.pass(milliseconds{500});
  }
}

TEST(Destinations, AnUndoKeepsItsPlaceInTheLineWhateverItsBound) {
  Desk desk(with_breaker());
  desk.begin(0, "g", OwnedPlan::encode(one_step("http://a:1/")));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kUnknown, kAnswerTimeout);
  desk.worker.on(PauseDestination{"http://undo:1", true}, desk.now);
  desk.ask(1, Verb::kAbort, "g");
  desk.sync();
  desk.pass(seconds{3});  // R7
  pass_its_bound(desk);
  EXPECT_TRUE(desk.calls.empty());
  EXPECT_EQ(saved(desk, "g").phase, Phase::kCompensating);
  desk.worker.on(PauseDestination{"http://undo:1", false}, desk.now);
  ASSERT_EQ(desk.calls.size(), 1U) << "at once";
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(Destinations, AStepWithoutAWayBackGoesBackIntoTheLineAndSomebodyIsTold) {
  Plan plan = one_step("http://a:1/");
  plan.forward_recovery = true;
  Desk desk(with_breaker());
  desk.worker.on(PauseDestination{"http://a:1", true}, desk.now);
  desk.begin(0, "g", OwnedPlan::encode(plan));
  pass_its_bound(desk);
  EXPECT_TRUE(desk.calls.empty());
  ASSERT_TRUE(saved(desk, "g").incident.has_value());
  EXPECT_EQ(saved(desk, "g").incident->cause, Cause::kExhausted);
  desk.worker.on(PauseDestination{"http://a:1", false}, desk.now);
  ASSERT_EQ(desk.calls.size(), 1U) << "at once";
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
}

// Only a check-back past the deadline that has learnt nothing is a matter for a person.
TEST(Destinations, ACheckBackThatIsHeldIsNoIncident) {
  Plan plan;
  plan.pattern = Pattern::kMessage;
  plan.two_step = true;
  plan.check = "http://producer:1/";
  plan.check_after = seconds{1};
  plan.retry.lasting = seconds{2};
  BranchPlan target;
  target.id = "a";
  target.forward = "http://a:1/";
  plan.branches.push_back(target);
  Desk desk(with_breaker());
  desk.worker.on(PauseDestination{"http://producer:1", true}, desk.now);
  desk.begin(0, "g", OwnedPlan::encode(plan));
  desk.sync();
  desk.pass(seconds{1});
  pass_its_bound(desk);
  EXPECT_EQ(saved(desk, "g").phase, Phase::kPrepared);
  EXPECT_FALSE(saved(desk, "g").incident.has_value());
  desk.worker.on(PauseDestination{"http://producer:1", false}, desk.now);
  ASSERT_EQ(desk.calls.size(), 1U);
  EXPECT_EQ(desk.take_call().op, Op::kCheck);
}

TEST(Destinations, ALostShardLeavesNothingInLine) {
  Desk desk(with_breaker());
  desk.worker.on(PauseDestination{"http://p:1", true}, desk.now);
  for (int i = 0; i < 8; ++i) {
    desk.begin(0, "g" + std::to_string(i), Desk::saga({"http://p:1/a"}));
    desk.sync();
  }
  for (ShardNo shard = 0; shard < kShards; ++shard) desk.worker.on(Lost{shard, 1}, desk.now);
  EXPECT_EQ(desk.worker.destinations().front().waiting, 0U);
  desk.worker.on(PauseDestination{"http://p:1", false}, desk.now);
  EXPECT_TRUE(desk.calls.empty());
}

TEST(Destinations, ADrainLetsNoProbeOut) {
  Desk desk(with_breaker());
  break_destination(desk, "http://p:1/a");
  desk.begin(0, "held", Desk::saga({"http://p:1/a"}));
  desk.sync();
  desk.worker.on(Drain{}, desk.now);
  desk.pass(seconds{60});
  EXPECT_TRUE(desk.calls.empty());
  EXPECT_EQ(desk.worker.next_due(), kNever);
}

// ---------------------------------------------------------------------------------------------------------- incidents

TEST(Incidents, AreToldWhenTheyOpenWhenTheyCloseAndToANewOwner) {
  Desk desk;
  Request stop;
  desk.begin(0, "g", Desk::saga({"http://p:1/a"}));
  desk.sync();
  const Sent sent = desk.take_call();
  desk.answer(sent, Outcome::kUnknown, 503);
  desk.ask(1, Verb::kStop, "g");
  EXPECT_TRUE(desk.notices.empty()) << "a crash could still take it back";
  desk.sync();
  ASSERT_EQ(desk.notices.size(), 1U);
  EXPECT_EQ(desk.notices[0].gid, "g");
  EXPECT_EQ(desk.notices[0].cause, Cause::kStopped);
  EXPECT_TRUE(desk.notices[0].opened);
  EXPECT_FALSE(desk.notices[0].again);
  const Save last = desk.synced.back();

  Desk heir;
  heir.worker.on(Acquired{last.shard, 2, kNever}, heir.now);
  heir.worker.on(
      Loaded{last.shard, 2, {last.tid, last.gid, last.shard, last.version, last.summary, *last.plan, last.state}},
      heir.now);
  heir.worker.on(LoadEnded{last.shard, 2}, heir.now);
  ASSERT_EQ(heir.notices.size(), 1U);
  EXPECT_TRUE(heir.notices[0].opened);
  EXPECT_TRUE(heir.notices[0].again);

  desk.ask(2, Verb::kRetryNow, "g");
  EXPECT_EQ(desk.notices.size(), 1U);
  desk.sync();
  ASSERT_EQ(desk.notices.size(), 2U);
  EXPECT_FALSE(desk.notices[1].opened);
}

// The memory of a transaction that is gone is used again for the next one.
TEST(Incidents, OfAnEarlierTransactionInTheSameMemorySayNothing) {
  Desk desk;
  const auto open_incident = [&desk](const char* gid) {
    desk.begin(0, gid, Desk::saga({"http://p:1/a"}));
    desk.sync();
    (void)desk.take_call();
    desk.ask(1, Verb::kStop, gid);
    desk.sync();
  };
  open_incident("lost");
  for (ShardNo shard = 0; shard < kShards; ++shard) {
    desk.worker.on(Lost{shard, 1}, desk.now);
    desk.worker.on(Acquired{shard, 2, kNever}, desk.now);
    desk.worker.on(LoadEnded{shard, 2}, desk.now);
  }
  open_incident("next");
  std::string told;
  for (const Desk::Noticed& notice : desk.notices) told += notice.gid + (notice.opened ? " opened, " : " closed, ");
  EXPECT_EQ(told, "lost opened, next opened, ");
}

}  // namespace
}  // namespace settle::engine
