#include <mysql.h>
#include <settle/ids.h>

#include "barrier/world_testing.h"

namespace settle::barrier::testing {
namespace {

template <typename Database>
class BarrierAnswers : public Barrier<Database> {};
TYPED_TEST_SUITE(BarrierAnswers, Databases, DatabaseNames);

TYPED_TEST(BarrierAnswers, FAIL_C1_EmptyUndoSucceedsWithoutWorkAndLeavesItsMark) {
  for (const char* const op : {"cancel", "rollback", "compensate"}) {
    const std::string gid = this->new_gid();
    EXPECT_EQ(this->answer(gid, op), Answer::kDone);
    EXPECT_EQ(this->answer(gid, op), Answer::kDone);
    EXPECT_EQ(this->effects(gid), 0);
    EXPECT_EQ(this->state(gid), stored(protocol::BarrierRow::kTombstone));
  }
}

TYPED_TEST(BarrierAnswers, FAIL_C2_WhatComesAfterItsUndoIsRefused) {
  for (const auto& [undo, forward] :
       {std::pair{"cancel", "try"}, std::pair{"rollback", "prepare"}, std::pair{"compensate", "action"}}) {
    const std::string gid = this->new_gid();
    EXPECT_EQ(this->answer(gid, undo), Answer::kDone);
    const Reply late = this->run(this->call(gid, forward));
    EXPECT_EQ(late.answer, Answer::kRefused);
    EXPECT_FALSE(late.reason.empty());
    EXPECT_EQ(this->effects(gid), 0);
  }
}

TYPED_TEST(BarrierAnswers, FAIL_C7_RepeatOfACancelledTryHearsThatItWasCancelledNotThatItIsDone) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->run(this->call(gid, "try"), "reserved").body, "reserved");
  EXPECT_EQ(this->answer(gid, "cancel"), Answer::kDone);
  EXPECT_EQ(this->answer(gid, "try"), Answer::kRefused);
  EXPECT_EQ(this->answer(gid, "confirm"), Answer::kConflict);
  EXPECT_EQ(this->effects(gid, "apply"), 1);
  EXPECT_EQ(this->effects(gid, "undo"), 1);
  EXPECT_EQ(this->effects(gid, "fulfil"), 0);
}

TYPED_TEST(BarrierAnswers, RepeatsAreAnsweredLikeTheFirstAndBothPhasesHaveTheirOwnAnswer) {
  const std::string gid = this->new_gid();
  // Bytes that a careless statement would spoil.
  std::string tried("{\"seat\":'14\\';--\"}\n");
  tried.push_back('\0');
  tried += "\xff\xc3\x28 end";
  EXPECT_EQ(this->run(this->call(gid, "try"), tried).body, tried);
  EXPECT_EQ(this->run(this->call(gid, "try"), "another").body, tried);
  EXPECT_EQ(this->run(this->call(gid, "confirm"), "ticket").body, "ticket");
  EXPECT_EQ(this->run(this->call(gid, "confirm"), "another").body, "ticket");
  EXPECT_EQ(this->run(this->call(gid, "try"), "another").body, tried);
  EXPECT_EQ(this->effects(gid), 2);
}

TYPED_TEST(BarrierAnswers, AnswerOfTheGreatestLengthIsKeptAndALongerOneIsNot) {
  const std::string gid = this->new_gid();
  const Reply too_long = this->run(this->call(gid, "try"), std::string(kAnswerBytesMax + 1, 'x'));
  EXPECT_EQ(too_long.answer, Answer::kUnknown);
  ASSERT_TRUE(too_long.error);
  EXPECT_EQ(too_long.error->code, ErrorCode::kTooLarge);
  EXPECT_EQ(this->effects(gid), 0);
  const std::string longest(kAnswerBytesMax, 'y');
  EXPECT_EQ(this->run(this->call(gid, "try"), longest).answer, Answer::kDone);
  EXPECT_EQ(this->run(this->call(gid, "try")).body, longest);
}

TYPED_TEST(BarrierAnswers, RefusalTakesBothTheChangeAndTheRowBackAndALaterAttemptMaySucceed) {
  const std::string gid = this->new_gid();
  const Call call = this->call(gid, "try");
  const Reply refused = barrier::run(this->link_.get(), call, [&](Work work) {
    (void)this->effect(this->link_, call)(work);
    return Made::refused("no money");
  });
  EXPECT_EQ(refused.answer, Answer::kRefused);
  EXPECT_EQ(refused.reason, "no money");
  EXPECT_EQ(this->rows(gid), 0);
  EXPECT_EQ(this->effects(gid), 0);
  EXPECT_EQ(this->run(call).answer, Answer::kDone);
  EXPECT_EQ(this->effects(gid), 1);
}

