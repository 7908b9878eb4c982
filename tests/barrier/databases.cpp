#include "barrier/databases.h"

#include <libpq-fe.h>
#include <mysql.h>
#include <sqlite3.h>

#include <stdexcept>
#include <utility>
#include <vector>

namespace settle::barrier::testing {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& why) { throw std::runtime_error(what + ": " + why); }

using Row = std::vector<std::string>;

/// What became of one statement, and its first row.
struct Told {
  Made made = Made::done();
  Row first;
};

Told tell(sqlite3* handle, const std::string& statement) {
  Told told;
  const auto take = [](void* into, int columns, char** values, char**) {
    Row& row = *static_cast<Row*>(into);
    if (row.empty()) {
      for (int i = 0; i < columns; ++i) row.emplace_back(values[i] == nullptr ? "" : values[i]);
    }
    return 0;
  };
  if (sqlite3_exec(handle, statement.c_str(), take, &told.first, nullptr) != SQLITE_OK) {
    told.made = Made::failed(std::string(sqlite3_errmsg(handle)));
  }
  return told;
}

Told tell(pg_conn* handle, const std::string& statement) {
  Told told;
  PGresult* const result = PQexec(handle, statement.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) told.made = Made::failed(result);
  if (PQntuples(result) > 0) {
    for (int i = 0; i < PQnfields(result); ++i) told.first.emplace_back(PQgetvalue(result, 0, i));
  }
  PQclear(result);
  return told;
}

Told tell(st_mysql* handle, const std::string& statement) {
  Told told;
  if (mysql_real_query(handle, statement.data(), statement.size()) != 0) {
    told.made = Made::failed(std::string(mysql_error(handle)));
    return told;
  }
  do {
    MYSQL_RES* const rows = mysql_store_result(handle);
    if (rows == nullptr) continue;
    const MYSQL_ROW row = mysql_fetch_row(rows);
    if (row != nullptr && told.first.empty()) {
      const unsigned long* const lengths = mysql_fetch_lengths(rows);
      for (unsigned i = 0; i < mysql_num_fields(rows); ++i) {
        told.first.emplace_back(row[i] == nullptr ? "" : std::string(row[i], lengths[i]));
      }
    }
    mysql_free_result(rows);
  } while (mysql_next_result(handle) == 0);
  return told;
}

constexpr const char* kIsolation[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};

template <typename Database>
void prepare(const Database& database) {
  const auto connection = database.connect();
  for (int i = 0; i < 2; ++i) {
    const Result<void> installed = install(connection.get(), std::chrono::hours{24});
    if (!installed) fail("install", installed.error().message);
  }
  connection.run(
      "CREATE TABLE account (name VARCHAR(40) PRIMARY KEY, available BIGINT NOT NULL, frozen BIGINT NOT NULL)");
  connection.run("CREATE TABLE effect (gid VARCHAR(128), branch VARCHAR(64), work VARCHAR(16))");
}

}  // namespace

template <>
Connection<sqlite3*>::~Connection() {
  (void)sqlite3_close(handle_);
}
template <>
Connection<pg_conn*>::~Connection() {
  PQfinish(handle_);
}
template <>
Connection<st_mysql*>::~Connection() {
  if (handle_ != nullptr) mysql_close(handle_);
}

template <typename Handle>
Made Connection<Handle>::try_to(const std::string& statement) const {
  return tell(handle_, statement).made;
}

template <typename Handle>
void Connection<Handle>::run(const std::string& statement) const {
  const Made made = try_to(statement);
  if (made.how() != Made::How::kDone) fail(statement, made.text());
}

template <typename Handle>
std::int64_t Connection<Handle>::number(const std::string& query) const {
  const Told told = tell(handle_, query);
  if (told.first.empty()) fail(query, told.made.text());
  return std::stoll(told.first.front());
}

template class Connection<sqlite3*>;
template class Connection<pg_conn*>;
template class Connection<st_mysql*>;

SqliteFile::SqliteFile() : place_("barrier") { prepare(*this); }

