#include "settle/message.h"

#include "sdk/account.h"
#include "sdk/daemon_world.h"

// A local transaction and a message: both or none. The sender keeps an account in SQLite.

namespace settle::sdk_tests {
namespace {

using barrier::Made;
using barrier::Work;

class SdkMessage : public DaemonWorld {
 protected:
  void SetUp() override {
    DaemonWorld::SetUp();
    ASSERT_TRUE(account.good());
    ParticipantRouter router;
    router.on("/check", [this](const BranchCall& call) {
      ++checks;
      const Sqlite own = account.open();
      sqlite3_busy_timeout(own.get(), 50);  // somebody may be in the middle of it
      const BranchAnswer answer = check_back(own.get(), call);
      ++answered_checks;
      return answer;
    });
    Result<ParticipantServer> started = ParticipantServer::start(std::move(router));
    ASSERT_TRUE(started) << started.error().message;
    server.emplace(std::move(*started));
  }

  Message mail(std::string_view gid = {}) {
    Message out(gid);
    out.retry(quick()).check(server->url("/check"), std::chrono::minutes{10});
    out.target("mail", url("/mail")).input(R"({"to":"bob"})");
    out.on_abort("sorry", url("/sorry"));
    return out;
  }
  Made pay(Work work) {
    EXPECT_EQ(work, Work::kApply);
    const bool paid = Account::run(db.get(), "UPDATE account SET free = free - 30, times = times + 1");
    return paid ? Made::done(R"({"paid":30})") : Made::failed("no update");
  }
  Result<Sent> send_paid(const Message& message) {
    return send(client, message, db.get(), [this](Work work) { return pay(work); });
  }
  /// The check-back is due in ten minutes, so that a slow machine never sees one before its time. Now it is.
  void check_now(const std::string& gid) {
    EXPECT_EQ(settled.admin().post("/v1/transactions/" + gid + "/retry", R"({"reason":"test"})").status, 200);
  }
  Result<Transaction> ended(const std::string& gid) { return client.wait(gid, Wait::for_end(live::kPatience)); }

  Client client{options()};
  Account account{place.path("account.db"), 100};
  Sqlite db = account.open();
  std::atomic<int> checks{0};
  std::atomic<int> answered_checks{0};
  std::optional<ParticipantServer> server;
};

TEST_F(SdkMessage, FEAT_M14_ItIsSentWithTheLocalTransaction) {
  const Message message = mail();
  const auto sent = send_paid(message);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->how, Sent::How::kSent);
  EXPECT_EQ(sent->body, R"({"paid":30})");
  ASSERT_TRUE(ended(message.gid())->committed());
  EXPECT_EQ(account.free(), 70);
  EXPECT_EQ(heard(), std::vector<std::string>{"deliver /mail"});

  const auto again = send_paid(message);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->how, Sent::How::kSent);
  EXPECT_EQ(again->body, R"({"paid":30})") << "the stored answer";
  EXPECT_EQ(account.free(), 70);
  EXPECT_EQ(count("deliver /mail"), 1U);
}

TEST_F(SdkMessage, ARefusalDropsIt) {
  const Message message = mail();
  const auto sent = send(client, message, db.get(), [](Work) { return Made::refused("no credit"); });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->how, Sent::How::kDropped);
  EXPECT_EQ(sent->reason, "no credit");
  const auto told = ended(message.gid());
  ASSERT_TRUE(told && told->aborted());
  EXPECT_EQ(told->reason, "no credit");
  EXPECT_EQ(checks, 0) << "nobody had to ask";
  ASSERT_TRUE(live::eventually(live::kPatience, [&] { return count("compensate /sorry") == 1; }));
  EXPECT_EQ(count("deliver /mail"), 0U);

  const auto again = send_paid(message);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->how, Sent::How::kDropped) << "the tombstone holds";
  EXPECT_EQ(account.free(), 100);
}

TEST_F(SdkMessage, RULE_R3_AnUnknownCommitIsNeitherSubmittedNorAborted) {
  for (const bool happened : {true, false}) {
    const Message message = mail();
    const int before = account.free();
    const int checks_before = checks;
    // The commit's answer is lost, after it happened or without.
    const LocalTransaction local = [&](const barrier::Call& call, const barrier::Business& business) {
      EXPECT_EQ(call.op, "local") << "nothing else may follow";
      EXPECT_EQ(call.branch, "00");
      if (happened) {
        EXPECT_EQ(barrier::run(db.get(), call, business).answer, barrier::Answer::kDone);
      }
      return barrier::Reply{barrier::Answer::kUnknown, {}, "lost", Error{ErrorCode::kUnknownOutcome, "lost"}};
    };
    const auto sent = send(client, message, local, [this](Work work) { return pay(work); });
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::kUnknownOutcome);
    check_now(message.gid());
    const auto told = ended(message.gid());  // the check-back finds out
    ASSERT_TRUE(told);
    EXPECT_EQ(told->committed(), happened);
    EXPECT_EQ(told->aborted(), !happened);
    EXPECT_EQ(account.free(), before - (happened ? 30 : 0));
    EXPECT_GT(checks, checks_before);
  }
  EXPECT_EQ(count("deliver /mail"), 1U);
}

