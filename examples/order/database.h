#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "settle/result.h"

struct sqlite3;

namespace settle::example {

/// What stands behind a `?` of a statement. Text is copied.
using Value = std::variant<std::int64_t, std::string_view>;

class Row {
 public:
  explicit Row(std::vector<std::string> cells) : cells_(std::move(cells)) {}
  [[nodiscard]] const std::string& text(std::size_t column) const { return cells_.at(column); }
  [[nodiscard]] std::int64_t integer(std::size_t column) const;

 private:
  std::vector<std::string> cells_;
};

/// One connection to one SQLite file: write-ahead log, every commit synced. One thread at a time.
class Database {
 public:
  /// Opens the file and makes it if need be. `patience`: how long a statement waits for another connection's lock.
  static Result<Database> open(const std::string& path, std::chrono::milliseconds patience);

  /// Statements without parameters, separated by semicolons.
  Result<void> run(const std::string& statements);
  /// One statement; gives the number of rows it changed.
  ///
  /// Errors of everything here
  ///   kUnavailable  another connection holds the lock; nothing has happened
  ///   kCorrupt      anything else that SQLite says
  Result<int> execute(std::string_view statement, std::initializer_list<Value> values = {});
  Result<std::vector<Row>> query(std::string_view statement, std::initializer_list<Value> values = {});

  /// For the barrier, which writes its row on the caller's own connection.
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A local transaction: rolled back at the end of the scope unless commit() went through.
class LocalTransaction {
 public:
  /// Takes the write lock at once (BEGIN IMMEDIATE). SQLite has one per file: a transaction that began by reading might
  /// find it taken half-way and could only give up. Errors: kUnavailable: another connection is writing.
  static Result<LocalTransaction> begin(Database& database);

  /// Errors: whether it committed is unknown then, and only a look into the database tells.
  Result<void> commit();

  LocalTransaction(LocalTransaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  LocalTransaction& operator=(LocalTransaction&&) = delete;
  LocalTransaction(const LocalTransaction&) = delete;
  LocalTransaction& operator=(const LocalTransaction&) = delete;
  ~LocalTransaction();

 private:
  explicit LocalTransaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace settle::example
