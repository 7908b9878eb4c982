#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/desk_testing.h"
#include "engine/gate.h"
#include "engine/save_queue.h"
#include "engine/worker.h"

namespace settle::engine {
namespace {

TEST(Worker, RemembersFirstThenActs) {
  Desk desk;
  desk.begin(1, "order-1", Desk::saga({"http://p/a", "http://p/b"}), std::chrono::seconds{5});
  EXPECT_EQ(desk.saves.size(), 1U);
  EXPECT_TRUE(desk.saves[0].forced);
  EXPECT_TRUE(desk.calls.empty()) << "nothing leaves before the receipt";
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone);
  ASSERT_EQ(desk.saves.size(), 1U);
  EXPECT_FALSE(desk.saves[0].forced) << "progress is lazy";
  const Sent second = desk.take_call();
  EXPECT_EQ(second.branch, "b") << "and does not hold up the next step";
  desk.answer(second, Outcome::kDone);
  EXPECT_TRUE(desk.saves.back().forced) << "somebody waits for this outcome";
  EXPECT_TRUE(desk.replies.empty());
  desk.sync();
  const Said said = desk.take_reply();
  EXPECT_EQ(said.kind, AnswerKind::kCreated);
  EXPECT_EQ(said.outcome, GlobalOutcome::kCommitted);
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(Worker, OutcomeThatNobodyWaitsForIsLazyAndNotShownBeforeItIsDurable) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a"}));
  desk.sync();
  EXPECT_EQ(desk.take_reply().outcome, GlobalOutcome::kRunning);
  desk.answer(desk.take_call(), Outcome::kDone);
  EXPECT_FALSE(desk.saves.back().forced);
  desk.ask(2, Verb::kQuery, "g");
  EXPECT_EQ(desk.take_reply().outcome, GlobalOutcome::kRunning);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(Worker, AWaitingCallerNeverHearsFailedForARunningTransaction) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a"}), milliseconds{100});
  desk.sync();
  desk.pass(milliseconds{99});
  EXPECT_TRUE(desk.replies.empty());
  desk.pass(milliseconds{1});
  const Said said = desk.take_reply();
  EXPECT_EQ(said.kind, AnswerKind::kCreated);
  EXPECT_EQ(said.outcome, GlobalOutcome::kRunning);
  EXPECT_EQ(said.decision, Decision::kNone);
}

TEST(Worker, AGidThatIsAPrefixOfAnotherIsAnotherTransaction) {
  Desk desk;
  desk.begin(1, "order", Desk::saga({"http://p/a"}));
  desk.begin(2, "order-1", Desk::saga({"http://p/b"}));
  desk.sync();
  EXPECT_EQ(desk.take_reply().gid, "order");
  EXPECT_EQ(desk.take_reply().gid, "order-1");
  EXPECT_EQ(desk.worker.open(), 2U);
  desk.ask(3, Verb::kAbort, "order");
  desk.ask(4, Verb::kQuery, "order-1");
  EXPECT_EQ(desk.take_reply().decision, Decision::kNone);
}

TEST(Worker, FAIL_I17_ARepeatedBeginMeetsItsFirst) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a"}));
  desk.begin(2, "g", Desk::saga({"http://p/a"}));
  desk.begin(3, "g", Desk::saga({"http://p/OTHER"}));
  EXPECT_TRUE(desk.replies.empty()) << "nobody is judged by a begin that is not durable";
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kCreated);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kGidReused);
  EXPECT_EQ(desk.worker.open(), 1U);
}

TEST(Worker, ABeginThatMeetsAnEndedGidAnswersLikeItsRepeat) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a"}));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  ASSERT_EQ(desk.worker.open(), 0U);
  const Save last = desk.synced.back();
  StoredRecord record{last.tid, last.gid, last.shard, last.version, last.summary, *last.plan, last.state};
  desk.replies.clear();

  for (const bool same : {true, false}) {
    desk.begin(2, "g", Desk::saga({same ? "http://p/a" : "http://p/z"}));
    desk.ask(3, Verb::kQuery, "g");
    desk.sync(SaveStatus::kGidTaken);
    EXPECT_EQ(desk.worker.open(), 0U);
    const Desk::Asked asked = desk.lookups.front();
    desk.lookups.pop_front();
    desk.worker.on(Found{asked.shard, asked.lookup, false, record}, desk.now);
    EXPECT_EQ(desk.take_reply().kind, same ? AnswerKind::kDocument : AnswerKind::kGidReused);
    const Said query = desk.take_reply();
    EXPECT_EQ(query.token, 3U);
    EXPECT_EQ(query.outcome, GlobalOutcome::kCommitted);
  }
}

