#include "drivers/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "base/log.h"

namespace settle::postgres {
namespace {

constexpr int kBinary = 1;

std::string one_line(const char* message) {
  std::string out = message == nullptr ? "" : message;
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  for (char& c : out) {
    if (c == '\n') c = ' ';
  }
  return out;
}

std::string field(const pg_result* result, int code) {
  const char* const text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

/// What the server's refusal means for the caller.
ErrorCode code_of(std::string_view sqlstate) {
  const std::string_view of_class = sqlstate.substr(0, 2);
  if (of_class == "40" || sqlstate == "55P03") return ErrorCode::kConflict;
  if (of_class == "53" || of_class == "57" || of_class == "08") return ErrorCode::kUnavailable;
  if (of_class == "XX" && sqlstate != "XX000") return ErrorCode::kCorrupt;
  return ErrorCode::kInvalid;
}

/// The form in which libpq takes parameters; points into them.
struct Binary {
  explicit Binary(const Parameters& parameters) {
    for (const Parameters::Value& value : parameters.values()) {
      types.push_back(value.type);
      values.push_back(value.bytes.data());
      lengths.push_back(static_cast<int>(value.bytes.size()));
      formats.push_back(kBinary);
    }
  }
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

}  // namespace

/// One result, or the end of the results of a statement, or why there is neither.
struct Connection::Next {
  std::optional<Error> error;
  pg_result* result = nullptr;
};

void Connection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const ConnectOptions& options) {
  // Before the URL: it may say otherwise. After it: ours.
  const std::array keys{"connect_timeout",      "keepalives_idle",
                        "keepalives_interval",  "keepalives_count",
                        "gssencmode",           "dbname",
                        "target_session_attrs", "client_encoding",
                        "application_name",     static_cast<const char*>(nullptr)};
  const std::array values{"5",
                          "10",
                          "5",
                          "3",
                          "disable",
                          options.url.c_str(),
                          "read-write",
                          "UTF8",
                          options.name.c_str(),
                          static_cast<const char*>(nullptr)};
  static_assert(keys.size() == values.size());
  char* why = nullptr;
  PQconninfoOption* const parts = PQconninfoParse(options.url.c_str(), &why);
  if (parts == nullptr) {
    const std::string text = one_line(why);
    PQfreemem(why);
    return Error{ErrorCode::kInvalid, "not a PostgreSQL URL: " + text};
  }
  PQconninfoFree(parts);

  std::unique_ptr<Connection> out(new Connection(options.answer_max));
  out->connection_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
  pg_conn* const connection = out->connection_.get();
  if (connection == nullptr) return Error{ErrorCode::kUnavailable, "no memory for a connection"};
  if (PQstatus(connection) != CONNECTION_OK) {
    // libpq keeps no SQLSTATE of a failed start, so who is refused and who is too early look alike.
    return Error{ErrorCode::kUnavailable, "cannot connect to PostgreSQL: " + one_line(PQerrorMessage(connection))};
  }
  (void)PQsetNoticeReceiver(
      connection, [](void* self, const PGresult* notice) { static_cast<Connection*>(self)->heard(notice); }, out.get());
  if (PQsetnonblocking(connection, 1) != 0)
    return Error{ErrorCode::kUnavailable, "cannot make the socket non-blocking"};
  return out;
}

void Connection::heard(const pg_result* notice) {
  const std::string severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != "WARNING") return;
  ++warnings_;
  log(LogLevel::kWarn, "PostgreSQL warns", {{"what", one_line(PQresultErrorMessage(notice))}});
}

int Connection::session() const { return PQbackendPID(connection_.get()); }

int Connection::server_version() const { return PQserverVersion(connection_.get()); }

std::string Connection::place() const {
  const auto text = [](const char* part) { return std::string(part == nullptr ? "" : part); };
  const pg_conn* const c = connection_.get();
  return "postgres://" + text(PQuser(c)) + "@" + text(PQhost(c)) + ":" + text(PQport(c)) + "/" + text(PQdb(c));
}

bool Connection::is_idle() {
  if (is_broken_ || PQstatus(connection_.get()) != CONNECTION_OK) return false;
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) return false;
  pollfd at{PQsocket(connection_.get()), POLLIN, 0};
  if (::poll(&at, 1, 0) == 0) return true;
  // The server speaks unasked when it says good-bye, or when a setting has changed.
  if (PQconsumeInput(connection_.get()) == 0 || PQisBusy(connection_.get()) != 0) return false;
  return PQstatus(connection_.get()) == CONNECTION_OK && ::poll(&at, 1, 0) == 0;
}

// ------------------------------------------------------------------------------------------------------------ errors

Error Connection::lost(std::string_view what) {
  is_broken_ = true;
  const std::string said = one_line(PQerrorMessage(connection_.get()));
  return Error{ErrorCode::kUnknownOutcome, std::string(what) + (said.empty() ? "" : ": " + said)};
}

Error Connection::not_sent() {
  const bool is_connected = PQstatus(connection_.get()) == CONNECTION_OK;
  Error error = lost("cannot send to PostgreSQL");
  // Part of it may have left, when libpq flushed; but never its end, without which the server does nothing.
  error.code = is_connected ? ErrorCode::kInvalid : ErrorCode::kUnavailable;
  return error;
}

Result<void> Connection::not_broken() const {
  if (is_broken_) return Error{ErrorCode::kUnavailable, "the connection to PostgreSQL is broken"};
  return {};
}