TEST_F(SdkMessage, ALocalTransactionThatFailsMayBeTriedAgain) {
  const Message message = mail();
  const auto failed = send(client, message, db.get(), [](Work) { return Made::failed("the disk is slow"); });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(failed.error().message.find("the disk is slow"), std::string::npos);
  EXPECT_TRUE(client.query(message.gid())->running());
  EXPECT_EQ(send_paid(message)->how, Sent::How::kSent);
  EXPECT_TRUE(ended(message.gid())->committed());
}

TEST_F(SdkMessage, MSG_T2_TheCheckBackForbidsALateLocalTransaction) {
  const Message message = mail();
  ASSERT_TRUE(client.begin(message));
  check_now(message.gid());
  ASSERT_TRUE(ended(message.gid())->aborted()) << "nothing was committed, so the check-back says so";
  const auto sent = send_paid(message);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->how, Sent::How::kDropped);
  EXPECT_EQ(account.free(), 100);
}

TEST_F(SdkMessage, TheTombstoneIsSeenEvenIfTheDaemonHasNotYetDecided) {
  const Message message = mail();
  const auto prepared = client.begin(message);
  ASSERT_TRUE(prepared);
  // A check-back whose answer was lost on the way: the tombstone stands, the daemon does not know.
  const barrier::Call check{message.gid(), "00", "check", prepared->tid};
  const Sqlite other = account.open();
  ASSERT_EQ(barrier::run(other.get(), check, [](Work) { return Made::done(); }).answer, barrier::Answer::kAborted);
  const auto sent = send_paid(message);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->how, Sent::How::kDropped);
  EXPECT_TRUE(ended(message.gid())->aborted());
  EXPECT_EQ(account.free(), 100);
}

TEST_F(SdkMessage, ARefusalBesideATwinThatCommittedDoesNotDropIt) {
  const Message message = mail();
  // Two processes send the same order; ours is refused because the other one's has just been committed.
  const LocalTransaction local = [&](const barrier::Call& call, const barrier::Business& business) {
    if (call.op != "local") return barrier::run(db.get(), call, business);
    EXPECT_EQ(barrier::run(db.get(), call, [this](Work work) { return pay(work); }).answer, barrier::Answer::kDone);
    return barrier::Reply{barrier::Answer::kRefused, {}, "this order is there already", std::nullopt};
  };
  const auto sent = send(client, message, local, [](Work) { return Made::done(); });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->how, Sent::How::kSent);
  EXPECT_TRUE(ended(message.gid())->committed());
  EXPECT_EQ(account.free(), 70);
}

TEST_F(SdkMessage, MSG_T3_ALostSubmitIsMadeUpByTheCheckBack) {
  const Message message = mail();
  ClientOptions hurried = options();
  hurried.patience = seconds{5};
  Client impatient(hurried);
  const auto sent = send(impatient, message, db.get(), [this](Work work) {
    settled.kill();  // between prepare and submit
    return pay(work);
  });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->how, Sent::How::kWillBeSent);
  ASSERT_TRUE(settled.start()) << settled.log();
  check_now(message.gid());
  const auto told = ended(message.gid());
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->committed());
  EXPECT_EQ(count("deliver /mail"), 1U);
  EXPECT_GT(checks, 0);
}

TEST_F(SdkMessage, MSG_T4_ACheckBackDuringTheLocalTransactionWaitsForIt) {
  const Message message = mail();
  const auto sent = send(client, message, db.get(), [&](Work work) {
    const Made made = pay(work);
    check_now(message.gid());
    EXPECT_TRUE(live::eventually(live::kPatience, [&] { return answered_checks > 0; })) << "the row is held meanwhile";
    return made;
  });
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(sent->how, Sent::How::kSent);
  EXPECT_TRUE(ended(message.gid())->committed());
  EXPECT_EQ(account.free(), 70);
}

TEST_F(SdkMessage, MSG_T1_WithoutADaemonNothingIsDoneLocally) {
  settled.kill();
  ClientOptions hurried = options();
  hurried.patience = milliseconds{200};
  Client impatient(hurried);
  const auto sent = send(impatient, mail(), db.get(), [this](Work work) { return pay(work); });
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(account.free(), 100);
  Message unchecked;
  EXPECT_EQ(send_paid(unchecked).error().code, ErrorCode::kInvalid);
}

TEST_F(SdkMessage, PoliciesOfTargets) {
  answer("/a", 409, "{}");
  Message message;
  message.retry(quick()).ordered();
  message.target("a", url("/a")).on_refused(TargetPolicy::kDegrade).degrade(FollowUp("note", url("/note")));
  message.target("b", url("/b")).on_refused(TargetPolicy::kCompensate).compensate(url("/unb"));
  const auto told = client.run(message, live::kPatience);
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->committed());
  ASSERT_TRUE(live::eventually(live::kPatience, [&] { return count("deliver /note") == 1; }));
  EXPECT_EQ(count("deliver /b"), 1U);
}

}  // namespace
}  // namespace settle::sdk_tests