TEST(Worker, AGidThatReadsLikeATidOfOursBeginsNothing) {
  Desk desk;
  desk.begin(1, "", Desk::saga({"http://p/a"}));
  desk.sync();
  const std::string ours = desk.take_reply().gid;
  desk.begin(2, ours, Desk::saga({"http://p/a"}));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument) << "the repeat of a begin whose gid the server made";
  std::optional<Tid> other = Tid::parse(ours);
  other->sequence += 1;
  desk.begin(3, other->text(), Desk::saga({"http://p/a"}));
  ASSERT_EQ(desk.lookups.size(), 1U);
  desk.worker.on(Found{desk.lookups[0].shard, desk.lookups[0].lookup, false, std::nullopt}, desk.now);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kGidReused);
  other->epoch = kEpochsOfFreshGids;
  desk.begin(4, other->text(), Desk::saga({"http://p/a"}));
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kCreated) << "handed out in advance";
}

TEST(Worker, FAIL_A1_ARefusedVerbTellsNothingThatIsNotDurable) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a"}));
  desk.sync();
  desk.take_reply();
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.ask(2, Verb::kAbort, "g");
  EXPECT_TRUE(desk.replies.empty()) << "the refusal would tell that it is committed";
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kWrongPhase);
}

TEST(Worker, RULE_R9_NotFoundIsNoAnswerWhileTheShardLoads) {
  Desk desk;
  const ShardNo shard = shard_of("g", kShards);
  desk.worker.on(Acquired{shard, 2, kNever}, desk.now);
  desk.ask(1, Verb::kQuery, "g");
  desk.begin(2, "g", Desk::saga({"http://p/a"}));
  EXPECT_TRUE(desk.replies.empty() && desk.lookups.empty() && desk.saves.empty());
  desk.worker.on(LoadEnded{shard, 2}, desk.now);
  EXPECT_EQ(desk.lookups.size(), 1U);
  EXPECT_EQ(desk.saves.size(), 1U);
}

TEST(Worker, RULE_R5_ARefusedLazySaveDropsTheShard) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a", "http://p/b"}));
  desk.sync();
  desk.take_reply();
  desk.answer(desk.take_call(), Outcome::kDone);
  ASSERT_FALSE(desk.saves.back().forced);
  desk.ask(2, Verb::kQuery, "g", std::chrono::seconds{9});
  desk.sync(SaveStatus::kFenced);
  EXPECT_EQ(desk.drops.size(), 1U);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kStoreUnknown);
  EXPECT_FALSE(desk.worker.owns(shard_of("g", kShards)));
  desk.ask(3, Verb::kQuery, "g");
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kNotOwner);
}

// FAIL-I3: at whichever save a worker learns that its shard is another's.
TEST(Worker, FAIL_I3_AFencedSaveOfAnyKindDropsTheShardForGood) {
  for (std::size_t saves_before = 0;; ++saves_before) {
    Desk desk;
    desk.begin(1, "g", Desk::saga({"http://p/a", "http://p/b"}));
    for (std::size_t i = 0; i < saves_before && !desk.saves.empty(); ++i) {
      desk.sync();
      if (!desk.calls.empty()) desk.answer(desk.take_call(), Outcome::kDone);
    }
    if (desk.saves.empty()) {
      EXPECT_GE(saves_before, 3U) << "begin, a step, the end";
      return;
    }
    const std::size_t calls = desk.calls.size();
    desk.sync(SaveStatus::kFenced);
    EXPECT_EQ(desk.drops, std::vector<ShardNo>{shard_of("g", kShards)}) << saves_before;
    EXPECT_FALSE(desk.worker.owns(shard_of("g", kShards)));
    EXPECT_EQ(desk.worker.open(), 0U);
    desk.pass(std::chrono::hours{1});
    EXPECT_EQ(desk.calls.size(), calls) << "nothing is called for it any more";
    EXPECT_TRUE(desk.saves.empty());
  }
}

