#include <barrier>
#include <set>
#include <thread>
#include <vector>

#include "barrier/world_testing.h"

namespace settle::barrier::testing {
namespace {

using std::chrono::milliseconds;

constexpr Options kPatient{milliseconds{30'000}, 10'000};
constexpr Options kHasty{milliseconds{1}, 10'000};

/// Each claim on every isolation level the database has.
template <typename Database>
class BarrierRaces : public Barrier<Database> {
 protected:
  using typename Barrier<Database>::Link;

  static Link connect_at(int isolation) {
    Link link = Barrier<Database>::connect();
    link.run(Database::isolation(isolation));
    return link;
  }

  /// `count` callers, each with a connection of its own, all set off at once.
  template <typename What>
  static void at_once(int count, int isolation, What what) {
    std::barrier start(count);
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        const Link link = connect_at(isolation);
        start.arrive_and_wait();
        what(link, i);
      });
    }
  }
};
TYPED_TEST_SUITE(BarrierRaces, Databases, DatabaseNames);

TYPED_TEST(BarrierRaces, RepeatDuringTheFirstHearsRunningThenTheFirstsAnswer) {
  for (int level = 0; level < TypeParam::kIsolations; ++level) {
    SCOPED_TRACE(TypeParam::isolation(level));
    const Call call = this->call(this->new_gid(), "try");
    const auto first = this->connect_at(level);
    const auto second = this->connect_at(level);
    Reply meanwhile;
    const Reply reply = barrier::run(first.get(), call, [&](Work work) {
      meanwhile = barrier::run(second.get(), call, this->effect(second, call), kHasty);
      return this->effect(first, call, "first")(work);
    });
    EXPECT_EQ(meanwhile.answer, Answer::kRunning);
    EXPECT_EQ(reply.answer, Answer::kDone) << reply.reason;
    const Reply repeat = barrier::run(second.get(), call, this->effect(second, call, "second"));
    EXPECT_EQ(repeat.answer, Answer::kDone);
    EXPECT_EQ(repeat.body, "first");
    EXPECT_EQ(this->effects(call.gid), 1);
  }
}

TYPED_TEST(BarrierRaces, FAIL_C2_CancelDuringAnUncommittedTryWaitsForItAndUndoesIt) {
  for (int level = 0; level < TypeParam::kIsolations; ++level) {
    SCOPED_TRACE(TypeParam::isolation(level));
    const std::string gid = this->new_gid();
    const Call attempt = this->call(gid, "try");
    const Call cancel = this->call(gid, "cancel");
    const auto first = this->connect_at(level);
    const auto second = this->connect_at(level);
    Reply hasty;
    Reply patient;
    std::jthread waiting;
    const Reply reply = barrier::run(first.get(), attempt, [&](Work work) {
      hasty = barrier::run(second.get(), cancel, this->effect(second, cancel), kHasty);
      waiting =
          std::jthread([&] { patient = barrier::run(second.get(), cancel, this->effect(second, cancel), kPatient); });
      return this->effect(first, attempt)(work);
    });
    waiting.join();
    EXPECT_EQ(hasty.answer, Answer::kRunning);
    EXPECT_EQ(reply.answer, Answer::kDone) << reply.reason;
    EXPECT_EQ(patient.answer, Answer::kDone) << patient.reason;
    EXPECT_EQ(this->effects(gid, "apply"), 1);
    EXPECT_EQ(this->effects(gid, "undo"), 1);
  }
}

TYPED_TEST(BarrierRaces, FAIL_C2_CancelDuringATryThatRollsBackForbidsItsRepeat) {
  for (int level = 0; level < TypeParam::kIsolations; ++level) {
    SCOPED_TRACE(TypeParam::isolation(level));
    const std::string gid = this->new_gid();
    const Call cancel = this->call(gid, "cancel");
    const auto first = this->connect_at(level);
    const auto second = this->connect_at(level);
    Reply patient;
    std::jthread waiting;
    const Reply reply = barrier::run(first.get(), this->call(gid, "try"), [&](Work) {
      waiting =
          std::jthread([&] { patient = barrier::run(second.get(), cancel, this->effect(second, cancel), kPatient); });
      return Made::refused("no money");
    });
    waiting.join();
    EXPECT_EQ(reply.answer, Answer::kRefused);
    EXPECT_EQ(patient.answer, Answer::kDone) << patient.reason;
    EXPECT_EQ(this->answer(gid, "try"), Answer::kRefused);
    EXPECT_EQ(this->effects(gid), 0);
  }
}

TYPED_TEST(BarrierRaces, FAIL_C3_FAIL_C12_ThirtyTwoRepeatsAtOnceHaveOneEffectAndOneAnswer) {
  for (int level = 0; level < TypeParam::kIsolations; ++level) {
    SCOPED_TRACE(TypeParam::isolation(level));
    const std::string gid = this->new_gid();
    for (const char* const op : {"try", "confirm"}) {
      std::mutex lock;
      std::set<std::string> answers;
      this->at_once(32, level, [&](const auto& link, int i) {
        const Call call = this->call(gid, op);
        const Reply reply = barrier::run(link.get(), call, this->effect(link, call, op + std::to_string(i)), kPatient);
        const std::lock_guard guard(lock);
        answers.insert(text_of(reply.answer) + " " + reply.body + reply.reason);
      });
      EXPECT_EQ(answers.size(), 1U) << ::testing::PrintToString(answers);
      EXPECT_TRUE(answers.begin()->starts_with("done " + std::string(op))) << *answers.begin();
    }
    EXPECT_EQ(this->effects(gid, "apply"), 1);
    EXPECT_EQ(this->effects(gid, "fulfil"), 1);
  }
}

TYPED_TEST(BarrierRaces, FAIL_C3_TriesAndCancelsAtOnceEndInNothing) {
  for (int level = 0; level < TypeParam::kIsolations; ++level) {
    SCOPED_TRACE(TypeParam::isolation(level));
    for (int round = 0; round < 5; ++round) {
      const std::string gid = this->new_gid();
      this->at_once(8, level, [&](const auto& link, int i) {
        const Call call = this->call(gid, i % 2 == 0 ? "try" : "cancel");
        const Reply reply = barrier::run(link.get(), call, this->effect(link, call), kPatient);
        EXPECT_TRUE(reply.answer == Answer::kDone || (i % 2 == 0 && reply.answer == Answer::kRefused))
            << call.op << ": " << text_of(reply.answer) << " " << reply.reason;
      });
      EXPECT_EQ(this->state(gid), stored(protocol::BarrierRow::kTombstone));
      EXPECT_EQ(this->effects(gid, "apply"), this->effects(gid, "undo"));
      EXPECT_LE(this->effects(gid, "apply"), 1);
    }
  }
}

TYPED_TEST(BarrierRaces, SerializationFailuresAreTriedAgainUntilEveryEffectIsThereOnce) {
  constexpr int kThreads = 6;
  constexpr int kEach = 10;
  for (int level = 0; level < TypeParam::kIsolations; ++level) {
    SCOPED_TRACE(TypeParam::isolation(level));
    const std::string account = this->new_gid();
    this->link_.run("INSERT INTO account VALUES ('" + account + "', 0, 0)");
    this->at_once(kThreads, level, [&](const auto& link, int i) {
      for (int j = 0; j < kEach; ++j) {
        const std::string branch = std::to_string(i) + "." + std::to_string(j);
        const Reply reply = barrier::run(
            link.get(), this->call(account, "action", branch),
            [&](Work) {
              // Reads, then writes what it read plus one: wrong unless serialized or locked.
              return link.try_to("UPDATE account SET available = available + 1 WHERE name = '" + account + "'");
            },
            kPatient);
        EXPECT_EQ(reply.answer, Answer::kDone) << reply.reason;
      }
    });
    EXPECT_EQ(this->link_.number("SELECT available FROM account WHERE name = '" + account + "'"), kThreads * kEach);
  }
}

template <typename Database>
class BarrierDeadlock : public BarrierRaces<Database> {};
using WithRowLocks = ::testing::Types<PostgresServer, MariaDbServer>;
TYPED_TEST_SUITE(BarrierDeadlock, WithRowLocks, DatabaseNames);

TYPED_TEST(BarrierDeadlock, FAIL_C3_VictimOfADeadlockIsTriedAgain) {
  for (int level = 0; level < TypeParam::kIsolations; ++level) {
    SCOPED_TRACE(TypeParam::isolation(level));
    const std::string gid = this->new_gid();
    for (const char* const side : {"0", "1"})
      this->link_.run("INSERT INTO account VALUES ('" + gid + side + "', 0, 0)");
    std::barrier both_hold_one(2);
    std::atomic<int> attempts{0};
    this->at_once(2, level, [&](const auto& link, int i) {
      bool first = true;
      const auto add = [&](int side) {
        return link.try_to("UPDATE account SET available = available + 1 WHERE name = '" + gid + std::to_string(side) +
                           "'");
      };
      const Reply reply = barrier::run(
          link.get(), this->call(gid, "action", "b" + std::to_string(i)),
          [&](Work) {
            ++attempts;
            Made made = add(i);
            if (made.how() != Made::How::kDone) return made;
            if (std::exchange(first, false)) both_hold_one.arrive_and_wait();
            return add(1 - i);
          },
          kPatient);
      EXPECT_EQ(reply.answer, Answer::kDone) << reply.reason;
    });
    EXPECT_GE(attempts, 3);
    for (const char* const side : {"0", "1"}) {
      EXPECT_EQ(this->link_.number("SELECT available FROM account WHERE name = '" + gid + side + "'"), 2);
    }
  }
}

TYPED_TEST(BarrierDeadlock, HandlerThatOverlooksADeadlockIsNeverAnsweredDone) {
  const std::string gid = this->new_gid();
  for (const char* const side : {"0", "1"}) this->link_.run("INSERT INTO account VALUES ('" + gid + side + "', 0, 0)");
  std::barrier both_hold_one(2);
  std::array<Reply, 2> replies;
  this->at_once(2, 1, [&](const auto& link, int i) {
    const auto add = [&](int side) {
      (void)link.try_to("UPDATE account SET available = available + 1 WHERE name = '" + gid + std::to_string(side) +
                        "'");
    };
    replies[static_cast<std::size_t>(i)] =
        barrier::run(link.get(), this->call(gid, "action", "b" + std::to_string(i)), [&](Work) {
          add(i);
          both_hold_one.arrive_and_wait();
          add(1 - i);
          return Made::done();
        });
  });
  const auto done = [&](std::size_t i) { return replies[i].answer == Answer::kDone; };
  EXPECT_NE(done(0), done(1));
  EXPECT_EQ(this->rows(gid), 1);
  EXPECT_EQ(replies[done(0) ? 1 : 0].answer, Answer::kUnknown);
}

TYPED_TEST(BarrierDeadlock, LimitOnWaitingIsTheBarriersAlone) {
  // Somebody holds a row of the business longer than the barrier would wait for its own.
  const std::string gid = this->new_gid();
  this->link_.run("INSERT INTO account VALUES ('" + gid + "', 0, 0)");
  const auto other = this->connect();
  other.run(TypeParam::kBegin);
  other.run("UPDATE account SET available = 5 WHERE name = '" + gid + "'");
  std::jthread later;
  int calls = 0;
  const Reply reply = barrier::run(
      this->link_.get(), this->call(gid, "action"),
      [&](Work) {
        if (++calls == 1) {
          later = std::jthread([&] {
            std::this_thread::sleep_for(milliseconds{300});  // longer than the limit; how much is of no matter
            other.run("COMMIT");
          });
        }
        return this->link_.try_to("UPDATE account SET available = available + 1 WHERE name = '" + gid + "'");
      },
      kHasty);
  EXPECT_EQ(reply.answer, Answer::kDone) << reply.reason;
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(this->link_.number("SELECT available FROM account WHERE name = '" + gid + "'"), 6);
}

TYPED_TEST(BarrierRaces, TablesMayBeMadeByManyAtOnce) {
  this->at_once(4, 0, [&](const auto& link, int) {
    // SQLite says that the file is busy; the others wait for each other.
    EXPECT_TRUE(live::eventually(live::kPatience, [&] { return install(link.get(), std::chrono::hours{24}).ok(); }));
  });
}

}  // namespace
}  // namespace settle::barrier::testing
