#include "resource/barrier/mariadb/mariadb_session.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <charconv>
#include <memory>

#include "resource/barrier/statement.h"

namespace settle::barrier {
namespace {

struct Free {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using Rows = std::unique_ptr<MYSQL_RES, Free>;

constexpr std::string_view kHex = "0123456789ABCDEF";

/// X'…': bytes that no character set and no sql_mode touches.
std::string literal(std::string_view bytes) {
  std::string text = "X'";
  text.reserve(bytes.size() * 2 + 3);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kHex[byte >> 4U]);
    text.push_back(kHex[byte & 15U]);
  }
  return text + "'";
}

template <typename Number>
Number number_of(const char* text) {
  Number value{};
  const std::string_view digits(text == nullptr ? "" : text);
  (void)std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

/// The row, if it was this connection that wrote it last.
std::string own_row(const Checked& call) { return is_row_of(call) + " AND entered_by = CONNECTION_ID()"; }

/// "Rows matched: 1  Changed: 0  Warnings: 0", in the server's language. Affected rows count changes only, or matches,
/// depending on how the caller connected.
int rows_matched(const char* info) {
  const std::string_view text(info == nullptr ? "" : info);
  const std::size_t digit = text.find_first_of("0123456789");
  return digit == std::string_view::npos ? 0 : number_of<int>(info + digit);
}

}  // namespace

Sent MariaDbSession::ready() {
  if (handle_ == nullptr) return Sent{Went::kFailed, "there is no connection"};
  // It would go on without the transaction, and commit every further statement by itself.
  my_bool reconnects = 0;
  (void)mysql_get_optionv(handle_, MYSQL_OPT_RECONNECT, &reconnects);
  if (reconnects != 0)
    return Sent{Went::kFailed, "the connection reconnects by itself: switch MYSQL_OPT_RECONNECT off"};
  return {};
}

bool MariaDbSession::in_transaction() {
  unsigned int status = 0;
  (void)mariadb_get_infov(handle_, MARIADB_CONNECTION_SERVER_STATUS, &status);
  return (status & SERVER_STATUS_IN_TRANS) != 0;
}

Sent MariaDbSession::fault() const {
  Sent sent{Went::kFailed, mysql_error(handle_)};
  const unsigned int code = mysql_errno(handle_);
  if (code == ER_LOCK_WAIT_TIMEOUT) sent.went = Went::kLocked;
  if (code == ER_LOCK_DEADLOCK) sent.went = Went::kAgain;
  return sent;
}

Sent MariaDbSession::execute(std::string_view statement) {
  return mysql_real_query(handle_, statement.data(), statement.size()) == 0 ? Sent{} : fault();
}

Sent MariaDbSession::begin() { return execute("START TRANSACTION"); }

Sent MariaDbSession::meet(const Checked& call, Met& met) {
  // ON DUPLICATE KEY takes the exclusive lock from the start: two repeats that first shared it would stop each other.
  // What was found goes through the row, because the number of affected rows depends on how the caller connected.
  // Assignments are made one after the other, so the state, which all others ask for, comes last.
  const Names names{"", "VALUES(state)", now()};
  const std::string op = quoted(name_of(call.op));
  const std::string digest(call.digest_column());
  const std::string began = call.began_us ? std::to_string(*call.began_us) : std::string("NULL");
  Sent sent = execute(
      bounded("INSERT INTO settle_barrier (gid, branch, state, found, op, last_op, began, entered_by, ") + digest +
      ") VALUES (" + quoted(call.gid) + ", " + quoted(call.branch) + ", CASE WHEN " + began +
      " < (SELECT refused_below FROM settle_barrier_retention) THEN 0 ELSE " + state_of_new_row(call) + " END, 0, " +
      op + ", " + op + ", COALESCE(" + began + ", " + std::string(now()) + "), CONNECTION_ID(), " +
      quoted(call.digest) + ") ON DUPLICATE KEY UPDATE found = state, entered_by = CONNECTION_ID(), last_op = " + op +
      ", op = CASE state WHEN 0 THEN " + op + " ELSE op END, " + digest + " = CASE WHEN " + is_changed(call, names) +
      " THEN VALUES(" + digest + ") ELSE " + digest + " END, state = " + state_of_old_row(call, names) +
      " RETURNING found, state, " + std::string(call.answer_column()) + ", " + digest + ", effects, begun_until - " +
      std::string(now()));
  const unsigned int code = sent.well() ? 0 : mysql_errno(handle_);
  if (code == ER_NO_SUCH_TABLE || code == ER_BAD_FIELD_ERROR) sent = {Went::kMisfit, misfit_reason(sent.reason)};
  if (!sent.well()) return sent;
  const Rows rows(mysql_store_result(handle_));
  if (!rows) return fault();
  const MYSQL_ROW row = mysql_fetch_row(rows.get());
  if (row == nullptr) return Sent{Went::kFailed, "the barrier's statement gave no row"};
  const unsigned long* const lengths = mysql_fetch_lengths(rows.get());
  met = Met{number_of<int>(row[0]),          number_of<int>(row[1]),         {}, {},
            number_of<std::int64_t>(row[4]), number_of<std::int64_t>(row[5])};
  if (row[2] != nullptr) met.answer.assign(row[2], lengths[2]);
  if (row[3] != nullptr) met.digest.assign(row[3], lengths[3]);
  return {};
}

std::string MariaDbSession::bounded(std::string_view statement) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(lock_wait_).count();  // 0: does not wait
  return "SET STATEMENT innodb_lock_wait_timeout=" + std::to_string(seconds) + " FOR " + std::string(statement);
}