TEST(Worker, FAIL_I13_ATakeoverOfManyIsNoBurstOnTheirDestination) {
  constexpr std::size_t kMany = 1000;
  Desk first;
  for (Token i = 1; i <= kMany; ++i) first.begin(i, "g-" + std::to_string(i), Desk::saga({"http://p/a"}));
  first.sync();

  Desk second({.calls_per_destination = 10});
  for (ShardNo shard = 0; shard < kShards; ++shard) second.worker.on(Acquired{shard, 2, kNever}, second.now);
  for (const Save& save : first.synced) {
    second.worker.on(
        Loaded{save.shard, 2, {save.tid, save.gid, save.shard, save.version, save.summary, *save.plan, save.state}},
        second.now);
  }
  for (ShardNo shard = 0; shard < kShards; ++shard) second.worker.on(LoadEnded{shard, 2}, second.now);
  second.pass(std::chrono::minutes{1});
  EXPECT_EQ(second.worker.open(), kMany);
  std::size_t ended = 0;
  while (!second.calls.empty()) {
    EXPECT_LE(second.calls.size(), 10U);
    second.answer(second.take_call(), Outcome::kDone);
    ++ended;
    second.sync();
  }
  EXPECT_EQ(ended, kMany);
  EXPECT_EQ(second.worker.open(), 0U);
}

TEST(Worker, RULE_R5_NoCallLeavesAfterTheLease) {
  Desk desk;
  const ShardNo shard = shard_of("g", kShards);
  desk.worker.on(Renewed{shard, 1, kT0 + milliseconds{100}}, desk.now);
  desk.begin(1, "g", Desk::saga({"http://p/a"}));
  desk.now = kT0 + milliseconds{100};
  desk.sync();
  EXPECT_TRUE(desk.calls.empty());
  desk.worker.on(Renewed{shard, 1, kNever}, desk.now);
  EXPECT_EQ(desk.calls.size(), 1U);
}

TEST(Worker, RULE_R1_RecoveryComparesNothingWithHopeAndCompensatesAllOpenSteps) {
  Desk first;
  first.begin(1, "g", Desk::saga({"http://p/a", "http://p/b"}));
  first.sync();
  const Save plan = first.synced.back();  // both answers were lost with the process

  Desk second;
  const ShardNo shard = shard_of("g", kShards);
  second.worker.on(Acquired{shard, 2, kNever}, second.now);
  second.worker.on(Loaded{shard, 2, {plan.tid, plan.gid, shard, plan.version, plan.summary, *plan.plan, plan.state}},
                   second.now);
  second.worker.on(LoadEnded{shard, 2}, second.now);
  second.ask(1, Verb::kAbort, "g");
  second.sync();
  second.pass(milliseconds{2999});
  EXPECT_TRUE(second.calls.empty()) << "R7";
  second.pass(milliseconds{1});
  const Sent undo_b = second.take_call();
  EXPECT_EQ(undo_b.branch, "b");
  EXPECT_EQ(undo_b.op, Op::kCompensate);
  second.answer(undo_b, Outcome::kDone);
  EXPECT_EQ(second.take_call().branch, "a");
}

TEST(Worker, AnAnswerToAnEarlierAttemptIsNotTaken) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a"}));
  desk.sync();
  const Sent first = desk.take_call();
  desk.answer(first, Outcome::kUnknown, kAnswerTimeout);
  desk.pass(std::chrono::seconds{1});
  const Sent second = desk.take_call();
  EXPECT_EQ(second.attempt, 2U);
  desk.pass(milliseconds{1});
  EXPECT_EQ(desk.worker.open(), 1U);
  desk.answer(second, Outcome::kDone);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(Worker, ASagaLongerThanFiveSecondsRunsThroughWithoutAPause) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a", "http://p/b", "http://p/c"}));
  desk.sync();
  for (int i = 0; i < 3; ++i) {
    const Sent sent = desk.take_call();
    desk.now += milliseconds{2900};
    desk.answer(sent, Outcome::kDone);  // the next call is there at once, without a tick
  }
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(Worker, FAIL_L5_AThousandStuckTransactionsDoNotDelayAHealthyOne) {
  Desk desk({.calls_per_destination = 10});
  for (Token i = 1; i <= 1000; ++i) desk.begin(i, "stuck-" + std::to_string(i), Desk::saga({"http://stuck:1/a"}));
  desk.sync();
  EXPECT_EQ(desk.calls.size(), 10U);
  desk.calls.clear();
  desk.begin(2000, "healthy", Desk::saga({"http://well:1/a"}));
  desk.sync();
  EXPECT_EQ(desk.take_call().gid, "healthy");
}

