#include <sqlite3.h>

#include "resource/barrier/schema.h"
#include "resource/barrier/sqlite/sqlite_session.h"

namespace settle::barrier {
namespace {

constexpr const char* kLacksColumns =
    "SELECT COUNT(*) = 0 FROM pragma_table_info('settle_barrier') WHERE name = 'begun_until'";
constexpr const char* kAddColumns =
    "ALTER TABLE settle_barrier ADD COLUMN digest TEXT;"
    "ALTER TABLE settle_barrier ADD COLUMN closing_digest TEXT;"
    "ALTER TABLE settle_barrier ADD COLUMN effects INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE settle_barrier ADD COLUMN begun_until INTEGER NOT NULL DEFAULT 0";

/// The tables, those of an older version with the columns that they lack: SQLite has no way to say that in SQL.
Sent make_tables(SqliteSession& session) {
  std::int64_t changed = 0;
  std::int64_t lacks_columns = 0;
  Sent sent = session.execute(kSqliteSchema, changed);
  if (sent.well()) sent = session.number(kLacksColumns, lacks_columns);
  if (sent.well() && lacks_columns != 0) sent = session.execute(kAddColumns, changed);
  return sent;
}

}  // namespace

Result<Verdict> enter(sqlite3* handle, const Call& call) {
  SqliteSession session(handle);
  return enter(static_cast<Session&>(session), call);
}

Result<void> store_answer(sqlite3* handle, const Call& call, std::string_view body) {
  SqliteSession session(handle);
  return store_answer(static_cast<Session&>(session), call, body);
}

Reply run(sqlite3* handle, const Call& call, const Business& business, const Options& options) {
  SqliteSession session(handle);
  return run(static_cast<Session&>(session), call, business, options);
}

Reply run_effect(sqlite3* handle, const Call& call, const Effect& effect, const Options& options) {
  SqliteSession session(handle);
  return run_effect(static_cast<Session&>(session), call, effect, options);
}

Result<void> install(sqlite3* handle, std::chrono::microseconds horizon) {
  SqliteSession session(handle);
  if (!session.ready().well() || session.in_transaction()) {
    return Error{ErrorCode::kInvalid, "install needs a connection without an open transaction"};
  }
  Sent sent = session.begin();
  if (sent.well()) sent = make_tables(session);
  if (sent.well()) sent = session.commit();
  if (!sent.well()) {
    session.roll_back();
    return Error{ErrorCode::kUnavailable, sent.reason};
  }
  return set_horizon(session, horizon);
}

Result<Pruned> prune(sqlite3* handle, std::chrono::microseconds older_than, std::chrono::seconds grace) {
  SqliteSession session(handle);
  return prune(static_cast<Session&>(session), older_than, grace);
}

}  // namespace settle::barrier
