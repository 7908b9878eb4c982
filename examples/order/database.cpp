#include "database.h"

#include <sqlite3.h>

#include <charconv>

namespace settle::example {
namespace {

Error error_of(sqlite3* handle, int code) {
  const bool is_busy = (code & 0xff) == SQLITE_BUSY;
  return {is_busy ? ErrorCode::kUnavailable : ErrorCode::kCorrupt, std::string("sqlite: ") + sqlite3_errmsg(handle)};
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Result<Statement> prepare(sqlite3* handle, std::string_view text, std::initializer_list<Value> values) {
  sqlite3_stmt* raw = nullptr;
  const int prepared = sqlite3_prepare_v2(handle, text.data(), static_cast<int>(text.size()), &raw, nullptr);
  if (prepared != SQLITE_OK) return error_of(handle, prepared);
  Statement statement(raw);
  int at = 0;
  for (const Value& value : values) {
    ++at;
    int bound = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      bound = sqlite3_bind_int64(raw, at, *number);
    } else {
      const std::string_view words = std::get<std::string_view>(value);
      // NOLINTNEXTLINE: SQLITE_TRANSIENT is a cast of -1 in sqlite3.h
      bound = sqlite3_bind_text(raw, at, words.data(), static_cast<int>(words.size()), SQLITE_TRANSIENT);
    }
    if (bound != SQLITE_OK) return error_of(handle, bound);
  }
  return statement;
}

Row row_of(sqlite3_stmt* statement) {
  std::vector<std::string> cells;
  const int columns = sqlite3_column_count(statement);
  for (int i = 0; i < columns; ++i) {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
    cells.emplace_back(bytes == nullptr ? "" : bytes, size);
  }
  return Row(std::move(cells));
}

}  // namespace

std::int64_t Row::integer(std::size_t column) const {
  std::int64_t value = 0;
  const std::string& cell = text(column);
  (void)std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return value;
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Result<Database> Database::open(const std::string& path, std::chrono::milliseconds patience) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Database database(raw);
  if (opened != SQLITE_OK) return Error{ErrorCode::kCorrupt, path + ": " + sqlite3_errstr(opened)};
  // Switching a new file to WAL needs it for oneself for a moment, and so does the recovery after a kill.
  sqlite3_busy_timeout(raw, 2000);
  if (Result<void> set = database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"); !set)
    return set.error();
  sqlite3_busy_timeout(raw, static_cast<int>(patience.count()));
  return database;
}

Result<void> Database::run(const std::string& statements) {
  const int code = sqlite3_exec(handle_.get(), statements.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(handle_.get(), code);
  return {};
}

Result<int> Database::execute(std::string_view statement, std::initializer_list<Value> values) {
  const Result<Statement> prepared = prepare(handle_.get(), statement, values);
  if (!prepared) return prepared.error();
  const int code = sqlite3_step(prepared->get());
  if (code != SQLITE_DONE && code != SQLITE_ROW) return error_of(handle_.get(), code);
  return sqlite3_changes(handle_.get());
}

Result<std::vector<Row>> Database::query(std::string_view statement, std::initializer_list<Value> values) {
  const Result<Statement> prepared = prepare(handle_.get(), statement, values);
  if (!prepared) return prepared.error();
  std::vector<Row> rows;
  int code = sqlite3_step(prepared->get());
  for (; code == SQLITE_ROW; code = sqlite3_step(prepared->get())) rows.push_back(row_of(prepared->get()));
  if (code != SQLITE_DONE) return error_of(handle_.get(), code);
  return rows;
}

Result<LocalTransaction> LocalTransaction::begin(Database& database) {
  if (Result<void> begun = database.run("BEGIN IMMEDIATE"); !begun) return begun.error();
  return LocalTransaction(database);
}

Result<void> LocalTransaction::commit() {
  Result<void> committed = database_->run("COMMIT");
  if (committed) database_ = nullptr;
  return committed;
}

LocalTransaction::~LocalTransaction() {
  // Fails if SQLite has rolled back by itself (disk full, for one), and then there is nothing to do.
  if (database_ != nullptr) (void)database_->run("ROLLBACK");
}

}  // namespace settle::example
