#include "kill/sqlite.h"

#include <sqlite3.h>

#include <cstdlib>
#include <iostream>

namespace settle::kill {
namespace {

[[noreturn]] void give_up(sqlite3* handle, std::string_view statement) {
  std::cerr << "sqlite: " << sqlite3_errmsg(handle) << " in: " << statement << "\n";
  std::abort();
}

void bind(sqlite3* handle, sqlite3_stmt* statement, int at, const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  const auto* text = std::get_if<std::string>(&value);
  const int bound = number != nullptr ? sqlite3_bind_int64(statement, at, *number)
                                      : sqlite3_bind_text(statement, at, text->data(), static_cast<int>(text->size()),
                                                          SQLITE_TRANSIENT);
  if (bound != SQLITE_OK) give_up(handle, "bind");
}

Row row_of(sqlite3_stmt* statement) {
  Row row;
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    if (sqlite3_column_type(statement, i) == SQLITE_INTEGER) {
      row.emplace_back(std::int64_t{sqlite3_column_int64(statement, i)});
    } else {
      const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      row.emplace_back(std::string(bytes == nullptr ? "" : bytes));
    }
  }
  return row;
}

}  // namespace

Sqlite::Sqlite(const std::string& path, int patience_ms) {
  if (sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) != SQLITE_OK) {
    give_up(handle_, path);
  }
  // Recovering after a kill needs the file for oneself for a moment. The processes are killed here, never the machine:
  // what was written is in the kernel's hands, and not syncing leaves the disk to the daemon under test.
  sqlite3_busy_timeout(handle_, 10'000);
  (void)run("PRAGMA journal_mode = WAL");
  (void)run("PRAGMA synchronous = OFF");
  sqlite3_busy_timeout(handle_, patience_ms);
}

Sqlite::~Sqlite() { sqlite3_close_v2(handle_); }

std::optional<std::vector<Row>> Sqlite::run(std::string_view statement, std::initializer_list<Value> values) {
  sqlite3_stmt* prepared = nullptr;
  const int made =
      sqlite3_prepare_v2(handle_, statement.data(), static_cast<int>(statement.size()), &prepared, nullptr);
  if ((made & 0xff) == SQLITE_BUSY) return std::nullopt;
  if (made != SQLITE_OK) give_up(handle_, statement);
  int at = 0;
  for (const Value& value : values) bind(handle_, prepared, ++at, value);
  std::vector<Row> rows;
  int code = sqlite3_step(prepared);
  for (; code == SQLITE_ROW; code = sqlite3_step(prepared)) rows.push_back(row_of(prepared));
  if (code != SQLITE_DONE && (code & 0xff) != SQLITE_BUSY) give_up(handle_, statement);
  sqlite3_finalize(prepared);
  if (code != SQLITE_DONE) return std::nullopt;
  return rows;
}

void Sqlite::run_all(const char* statements) {
  int code = SQLITE_BUSY;
  while ((code & 0xff) == SQLITE_BUSY) code = sqlite3_exec(handle_, statements, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) give_up(handle_, statements);
}

int Sqlite::changes() const { return sqlite3_changes(handle_); }

}  // namespace settle::kill
