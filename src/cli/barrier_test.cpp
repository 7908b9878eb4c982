// settlectl barrier against the three databases.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "cli/barrier_database.h"
#include "cli/scripted_daemon_testing.h"
#include "live/place.h"
#include "servers/mariadb.h"
#include "servers/postgres.h"

namespace settle::cli {
namespace {

class BarrierCommand : public testing::Test {
 protected:
  /// Installs twice and prunes; whether the tables are really there is seen by a prune, which needs them.
  static void look_after(const std::string& url) {
    const Ran early = run_settlectl({"barrier", "prune", url, "--older-than=30d"});
    EXPECT_NE(early.exit, 0) << "there is nothing to prune yet: " << early.out;
    for (int i = 0; i < 2; ++i) {
      const Ran installed = run_settlectl({"barrier", "install", url, "--horizon", "7d"});
      EXPECT_EQ(installed.exit, 0) << installed.err;
      EXPECT_NE(installed.out.find("7 d"), std::string::npos) << installed.out;
    }
    const Ran pruned = run_settlectl({"barrier", "prune", url, "--older-than", "30d"});
    EXPECT_EQ(pruned.exit, 0) << pruned.err;
    EXPECT_NE(pruned.out.find("0 rows are deleted"), std::string::npos) << pruned.out;
    const Ran json = run_settlectl({"--json", "barrier", "prune", url, "--older-than", "30d"});
    EXPECT_TRUE(json.out.starts_with(R"({"rows":0,"refused_below_us":)")) << json.out;
  }

  live::Place place_{"ctl-barrier"};
};

TEST_F(BarrierCommand, Sqlite) {
  const std::string path = place_.path("books");
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, "CREATE TABLE mine (x)", nullptr, nullptr, nullptr), SQLITE_OK);
  (void)sqlite3_close(handle);
  look_after("sqlite:" + path);
}

TEST_F(BarrierCommand, TablesOfAnOlderVersionAreBroughtUpToDate) {
  const std::string path = place_.path("books");
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle,
                         "CREATE TABLE settle_barrier (gid TEXT NOT NULL, branch TEXT NOT NULL, state INTEGER NOT NULL,"
                         " found INTEGER NOT NULL, op TEXT NOT NULL, last_op TEXT NOT NULL, began INTEGER NOT NULL,"
                         " answer BLOB, closing BLOB, PRIMARY KEY (gid, branch)) WITHOUT ROWID",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  const barrier::Call call{"g", "b", "action", {}};
  const auto run = [&] { return barrier::run(handle, call, [](auto) { return barrier::Made::done("well"); }); };
  const barrier::Reply refused = run();
  ASSERT_TRUE(refused.error);
  EXPECT_NE(refused.error->message.find("settlectl barrier install"), std::string::npos) << refused.error->message;
  const Ran installed = run_settlectl({"barrier", "install", "sqlite:" + path, "--horizon", "7d"});
  EXPECT_EQ(installed.exit, 0) << installed.err;
  EXPECT_EQ(run().body, "well");
  (void)sqlite3_close(handle);
}

TEST_F(BarrierCommand, Postgres) {
  const servers::Postgres server;
  look_after("postgres://postgres@127.0.0.1:" + std::to_string(server.port()) + "/postgres");
}

TEST_F(BarrierCommand, MariaDb) {
  const servers::MariaDb server;
  look_after("mariadb://root@127.0.0.1:" + std::to_string(server.port()) + "/settle");
}

TEST_F(BarrierCommand, ADatabaseThatIsNotThereIsNotMade) {
  const std::string path = place_.path("typo");
  EXPECT_EQ(run_settlectl({"barrier", "install", "sqlite:" + path, "--horizon=1d"}).exit, 3);
  EXPECT_TRUE(live::read_file(path).empty());
  const std::string port = std::to_string(live::free_port());
  EXPECT_EQ(run_settlectl({"barrier", "install", "postgres://p@127.0.0.1:" + port + "/x", "--horizon=1d"}).exit, 3);
  EXPECT_EQ(run_settlectl({"barrier", "install", "mariadb://p@127.0.0.1:" + port + "/x", "--horizon=1d"}).exit, 3);
}

TEST_F(BarrierCommand, WrongCommandLinesAreRefusedByName) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"barrier", "install", "sqlite:x"}, "install needs --horizon TIME"},
      {{"barrier", "install", "sqlite:x", "--horizon=7"}, "install needs --horizon TIME"},
      {{"barrier", "install", "sqlite:x", "--horizon=-7d"}, "install needs --horizon TIME"},
      {{"barrier", "install", "sqlite:x", "--horizon=99999999999999999d"}, "install needs --horizon TIME"},
      {{"barrier", "prune", "sqlite:x", "--horizon=7d"}, "prune needs --older-than TIME"},
      {{"barrier", "drop", "sqlite:x"}, "install or prune, not 'drop'"},
      {{"barrier", "install"}, "barrier takes install|prune DATABASE"},
      {{"barrier", "install", "oracle:x", "--horizon=7d"}, "the database is sqlite:PATH"},
      {{"barrier", "install", "sqlite:", "--horizon=7d"}, "the database is sqlite:PATH"},
      {{"barrier", "install", "mariadb://h/x", "--horizon=7d"}, "USER@HOST:PORT/DATABASE"},
      {{"barrier", "install", "mariadb://u@h:x/x", "--horizon=7d"}, "USER@HOST:PORT/DATABASE"},
      {{"barrier", "install", "postgres://u:secret@h/x", "--horizon=7d"}, "PGPASSWORD"},
      {{"barrier", "install", "mariadb://u:secret@h/x", "--horizon=7d"}, ".my.cnf"},
  };
  for (const auto& [args, says] : wrong) {
    const Ran ran = run_settlectl(args);
    EXPECT_EQ(ran.exit, 2) << says;
    EXPECT_NE(ran.err.find(says), std::string::npos) << says << "\n" << ran.err;
    EXPECT_EQ(ran.err.find("secret"), std::string::npos) << ran.err;
  }
}

}  // namespace
}  // namespace settle::cli
