#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "settle/barrier.h"
#include "settle/participant.h"

namespace settle::sdk_tests {

struct SqliteClose {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using Sqlite = std::unique_ptr<sqlite3, SqliteClose>;

/// One account in a SQLite file: free and frozen money, behind the barrier. A connection for every call, any thread.
class Account {
 public:
  /// Makes the file. A negative step of a transaction needs that much free money.
  Account(std::string file, int balance) : file_(std::move(file)) {
    const Sqlite db = open();
    good_ = run(db.get(), "CREATE TABLE account (free INTEGER, frozen INTEGER, times INTEGER)") &&
            run(db.get(), "INSERT INTO account VALUES (" + std::to_string(balance) + ", 0, 0)") &&
            barrier::install(db.get(), std::chrono::hours{24}).ok();
  }

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] int free() const { return number("free"); }
  [[nodiscard]] int frozen() const { return number("frozen"); }
  /// How often anything was changed.
  [[nodiscard]] int times() const { return number("times"); }

  [[nodiscard]] Sqlite open() const {
    sqlite3* raw = nullptr;
    sqlite3_open(file_.c_str(), &raw);
    sqlite3_busy_timeout(raw, 20'000);
    return Sqlite(raw);
  }

  /// try freezes `amount` (or announces it, if it is negative: money that comes), confirm takes it, cancel gives it
  /// back. As a saga: action takes it at once, compensate gives it back.
  [[nodiscard]] BranchAnswer move(const BranchCall& call, int amount) const {
    const Sqlite db = open();
    return through_barrier(db.get(), call, [&](barrier::Work work) { return change(db.get(), call.op, work, amount); });
  }

  static bool run(sqlite3* db, const std::string& sql) {
    return sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }

 private:
  static barrier::Made change(sqlite3* db, const std::string& op, barrier::Work work, int amount) {
    const std::string n = std::to_string(amount);
    const bool holds = op == "try" || op == "confirm" || op == "cancel";
    std::string sql;
    switch (work) {
      case barrier::Work::kApply:
        sql = "free = free - " + n + (holds ? ", frozen = frozen + " + n : "");
        break;
      case barrier::Work::kFulfil:
        sql = "frozen = frozen - " + n;
        break;
      case barrier::Work::kUndo:
        sql = "free = free + " + n + (holds ? ", frozen = frozen - " + n : "");
        break;
      case barrier::Work::kNothing:
        return barrier::Made::done();
    }
    const std::string guard = work == barrier::Work::kApply ? " WHERE free >= " + n : "";
    if (!run(db, "UPDATE account SET times = times + 1, " + sql + guard)) return barrier::Made::failed("no update");
    if (sqlite3_changes(db) == 0) return barrier::Made::refused("\"not enough\"");
    return barrier::Made::done(R"({"moved":)" + n + "}");
  }

  [[nodiscard]] int number(const std::string& column) const {
    const Sqlite db = open();
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(db.get(), ("SELECT " + column + " FROM account").c_str(), -1, &statement, nullptr);
    const int value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    return value;
  }

  std::string file_;
  bool good_ = false;
};

}  // namespace settle::sdk_tests
