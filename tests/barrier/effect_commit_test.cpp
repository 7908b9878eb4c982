#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <semaphore>

#include "barrier/effect_testing.h"
#include "barrier/gate.h"

// Around an effect outside stand two commits. Whatever breaks at or between them: the deed is done once, and whoever
// asks until there is an answer hears what was done.

namespace settle::barrier::testing {
namespace {

using protocol::BarrierRow;

template <typename Database>
class BarrierEffectCommit : public BarrierOutside<Database> {
 protected:
  void TearDown() override { shared<Database>().server().start(); }  // the others work with it

  void revive() {
    shared<Database>().server().start();
    this->link_ = this->connect();
  }

  /// What a coordinator does until it knows; in between the time limit passes.
  Reply ask_until_known(const std::string& gid, Elsewhere& bank) {
    Reply reply;
    EXPECT_TRUE(live::eventually(live::kPatience, [&] {
      reply = this->outside(
          gid, "action", [&](const Attempt& attempt) { return Made::done(bank.act(attempt.key, "second", false)); },
          [&](const Attempt& attempt) { return bank.find(attempt.key); });
      this->time_passes(gid);
      return reply.answer == Answer::kDone;
    })) << reply.reason;
    return reply;
  }
};
using Servers = ::testing::Types<PostgresServer, MariaDbServer>;
TYPED_TEST_SUITE(BarrierEffectCommit, Servers, DatabaseNames);

struct LostCommit {
  Gate::Cut cut;
  bool kills_the_server;
};
constexpr LostCommit kLostCommits[] = {{Gate::Cut::kBeforeCommit, false},
                                       {Gate::Cut::kAfterCommit, false},
                                       {Gate::Cut::kBeforeCommit, true},
                                       {Gate::Cut::kAfterCommit, true}};

TYPED_TEST(BarrierEffectCommit, FAIL_C5_NothingBeginsWhoseBeginningWasNotAcknowledged) {
  for (const LostCommit& lost : kLostCommits) {
    SCOPED_TRACE(::testing::Message() << "server killed: " << lost.kills_the_server << ", cut " << int(lost.cut));
    auto& server = shared<TypeParam>().server();
    Gate gate(server.port());
    const auto through_gate = TypeParam::connect(gate.port());
    std::counting_semaphore<> is_killed(0);
    gate.cut(lost.cut, [&] {
      if (lost.kills_the_server) server.kill();
      is_killed.release();
    });
    const std::string gid = this->new_gid();
    Elsewhere bank;
    const Effect effect{[&](const Attempt& attempt) { return Made::done(bank.act(attempt.key, "first", false)); }, {}};
    const Reply reply = run_effect(through_gate.get(), this->call(gid, "action"), effect);
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnavailable);
    EXPECT_EQ(bank.times(gid + "/b1/action"), 0);
    is_killed.acquire();
    if (lost.kills_the_server) this->revive();
    EXPECT_EQ(this->ask_until_known(gid, bank).body, "second");
    EXPECT_EQ(bank.times(gid + "/b1/action"), 1);
  }
}

TYPED_TEST(BarrierEffectCommit, FAIL_C5_LostAcknowledgementThatItIsDoneIsFoundOut) {
  for (const LostCommit& lost : kLostCommits) {
    SCOPED_TRACE(::testing::Message() << "server killed: " << lost.kills_the_server << ", cut " << int(lost.cut));
    auto& server = shared<TypeParam>().server();
    Gate gate(server.port());
    const auto through_gate = TypeParam::connect(gate.port());
    std::counting_semaphore<> is_killed(0);
    const std::string gid = this->new_gid();
    Elsewhere bank;
    Effect effect;
    effect.act = [&](const Attempt& attempt) {
      gate.cut(lost.cut, [&] {
        if (lost.kills_the_server) server.kill();
        is_killed.release();
      });
      return Made::done(bank.act(attempt.key, "first", false));
    };
    const Reply reply = run_effect(through_gate.get(), this->call(gid, "action"), effect);
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);
    is_killed.acquire();
    if (lost.kills_the_server) this->revive();
    EXPECT_EQ(this->ask_until_known(gid, bank).body, "first");
    EXPECT_EQ(bank.times(gid + "/b1/action"), 1);
  }
}

TYPED_TEST(BarrierEffectCommit, FAIL_C5_DatabaseThatDiesDuringTheEffectStillKnowsThatItBegan) {
  const std::string gid = this->new_gid();
  Elsewhere bank;
  const Reply reply = this->outside(gid, "action", [&](const Attempt& attempt) {
    shared<TypeParam>().server().kill();
    return Made::done(bank.act(attempt.key, "first", false));
  });
  EXPECT_EQ(reply.answer, Answer::kUnknown);
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);
  this->revive();
  EXPECT_TRUE(this->stands(gid, BarrierRow::kBegun));
  EXPECT_EQ(this->ask_until_known(gid, bank).body, "first");
  EXPECT_EQ(bank.times(gid + "/b1/action"), 1);
}

[[noreturn]] void die() {
  (void)::kill(::getpid(), SIGKILL);
  ::_exit(1);
}