Error Connection::refused(const pg_result* result) {
  sqlstate_ = field(result, PG_DIAG_SQLSTATE);
  const std::string severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  const bool ends =
      severity == "FATAL" || severity == "PANIC" || sqlstate_.empty() || PQstatus(connection_.get()) != CONNECTION_OK;
  const std::string message = "PostgreSQL: " + one_line(PQresultErrorMessage(result));
  if (ends) {
    is_broken_ = true;
    return Error{ErrorCode::kUnknownOutcome, message};
  }
  return Error{code_of(sqlstate_), message + " (" + sqlstate_ + ")"};
}

// ----------------------------------------------------------------------------------------------------------- waiting

Connection::Ready Connection::wait(bool also_write) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + answer_max_;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return Ready::kTimeout;
    pollfd at{PQsocket(connection_.get()), static_cast<short>(POLLIN | (also_write ? POLLOUT : 0)), 0};
    const int count = ::poll(&at, 1, static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) return Ready::kBroken;
    if (count <= 0) continue;
    if ((at.revents & POLLIN) != 0 && PQconsumeInput(connection_.get()) == 0) return Ready::kBroken;
    if ((at.revents & POLLIN) == 0 && (at.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return Ready::kBroken;
    return Ready::kYes;
  }
}

Connection::Next Connection::next() {
  for (;;) {
    const int unsent = PQflush(connection_.get());
    if (unsent < 0) return {lost("the connection to PostgreSQL broke"), nullptr};
    if (PQisBusy(connection_.get()) == 0) return {std::nullopt, PQgetResult(connection_.get())};
    switch (wait(unsent == 1)) {
      case Ready::kYes:
        break;
      case Ready::kTimeout:
        return {lost("PostgreSQL has not answered in time"), nullptr};
      case Ready::kBroken:
        return {lost("the connection to PostgreSQL broke"), nullptr};
    }
  }
}

// -------------------------------------------------------------------------------------------------------- statements

Result<void> Connection::send(const std::string& sql, const Parameters& parameters) {
  if (const auto fine = not_broken(); !fine) return fine;
  sqlstate_.clear();
  const Binary binary(parameters);
  const int sent =
      PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(binary.values.size()), binary.types.data(),
                        binary.values.data(), binary.lengths.data(), binary.formats.data(), kBinary);
  if (sent == 0) return not_sent();
  return {};
}

Result<Rows> Connection::run(const std::string& sql, const Parameters& parameters) {
  if (const auto sent = send(sql, parameters); !sent) return sent.error();
  return finish();
}

Result<void> Connection::run_script(const std::string& sql) {
  if (const auto fine = not_broken(); !fine) return fine;
  sqlstate_.clear();
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return not_sent();
  if (const auto done = finish(); !done) return done.error();
  return {};
}

Result<void> Connection::prepare(const std::string& name, const std::string& sql) {
  if (const auto fine = not_broken(); !fine) return fine;
  sqlstate_.clear();
  if (PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr) == 0) return not_sent();
  if (const auto done = finish(); !done) return done.error();
  return {};
}

/// Reads to the end of what was sent: the rows of the last statement, or the first refusal.
Result<Rows> Connection::finish() {
  Rows out;
  std::optional<Error> error;
  for (;;) {
    const Next got = next();
    if (got.error) return *got.error;
    if (got.result == nullptr) break;
    Rows rows(got.result);
    const ExecStatusType status = PQresultStatus(got.result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
      out = std::move(rows);
    } else if (!error) {
      error = refused(got.result);
    }
    if (is_broken_) break;
  }
  if (error) return *error;
  return out;
}

Result<std::vector<Rows>> Connection::run_all(std::span<const Call> calls) {
  if (const auto fine = not_broken(); !fine) return fine.error();
  sqlstate_.clear();
  if (PQenterPipelineMode(connection_.get()) == 0) return not_sent();
  for (const Call& call : calls) {
    const Binary binary(call.parameters);
    const int sent = PQsendQueryPrepared(connection_.get(), std::string(call.statement).c_str(),
                                         static_cast<int>(binary.values.size()), binary.values.data(),
                                         binary.lengths.data(), binary.formats.data(), kBinary);
    if (sent == 0) return not_sent();
  }
  if (PQpipelineSync(connection_.get()) == 0) return lost("cannot send to PostgreSQL");

  std::vector<Rows> out;
  std::optional<Error> error;
  for (bool is_over = false; !is_over;) {
    const Next got = next();
    if (got.error) return *got.error;
    if (got.result == nullptr) continue;  // between two statements
    Rows rows(got.result);
    switch (PQresultStatus(got.result)) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        out.push_back(std::move(rows));
        break;
      case PGRES_PIPELINE_SYNC:
        is_over = true;
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      default:
        if (!error) error = refused(got.result);
        if (is_broken_) return *error;
    }
  }
  if (PQexitPipelineMode(connection_.get()) == 0) return lost("PostgreSQL answers more than it was asked");
  if (error) return *error;
  if (out.size() != calls.size()) return lost("PostgreSQL has left out an answer");
  return out;
}

Result<void> Connection::stream(const std::string& sql, const Parameters& parameters,
                                const std::function<void(const Rows& row)>& visit) {
  if (const auto sent = send(sql, parameters); !sent) return sent;
  if (PQsetSingleRowMode(connection_.get()) == 0) return lost("PostgreSQL cannot give row by row");
  std::optional<Error> error;
  for (;;) {
    const Next got = next();
    if (got.error) return *got.error;
    if (got.result == nullptr) break;
    const Rows rows(got.result);
    switch (PQresultStatus(got.result)) {
      case PGRES_SINGLE_TUPLE:
        visit(rows);
        break;
      case PGRES_TUPLES_OK:
        break;
      default:
        if (!error) error = refused(got.result);
    }
    if (is_broken_) break;
  }
  if (error) return *error;
  return {};
}

}  // namespace settle::postgres