TEST(Worker, FAIL_L2_FinishingWorkGetsTheFreeSlotFirst) {
  Desk desk({.calls_per_destination = 1});
  desk.begin(1, "one", Desk::saga({"http://undo/a", "http://other/b"}));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone);
  const Sent b = desk.take_call();
  desk.begin(2, "two", Desk::saga({"http://undo/a"}));
  desk.begin(3, "three", Desk::saga({"http://undo/a"}));
  desk.sync();
  const Sent two = desk.take_call();
  EXPECT_EQ(two.gid, "two");
  desk.answer(b, Outcome::kRefused, 409);
  desk.sync();
  EXPECT_TRUE(desk.calls.empty()) << "no slot";
  desk.answer(two, Outcome::kDone);
  EXPECT_EQ(desk.take_call().op, Op::kCompensate);
}

TEST(Worker, AQueuedCallIsTakenBackWhenTheSagaTurnsBack) {
  Desk desk({.calls_per_destination = 1});
  desk.begin(1, "one", Desk::saga({"http://p/a"}));
  desk.begin(2, "two", Desk::saga({"http://p/a"}));
  desk.sync();
  desk.replies.clear();
  desk.ask(3, Verb::kAbort, "two", std::chrono::seconds{1});
  desk.sync();
  const Said said = desk.take_reply();
  EXPECT_EQ(said.outcome, GlobalOutcome::kAborted) << "it had reached nobody: nothing to undo, nothing to wait for";
  desk.answer(desk.take_call(), Outcome::kDone);
  EXPECT_TRUE(desk.calls.empty());
}

TEST(Worker, FAIL_L1_TooMuchOpenIsRefusedBeforeMemoryGrows) {
  Desk desk({.open_max = 2});
  for (Token i = 1; i <= 3; ++i) desk.begin(i, "g" + std::to_string(i), Desk::saga({"http://p/a"}));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kOverloaded);
  EXPECT_EQ(desk.worker.open(), 2U);
}

TEST(Worker, DeadlineTurnsBack) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a", "http://p/b"}, milliseconds{500}));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.answer(desk.take_call(), Outcome::kRunning, 425);
  desk.sync();
  desk.calls.clear();
  desk.pass(milliseconds{500});
  EXPECT_TRUE(desk.saves.back().forced);
  desk.sync();
  desk.pass(milliseconds{2500});
  EXPECT_EQ(desk.take_call().op, Op::kCompensate);
}

TEST(Worker, ADamagedRecordStopsNobodyElse) {
  Desk desk;
  const ShardNo shard = 0;
  desk.worker.on(Acquired{shard, 2, kNever}, desk.now);
  StoredRecord broken;
  broken.gid = "broken";
  broken.plan = "rubbish";
  desk.worker.on(Loaded{shard, 2, broken}, desk.now);
  desk.worker.on(LoadEnded{shard, 2}, desk.now);
  EXPECT_TRUE(desk.worker.is_ready());
  EXPECT_EQ(desk.events.back(), "damaged record set aside");
}

TEST(Worker, AGoneClientsWaitIsForgotten) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a"}), std::chrono::hours{1});
  desk.sync();
  desk.worker.on(GaveUp{1}, desk.now);
  desk.answer(desk.take_call(), Outcome::kDone);
  EXPECT_FALSE(desk.saves.back().forced) << "nobody waits any more";
  desk.sync();
  EXPECT_TRUE(desk.replies.empty());
}

