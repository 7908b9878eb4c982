#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "base/log.h"
#include "live/place.h"
#include "storage/contract/fixture.h"
#include "storage/postgres/locks.h"
#include "storage/postgres/postgres_testing.h"

namespace settle {
namespace {

using contract::begin_save;
using contract::expect_same;
using contract::kShard;
using contract::next_save;
using contract::tid_of;
using live::eventually;
using live::kPatience;
using postgres_testing::forget_everything;
using postgres_testing::number_of;
using postgres_testing::open_store;
using postgres_testing::run_sql;
using postgres_testing::server;
using postgres_testing::url_of;

constexpr Duration kLasting = std::chrono::seconds(60);

Epoch own(PostgresStore& store, const std::string& owner) {
  const ShardNo shards[] = {kShard};
  const auto leases = store.acquire(shards, owner, kLasting);
  if (!leases.ok()) {
    ADD_FAILURE() << leases.error().message;
    return 0;
  }
  return leases->size() == 1 ? leases->front().epoch : 0;
}

SaveStatus commit_one(PostgresStore& store, const Save& save) {
  const auto receipts = store.commit(std::span(&save, 1));
  if (receipts.ok()) return receipts->front().status;
  ADD_FAILURE() << receipts.error().message;
  return SaveStatus::kConflict;
}

void let_leases_expire(std::uint16_t port) { run_sql(port, "UPDATE settle.shard SET held_until = now()"); }

/// The server's process behind one connection of the store of `node`.
pid_t session(std::uint16_t port, const std::string& part, const std::string& node) {
  return static_cast<pid_t>(
      number_of(port, "SELECT pid FROM pg_stat_activity WHERE application_name = 'settled " + part + " " + node + "'"));
}

bool waits_for_a_lock(std::uint16_t port, const std::string& part, const std::string& node) {
  return number_of(port,
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = "
                   "'settled " +
                       part + " " + node + "'") > 0;
}

/// Stops a process for as long as it lives.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) { EXPECT_EQ(::kill(pid, SIGSTOP), 0); }
  ~Stopped() { go_on(); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  void go_on() {
    if (pid_ > 0) (void)::kill(std::exchange(pid_, -1), SIGCONT);
  }

 private:
  pid_t pid_;
};

class PostgresFault : public ::testing::Test {
 protected:
  void SetUp() override { forget_everything(server().port()); }