Sent MariaDbSession::change_row(const Checked& call, std::string_view assignments, std::string_view condition,
                                std::int64_t& changed) {
  return execute(bounded("UPDATE settle_barrier SET entered_by = CONNECTION_ID(), ") + std::string(assignments) +
                     " WHERE " + is_row_of(call) + " AND " + std::string(condition),
                 changed);
}

Sent MariaDbSession::keep_answer(const Checked& call, std::string_view body) {
  Sent sent = execute("UPDATE settle_barrier SET " + std::string(call.answer_column()) + " = " + literal(body) +
                      " WHERE " + own_row(call));
  if (!sent.well() || rows_matched(mysql_info(handle_)) == 1) return sent;
  return Sent{Went::kFailed, "the barrier's row is gone: this transaction is not the one that entered"};
}

Sent MariaDbSession::commit() { return commit("COMMIT"); }

Sent MariaDbSession::commit_work(const Checked& call, int state) {
  // A deadlock takes the whole transaction, and the server goes on in a new one without saying so. Had the handler
  // overlooked it, what it did afterwards would be committed without the row. A state of its own making proves that it
  // is the transaction that entered.
  return commit("BEGIN NOT ATOMIC IF EXISTS (SELECT 1 FROM settle_barrier WHERE " + own_row(call) +
                " AND state = " + std::to_string(state) +
                ") THEN COMMIT; ELSE ROLLBACK; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = "
                "'the transaction that entered was lost: an error of the handler was overlooked'; END IF; END");
}

Sent MariaDbSession::commit(std::string_view statement) {
  if (execute(statement).well()) return {};
  Sent sent{Went::kUnknown, mysql_error(handle_)};
  const unsigned int code = mysql_errno(handle_);
  if (code == ER_LOCK_DEADLOCK) sent.went = Went::kAgain;          // Galera: another node was first
  if (code == ER_SIGNAL_EXCEPTION) sent.went = Went::kFailed;      // rolled back above
  if (code == CR_COMMANDS_OUT_OF_SYNC) sent.went = Went::kFailed;  // never sent: the handler left rows unread
  return sent;
}

void MariaDbSession::roll_back() {
  if (in_transaction()) (void)execute("ROLLBACK");
}

bool MariaDbSession::lost_to_others() {
  const unsigned int code = mysql_errno(handle_);
  return code == ER_LOCK_DEADLOCK || code == ER_LOCK_WAIT_TIMEOUT;
}

Sent MariaDbSession::execute(const std::string& statement, std::int64_t& changed) {
  Sent sent = execute(std::string_view(statement));
  if (sent.well()) changed = static_cast<std::int64_t>(mysql_affected_rows(handle_));
  return sent;
}

Sent MariaDbSession::number(const std::string& statement, std::int64_t& value) {
  Sent sent = execute(std::string_view(statement));
  if (!sent.well()) return sent;
  const Rows rows(mysql_store_result(handle_));
  const MYSQL_ROW row = rows ? mysql_fetch_row(rows.get()) : nullptr;
  if (row == nullptr) return Sent{Went::kFailed, "the barrier's table has not the one row it must have"};
  value = number_of<std::int64_t>(row[0]);
  return {};
}

std::string_view MariaDbSession::now() const { return "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)"; }

std::string MariaDbSession::delete_some(std::string_view condition, int rows) const {
  return "DELETE FROM settle_barrier WHERE " + std::string(condition) + " LIMIT " + std::to_string(rows);
}

}  // namespace settle::barrier