TEST(Worker, FAIL_O2_ADrainAnswersThoseWhoWaitAndLetsNoCallOut) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a", "http://p/b"}), std::chrono::hours{1});
  desk.sync();
  const Sent first = desk.take_call();
  desk.begin(2, "h", Desk::saga({"http://p/a"}), std::chrono::hours{1});
  desk.worker.on(Drain{}, desk.now);
  EXPECT_EQ(desk.take_reply().outcome, GlobalOutcome::kRunning);
  EXPECT_TRUE(desk.replies.empty()) << "h is not durable yet";
  desk.sync();
  EXPECT_EQ(desk.take_reply().gid, "h");
  desk.answer(first, Outcome::kDone);
  EXPECT_FALSE(desk.saves.empty()) << "what was under way is still recorded";
  desk.pass(std::chrono::hours{1});
  EXPECT_TRUE(desk.calls.empty());
}

TEST(Worker, ReportEndsAnOwedOpAndAContradictionIsAnIncident) {
  Desk desk;
  desk.begin(1, "g", Desk::saga({"http://p/a", "http://p/b"}));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kRunning, 425);
  desk.replies.clear();
  Request report;
  report.token = 2;
  report.verb = Verb::kReport;
  report.gid = "g";
  report.branch = "a";
  report.outcome = Outcome::kDone;
  desk.worker.on(Input(report), desk.now);
  EXPECT_TRUE(desk.replies.empty()) << "its sender forgets it: durable before the answer";
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument);
  EXPECT_EQ(desk.take_call().branch, "b");
  report.token = 3;
  report.outcome = Outcome::kRefused;
  desk.worker.on(Input(report), desk.now);
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kContradiction);
  EXPECT_EQ(desk.worker.incidents(), 1U);
}

constexpr Duration kLazyWait = milliseconds{5};

/// A saga of two steps whose first has just been done.
Sent begin_with_progress(Desk& desk, Token token, Duration wait) {
  desk.begin(token, "g", Desk::saga({"http://p/a", "http://p/b"}), wait);
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone);
  return desk.take_call();
}