TYPED_TEST(BarrierAnswers, FAIL_C5_WhatFailsOrThrowsAfterAChangeLeavesNothingBehind) {
  const std::string gid = this->new_gid();
  const Call call = this->call(gid, "try");
  for (const bool throws : {false, true}) {
    const Reply reply = barrier::run(this->link_.get(), call, [&](Work work) {
      (void)this->effect(this->link_, call)(work);
      if (throws) throw std::runtime_error("a bug");
      return Made::failed("no");
    });
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnavailable);
  }
  EXPECT_EQ(this->rows(gid), 0);
  EXPECT_EQ(this->effects(gid), 0);
  // So the undo finds nothing to undo, and there is nothing.
  EXPECT_EQ(this->answer(gid, "cancel"), Answer::kDone);
  EXPECT_EQ(this->effects(gid), 0);
}

TYPED_TEST(BarrierAnswers, FAIL_C9_DecidedOpThatTheBusinessRefusesIsUnknownAndStaysToBeDone) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->answer(gid, "try"), Answer::kDone);
  for (const char* const op : {"confirm", "cancel"}) {
    const Reply reply =
        barrier::run(this->link_.get(), this->call(gid, op), [](Work) { return Made::refused("not today"); });
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    EXPECT_EQ(this->state(gid), stored(protocol::BarrierRow::kHeld));
  }
  EXPECT_EQ(this->answer(gid, "confirm"), Answer::kDone);
  EXPECT_EQ(this->effects(gid, "fulfil"), 1);
}

TYPED_TEST(BarrierAnswers, FAIL_C6_NamedSubKeysMayComeInAnyOrder) {
  const std::string gid = this->new_gid();
  const auto reserve = [&](const std::string& part) { return this->run(this->call(gid, "try", "b1." + part), part); };
  EXPECT_EQ(reserve("stock").body, "stock");
  EXPECT_EQ(reserve("points").body, "points");
  EXPECT_EQ(reserve("points").body, "points");
  EXPECT_EQ(reserve("stock").body, "stock");
  EXPECT_EQ(this->effects(gid), 2);
}

TYPED_TEST(BarrierAnswers, FAIL_C4_RowIsWrittenOnTheCallersHandleAndOnlyInItsOpenTransaction) {
  const std::string gid = this->new_gid();
  const Call call = this->call(gid, "try");
  const auto without = enter(this->link_.get(), call);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::kInvalid);

  this->link_.run(TypeParam::kBegin);
  const Reply inside = barrier::run(this->link_.get(), call, this->effect(this->link_, call));
  ASSERT_TRUE(inside.error);
  EXPECT_EQ(inside.error->code, ErrorCode::kInvalid);
  const auto verdict = enter(this->link_.get(), call);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->work, Work::kApply);
  (void)this->effect(this->link_, call)(verdict->work);
  ASSERT_TRUE(store_answer(this->link_.get(), call, "kept"));
  this->link_.run("ROLLBACK");  // the caller's word is the last: row, answer and change go together
  EXPECT_EQ(this->rows(gid), 0);
  EXPECT_EQ(this->effects(gid), 0);
}

TYPED_TEST(BarrierAnswers, AnswerIsKeptOnlyByTheTransactionThatEntered) {
  const std::string gid = this->new_gid();
  const Call call = this->call(gid, "try");
  this->link_.run(TypeParam::kBegin);
  const auto kept = store_answer(this->link_.get(), call, "x");
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::kConflict);
  this->link_.run("ROLLBACK");

  const Reply restarted = barrier::run(this->link_.get(), call, [&](Work) {
    this->link_.run("ROLLBACK");
    this->link_.run(TypeParam::kBegin);
    return Made::done("answer");
  });
  EXPECT_EQ(restarted.answer, Answer::kUnknown);
  EXPECT_EQ(this->rows(gid), 0);
}

TYPED_TEST(BarrierAnswers, HandlerThatEndsItsTransactionIsNeverAnsweredDone) {
  const std::string gid = this->new_gid();
  const Reply reply = barrier::run(this->link_.get(), this->call(gid, "try"), [&](Work) {
    this->link_.run("ROLLBACK");
    return Made::done();
  });
  EXPECT_EQ(reply.answer, Answer::kUnknown);
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);
}

TYPED_TEST(BarrierAnswers, HandlerThatOverlooksItsErrorIsAnsweredWhatIsTrue) {
  const std::string gid = this->new_gid();
  const Call call = this->call(gid, "try");
  const Reply reply = barrier::run(this->link_.get(), call, [&](Work work) {
    Made made = this->effect(this->link_, call)(work);
    (void)this->link_.try_to("INSERT INTO no_such_table VALUES (1)");
    return made;
  });
  // PostgreSQL gives the whole transaction up; the others only the statement.
  EXPECT_EQ(reply.answer == Answer::kDone, this->effects(gid) == 1);
  EXPECT_EQ(reply.answer == Answer::kDone, this->rows(gid) == 1);
  EXPECT_EQ(this->run(call).answer, Answer::kDone);
  EXPECT_EQ(this->effects(gid), 1);
}

