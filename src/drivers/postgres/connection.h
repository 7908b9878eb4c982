#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "drivers/postgres/parameters.h"
#include "drivers/postgres/rows.h"
#include "settle/result.h"

struct pg_conn;

namespace settle::postgres {

struct ConnectOptions {
  std::string url;   ///< as libpq reads it: postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?…]; several hosts are fine
  std::string name;  ///< what the server shows as application_name
  Duration answer_max = std::chrono::seconds{30};  ///< longest silence of the server that is waited out
};

/// A prepared statement and its values.
struct Call {
  std::string_view statement;
  Parameters parameters = {};
};

/// One connection to a PostgreSQL server that takes writes. Blocks; one thread at a time.
///
/// Errors of everything that talks to the server
///   kUnavailable     not sent: the connection was known to be broken; or the server refuses for now (class 53, 57)
///   kUnknownOutcome  sent, and the connection broke or the server was silent for too long
///   kConflict        the server has undone it for others' sake (serialization, deadlock, lock not available): repeat
///   kCorrupt         the server has met damaged data
///   kInvalid         the server refuses; see sqlstate()
/// A connection that broke is broken for ever: open another one.
class Connection {
 public:
  /// Errors: kInvalid (the URL), kUnavailable (not reached, too busy, a standby; it refuses this user).
  static Result<std::unique_ptr<Connection>> open(const ConnectOptions& options);

  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One statement, which is its own write unless one was begun.
  Result<Rows> run(const std::string& sql, const Parameters& parameters = {});

  /// Several statements without values, all of them in one write.
  Result<void> run_script(const std::string& sql);

  Result<void> prepare(const std::string& name, const std::string& sql);

  /// All calls in one round trip, in their order; after the first that fails none runs. The calls bring their own BEGIN
  /// and COMMIT.
  Result<std::vector<Rows>> run_all(std::span<const Call> calls);

  /// Like run(), but each row is handed over as it comes. `visit` must not use this connection.
  Result<void> stream(const std::string& sql, const Parameters& parameters,
                      const std::function<void(const Rows& row)>& visit);

  /// Connected, with nothing under way, as far as it can be known without asking.
  [[nodiscard]] bool is_idle();
  [[nodiscard]] bool is_broken() const { return is_broken_; }

  /// Of the last error that the server told, five characters; empty: it told none.
  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }

  /// Warnings of the server so far. One during a COMMIT may mean that a synchronous standby does not have it.
  [[nodiscard]] std::uint64_t warnings() const { return warnings_; }

  /// The server's process behind it.
  [[nodiscard]] int session() const;
  [[nodiscard]] int server_version() const;  ///< 150004 for 15.4
  /// Where it is connected to, without a password.
  [[nodiscard]] std::string place() const;

 private:
  enum class Ready : std::uint8_t { kYes, kTimeout, kBroken };
  struct Next;

  explicit Connection(Duration answer_max) : answer_max_(answer_max) {}

  [[nodiscard]] Ready wait(bool also_write);
  Next next();
  Result<Rows> finish();
  Result<void> send(const std::string& sql, const Parameters& parameters);
  Error refused(const pg_result* result);
  Error lost(std::string_view what);
  Error not_sent();
  Result<void> not_broken() const;
  void heard(const pg_result* notice);

  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Finish> connection_;
  const Duration answer_max_;
  bool is_broken_ = false;
  std::string sqlstate_;
  std::uint64_t warnings_ = 0;
};

}  // namespace settle::postgres