TEST(LazySaves, AreCarriedAlongByTheNextForcedOne) {
  Desk desk({}, kLazyWait);
  const Sent second = begin_with_progress(desk, 1, std::chrono::hours{1});
  EXPECT_TRUE(desk.saves.empty()) << "held, while the next call has left";
  EXPECT_EQ(desk.worker.next_due(), kT0 + kLazyWait);
  desk.pass(milliseconds{4});
  desk.answer(second, Outcome::kDone);
  ASSERT_EQ(desk.saves.size(), 1U);
  EXPECT_TRUE(desk.saves[0].forced);
  EXPECT_EQ(desk.saves[0].expected, 1U);
  EXPECT_EQ(desk.saves[0].version, 3U);
  desk.pass(milliseconds{100});
  EXPECT_EQ(desk.saves.size(), 1U) << "nothing is left to be said";
  desk.sync();
  EXPECT_EQ(desk.take_reply().outcome, GlobalOutcome::kCommitted);
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(LazySaves, LeaveByThemselvesInTime) {
  Desk desk({}, kLazyWait);
  const Sent second = begin_with_progress(desk, 1, {});
  desk.take_reply();
  desk.pass(milliseconds{4});
  EXPECT_TRUE(desk.saves.empty());
  desk.answer(second, Outcome::kDone);  // nobody waits: lazy as well, but its turn comes with the first's
  EXPECT_TRUE(desk.saves.empty());
  desk.pass(milliseconds{1});
  ASSERT_EQ(desk.saves.size(), 1U);
  EXPECT_FALSE(desk.saves[0].forced);
  EXPECT_EQ(desk.saves[0].version, 3U);
  EXPECT_EQ(decode_state(desk.saves[0].state)->outcome, GlobalOutcome::kCommitted);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(LazySaves, LeaveAtOnceWhenSomebodyWaitsForThemAfterAll) {
  Desk desk({}, kLazyWait);
  const Sent second = begin_with_progress(desk, 1, {});
  desk.take_reply();
  desk.answer(second, Outcome::kDone);
  desk.ask(2, Verb::kQuery, "g");
  EXPECT_EQ(desk.take_reply().outcome, GlobalOutcome::kRunning) << "answered with what is durable";
  EXPECT_TRUE(desk.saves.empty());
  desk.ask(3, Verb::kQuery, "g", std::chrono::hours{1});
  ASSERT_EQ(desk.saves.size(), 1U);
  EXPECT_TRUE(desk.saves[0].forced);
  EXPECT_TRUE(desk.replies.empty()) << "an outcome is told when it is durable";
  desk.sync();
  EXPECT_EQ(desk.take_reply().outcome, GlobalOutcome::kCommitted);
  EXPECT_EQ(desk.worker.open(), 0U);
}

TEST(LazySaves, AChangeBehindASaveThatIsUnderWayIsHeldAnew) {
  Desk desk({}, kLazyWait);
  const Sent second = begin_with_progress(desk, 1, {});
  desk.pass(kLazyWait);
  ASSERT_EQ(desk.saves.size(), 1U);
  desk.answer(second, Outcome::kUnknown, kAnswerTimeout);
  desk.sync();  // the first one's receipt says nothing about the second
  desk.pass(kLazyWait);
  ASSERT_EQ(desk.saves.size(), 1U);
  EXPECT_EQ(desk.saves[0].expected, 2U);
  EXPECT_EQ(desk.saves[0].version, 3U);
}

TEST(LazySaves, AreNotHeldByAWorkerThatEnds) {
  Desk desk({}, kLazyWait);
  const Sent second = begin_with_progress(desk, 1, {});
  desk.worker.on(Drain{}, desk.now);
  ASSERT_EQ(desk.saves.size(), 1U);
  desk.answer(second, Outcome::kDone);
  EXPECT_EQ(desk.saves.size(), 2U);
}

TEST(LazySaves, GoWithTheirShard) {
  Desk desk({}, kLazyWait);
  (void)begin_with_progress(desk, 1, {});
  desk.worker.on(Lost{shard_of("g", kShards), 1}, desk.now);
  desk.pass(kLazyWait);
  EXPECT_TRUE(desk.saves.empty()) << "the new owner asks again";
  EXPECT_EQ(desk.worker.next_due(), kNever);
}

TEST(Worker, TimersFireInOrderAndOnlyForThoseWhoStillWait) {
  Desk desk;
  for (Token i = 1; i <= 50; ++i) {
    const auto wait = milliseconds{static_cast<std::int64_t>(i * 37 % 50 + 1)};
    desk.begin(i, "g" + std::to_string(i), Desk::saga({"http://p/a"}), wait);
  }
  desk.sync();
  for (Token i = 1; i <= 50; i += 3) desk.worker.on(GaveUp{i}, desk.now);
  desk.pass(milliseconds{60});
  Token before = 0;
  std::size_t heard = 0;
  for (; !desk.replies.empty(); ++heard) {
    const Token token = desk.take_reply().token;
    EXPECT_NE(token % 3, 1U);
    if (before != 0) {
      EXPECT_LT(before * 37 % 50, token * 37 % 50);
    }
    before = token;
  }
  EXPECT_EQ(heard, 33U);
}

Save save_of(std::uint64_t sequence, Version version, bool forced, Epoch epoch = 1) {
  Save save;
  save.tid.sequence = sequence;
  save.expected = version - 1;
  save.version = version;
  save.forced = forced;
  save.epoch = epoch;
  return save;
}

std::vector<Save> take(SaveQueue& queue, std::size_t most = 4096) {
  SaveBatch group;
  queue.take(group, most);
  return {group.all().begin(), group.all().end()};
}

void push(SaveQueue& queue, Save save) { queue.push(save); }

TEST(SaveQueue, SavesOfOneTransactionAreMerged) {
  SaveQueue queue;
  push(queue, save_of(1, 2, false));
  push(queue, save_of(2, 1, true));
  push(queue, save_of(1, 3, true));
  EXPECT_EQ(queue.size(), 2U);
  const std::vector<Save> group = take(queue);
  ASSERT_EQ(group.size(), 2U);
  EXPECT_EQ(group[0].tid.sequence, 1U) << "the place of the first one";
  EXPECT_EQ(group[0].expected, 1U);
  EXPECT_EQ(group[0].version, 3U);
  EXPECT_TRUE(group[0].forced);
  EXPECT_TRUE(queue.empty());
}

TEST(SaveQueue, AForcedSaveStaysForcedUnderALazyOne) {
  SaveQueue queue;
  push(queue, save_of(1, 1, true));
  push(queue, save_of(1, 2, false));
  const std::vector<Save> group = take(queue);
  ASSERT_EQ(group.size(), 1U);
  EXPECT_TRUE(group[0].forced);
}

TEST(SaveQueue, WhatIsTooMuchForOneGroupStaysInOrderAndIsStillMerged) {
  SaveQueue queue;
  for (std::uint64_t i = 1; i <= 10; ++i) push(queue, save_of(i, 1, true));
  EXPECT_EQ(take(queue, 4).size(), 4U);
  push(queue, save_of(7, 2, true));
  push(queue, save_of(2, 2, true));
  const std::vector<Save> rest = take(queue);
  ASSERT_EQ(rest.size(), 7U);
  EXPECT_EQ(rest[0].tid.sequence, 5U);
  EXPECT_EQ(rest[2].version, 2U);
  EXPECT_EQ(rest[6].tid.sequence, 2U);
  EXPECT_EQ(rest[6].expected, 1U) << "its first save has left";
}

TEST(SaveQueue, ASaveOfANewOwnershipReplacesTheOldOne) {
  SaveQueue queue;
  push(queue, save_of(1, 7, true, 1));
  push(queue, save_of(1, 4, false, 2));
  const std::vector<Save> group = take(queue);
  ASSERT_EQ(group.size(), 1U);
  EXPECT_EQ(group[0].epoch, 2U);
  EXPECT_EQ(group[0].expected, 3U);
  EXPECT_FALSE(group[0].forced);
}

TEST(SaveBatch, HandsOutTheMemoryOfSpentSavesAndNothingElseOfThem) {
  SaveBatch batch;
  Save save = save_of(1, 1, true);
  save.state = std::string(100, 's');
  save.plan = std::make_shared<const std::string>("plan");
  const std::weak_ptr<const std::string> plan = save.plan;
  const char* const memory = save.state.data();
  batch.add(save);
  EXPECT_EQ(batch.all()[0].state.size(), 100U);
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(plan.expired());
  save = save_of(2, 1, true);
  batch.add(save);
  EXPECT_EQ(save.state.data(), memory);
  EXPECT_EQ(batch.all()[0].tid.sequence, 2U);

  SaveBatch other;
  Save third = save_of(3, 1, true);
  other.add(third);
  batch.add_all(other);
  EXPECT_TRUE(other.empty());
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch.all()[1].tid.sequence, 3U);
}

TEST(Gate, DestinationIsSchemeHostAndPort) {
  EXPECT_EQ(destination_of("http://a:1/x/y?z"), "http://a:1");
  EXPECT_EQ(destination_of("http://a:1"), "http://a:1");
  EXPECT_EQ(destination_of("http://a:1?x"), "http://a:1");
}

TEST(Gate, IdleDestinationsDoNotPileUp) {
  DestinationGate gate(1);
  for (int i = 0; i < 50'000; ++i) {
    const auto slot = gate.enter("http://host-" + std::to_string(i) + "/", kT0);
    ASSERT_TRUE(slot.admitted);
    EXPECT_EQ(gate.leave(slot.id, 200, kT0), Breaker::Change::kNone);
    ASSERT_FALSE(gate.next(slot.id, kT0));
  }
  EXPECT_LE(gate.destinations(), 10'001U);
}

TEST(ShardOf, ReadsTheShardOfAServerMadeGidAndSpreadsTheOthers) {
  EXPECT_EQ(shard_of(Tid{123, 1, 77, 5}.text(), 256), 77);
  std::vector<int> counts(256, 0);
  for (int i = 0; i < 25'600; ++i) ++counts[shard_of("order-" + std::to_string(i), 256)];
  for (const int count : counts) EXPECT_GT(count, 40);
}

}  // namespace
}  // namespace settle::engine
