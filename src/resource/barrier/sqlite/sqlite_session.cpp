#include "resource/barrier/sqlite/sqlite_session.h"

#include <sqlite3.h>

#include <memory>

#include "resource/barrier/statement.h"

namespace settle::barrier {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

/// Null if it cannot be prepared; the handle then knows why.
Statement prepare(sqlite3* handle, const std::string& text) {
  sqlite3_stmt* statement = nullptr;
  (void)sqlite3_prepare_v2(handle, text.c_str(), static_cast<int>(text.size()), &statement, nullptr);
  return Statement(statement);
}

// The texts outlive the statement.
void bind(const Statement& statement, int index, std::string_view text) {
  (void)sqlite3_bind_text(statement.get(), index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

std::string bytes_of(const Statement& statement, int column) {
  const void* const bytes = sqlite3_column_blob(statement.get(), column);
  const int size = sqlite3_column_bytes(statement.get(), column);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace

Sent SqliteSession::ready() { return handle_ == nullptr ? Sent{Went::kFailed, "there is no connection"} : Sent{}; }

bool SqliteSession::in_transaction() { return sqlite3_get_autocommit(handle_) == 0; }

Sent SqliteSession::fault() const {
  const int code = sqlite3_errcode(handle_) & 0xff;
  const bool locked = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  return Sent{locked ? Went::kLocked : Went::kFailed, sqlite3_errmsg(handle_)};
}

// SQLite has one code for every statement that does not fit the tables; apart from that, ours are right.
Sent SqliteSession::misfit() const {
  if ((sqlite3_errcode(handle_) & 0xff) != SQLITE_ERROR) return fault();
  return Sent{Went::kMisfit, misfit_reason(sqlite3_errmsg(handle_))};
}

Sent SqliteSession::execute(const char* statement) {
  return sqlite3_exec(handle_, statement, nullptr, nullptr, nullptr) == SQLITE_OK ? Sent{} : fault();
}

// A deferred begin would become a writer later, and fail there when somebody else wrote in the meantime.
Sent SqliteSession::begin() { return execute("BEGIN IMMEDIATE"); }

Sent SqliteSession::meet(const Checked& call, Met& met) {
  const Names names{"b.", "excluded.state", now()};
  const std::string digest(call.digest_column());
  const Statement statement = prepare(
      handle_,
      "INSERT INTO settle_barrier AS b (gid, branch, state, found, op, last_op, began, " + digest +
          ") VALUES (?1, ?2, CASE WHEN ?4 < (SELECT refused_below FROM settle_barrier_retention) THEN 0 ELSE " +
          state_of_new_row(call) + " END, 0, ?3, ?3, COALESCE(?4, " + std::string(now()) + "), " + quoted(call.digest) +
          ") ON CONFLICT (gid, branch) DO UPDATE SET found = b.state, last_op = excluded.op,"
          " op = CASE b.state WHEN 0 THEN excluded.op ELSE b.op END, " +
          digest + " = CASE WHEN " + is_changed(call, names) + " THEN excluded." + digest + " ELSE b." + digest +
          " END, state = " + state_of_old_row(call, names) + " RETURNING found, state, " +
          std::string(call.answer_column()) + ", " + digest + ", effects, begun_until - " + std::string(now()));
  if (!statement) return misfit();
  bind(statement, 1, call.gid);
  bind(statement, 2, call.branch);
  bind(statement, 3, name_of(call.op));
  if (call.began_us) (void)sqlite3_bind_int64(statement.get(), 4, *call.began_us);
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return fault();
  met = Met{sqlite3_column_int(statement.get(), 0),
            sqlite3_column_int(statement.get(), 1),
            bytes_of(statement, 2),
            bytes_of(statement, 3),
            sqlite3_column_int64(statement.get(), 4),
            sqlite3_column_int64(statement.get(), 5)};
  return sqlite3_step(statement.get()) == SQLITE_DONE ? Sent{} : fault();
}

Sent SqliteSession::change_row(const Checked& call, std::string_view assignments, std::string_view condition,
                               std::int64_t& changed) {
  return execute("UPDATE settle_barrier SET " + std::string(assignments) + " WHERE " + is_row_of(call) + " AND " +
                     std::string(condition),
                 changed);
}

Sent SqliteSession::keep_answer(const Checked& call, std::string_view body) {
  const Statement statement = prepare(handle_, "UPDATE settle_barrier SET " + std::string(call.answer_column()) +
                                                   " = ?3 WHERE gid = ?1 AND branch = ?2");
  if (!statement) return fault();
  bind(statement, 1, call.gid);
  bind(statement, 2, call.branch);
  (void)sqlite3_bind_blob(statement.get(), 3, body.data(), static_cast<int>(body.size()), SQLITE_STATIC);
  if (sqlite3_step(statement.get()) != SQLITE_DONE) return fault();
  if (sqlite3_changes(handle_) == 1) return {};
  return Sent{Went::kFailed, "the barrier's row is gone: this transaction is not the one that entered"};
}

Sent SqliteSession::commit() {
  if (!in_transaction()) return Sent{Went::kUnknown, "the transaction ended before its commit"};
  const int code = sqlite3_exec(handle_, "COMMIT", nullptr, nullptr, nullptr) & 0xff;
  if (code == SQLITE_OK) return {};
  Sent sent{Went::kUnknown, sqlite3_errmsg(handle_)};
  if (in_transaction()) {
    // Still open, so it is not committed. A reader that is in the way of the commit goes.
    if (code == SQLITE_BUSY) sent.went = Went::kAgain;
    if (code == SQLITE_CONSTRAINT || code == SQLITE_FULL) sent.went = Went::kFailed;
  } else if (code == SQLITE_CONSTRAINT) {
    sent.went = Went::kFailed;  // the commit hook said no
  }
  return sent;
}

void SqliteSession::roll_back() {
  if (in_transaction()) (void)execute("ROLLBACK");
}

bool SqliteSession::lost_to_others() {
  const int code = sqlite3_errcode(handle_) & 0xff;
  return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

Sent SqliteSession::execute(const std::string& statement, std::int64_t& changed) {
  Sent sent = execute(statement.c_str());
  if (sent.well()) changed = sqlite3_changes(handle_);
  return sent;
}

Sent SqliteSession::number(const std::string& statement, std::int64_t& value) {
  const Statement prepared = prepare(handle_, statement);
  if (!prepared || sqlite3_step(prepared.get()) != SQLITE_ROW) return fault();
  value = sqlite3_column_int64(prepared.get(), 0);
  return {};
}

std::string_view SqliteSession::now() const {
  return "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)";
}

std::string SqliteSession::delete_some(std::string_view condition, int rows) const {
  return "DELETE FROM settle_barrier WHERE (gid, branch) IN (SELECT gid, branch FROM settle_barrier WHERE " +
         std::string(condition) + " LIMIT " + std::to_string(rows) + ")";
}

}  // namespace settle::barrier
