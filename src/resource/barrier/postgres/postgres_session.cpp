#include "resource/barrier/postgres/postgres_session.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "resource/barrier/statement.h"

namespace settle::barrier {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Rows = std::unique_ptr<PGresult, Clear>;

std::string_view state_of(const PGresult* result) {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? std::string_view() : std::string_view(state);
}

bool is_lost_to_others(std::string_view sqlstate) { return sqlstate == "40001" || sqlstate == "40P01"; }

bool is_fine(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/// How a request went that is no commit: what failed has not happened.
Sent sent_of(PGconn* handle, const Rows& rows) {
  if (is_fine(rows.get())) return {};
  const std::string_view sqlstate = state_of(rows.get());
  Sent sent{Went::kFailed, PQerrorMessage(handle)};
  if (sqlstate == "55P03") sent.went = Went::kLocked;
  if (is_lost_to_others(sqlstate)) sent.went = Went::kAgain;
  return sent;
}

/// The same for a statement that names the barrier's tables: undefined_table, undefined_column.
Sent own_sent_of(PGconn* handle, const Rows& rows) {
  const std::string_view sqlstate = state_of(rows.get());
  if (sqlstate != "42P01" && sqlstate != "42703") return sent_of(handle, rows);
  return Sent{Went::kMisfit, misfit_reason(PQresultErrorField(rows.get(), PG_DIAG_MESSAGE_PRIMARY))};
}

template <typename Number>
Number number_at(const Rows& rows, int column) {
  const std::string_view text(PQgetvalue(rows.get(), 0, column));
  Number value{};
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string bytes_at(const Rows& rows, int column) {
  if (PQgetisnull(rows.get(), 0, column) != 0) return {};
  std::size_t size = 0;
  unsigned char* const bytes =
      PQunescapeBytea(reinterpret_cast<const unsigned char*>(PQgetvalue(rows.get(), 0, column)), &size);
  if (bytes == nullptr) return {};
  std::string text(reinterpret_cast<const char*>(bytes), size);
  PQfreemem(bytes);
  return text;
}

}  // namespace

Made Made::failed(const pg_result* result) {
  const char* const message = PQresultErrorMessage(result);
  return is_lost_to_others(state_of(result)) ? again(message) : failed(std::string(message));
}

Sent PostgresSession::ready() {
  if (handle_ == nullptr) return Sent{Went::kFailed, "there is no connection"};
  if (PQpipelineStatus(handle_) != PQ_PIPELINE_OFF) return Sent{Went::kFailed, "the connection is in pipeline mode"};
  return {};
}

bool PostgresSession::in_transaction() {
  const PGTransactionStatusType status = PQtransactionStatus(handle_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

Sent PostgresSession::begin() { return sent_of(handle_, Rows(PQexec(handle_, "BEGIN"))); }

Sent PostgresSession::meet(const Checked& call, Met& met) {
  // The limit on waiting is meant for this statement alone, so it is set before the insert and taken back behind it:
  // one round trip. If the statement fails, its transaction takes the limit with it.
  const Names names{"b.", "excluded.state", now()};
  const std::string digest(call.digest_column());
  const std::string columns = "found, state, " + std::string(call.answer_column()) + ", " + digest + ", effects";
  const std::string text =
      "WITH wait AS MATERIALIZED (SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', $5, "
      "true) AS now), met AS (INSERT INTO settle_barrier AS b (gid, branch, state, found, op, last_op, began, " +
      digest +
      ") SELECT $1, $2, CASE WHEN $4::bigint < (SELECT refused_below FROM settle_barrier_retention) THEN 0 ELSE " +
      state_of_new_row(call) + " END, 0, $3, $3, COALESCE($4::bigint, " + std::string(now()) + "), " +
      quoted(call.digest) +
      " FROM wait WHERE wait.now IS NOT NULL"
      " ON CONFLICT (gid, branch) DO UPDATE SET found = b.state, last_op = excluded.op,"
      " op = CASE b.state WHEN 0 THEN excluded.op ELSE b.op END, " +
      digest + " = CASE WHEN " + is_changed(call, names) + " THEN excluded." + digest + " ELSE b." + digest +
      " END, state = " + state_of_old_row(call, names) + " RETURNING " + columns + ", begun_until - " +
      std::string(now()) + " AS lasts) SELECT " + columns +
      ", lasts, set_config('lock_timeout', wait.before, true) FROM met, wait";
  const std::string gid(call.gid);
  const std::string branch(call.branch);
  const std::string op(name_of(call.op));
  const std::string began = call.began_us ? std::to_string(*call.began_us) : std::string();
  const std::string limit = lock_timeout();
  const std::array values{gid.c_str(), branch.c_str(), op.c_str(), call.began_us ? began.c_str() : nullptr,
                          limit.c_str()};
  const Rows rows(PQexecParams(handle_, text.c_str(), values.size(), nullptr, values.data(), nullptr, nullptr, 0));
  Sent sent = own_sent_of(handle_, rows);
  if (!sent.well()) return sent;
  if (PQntuples(rows.get()) != 1) return Sent{Went::kFailed, "the barrier's statement gave no row"};
  met = Met{number_at<int>(rows, 0),      number_at<int>(rows, 1),          bytes_at(rows, 2),
            PQgetvalue(rows.get(), 0, 3), number_at<std::int64_t>(rows, 4), number_at<std::int64_t>(rows, 5)};
  return {};
}

// 0 would mean: for ever.
std::string PostgresSession::lock_timeout() const {
  return std::to_string(std::max<std::int64_t>(lock_wait_.count(), 1)) + "ms";
}

Sent PostgresSession::change_row(const Checked& call, std::string_view assignments, std::string_view condition,
                                 std::int64_t& changed) {
  // Only in transactions of our own, which take the limit with them.
  return execute("SET LOCAL lock_timeout = '" + lock_timeout() + "'; UPDATE settle_barrier SET " +
                     std::string(assignments) + " WHERE " + is_row_of(call) + " AND " + std::string(condition),
                 changed);
}

Sent PostgresSession::keep_answer(const Checked& call, std::string_view body) {
  const std::string text =
      "UPDATE settle_barrier SET " + std::string(call.answer_column()) + " = $3::bytea WHERE gid = $1 AND branch = $2";
  const std::string gid(call.gid);
  const std::string branch(call.branch);
  const std::array values{gid.c_str(), branch.c_str(), body.data() == nullptr ? "" : body.data()};
  const std::array lengths{0, 0, static_cast<int>(body.size())};
  const std::array formats{0, 0, 1};
  const Rows rows(
      PQexecParams(handle_, text.c_str(), values.size(), nullptr, values.data(), lengths.data(), formats.data(), 0));
  Sent sent = sent_of(handle_, rows);
  if (sent.well() && std::string_view(PQcmdTuples(rows.get())) != "1") {
    return Sent{Went::kFailed, "the barrier's row is gone: this transaction is not the one that entered"};
  }
  return sent;
}

Sent PostgresSession::commit() {
  const Rows rows(PQexec(handle_, "COMMIT"));
  if (PQresultStatus(rows.get()) == PGRES_COMMAND_OK) {
    // A transaction in which a statement had failed is rolled back without an error.
    if (std::string_view(PQcmdStatus(rows.get())) == "COMMIT") return {};
    return Sent{Went::kFailed, "a statement of the handler had failed, so its transaction was rolled back"};
  }
  const std::string_view sqlstate = state_of(rows.get());
  Sent sent{Went::kUnknown, PQerrorMessage(handle_)};
  // The server raises an ERROR only before the commit record is written; behind it, it panics or warns. The two states
  // say by their names that they do not know.
  const char* const severity = PQresultErrorField(rows.get(), PG_DIAG_SEVERITY_NONLOCALIZED);
  const bool rolled_back = severity != nullptr && std::string_view(severity) == "ERROR" &&
                           PQtransactionStatus(handle_) == PQTRANS_IDLE && sqlstate != "40003" && sqlstate != "08007";
  if (rolled_back) sent.went = is_lost_to_others(sqlstate) ? Went::kAgain : Went::kFailed;
  return sent;
}

void PostgresSession::roll_back() {
  if (in_transaction()) (void)Rows(PQexec(handle_, "ROLLBACK"));
}

Sent PostgresSession::execute(const std::string& statement, std::int64_t& changed) {
  const Rows rows(PQexec(handle_, statement.c_str()));
  Sent sent = sent_of(handle_, rows);
  if (sent.well()) {
    const std::string_view text(PQcmdTuples(rows.get()));
    (void)std::from_chars(text.data(), text.data() + text.size(), changed);
  }
  return sent;
}

Sent PostgresSession::number(const std::string& statement, std::int64_t& value) {
  const Rows rows(PQexec(handle_, statement.c_str()));
  Sent sent = sent_of(handle_, rows);
  if (!sent.well()) return sent;
  if (PQntuples(rows.get()) != 1) return Sent{Went::kFailed, "the barrier's table has not the one row it must have"};
  value = number_at<std::int64_t>(rows, 0);
  return sent;
}

std::string_view PostgresSession::now() const { return "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"; }

std::string PostgresSession::delete_some(std::string_view condition, int rows) const {
  return "DELETE FROM settle_barrier WHERE (gid, branch) IN (SELECT gid, branch FROM settle_barrier WHERE " +
         std::string(condition) + " LIMIT " + std::to_string(rows) + ")";
}

}  // namespace settle::barrier
