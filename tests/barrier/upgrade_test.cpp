#include <settle/effect.h>
#include <sqlite3.h>

#include "barrier/world_testing.h"

// Tables as they were before they knew digests and effects outside: they are refused with the advice that helps, and
// install() makes them fit without losing a row.

namespace settle::barrier::testing {
namespace {

/// A connection whose tables are not those of the other tests.
template <typename Database>
struct Apart;

template <>
struct Apart<SqliteFile> {
  static Connection<sqlite3*> connect() {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(":memory:", &handle), SQLITE_OK);
    return Connection<sqlite3*>(handle);
  }
};
template <>
struct Apart<PostgresServer> {
  static Connection<pg_conn*> connect() {
    auto link = shared<PostgresServer>().connect();
    link.run("DROP SCHEMA IF EXISTS apart CASCADE");
    link.run("CREATE SCHEMA apart");
    link.run("SET search_path = apart");
    return link;
  }
};
template <>
struct Apart<MariaDbServer> {
  static Connection<st_mysql*> connect() {
    auto link = shared<MariaDbServer>().connect();
    link.run("DROP DATABASE IF EXISTS apart");
    link.run("CREATE DATABASE apart");
    link.run("USE apart");
    return link;
  }
};

template <typename Database>
class BarrierUpgrade : public ::testing::Test {
 protected:
  void make_old_tables() {
    const bool is_mariadb = std::is_same_v<Database, MariaDbServer>;
    const bool is_postgres = std::is_same_v<Database, PostgresServer>;
    const std::string bytes = is_postgres ? "bytea" : is_mariadb ? "MEDIUMBLOB" : "BLOB";
    link_.run(
        "CREATE TABLE settle_barrier (gid VARCHAR(128) NOT NULL, branch VARCHAR(64) NOT NULL, state SMALLINT NOT NULL,"
        " found SMALLINT NOT NULL, op VARCHAR(16) NOT NULL, last_op VARCHAR(16) NOT NULL, began BIGINT NOT NULL, "
        "answer " +
        bytes + ", closing " + bytes + (is_mariadb ? ", entered_by BIGINT UNSIGNED NOT NULL DEFAULT 0" : "") +
        ", PRIMARY KEY (gid, branch))");
    link_.run(
        "CREATE TABLE settle_barrier_retention (id SMALLINT PRIMARY KEY, refused_below BIGINT NOT NULL,"
        " deletable_below BIGINT NOT NULL, raised_at BIGINT NOT NULL, horizon BIGINT NOT NULL)");
    link_.run("INSERT INTO settle_barrier_retention VALUES (1, 0, 0, 0, 7)");
    link_.run(
        "INSERT INTO settle_barrier (gid, branch, state, found, op, last_op, began, answer)"
        " VALUES ('old', 'b1', 4, 0, 'try', 'try', 5, 'tried before')");
    if (!is_postgres && !is_mariadb) return;
    link_.run(
        "CREATE TABLE settle_barrier_step (op VARCHAR(16) NOT NULL, found SMALLINT NOT NULL, work VARCHAR(16) NOT NULL,"
        " next SMALLINT NOT NULL, answer VARCHAR(16) NOT NULL, PRIMARY KEY (op, found))");
    link_.run("INSERT INTO settle_barrier_step VALUES ('try', 0, 'apply', 4, 'done')");
    if (!is_postgres) return;
    link_.run(
        "CREATE FUNCTION settle_barrier(p_gid text, p_branch text, p_op text, p_began bigint DEFAULT NULL,"
        " OUT work text, OUT answer text, OUT stored bytea) LANGUAGE sql AS $$ SELECT 'old', 'old', ''::bytea $$");
  }

  Reply run(const std::string& gid, const std::string& op) {
    return barrier::run(link_.get(), Call{gid, "b1", op, {}, digest_of("body")},
                        [](Work) { return Made::done("new"); });
  }

  Connection<typename Database::Handle> link_ = Apart<Database>::connect();
};
TYPED_TEST_SUITE(BarrierUpgrade, Databases, DatabaseNames);

TYPED_TEST(BarrierUpgrade, TablesThatAreOlderOrMissingAreRefusedWithTheAdviceThatHelps) {
  for (const bool missing : {true, false}) {
    if (!missing) this->make_old_tables();
    const Reply reply = this->run("g", "try");
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kCorrupt);
    EXPECT_NE(reply.reason.find("settlectl barrier install"), std::string::npos) << reply.reason;
    this->link_.run(TypeParam::kBegin);
    const auto verdict = enter(this->link_.get(), Call{"g", "b1", "try", {}});
    this->link_.run("ROLLBACK");
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, ErrorCode::kCorrupt);
    const Reply outside = run_effect(this->link_.get(), Call{"g", "b1", "try", {}},
                                     Effect{[](const Attempt&) { return Made::done(); }, {}});
    ASSERT_TRUE(outside.error);
    EXPECT_EQ(outside.error->code, ErrorCode::kCorrupt);
  }
}

TYPED_TEST(BarrierUpgrade, InstallMakesOlderTablesFitAndKeepsTheirRows) {
  this->make_old_tables();
  for (int i = 0; i < 2; ++i) {
    const auto installed = install(this->link_.get(), std::chrono::hours{24});
    ASSERT_TRUE(installed) << installed.error().message;
    EXPECT_EQ(this->run("old", "try").body, "tried before");
  }
  EXPECT_EQ(this->run("old", "confirm").body, "new");
  const Reply outside = run_effect(this->link_.get(), Call{"g", "b1", "try", {}},
                                   Effect{[](const Attempt&) { return Made::done("outside"); }, {}});
  EXPECT_EQ(outside.body, "outside") << outside.reason;
  if constexpr (!std::is_same_v<TypeParam, SqliteFile>) {
    EXPECT_EQ(this->link_.number("SELECT COUNT(*) FROM settle_barrier_step"), 77);
    EXPECT_EQ(ask_in_sql(this->link_, Call{"sql", "b1", "try", {}}).work, "apply");
  }
  if constexpr (std::is_same_v<TypeParam, PostgresServer>) {
    // The function of before took fewer arguments; beside the new one, neither could be called by these.
    this->link_.run("SELECT settle_barrier('few', 'b1', 'try')");
  }
}

}  // namespace
}  // namespace settle::barrier::testing
