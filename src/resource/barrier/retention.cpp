#include "resource/barrier/session.h"

namespace settle::barrier {
namespace {

using protocol::BarrierRow;

constexpr int kRowsPerDelete = 1000;  // a short transaction, so that nobody waits for the pruning

Error unavailable(const Sent& sent) { return Error{ErrorCode::kUnavailable, sent.reason}; }

/// One statement in a transaction of its own.
Result<std::int64_t> change(Session& session, const std::string& statement) {
  std::int64_t rows = 0;
  Sent sent = session.begin();
  if (sent.well()) sent = session.execute(statement, rows);
  if (sent.well()) sent = session.commit();
  if (sent.well()) return rows;
  session.roll_back();
  return unavailable(sent);
}

Result<std::int64_t> number(Session& session, const std::string& statement) {
  std::int64_t value = 0;
  const Sent sent = session.number(statement, value);
  if (!sent.well()) return unavailable(sent);
  return value;
}

/// What was forbidden long enough ago may go.
std::string release(Session& session, std::chrono::seconds grace) {
  const std::int64_t grace_us = std::chrono::microseconds(grace).count();
  return "UPDATE settle_barrier_retention SET deletable_below = refused_below WHERE refused_below > deletable_below "
         "AND " +
         std::string(session.now()) + " - raised_at >= " + std::to_string(grace_us);
}

/// Only when nothing waits for its grace: frequent calls must not put it off for ever.
std::string raise(Session& session, std::chrono::microseconds older_than) {
  const std::string asked = std::to_string(older_than.count());
  const std::string allowed = "(" + std::string(session.now()) + " - horizon)";
  const std::string target = "CASE WHEN " + asked + " < " + allowed + " THEN " + asked + " ELSE " + allowed + " END";
  return "UPDATE settle_barrier_retention SET refused_below = " + target +
         ", raised_at = " + std::string(session.now()) + " WHERE refused_below = deletable_below AND refused_below < " +
         target;
}

/// Something is still owed for these rows.
std::string states_that_wait() {
  std::string states = std::to_string(stored(BarrierRow::kHeld));
  for (const BarrierRow row : kStoredRows) {
    if (protocol::is_unsettled(row)) states += ", " + std::to_string(stored(row));
  }
  return states;
}

}  // namespace

Result<void> set_horizon(Session& session, std::chrono::microseconds horizon) {
  if (horizon.count() <= 0) return Error{ErrorCode::kInvalid, "the horizon must be positive"};
  const std::string us = std::to_string(horizon.count());
  const Result<std::int64_t> rows =
      change(session, "UPDATE settle_barrier_retention SET horizon = " + us + " WHERE horizon < " + us);
  if (!rows) return rows.error();
  return {};
}

Result<Pruned> prune(Session& session, std::chrono::microseconds older_than, std::chrono::seconds grace) {
  const Sent ready = session.ready();
  if (!ready.well()) return Error{ErrorCode::kInvalid, ready.reason};
  if (session.in_transaction()) return Error{ErrorCode::kInvalid, "a transaction is open on this connection"};
  if (older_than.count() < 0 || grace.count() < 0) return Error{ErrorCode::kInvalid, "a time is negative"};

  const Result<std::int64_t> horizon = number(session, "SELECT horizon FROM settle_barrier_retention");
  if (!horizon) return horizon.error();
  // schema.sql, run by hand, cannot know it. Without it the watermark could overtake calls that are on their way.
  if (*horizon <= 0) return Error{ErrorCode::kInvalid, "no horizon is set: install() sets it"};
  for (const std::string& statement : {release(session, grace), raise(session, older_than), release(session, grace)}) {
    const Result<std::int64_t> rows = change(session, statement);
    if (!rows) return rows.error();
  }
  const Result<std::int64_t> deletable = number(session, "SELECT deletable_below FROM settle_barrier_retention");
  if (!deletable) return deletable.error();
  const std::string statement = session.delete_some(
      "began < " + std::to_string(*deletable) + " AND state NOT IN (" + states_that_wait() + ")", kRowsPerDelete);
  Pruned pruned;
  for (;;) {
    const Result<std::int64_t> rows = change(session, statement);
    if (!rows) return rows.error();
    pruned.rows += *rows;
    if (*rows < kRowsPerDelete) break;
  }
  const Result<std::int64_t> refused = number(session, "SELECT refused_below FROM settle_barrier_retention");
  if (!refused) return refused.error();
  pruned.refused_below = std::chrono::microseconds{*refused};
  return pruned;
}

}  // namespace settle::barrier