/// A deed that outlives the process that does it: one byte in a file.
class Deeds {
 public:
  void act() const {
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    EXPECT_EQ(::write(file, "!", 1), 1);
    ::close(file);
  }
  [[nodiscard]] std::int64_t times() const {
    struct stat found{};
    return ::stat(path_.c_str(), &found) == 0 ? found.st_size : 0;
  }
  [[nodiscard]] Found find() const { return times() > 0 ? Found::done("found") : Found::never(); }

 private:
  live::Place place_{"deeds"};
  std::string path_ = place_.path("deeds");
};

/// Where the process dies.
enum class Place : std::uint8_t {
  kBeforeFirstCommit,
  kAfterFirstCommit,
  kBeforeDeed,
  kAfterDeed,
  kBeforeSecondCommit,
  kAfterSecondCommit,
};

template <typename Database>
class BarrierEffectDeath : public BarrierOutside<Database> {
 protected:
  /// A process that does the deed and dies on the way.
  void die_at(Place place, const Call& call, const Deeds& deeds) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto link = this->connect();
      arm(link, place);
      const Effect effect{[&](const Attempt&) {
                            if (place == Place::kBeforeDeed) die();
                            deeds.act();
                            if (place == Place::kAfterDeed) die();
                            return Made::done("first");
                          },
                          {}};
      (void)run_effect(link.get(), call, effect);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }

  /// Only SQLite commits inside of the process.
  static void arm(const Connection<sqlite3*>& link, Place place) {
    static int commits;
    static int last;
    commits = 0;
    last = place == Place::kBeforeFirstCommit || place == Place::kAfterFirstCommit ? 1 : 2;
    if (place == Place::kBeforeFirstCommit || place == Place::kBeforeSecondCommit) {
      (void)sqlite3_commit_hook(link.get(), [](void*) -> int { return ++commits == last ? (die(), 0) : 0; }, nullptr);
    }
    if (place == Place::kAfterFirstCommit || place == Place::kAfterSecondCommit) {
      const auto after = [](void*, sqlite3*, const char*, int) -> int { return ++commits == last ? (die(), 0) : 0; };
      (void)sqlite3_wal_hook(link.get(), after, nullptr);
    }
  }
  template <typename Other>
  static void arm(const Other& /*link*/, Place /*place*/) {}
};
TYPED_TEST_SUITE(BarrierEffectDeath, Databases, DatabaseNames);

TYPED_TEST(BarrierEffectDeath, FAIL_C5_ProcessThatDiesAroundItsDeedIsFoundOutOrUndone) {
  constexpr Place kPlaces[] = {Place::kBeforeFirstCommit, Place::kAfterFirstCommit,   Place::kBeforeDeed,
                               Place::kAfterDeed,         Place::kBeforeSecondCommit, Place::kAfterSecondCommit};
  for (const Place place : kPlaces) {
    if (TypeParam::kLocksRows && place != Place::kBeforeDeed && place != Place::kAfterDeed) continue;
    for (const bool undoes : {false, true}) {
      SCOPED_TRACE(::testing::Message() << "place " << int(place) << ", undone: " << undoes);
      const std::string gid = this->new_gid();
      const Deeds deeds;
      this->die_at(place, this->call(gid, "action"), deeds);
      const bool began = place > Place::kBeforeFirstCommit;
      const bool happened = place >= Place::kAfterDeed;
      const bool known = place == Place::kAfterSecondCommit;
      EXPECT_EQ(deeds.times(), happened ? 1 : 0);
      EXPECT_EQ(this->state(gid), stored(known ? BarrierRow::kDone : began ? BarrierRow::kBegun : BarrierRow::kAbsent));
      // A crash is no proof that nothing of it is on its way.
      const auto act = [&](const Attempt& attempt) {
        if (attempt.work == Work::kApply) deeds.act();
        return Made::done("second");
      };
      const auto find = [&](const Attempt&) { return deeds.find(); };
      if (began && !known) {
        EXPECT_EQ(this->outside(gid, "action", act, find).answer, Answer::kRunning);
        EXPECT_EQ(this->outside(gid, "compensate", act).answer, Answer::kRunning);
      }
      this->time_passes(gid);
      this->acts_ = 0;
      if (undoes) {
        EXPECT_EQ(this->outside(gid, "compensate", act).answer, Answer::kDone);
        EXPECT_EQ(this->acts_, began ? 1 : 0)
            << "the undo of what may have happened runs, that of what never began is empty";
        EXPECT_EQ(this->outside(gid, "action", act, find).answer, Answer::kRefused);
        EXPECT_EQ(deeds.times(), happened ? 1 : 0);
      } else {
        const Reply repeat = this->outside(gid, "action", act, find);
        EXPECT_EQ(repeat.answer, Answer::kDone) << repeat.reason;
        EXPECT_EQ(repeat.body, known ? "first" : happened ? "found" : "second");
        EXPECT_EQ(deeds.times(), 1);
      }
    }
  }
}

}  // namespace
}  // namespace settle::barrier::testing