  [[nodiscard]] static std::uint16_t port() { return server().port(); }
  static std::unique_ptr<PostgresStore> open(const std::string& node = "", Duration patience = kLasting) {
    return open_store({.url = url_of(port()), .node = node, .lock_patience = patience});
  }
};

// ------------------------------------------------------------------------------------------------ the server dies

/// Group `i`: begins of eight transactions and the second version of the eight before.
std::vector<Save> story_group(std::uint64_t i, Epoch epoch) {
  std::vector<Save> out;
  for (std::uint64_t n = 8 * i; n < 8 * i + 8; ++n) out.push_back(begin_save(n, epoch));
  if (i == 0) return out;
  for (std::uint64_t n = 8 * i - 8; n < 8 * i; ++n) out.push_back(next_save(begin_save(n, epoch), n));
  return out;
}

TEST_F(PostgresFault, FAIL_H1_KillOfTheServerLosesNoAcknowledgedGroupAndHalvesNone) {
  std::uint64_t first = 0;  // group of this round; those before it are known
  for (const std::uint64_t kill_after : {1U, 3U, 10U, 40U, 90U}) {
    auto store = open();
    const Epoch epoch = own(*store, "a");
    std::atomic<std::uint64_t> acknowledged{first};
    std::thread writer([&] {
      for (std::uint64_t i = first;; ++i) {
        const auto receipts = store->commit(story_group(i, epoch));
        if (!receipts) {
          EXPECT_EQ(receipts.error().code, ErrorCode::kUnknownOutcome) << receipts.error().message;
          return;
        }
        for (const Receipt& receipt : *receipts) EXPECT_EQ(receipt.status, SaveStatus::kSaved);
        acknowledged.store(i + 1);
      }
    });
    EXPECT_TRUE(eventually(kPatience, [&] { return acknowledged.load() >= first + kill_after; }));
    server().kill();
    writer.join();
    server().start();

    // The store has stopped for ever: nobody knows what it would follow upon.
    EXPECT_EQ(store->commit(story_group(acknowledged, epoch)).error().code, ErrorCode::kUnknownOutcome);
    const ShardNo shards[] = {kShard};
    EXPECT_EQ(store->acquire(shards, "a", kLasting).error().code, ErrorCode::kUnavailable);

    const auto next = open();
    const auto is_there = [&](const Save& save) {
      const auto found = next->get(save.tid);
      if (!found) {
        EXPECT_EQ(found.error().code, ErrorCode::kNotFound) << found.error().message;
        return false;
      }
      if (found->version != save.version) return false;
      expect_same(*found, save);
      return true;
    };
    const std::uint64_t known = acknowledged.load();
    for (std::uint64_t n = 8 * (first > 0 ? first - 1 : 0); n + 8 < 8 * known; ++n) {
      EXPECT_TRUE(is_there(next_save(begin_save(n, epoch), n))) << "transaction " << n << ", acknowledged";
    }
    std::size_t kept = 0;
    const std::vector<Save> last = story_group(known, epoch);
    for (const Save& save : last) kept += is_there(save) ? 1U : 0U;
    EXPECT_TRUE(kept == 0 || kept == last.size()) << kept << " of " << last.size() << " saves of one group";
    first = kept == 0 ? known : known + 1;
  }
}

TEST_F(PostgresFault, ReadsAndLeasesReconnectAfterARestartOfTheServer) {
  auto store = open("a");
  const Epoch epoch = own(*store, "a");
  const Save save = begin_save(1, epoch);
  ASSERT_EQ(commit_one(*store, save), SaveStatus::kSaved);
  ASSERT_TRUE(store->put_value("s", "k", "v").ok());
  server().stop();
  EXPECT_EQ(store->get(save.tid).error().code, ErrorCode::kUnavailable);
  const Lease held[] = {{kShard, epoch}};
  EXPECT_EQ(store->renew(held, "a", kLasting).error().code, ErrorCode::kUnavailable);
  server().start();
  const auto found = store->get(save.gid);
  ASSERT_TRUE(found.ok()) << found.error().message;
  expect_same(*found, save);
  EXPECT_EQ(*store->get_value("s", "k"), "v");
  EXPECT_TRUE(store->put_value("s", "k", "w").ok());
  ASSERT_TRUE(eventually(kPatience, [&] { return store->renew(held, "a", kLasting).ok(); }));
  EXPECT_EQ(store->renew(held, "a", kLasting)->size(), 1U);
  EXPECT_EQ(store->commit(std::span(&save, 1)).error().code, ErrorCode::kUnknownOutcome);
}

TEST_F(PostgresFault, FAIL_I10_GroupOverALostConnectionHasAnUnknownOutcomeAndIsTheLast) {
  auto store = open("a");
  const Epoch epoch = own(*store, "a");
  const Save first = begin_save(1, epoch);
  ASSERT_EQ(commit_one(*store, first), SaveStatus::kSaved);
  run_sql(port(), "SELECT pg_terminate_backend(" + std::to_string(session(port(), "writer", "a")) + ")");
  const Save second = begin_save(2, epoch);
  EXPECT_EQ(store->commit(std::span(&second, 1)).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(store->commit(std::span(&second, 1)).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(store->probe().error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(store->get(first.tid).ok());
  EXPECT_EQ(store->get(second.tid).error().code, ErrorCode::kNotFound);
}

TEST_F(PostgresFault, SilentServerIsNotWaitedForForEver) {
  {
    const auto installs = open("installer");
  }  // which takes its time on a busy machine
  auto store = open_store({.url = url_of(port()), .node = "a", .answer_max = std::chrono::seconds(3)});
  const Epoch epoch = own(*store, "a");
  const Save save = begin_save(1, epoch);
  const Stopped stopped(session(port(), "writer", "a"));
  EXPECT_EQ(store->commit(std::span(&save, 1)).error().code, ErrorCode::kUnknownOutcome);
}

TEST_F(PostgresFault, FAIL_I5_CommitThatAStandbyMayNotHaveIsUnknown) {
  auto store = open("a");
  const Epoch epoch = own(*store, "a");
  const Save save = begin_save(1, epoch);
  run_sql(port(), "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  run_sql(port(), "SELECT pg_reload_conf()");
  ASSERT_TRUE(eventually(kPatience, [&] {
    return number_of(port(),
                     "SELECT count(*)::int4 FROM pg_settings WHERE name = 'synchronous_standby_names' AND "
                     "setting = 'nobody'") == 1;
  }));
  std::thread writer([&] {
    const auto receipts = store->commit(std::span(&save, 1));
    EXPECT_FALSE(receipts.ok());
    if (!receipts.ok()) {
      EXPECT_EQ(receipts.error().code, ErrorCode::kUnknownOutcome);
    }
  });
  const pid_t pid = session(port(), "writer", "a");
  EXPECT_TRUE(eventually(kPatience, [&] {
    return number_of(port(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid = " +
                                 std::to_string(pid)) == 1;
  }));
  run_sql(port(), "SELECT pg_cancel_backend(" + std::to_string(pid) + ")");  // ends the wait, not the commit
  writer.join();
  run_sql(port(), "ALTER SYSTEM RESET synchronous_standby_names");
  run_sql(port(), "SELECT pg_reload_conf()");
  EXPECT_TRUE(store->get(save.tid).ok());
}

// --------------------------------------------------------------------------------------------------- two daemons

TEST_F(PostgresFault, INV_I14_ExpiredLeaseGoesToTheOtherDaemonWhoseEpochFencesTheFirst) {
  auto a = open("a");
  auto b = open("b");
  const Epoch first = own(*a, "a");
  const Save save = begin_save(1, first);
  ASSERT_EQ(commit_one(*a, save), SaveStatus::kSaved);
  EXPECT_EQ(own(*b, "b"), 0U);  // held
  let_leases_expire(port());
  const Epoch second = own(*b, "b");
  EXPECT_GT(second, first);
  EXPECT_EQ(commit_one(*a, next_save(save, 1)), SaveStatus::kFenced);
  const Lease held[] = {{kShard, first}};
  EXPECT_TRUE(a->renew(held, "a", kLasting)->empty());
  Save taken_over = next_save(save, 1);
  taken_over.epoch = second;
  EXPECT_EQ(commit_one(*b, taken_over), SaveStatus::kSaved);
  const auto seen = a->get(save.tid);
  ASSERT_TRUE(seen.ok());
  expect_same(*seen, taken_over);
}

TEST_F(PostgresFault, INV_I14_GroupOfADaemonWhoseConnectionWasStoppedIsFenced) {
  auto a = open("a");
  auto b = open("b");
  const Epoch first = own(*a, "a");
  const Save save = begin_save(1, first);
  ASSERT_EQ(commit_one(*a, save), SaveStatus::kSaved);
  Stopped stopped(session(port(), "writer", "a"));
  std::thread late([&] {
    const std::vector<Save> group{next_save(save, 1), begin_save(2, first)};
    const auto receipts = a->commit(group);
    ASSERT_TRUE(receipts.ok()) << receipts.error().message;
    for (const Receipt& receipt : *receipts) EXPECT_EQ(receipt.status, SaveStatus::kFenced);
  });
  let_leases_expire(port());
  EXPECT_GT(own(*b, "b"), first);
  stopped.go_on();
  late.join();
  expect_same(*b->get(save.tid), save);
  EXPECT_EQ(b->get(tid_of(2)).error().code, ErrorCode::kNotFound);
}

/// Holds up whoever wants to save `gid`, until it is let go.
class Obstacle {
 public:
  Obstacle(std::uint16_t port, const std::string& gid) : connection_(postgres_testing::connect(port)) {
    const auto done = connection_->run_script("BEGIN; INSERT INTO settle.record VALUES ('\\x00', '" + gid +
                                              "', 0, 1, 1, 1, 0, 0, false, false, 0, 0, '', '')");
    EXPECT_TRUE(done.ok()) << done.error().message;
  }
  void let_go() { EXPECT_TRUE(connection_->run_script("ROLLBACK").ok()); }

 private:
  std::unique_ptr<postgres::Connection> connection_;
};

TEST_F(PostgresFault, INV_I14_TakerWaitsForAGroupUnderWayAndReadsIt) {
  auto a = open("a");
  auto b = open("b");
  const Epoch first = own(*a, "a");
  const Save save = begin_save(1, first);
  Obstacle obstacle(port(), save.gid);
  std::thread slow([&] { EXPECT_EQ(commit_one(*a, save), SaveStatus::kSaved); });
  EXPECT_TRUE(eventually(kPatience, [&] { return waits_for_a_lock(port(), "writer", "a"); }));
  let_leases_expire(port());
  std::thread taker([&] {
    EXPECT_GT(own(*b, "b"), first);
    std::vector<Tid> open_now;
    const ShardNo shards[] = {kShard};
    EXPECT_TRUE(
        b->load_open(
             shards, [&](StoredRecord&& record) { open_now.push_back(record.tid); }, [](const Tid&, const Error&) {})
            .ok());
    EXPECT_EQ(open_now, std::vector<Tid>{save.tid});
  });
  EXPECT_TRUE(eventually(kPatience, [&] { return waits_for_a_lock(port(), "keeper", "b"); }));
  obstacle.let_go();
  slow.join();
  taker.join();
}

TEST_F(PostgresFault, INV_I14_TakerEndsASessionThatKeepsTheLockForTooLong) {
  auto a = open("a");
  auto b = open("b", milliseconds(300));
  const Epoch first = own(*a, "a");
  const Save save = begin_save(1, first);
  Obstacle obstacle(port(), save.gid);
  std::thread slow([&] {
    const auto receipts = a->commit(std::span(&save, 1));
    ASSERT_FALSE(receipts.ok());
    EXPECT_EQ(receipts.error().code, ErrorCode::kUnknownOutcome);
  });
  EXPECT_TRUE(eventually(kPatience, [&] { return waits_for_a_lock(port(), "writer", "a"); }));
  let_leases_expire(port());
  EXPECT_GT(own(*b, "b"), first);
  slow.join();
  obstacle.let_go();
  EXPECT_EQ(b->get(save.tid).error().code, ErrorCode::kNotFound);
}

TEST_F(PostgresFault, TwoDaemonsOfOneNameAreRefused) {
  auto a = open("a");
  const auto twin = PostgresStore::open({.url = url_of(port()), .node = "a"});
  ASSERT_FALSE(twin.ok());
  EXPECT_EQ(twin.error().code, ErrorCode::kConflict);
  EXPECT_NE(twin.error().message.find("'a'"), std::string::npos) << twin.error().message;
  a.reset();
  EXPECT_TRUE(eventually(kPatience, [&] { return PostgresStore::open({.url = url_of(port()), .node = "a"}).ok(); }));
}

TEST_F(PostgresFault, DaemonWhoseLeaseConnectionBrokeGetsItsNameBack) {
  auto a = open("a");
  const Epoch epoch = own(*a, "a");
  run_sql(port(), "SELECT pg_terminate_backend(" + std::to_string(session(port(), "keeper", "a")) + ")");
  const Lease held[] = {{kShard, epoch}};
  EXPECT_TRUE(eventually(kPatience, [&] { return a->renew(held, "a", kLasting).ok(); }));
}

// --------------------------------------------------------------------------------------------- what the server refuses

TEST_F(PostgresFault, GroupThatTheServerUndidForOthersIsRepeatedOnce) {
  auto store = open();
  const Epoch epoch = own(*store, "a");
  run_sql(port(),
          "CREATE SEQUENCE settle.attempts;"
          "CREATE FUNCTION settle.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
          " IF nextval('settle.attempts') <= 2 THEN RAISE EXCEPTION 'others' USING ERRCODE = '40P01'; END IF;"
          " RETURN NEW; END $$;"
          "CREATE TRIGGER refuse BEFORE INSERT ON settle.record FOR EACH ROW EXECUTE FUNCTION settle.refuse()");
  const Save save = begin_save(1, epoch);
  EXPECT_EQ(commit_one(*store, save), SaveStatus::kSaved);
  EXPECT_EQ(number_of(port(), "SELECT last_value FROM settle.attempts"), 3);
  expect_same(*store->get(save.tid), save);
}

TEST_F(PostgresFault, GroupThatTheServerRefusesLeavesNothingBehind) {
  auto store = open();
  const Epoch epoch = own(*store, "a");
  const Save known = begin_save(1, epoch);
  ASSERT_EQ(commit_one(*store, known), SaveStatus::kSaved);
  run_sql(port(), "ALTER TABLE settle.record ADD CONSTRAINT no_update CHECK (version < 2)");
  const std::vector<Save> group{begin_save(2, epoch), next_save(known, 1)};  // the second statement is refused
  const auto refused = store->commit(group);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store->get(tid_of(2)).error().code, ErrorCode::kNotFound);
  expect_same(*store->get(known.tid), known);
}

// Under an open connection the server becomes one that only reads, as after a fail-over behind an address that moves.
TEST_F(PostgresFault, FAIL_I11_GroupThatMeetsADemotedServerIsNotWrittenAndNotRefusedForGood) {
  const servers::Postgres demoted;
  auto store = open_store({.url = url_of(demoted.port())});
  const Epoch epoch = own(*store, "a");
  ASSERT_EQ(commit_one(*store, begin_save(1, epoch)), SaveStatus::kSaved);
  run_sql(demoted.port(), "ALTER SYSTEM SET default_transaction_read_only = on");
  run_sql(demoted.port(), "SELECT pg_reload_conf()");
  Result<std::vector<Receipt>> refused = std::vector<Receipt>();
  std::uint64_t number = 1;
  ASSERT_TRUE(eventually(kPatience, [&] {  // the store's session hears of it in its own time
    const Save save = begin_save(++number, epoch);
    refused = store->commit(std::span(&save, 1));
    return !refused.ok();
  }));
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable) << refused.error().message;
  EXPECT_EQ(store->get(tid_of(1)).error().code, ErrorCode::kUnavailable) << "what only reads may be behind";
  const auto again = PostgresStore::open({.url = url_of(demoted.port())});
  ASSERT_FALSE(again.ok()) << "a daemon that starts now must wait for the primary";
  EXPECT_EQ(again.error().code, ErrorCode::kUnavailable);
  // As the primary would let it.
  auto primary = open_store({.url = url_of(demoted.port()) + "?options=-c%20default_transaction_read_only%3Doff"});
  EXPECT_TRUE(primary->get(tid_of(1)).ok());
  EXPECT_EQ(primary->get(tid_of(number)).error().code, ErrorCode::kNotFound);
}

TEST_F(PostgresFault, RowThatNobodyWroteIsReportedAndLeftOut) {
  auto store = open();
  const Epoch epoch = own(*store, "a");
  const std::vector<Save> group{begin_save(1, epoch), begin_save(2, epoch)};
  ASSERT_TRUE(store->commit(group).ok());
  run_sql(port(), "UPDATE settle.record SET decision = 7 WHERE gid = 'order-1'");
  EXPECT_EQ(store->get("order-1").error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(store->get("order-2").ok());
  std::vector<Tid> loaded;
  std::vector<Tid> damaged;
  const ShardNo shards[] = {kShard};
  ASSERT_TRUE(store
                  ->load_open(
                      shards, [&](StoredRecord&& record) { loaded.push_back(record.tid); },
                      [&](const Tid& tid, const Error& error) {
                        EXPECT_EQ(error.code, ErrorCode::kCorrupt);
                        damaged.push_back(tid);
                      })
                  .ok());
  EXPECT_EQ(loaded, std::vector<Tid>{tid_of(2)});
  EXPECT_EQ(damaged, std::vector<Tid>{tid_of(1)});
  EXPECT_EQ(store->list({})->size(), 1U);
}

TEST_F(PostgresFault, GidsThatTheServerCannotReadAreUnknown) {
  auto store = open();
  for (const std::string& gid : {std::string("\xff\xfe"), std::string("a\0b", 3), std::string("\xc3\xa4")}) {
    EXPECT_EQ(store->get(gid).error().code, ErrorCode::kNotFound);
  }
}

}  // namespace
}  // namespace settle