Connection<sqlite3*> SqliteFile::connect() const {
  sqlite3* handle = nullptr;
  if (sqlite3_open(place_.path("books").c_str(), &handle) != SQLITE_OK) fail("open", sqlite3_errmsg(handle));
  Connection<sqlite3*> connection(handle);
  (void)sqlite3_busy_timeout(handle, 10'000);
  connection.run("PRAGMA journal_mode = WAL");
  connection.run("PRAGMA synchronous = FULL");
  (void)sqlite3_busy_timeout(handle, 0);
  return connection;
}

PostgresServer::PostgresServer() { prepare(*this); }

Connection<pg_conn*> PostgresServer::connect(std::uint16_t port) {
  Connection<pg_conn*> connection(PQconnectdb(servers::Postgres::conninfo(port).c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) fail("connect", PQerrorMessage(connection.get()));
  connection.run("SET client_min_messages = warning");
  return connection;
}

std::string PostgresServer::isolation(int number) {
  return std::string("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL ") + kIsolation[number];
}

MariaDbServer::MariaDbServer() { prepare(*this); }

Connection<st_mysql*> MariaDbServer::connect(std::uint16_t port, unsigned long flags) {
  Connection<st_mysql*> connection(mysql_init(nullptr));
  if (mysql_real_connect(connection.get(), servers::MariaDb::kHost, servers::MariaDb::kUser, nullptr,
                         servers::MariaDb::kDatabase, port, nullptr, flags) == nullptr) {
    fail("connect", mysql_error(connection.get()));
  }
  return connection;
}

std::string MariaDbServer::isolation(int number) {
  return std::string("SET SESSION TRANSACTION ISOLATION LEVEL ") + kIsolation[number];
}

template <typename Database>
Database& shared() {
  static Database database;
  return database;
}
template SqliteFile& shared<SqliteFile>();
template PostgresServer& shared<PostgresServer>();
template MariaDbServer& shared<MariaDbServer>();

namespace {

std::string arguments(const Call& call) { return "'" + call.gid + "', '" + call.branch + "', '" + call.op + "'"; }

std::string request(const Call& call) {
  return arguments(call) + ", NULL, " + (call.digest.empty() ? "NULL" : "'" + call.digest + "'");
}

template <typename Handle>
Asked asked(Handle handle, const std::string& statement) {
  const Told told = tell(handle, statement);
  if (told.first.size() < 3) fail(statement, told.made.text());
  return {told.first[0], told.first[1], told.first[2], told.first.size() > 3 ? told.first[3] : ""};
}

std::string end_arguments(const Call& call, const std::string& attempt, const std::string& outcome,
                          const std::string& body) {
  return "settle_barrier_end(" + arguments(call) + ", " + attempt + ", '" + outcome + "', '" + body + "')";
}

}  // namespace

Asked ask_in_sql(const Connection<pg_conn*>& connection, const Call& call) {
  return asked(connection.get(),
               "SELECT work, answer, convert_from(stored, 'UTF8') FROM settle_barrier(" + request(call) + ")");
}
Asked ask_in_sql(const Connection<st_mysql*>& connection, const Call& call) {
  return asked(connection.get(), "CALL settle_barrier(" + request(call) + ")");
}

Asked begin_in_sql(const Connection<pg_conn*>& connection, const Call& call) {
  return asked(
      connection.get(),
      "SELECT work, answer, convert_from(stored, 'UTF8'), attempt FROM settle_barrier_begin(" + request(call) + ")");
}
Asked begin_in_sql(const Connection<st_mysql*>& connection, const Call& call) {
  return asked(connection.get(), "CALL settle_barrier_begin(" + request(call) + ", 30)");
}

std::string end_in_sql(const Connection<pg_conn*>&, const Call& call, const std::string& attempt,
                       const std::string& outcome, const std::string& body) {
  return "SELECT " + end_arguments(call, attempt, outcome, body);
}
std::string end_in_sql(const Connection<st_mysql*>&, const Call& call, const std::string& attempt,
                       const std::string& outcome, const std::string& body) {
  return "CALL " + end_arguments(call, attempt, outcome, body);
}

std::string answer_in_sql(const Connection<pg_conn*>&, const Call& call, const std::string& body) {
  return "SELECT settle_barrier_answer(" + arguments(call) + ", '" + body + "')";
}
std::string answer_in_sql(const Connection<st_mysql*>&, const Call& call, const std::string& body) {
  return "CALL settle_barrier_answer(" + arguments(call) + ", '" + body + "')";
}

}  // namespace settle::barrier::testing
