#include "resource/barrier/postgres/postgres_session.h"
#include "resource/barrier/schema.h"

namespace settle::barrier {
namespace {

constexpr std::chrono::milliseconds kNoWait{0};

}  // namespace

Result<Verdict> enter(pg_conn* handle, const Call& call, std::chrono::milliseconds lock_wait) {
  PostgresSession session(handle, lock_wait);
  return enter(static_cast<Session&>(session), call);
}

Result<void> store_answer(pg_conn* handle, const Call& call, std::string_view body) {
  PostgresSession session(handle, kNoWait);
  return store_answer(static_cast<Session&>(session), call, body);
}

Reply run(pg_conn* handle, const Call& call, const Business& business, const Options& options) {
  PostgresSession session(handle, options.lock_wait);
  return run(static_cast<Session&>(session), call, business, options);
}

Reply run_effect(pg_conn* handle, const Call& call, const Effect& effect, const Options& options) {
  PostgresSession session(handle, options.lock_wait);
  return run_effect(static_cast<Session&>(session), call, effect, options);
}

Result<void> install(pg_conn* handle, std::chrono::microseconds horizon) {
  PostgresSession session(handle, kNoWait);
  if (!session.ready().well() || session.in_transaction()) {
    return Error{ErrorCode::kInvalid, "install needs a connection without an open transaction"};
  }
  std::int64_t changed = 0;
  const Sent sent = session.execute(kPostgresSchema, changed);  // several statements in one request: one transaction
  if (!sent.well()) return Error{ErrorCode::kUnavailable, sent.reason};
  return set_horizon(session, horizon);
}

Result<Pruned> prune(pg_conn* handle, std::chrono::microseconds older_than, std::chrono::seconds grace) {
  PostgresSession session(handle, kNoWait);
  return prune(static_cast<Session&>(session), older_than, grace);
}

}  // namespace settle::barrier
