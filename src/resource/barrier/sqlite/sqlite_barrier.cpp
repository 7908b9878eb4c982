#include <sqlite3.h>

#include "resource/barrier/schema.h"
#include "resource/barrier/sqlite/sqlite_session.h"

namespace settle::barrier {

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

Result<void> install(sqlite3* handle, std::chrono::microseconds horizon) {
  SqliteSession session(handle);
  if (!session.ready().well() || session.in_transaction()) {
    return Error{ErrorCode::kInvalid, "install needs a connection without an open transaction"};
  }
  std::int64_t changed = 0;
  Sent sent = session.begin();
  if (sent.well()) sent = session.execute(kSqliteSchema, changed);
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
