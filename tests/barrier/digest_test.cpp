#include "barrier/world_testing.h"

// The same op with another request is another wish under a used name: answering it as the first was answered would say
// that it is fulfilled.

namespace settle::barrier::testing {
namespace {

template <typename Database>
class BarrierDigest : public Barrier<Database> {
 protected:
  Reply ask(const std::string& gid, const std::string& op, const std::string& request, const std::string& answer = {}) {
    return this->run(this->call_with(gid, op, request), answer);
  }

  void expect_conflict(const Reply& reply) {
    EXPECT_EQ(reply.answer, Answer::kConflict);
    EXPECT_NE(reply.reason.find("another request body"), std::string::npos) << reply.reason;
    EXPECT_TRUE(reply.body.empty());
  }
};
TYPED_TEST_SUITE(BarrierDigest, Databases, DatabaseNames);

TYPED_TEST(BarrierDigest, FAIL_C12_SecondForwardOpUnderOneBranchIdIsNotAnsweredWithTheFirsts) {
  for (const char* const op : {"action", "deliver", "local", "try", "prepare"}) {
    const std::string gid = this->new_gid();
    EXPECT_EQ(this->ask(gid, op, "seat 14", "fourteen").body, "fourteen");
    this->expect_conflict(this->ask(gid, op, "seat 15", "fifteen"));
    EXPECT_EQ(this->ask(gid, op, "seat 14", "another").body, "fourteen") << "the conflict has left nothing behind";
    EXPECT_EQ(this->effects(gid), 1);
  }
}

TYPED_TEST(BarrierDigest, SecondPhaseAndUndoHaveARequestOfTheirOwn) {
  const std::string confirmed = this->new_gid();
  EXPECT_EQ(this->ask(confirmed, "try", "hold 30").answer, Answer::kDone);
  EXPECT_EQ(this->ask(confirmed, "confirm", "take 30", "taken").body, "taken");
  this->expect_conflict(this->ask(confirmed, "confirm", "take 40"));
  EXPECT_EQ(this->ask(confirmed, "confirm", "take 30").body, "taken");
  EXPECT_EQ(this->ask(confirmed, "try", "hold 30").answer, Answer::kDone);
  this->expect_conflict(this->ask(confirmed, "try", "hold 40"));
  EXPECT_EQ(this->effects(confirmed), 2);

  for (const auto& [forward, undo] :
       {std::pair{"try", "cancel"}, std::pair{"prepare", "rollback"}, std::pair{"action", "compensate"}}) {
    const std::string gid = this->new_gid();
    EXPECT_EQ(this->ask(gid, forward, "a").answer, Answer::kDone);
    EXPECT_EQ(this->ask(gid, undo, "b").answer, Answer::kDone);
    this->expect_conflict(this->ask(gid, undo, "c"));
    EXPECT_EQ(this->effects(gid), 2);
    const std::string empty = this->new_gid();
    EXPECT_EQ(this->ask(empty, undo, "b").answer, Answer::kDone);
    this->expect_conflict(this->ask(empty, undo, "c"));
    EXPECT_EQ(this->ask(empty, undo, "b").answer, Answer::kDone);
    // What is refused for good is refused, whatever it asked for.
    EXPECT_EQ(this->ask(empty, forward, "anything").answer, Answer::kRefused);
  }
}

TYPED_TEST(BarrierDigest, WhoSaysNoDigestIsComparedWithNobody) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->run(this->call(gid, "try"), "first").body, "first");
  EXPECT_EQ(this->ask(gid, "try", "a").body, "first");
  EXPECT_EQ(this->ask(gid, "try", "b").body, "first");
  EXPECT_EQ(this->ask(gid, "confirm", "a", "second").body, "second");
  EXPECT_EQ(this->run(this->call(gid, "confirm")).body, "second");
}

