#include <gtest/gtest.h>

#include <thread>

#include "live/place.h"
#include "storage/postgres/postgres_testing.h"

namespace settle {
namespace {

using postgres_testing::forget_everything;
using postgres_testing::number_of;
using postgres_testing::open_store;
using postgres_testing::run_sql;
using postgres_testing::server;
using postgres_testing::url_of;

std::string refusal(const PostgresOptions& options, ErrorCode code) {
  const auto store = PostgresStore::open(options);
  if (store.ok()) {
    ADD_FAILURE() << "the store was opened";
    return {};
  }
  EXPECT_EQ(store.error().code, code) << store.error().message;
  return store.error().message;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class PostgresStart : public ::testing::Test {
 protected:
  void SetUp() override { forget_everything(server().port()); }
  [[nodiscard]] static PostgresOptions options() { return {.url = url_of(server().port()), .cluster = 7}; }
};

TEST_F(PostgresStart, FAIL_I4_DurableServerPromisesHostLossAndSaysItsSettings) {
  const auto store = open_store(options());
  EXPECT_EQ(store->promise(), StorePromise::kHostLoss);
  EXPECT_TRUE(has(store->description(), "fsync=on full_page_writes=on synchronous_commit=on")) << store->description();
  EXPECT_TRUE(has(store->description(), "no synchronous standby")) << store->description();
}

TEST_F(PostgresStart, FAIL_H5_ServerThatDoesNotSyncPromisesLess) {
  for (const char* setting : {"fsync", "full_page_writes"}) {
    servers::Postgres lax(std::string(setting) + "=off");
    const auto store = open_store({.url = url_of(lax.port())});
    EXPECT_EQ(store->promise(), StorePromise::kProcessKill) << setting;
    EXPECT_TRUE(has(store->description(), std::string(setting) + "=off")) << store->description();
  }
}

TEST_F(PostgresStart, FAIL_H5_ServerThatAnswersBeforeItWritesMayLoseTheNewest) {
  run_sql(server().port(), "ALTER DATABASE postgres SET synchronous_commit = off");
  EXPECT_EQ(open_store(options())->promise(), StorePromise::kMayLoseSuffix);
  run_sql(server().port(), "ALTER DATABASE postgres RESET synchronous_commit");
}

TEST_F(PostgresStart, ProbeSeesSettingsThatChange) {
  const auto store = open_store(options());
  run_sql(server().port(), "ALTER SYSTEM SET full_page_writes = off");
  run_sql(server().port(), "SELECT pg_reload_conf()");
  EXPECT_TRUE(live::eventually(live::kPatience, [&] {
    EXPECT_TRUE(store->probe().ok());
    return store->promise() == StorePromise::kProcessKill;
  }));
  run_sql(server().port(), "ALTER SYSTEM RESET full_page_writes");
  run_sql(server().port(), "SELECT pg_reload_conf()");
  EXPECT_TRUE(live::eventually(live::kPatience, [&] {
    EXPECT_TRUE(store->probe().ok());
    return store->promise() == StorePromise::kHostLoss;
  }));
}

TEST(PostgresDurability, FAIL_I4_SynchronousStandbysAreNamedAndWaitedForOnlyIfTheSettingSaysSo) {
  Durability durability{"on", "on", "on", "FIRST 1 (standby1)", "on"};
  EXPECT_TRUE(has(durability.text(), "synchronous_standby_names='FIRST 1 (standby1)'"));
  EXPECT_FALSE(has(durability.text(), "may lose"));
  for (const char* weak : {"local", "off"}) {
    durability.synchronous_commit = weak;
    EXPECT_TRUE(has(durability.text(), "may lose")) << weak;
  }
  EXPECT_EQ(durability.promise(), StorePromise::kMayLoseSuffix);
  durability.synchronous_commit = "remote_apply";
  EXPECT_EQ(durability.promise(), StorePromise::kHostLoss);
}

TEST_F(PostgresStart, FAIL_I14_NewerFormatIsRefusedAndANewerMinorOneIsNot) {
  (void)open_store(options());
  run_sql(server().port(), "UPDATE settle.format SET major = 2, minor = 3");
  const std::string why = refusal(options(), ErrorCode::kInvalid);
  EXPECT_TRUE(has(why, "format 2.3")) << why;
  EXPECT_TRUE(has(why, "use a newer one")) << why;
  run_sql(server().port(), "UPDATE settle.format SET major = 1, minor = 9");
  (void)open_store(options());
}

TEST_F(PostgresStart, FAIL_I16_DatabaseOfAnotherClusterIsRefused) {
  (void)open_store(options());
  PostgresOptions other = options();
  other.cluster = 8;
  const std::string why = refusal(other, ErrorCode::kInvalid);
  EXPECT_TRUE(has(why, "belongs to cluster 7, not to 8")) << why;
}

TEST_F(PostgresStart, SchemaThatIsNotOursIsRefusedAndLeftAlone) {
  run_sql(server().port(), "CREATE SCHEMA settle; CREATE TABLE settle.bills (n integer)");
  const std::string why = refusal(options(), ErrorCode::kInvalid);
  EXPECT_TRUE(has(why, "not the store's")) << why;
  EXPECT_EQ(number_of(server().port(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'settle'"), 1);
}

TEST_F(PostgresStart, DaemonsThatStartTogetherInstallTheTablesOnce) {
  std::vector<std::thread> daemons;
  for (int i = 0; i < 8; ++i) daemons.emplace_back([] { EXPECT_TRUE(PostgresStore::open(options()).ok()); });
  for (std::thread& daemon : daemons) daemon.join();
  EXPECT_EQ(number_of(server().port(), "SELECT count(*) FROM settle.format"), 1);
}

TEST_F(PostgresStart, ServerThatIsNotThereIsUnavailable) {
  EXPECT_FALSE(refusal({.url = url_of(live::free_port())}, ErrorCode::kUnavailable).empty());
}

// A standby says the same of itself as a server that only reads.
TEST_F(PostgresStart, FAIL_I6_ServerThatOnlyReadsIsNotUsed) {
  const servers::Postgres reads_only("default_transaction_read_only=on");
  const std::string why = refusal({.url = url_of(reads_only.port())}, ErrorCode::kUnavailable);
  EXPECT_TRUE(has(why, "read-only")) << why;
}

TEST_F(PostgresStart, UrlThatIsNoneIsInvalid) {
  EXPECT_TRUE(has(refusal({.url = "postgres://host:port:8/x?y"}, ErrorCode::kInvalid), "not a PostgreSQL URL"));
}

TEST_F(PostgresStart, PasswordIsNotTold) {
  const std::string url = "postgres://postgres:s3cret@127.0.0.1:" + std::to_string(server().port()) + "/postgres";
  EXPECT_FALSE(has(open_store({.url = url, .cluster = 7})->description(), "s3cret"));
}

}  // namespace
}  // namespace settle