TYPED_TEST(BarrierAnswers, CommitThatTheDatabaseRefusesHasNotHappened) {
  this->link_.run("DROP TABLE IF EXISTS child");
  this->link_.run("DROP TABLE IF EXISTS parent");
  this->link_.run("CREATE TABLE parent (id INTEGER PRIMARY KEY)");
  if constexpr (std::is_same_v<TypeParam, SqliteFile>) this->link_.run("PRAGMA foreign_keys = ON");
  // InnoDB knows no deferred constraints: there the statement itself fails.
  this->link_.run(std::is_same_v<TypeParam, MariaDbServer>
                      ? "CREATE TABLE child (id INTEGER REFERENCES parent (id))"
                      : "CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)");
  const std::string gid = this->new_gid();
  const Reply reply = barrier::run(this->link_.get(), this->call(gid, "try"),
                                   [&](Work) { return this->link_.try_to("INSERT INTO child VALUES (7)"); });
  EXPECT_EQ(reply.answer, Answer::kUnknown);
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kUnavailable);  // and not kUnknownOutcome: it is known
  EXPECT_EQ(this->rows(gid), 0);
  EXPECT_EQ(this->answer(gid, "cancel"), Answer::kDone);
}

TYPED_TEST(BarrierAnswers, CheckAndLocalTransactionOfAMessageSettleWhichOfThemWasFirst) {
  const auto call = [this](const std::string& gid, const char* op) { return this->call(gid, op, "00"); };
  const std::string committed = this->new_gid();
  EXPECT_EQ(this->run(call(committed, "local")).answer, Answer::kDone);
  EXPECT_EQ(this->run(call(committed, "check")).answer, Answer::kCommitted);
  EXPECT_EQ(this->run(call(committed, "local")).answer, Answer::kDone);
  EXPECT_EQ(this->effects(committed), 1);

  const std::string forbidden = this->new_gid();
  EXPECT_EQ(this->run(call(forbidden, "check")).answer, Answer::kAborted);
  EXPECT_EQ(this->run(call(forbidden, "local")).answer, Answer::kRefused);
  EXPECT_EQ(this->run(call(forbidden, "check")).answer, Answer::kAborted);
  EXPECT_EQ(this->effects(forbidden), 0);

  const std::string open = this->new_gid();
  const auto other = this->connect();
  Answer meanwhile = Answer::kUnknown;
  const Reply local = barrier::run(this->link_.get(), call(open, "local"), [&](Work work) {
    meanwhile = barrier::run(other.get(), call(open, "check"), {}, Options{std::chrono::milliseconds{1}, 3}).answer;
    return this->effect(this->link_, call(open, "local"))(work);
  });
  EXPECT_EQ(meanwhile, Answer::kRunning);
  EXPECT_EQ(local.answer, Answer::kDone);
  EXPECT_EQ(this->run(call(open, "check")).answer, Answer::kCommitted);
}

TYPED_TEST(BarrierAnswers, CallsWithBadNamesAreInvalidAndReachNoDatabase) {
  const std::string tid = Tid{1, 2, 3, 4}.text();
  for (const Call& call :
       {Call{"", "b", "try", ""}, Call{"g'; --", "b", "try", ""}, Call{std::string(129, 'g'), "b", "try", ""},
        Call{"g", "", "try", ""}, Call{"g", "b\\", "try", ""}, Call{"g", "b", "", ""}, Call{"g", "b", "Try", ""},
        Call{"g", "b", "try", "x"}, Call{"g", "b", "try", tid + "0"}}) {
    const Reply reply = barrier::run(static_cast<typename TypeParam::Handle>(nullptr), call, {});
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kInvalid);
  }
  const Reply nobody = barrier::run(static_cast<typename TypeParam::Handle>(nullptr), Call{"g", "b", "try", tid}, {});
  ASSERT_TRUE(nobody.error);
  EXPECT_EQ(nobody.error->code, ErrorCode::kInvalid);
}

TYPED_TEST(BarrierAnswers, LongestNamesFitAndCaseMatters) {
  const std::string gid(128, 'g');
  const std::string branch(64, 'b');
  EXPECT_EQ(this->run(Call{gid, branch, "compensate", {}}).answer, Answer::kDone);
  EXPECT_EQ(this->run(Call{gid, branch, "action", {}}).answer, Answer::kRefused);
  EXPECT_EQ(this->run(Call{std::string(128, 'G'), branch, "action", {}}).answer, Answer::kDone);
  EXPECT_EQ(this->run(Call{gid, std::string(64, 'B'), "action", {}}).answer, Answer::kDone);
}

TEST(BarrierInMariaDb, HowTheCallerCountsRowsDoesNotMatter) {
  const auto link = MariaDbServer::connect(shared<MariaDbServer>().server().port(), CLIENT_FOUND_ROWS);
  const Call call{"found-rows", "b1", "try", {}};
  int applied = 0;
  const auto business = [&](Work) {
    ++applied;
    return Made::done("x");
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(barrier::run(link.get(), call, business).body, "x");
  EXPECT_EQ(applied, 1);
}

TEST(BarrierInMariaDb, ConnectionThatReconnectsByItselfIsNotUsed) {
  const auto link = shared<MariaDbServer>().connect();
  const my_bool on = 1;
  (void)mysql_options(link.get(), MYSQL_OPT_RECONNECT, &on);
  const Reply reply = barrier::run(link.get(), Call{"reconnects", "b1", "try", {}}, {});
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace settle::barrier::testing
