#pragma once

#include <settle/barrier.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "live/place.h"
#include "servers/mariadb.h"
#include "servers/postgres.h"

/// Three real databases behind one vocabulary, so that every claim about the barrier is tested on each of them. SQL
/// that is the same everywhere. What must not fail throws.
namespace settle::barrier::testing {

/// One connection of `Handle`. One thread at a time.
template <typename Handle>
class Connection {
 public:
  explicit Connection(Handle handle) : handle_(handle) {}
  ~Connection();
  Connection(Connection&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection& operator=(Connection&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }

  [[nodiscard]] Handle get() const { return handle_; }
  /// What a handler says of a statement; rows are thrown away.
  [[nodiscard]] Made try_to(const std::string& statement) const;
  void run(const std::string& statement) const;
  [[nodiscard]] std::int64_t number(const std::string& query) const;

 private:
  Handle handle_;
};

template <>
Connection<sqlite3*>::~Connection();
template <>
Connection<pg_conn*>::~Connection();
template <>
Connection<st_mysql*>::~Connection();

/// A file in WAL mode, every commit synced.
class SqliteFile {
 public:
  using Handle = sqlite3*;
  static constexpr const char* kBegin = "BEGIN IMMEDIATE";
  static constexpr bool kLocksRows = false;  ///< a writer has the whole file
  static constexpr int kIsolations = 1;

  SqliteFile();
  [[nodiscard]] Connection<sqlite3*> connect() const;
  static std::string isolation(int /*number*/) { return "SELECT 1"; }

 private:
  live::Place place_;
};

class PostgresServer {
 public:
  using Handle = pg_conn*;
  static constexpr const char* kBegin = "BEGIN";
  static constexpr bool kLocksRows = true;
  static constexpr int kIsolations = 3;

  PostgresServer();
  [[nodiscard]] Connection<pg_conn*> connect() const { return connect(server_.port()); }
  [[nodiscard]] static Connection<pg_conn*> connect(std::uint16_t port);
  static std::string isolation(int number);
  servers::Postgres& server() { return server_; }

 private:
  servers::Postgres server_;
};

class MariaDbServer {
 public:
  using Handle = st_mysql*;
  static constexpr const char* kBegin = "START TRANSACTION";
  static constexpr bool kLocksRows = true;
  static constexpr int kIsolations = 3;

  MariaDbServer();
  [[nodiscard]] Connection<st_mysql*> connect() const { return connect(server_.port()); }
  [[nodiscard]] static Connection<st_mysql*> connect(std::uint16_t port, unsigned long flags = 0);
  static std::string isolation(int number);
  servers::MariaDb& server() { return server_; }

 private:
  servers::MariaDb server_;
};

/// The database of this program, with the barrier's tables and those of the business: account(name, available, frozen)
/// and effect(gid, branch, work). Started when it is first asked for, gone with the program.
template <typename Database>
Database& shared();

/// The plain SQL functions or procedures.
struct Asked {
  std::string work;
  std::string answer;
  std::string stored;
  std::string attempt;  ///< of begin_in_sql
};
Asked ask_in_sql(const Connection<pg_conn*>& connection, const Call& call);
Asked ask_in_sql(const Connection<st_mysql*>& connection, const Call& call);
Asked begin_in_sql(const Connection<pg_conn*>& connection, const Call& call);
Asked begin_in_sql(const Connection<st_mysql*>& connection, const Call& call);
/// The statement that calls settle_barrier_end.
std::string end_in_sql(const Connection<pg_conn*>& connection, const Call& call, const std::string& attempt,
                       const std::string& outcome, const std::string& body = {});
std::string end_in_sql(const Connection<st_mysql*>& connection, const Call& call, const std::string& attempt,
                       const std::string& outcome, const std::string& body = {});
/// The statement that calls settle_barrier_answer.
std::string answer_in_sql(const Connection<pg_conn*>& connection, const Call& call, const std::string& body);
std::string answer_in_sql(const Connection<st_mysql*>& connection, const Call& call, const std::string& body);

}  // namespace settle::barrier::testing
