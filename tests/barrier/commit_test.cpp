#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <semaphore>

#include "barrier/gate.h"
#include "barrier/world_testing.h"

namespace settle::barrier::testing {
namespace {

using protocol::BarrierRow;

/// A commit whose answer is lost: the caller must not guess, and asking again must find out.
template <typename Database>
class BarrierCommit : public Barrier<Database> {
 protected:
  void TearDown() override {
    // The others work with the server that this one killed.
    shared<Database>().server().start();
  }

  void reconnect() { this->link_ = this->connect(); }
};
using Servers = ::testing::Types<PostgresServer, MariaDbServer>;
TYPED_TEST_SUITE(BarrierCommit, Servers, DatabaseNames);

struct LostCommit {
  Gate::Cut cut;
  bool kills_the_server;
  bool happened;
};
constexpr LostCommit kLostCommits[] = {{Gate::Cut::kBeforeCommit, false, false},
                                       {Gate::Cut::kAfterCommit, false, true},
                                       {Gate::Cut::kBeforeCommit, true, false},
                                       {Gate::Cut::kAfterCommit, true, true}};

TYPED_TEST(BarrierCommit, FAIL_C3_LostAnswerOfACommitIsUnknownAndTheRepeatFindsOut) {
  for (const LostCommit& lost : kLostCommits) {
    SCOPED_TRACE(::testing::Message() << "server killed: " << lost.kills_the_server
                                      << ", committed: " << lost.happened);
    auto& server = shared<TypeParam>().server();
    Gate gate(server.port());
    const auto through_gate = TypeParam::connect(gate.port());
    std::counting_semaphore<> is_killed(0);
    gate.cut(lost.cut, [&] {
      if (lost.kills_the_server) server.kill();
      is_killed.release();
    });
    const std::string gid = this->new_gid();
    const Call call = this->call(gid, "try");
    const Reply reply = barrier::run(through_gate.get(), call, this->effect(through_gate, call, "first"));
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);

    if (lost.kills_the_server) {
      is_killed.acquire();
      server.start();
      this->reconnect();
    }
    // The server may need a moment to see that the line is cut; until then it holds the row.
    const Reply repeat = barrier::run(this->link_.get(), call, this->effect(this->link_, call, "second"),
                                      Options{live::kPatience, 1000});
    EXPECT_EQ(repeat.answer, Answer::kDone) << repeat.reason;
    EXPECT_EQ(repeat.body, lost.happened ? "first" : "second");
    EXPECT_EQ(this->effects(gid), 1);
  }
}

TYPED_TEST(BarrierCommit, CheckBackTellsWhatBecameOfALocalTransactionWhoseCommitWasNotAnswered) {
  for (const LostCommit& lost : kLostCommits) {
    if (lost.kills_the_server) continue;
    Gate gate(shared<TypeParam>().server().port());
    const auto through_gate = TypeParam::connect(gate.port());
    gate.cut(lost.cut, nullptr);
    const std::string gid = this->new_gid();
    const Call local = this->call(gid, "local", "00");
    const Reply reply = barrier::run(through_gate.get(), local, this->effect(through_gate, local));
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);
    const Reply check =
        barrier::run(this->link_.get(), this->call(gid, "check", "00"), {}, Options{live::kPatience, 1000});
    EXPECT_EQ(check.answer, lost.happened ? Answer::kCommitted : Answer::kAborted);
    EXPECT_EQ(this->effects(gid), lost.happened ? 1 : 0);
    const Reply late = barrier::run(this->link_.get(), local, this->effect(this->link_, local));
    EXPECT_EQ(late.answer, lost.happened ? Answer::kDone : Answer::kRefused);
    EXPECT_EQ(this->effects(gid), lost.happened ? 1 : 0);
  }
}

TYPED_TEST(BarrierCommit, ConnectionThatBreaksBeforeTheCommitIsKnownNotToHaveHappened) {
  auto& server = shared<TypeParam>().server();
  const std::string gid = this->new_gid();
  const Call call = this->call(gid, "try");
  const Reply reply = barrier::run(this->link_.get(), call, [&](Work work) {
    const Made made = this->effect(this->link_, call)(work);
    server.kill();
    return this->link_.try_to("SELECT 1").how() == Made::How::kDone ? made : Made::failed("the server is gone");
  });
  EXPECT_EQ(reply.answer, Answer::kUnknown);
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kUnavailable);
  const Reply down = this->run(call);
  ASSERT_TRUE(down.error);
  EXPECT_EQ(down.error->code, ErrorCode::kUnavailable);
  server.start();
  this->reconnect();
  EXPECT_EQ(this->run(call).answer, Answer::kDone);
  EXPECT_EQ(this->effects(gid), 1);
}

class BarrierCommitInSqlite : public Barrier<SqliteFile> {};

[[noreturn]] void die() {
  (void)::kill(::getpid(), SIGKILL);
  ::_exit(1);
}

TEST_F(BarrierCommitInSqlite, FAIL_C3_ProcessThatDiesAroundItsCommitFindsOutByAskingAgain) {
  for (const bool after : {false, true}) {
    const std::string gid = new_gid();
    const Call attempt = call(gid, "try");
    const pid_t child = ::fork();
    if (child == 0) {
      const Link link = connect();
      if (after) {
        (void)sqlite3_wal_hook(link.get(), [](void*, sqlite3*, const char*, int) -> int { die(); }, nullptr);
      } else {
        (void)sqlite3_commit_hook(link.get(), [](void*) -> int { die(); }, nullptr);
      }
      (void)barrier::run(link.get(), attempt, effect(link, attempt, "first"));
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const Reply repeat = barrier::run(link_.get(), attempt, effect(link_, attempt, "second"));
    EXPECT_EQ(repeat.answer, Answer::kDone) << repeat.reason;
    EXPECT_EQ(repeat.body, after ? "first" : "second");
    EXPECT_EQ(effects(gid), 1);
  }
}

/// No byte may be added to a file while this lives: what a full or broken disk does to a commit.
class FullDisk {
 public:
  FullDisk() {
    (void)::signal(SIGXFSZ, SIG_IGN);
    (void)::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    (void)::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() { (void)::setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

TEST_F(BarrierCommitInSqlite, CommitThatTheDiskRefusesIsNotAnsweredDoneAndTheRepeatFindsOut) {
  const std::string gid = new_gid();
  const Call attempt = call(gid, "try");
  Reply reply;
  {
    const FullDisk disk;
    reply = barrier::run(link_.get(), attempt, effect(link_, attempt, "first"));
  }
  EXPECT_EQ(reply.answer, Answer::kUnknown);
  EXPECT_TRUE(reply.error);
  EXPECT_EQ(run(attempt, "second").body, "second");
  EXPECT_EQ(effects(gid), 1);
}

TEST_F(BarrierCommitInSqlite, CommitThatAHookForbidsHasNotHappened) {
  const std::string gid = new_gid();
  (void)sqlite3_commit_hook(link_.get(), [](void*) { return 1; }, nullptr);
  const Reply reply = run(call(gid, "try"));
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kUnavailable);
  (void)sqlite3_commit_hook(link_.get(), nullptr, nullptr);
  EXPECT_EQ(rows(gid), 0);
}

}  // namespace
}  // namespace settle::barrier::testing