TYPED_TEST(BarrierDigest, RefusedAttemptForgetsItsRequestWithEverythingElse) {
  const std::string gid = this->new_gid();
  const Call call = this->call_with(gid, "try", "200 seats");
  EXPECT_EQ(barrier::run(this->link_.get(), call, [](Work) { return Made::refused("too many"); }).answer,
            Answer::kRefused);
  EXPECT_EQ(this->ask(gid, "try", "2 seats").answer, Answer::kDone);
}

TYPED_TEST(BarrierDigest, CallersWithTransactionsOfTheirOwnHearOfItToo) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->ask(gid, "try", "a", "first").body, "first");
  // Even if the caller commits in spite of the answer, nothing has changed.
  this->link_.run(TypeParam::kBegin);
  const auto verdict = enter(this->link_.get(), this->call_with(gid, "try", "b"));
  this->link_.run("COMMIT");
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(verdict->work, Work::kNothing);
  EXPECT_EQ(verdict->answer, Answer::kConflict);
  EXPECT_EQ(this->ask(gid, "try", "a").body, "first");
}

TYPED_TEST(BarrierDigest, DigestIsSha256AndNothingElseIsTaken) {
  EXPECT_EQ(digest_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (const std::string& digest : {std::string("x"), std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'A'),
                                    "'; DELETE FROM settle_barrier; --" + std::string(31, 'a')}) {
    const Reply reply = this->run(Call{this->new_gid(), "b1", "try", {}, digest});
    ASSERT_TRUE(reply.error) << digest;
    EXPECT_EQ(reply.error->code, ErrorCode::kInvalid);
  }
}

template <typename Database>
class BarrierDigestInSql : public Barrier<Database> {
 protected:
  Asked ask(const Call& call) {
    this->link_.run(Database::kBegin);
    const Asked asked = ask_in_sql(this->link_, call);
    if (asked.work != "nothing") this->link_.run(answer_in_sql(this->link_, call, "in sql"));
    this->link_.run("COMMIT");
    return asked;
  }
};
using WithProcedures = ::testing::Types<PostgresServer, MariaDbServer>;
TYPED_TEST_SUITE(BarrierDigestInSql, WithProcedures, DatabaseNames);

TYPED_TEST(BarrierDigestInSql, FAIL_C12_PlainSqlAndTheSdkKnowEachOthersRequests) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->ask(this->call_with(gid, "try", "a")).work, "apply");
  EXPECT_EQ(this->ask(this->call_with(gid, "try", "a")).stored, "in sql");
  EXPECT_EQ(this->ask(this->call(gid, "try")).stored, "in sql");
  const Asked other = this->ask(this->call_with(gid, "try", "b"));
  EXPECT_EQ(other.work + " " + other.answer + other.stored, "nothing conflict");
  EXPECT_EQ(this->run(this->call_with(gid, "try", "b")).answer, Answer::kConflict);
  EXPECT_EQ(this->run(this->call_with(gid, "try", "a")).body, "in sql");

  EXPECT_EQ(this->run(this->call_with(gid, "confirm", "c"), "in c++").body, "in c++");
  EXPECT_EQ(this->ask(this->call_with(gid, "confirm", "d")).answer, "conflict");
  EXPECT_EQ(this->ask(this->call_with(gid, "confirm", "c")).stored, "in c++");
  const std::string undone = this->new_gid();
  EXPECT_EQ(this->ask(this->call_with(undone, "cancel", "c")).answer, "done");
  EXPECT_EQ(this->ask(this->call_with(undone, "cancel", "d")).answer, "conflict");
  EXPECT_EQ(this->ask(this->call_with(undone, "cancel", "c")).answer, "done");
}

TYPED_TEST(BarrierDigestInSql, DigestThatIsNoneIsAnError) {
  Call call = this->call(this->new_gid(), "try");
  for (const std::string& digest : {std::string("x"), std::string(64, 'G'), std::string(63, 'a')}) {
    call.digest = digest;
    EXPECT_THROW(ask_in_sql(this->link_, call), std::runtime_error) << digest;
  }
}

}  // namespace
}  // namespace settle::barrier::testing
