#pragma once

#include <settle/result.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct pg_conn;    // PGconn
struct pg_result;  // PGresult
struct st_mysql;   // MYSQL

/// The barrier: one row per (gid, branch) beside your data, written as the first statement of your own local
/// transaction on your own connection. It absorbs what the network makes of an op: twice, at the same moment, late, or
/// before its time. How to use it: docs/barrier.md. What is no change of your data but an effect elsewhere: effect.h.
///
/// Every function stands here once for each database; link settle_barrier_sqlite, settle_barrier_postgres or
/// settle_barrier_mariadb. A connection is used by one thread at a time. Nothing is thrown.
namespace settle::barrier {

/// Which op of which branch: what the headers settle-gid, settle-branch, settle-op and settle-tid say.
/// `op`: action, compensate, deliver, check, try, confirm, cancel, prepare, commit, rollback; and `local`, the
/// producer's own transaction of a two-step message, with the branch "00".
/// `tid` may be empty; then a repeat from before the last prune() is not recognized as one.
struct Call {
  std::string gid;
  std::string branch;
  std::string op;
  std::string tid;
  std::string
      digest{};  ///< digest_of() the request's body: the same op with another one is a conflict. Empty: any body
};

/// SHA-256 of a request's body, as 64 lower-case hexadecimal digits.
std::string digest_of(std::string_view body);

/// What is to be done to your data, in the local transaction that is open.
enum class Work : std::uint8_t {
  kNothing,  ///< leave the data alone
  kApply,    ///< make the change (action, deliver, local), or reserve (try, prepare)
  kFulfil,   ///< make final what was reserved
  kUndo,     ///< take back what was made or reserved
};

/// What the coordinator is to be told.
enum class Answer : std::uint8_t {
  kDone,
  kRefused,    ///< it did not happen; asked again it may
  kRunning,    ///< somebody else is at it: ask again
  kCommitted,  ///< check: the local transaction is durable
  kAborted,    ///< check: it did not happen and never will
  kConflict,   ///< contradicts what was done or asked for; nothing was changed, and somebody must look
  kUnknown,    ///< may or may not have happened: ask again
};

/// What the barrier makes of a call.
struct Verdict {
  Work work = Work::kNothing;
  Answer answer = Answer::kUnknown;  ///< once the work is committed; for kApply unless the business refuses
  std::string body;                  ///< of a repeat: what was answered the first time
  std::string reason;                ///< of kRefused, kRunning, kConflict and kUnknown; for people
};

/// Asks the barrier and writes its row: the first statement of a transaction that you have begun on `handle`.
/// Afterwards do the work, store_answer() if there is one, and commit; roll back instead when the business refuses,
/// when the answer is kRunning, or after an error. Bounded: it waits for somebody else's open transaction at most
/// `lock_wait` (MariaDB: whole seconds, below one it does not wait; SQLite: as your busy handler says).
///
/// Errors
///   kInvalid      the call, or no transaction is open on the handle
///   kUnavailable  not this time (serialization, deadlock, connection): roll back and begin again; nothing has happened
///   kCorrupt      the tables are missing or do not fit this version: install()
Result<Verdict> enter(sqlite3* handle, const Call& call);
Result<Verdict> enter(pg_conn* handle, const Call& call,
                      std::chrono::milliseconds lock_wait = std::chrono::milliseconds{100});
Result<Verdict> enter(st_mysql* handle, const Call& call, std::chrono::milliseconds lock_wait = {});

inline constexpr std::size_t kAnswerBytesMax = 65'536;

/// Keeps the answer of the call that entered, for its repeats; in the same transaction, before the commit.
/// kTooLarge: over kAnswerBytesMax. kConflict: the row is gone, so the transaction is not the one that entered.
Result<void> store_answer(sqlite3* handle, const Call& call, std::string_view body);
Result<void> store_answer(pg_conn* handle, const Call& call, std::string_view body);
Result<void> store_answer(st_mysql* handle, const Call& call, std::string_view body);

/// What your business made of the work.
class Made {
 public:
  /// It is done, if the commit says so. `body` is answered, now and to every repeat; at most kAnswerBytesMax.
  static Made done(std::string body = {}) { return {How::kDone, std::move(body)}; }
  /// It must not be (no money, no seat): everything is rolled back. Only a forward op may be refused.
  static Made refused(std::string reason) { return {How::kRefused, std::move(reason)}; }
  /// It did not work: everything is rolled back, the coordinator asks again.
  static Made failed(std::string reason) { return {How::kFailed, std::move(reason)}; }
  /// Serialization failure or deadlock: everything is rolled back, and run() tries again at once.
  static Made again(std::string reason) { return {How::kAgain, std::move(reason)}; }
  /// again() for SQLSTATE 40001 and 40P01, otherwise failed(). PostgreSQL only; the others tell run() by themselves.
  static Made failed(const pg_result* result);

  enum class How : std::uint8_t { kDone, kRefused, kFailed, kAgain };
  [[nodiscard]] How how() const { return how_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Made(How how, std::string text) : how_(how), text_(std::move(text)) {}
  How how_;
  std::string text_;
};

/// Your change of data, on the handle that run() got, in the transaction that it began. It must neither commit nor roll
/// back. May be called several times, each time in a new transaction: it changes nothing but that transaction.
/// An exception counts as failed().
using Business = std::function<Made(Work)>;

struct Options {
  std::chrono::milliseconds lock_wait{100};  ///< for somebody else's open transaction; then kRunning
  int attempts = 10;                         ///< at serialization failures and deadlocks; then kRunning
};

struct Reply {
  Answer answer = Answer::kUnknown;
  std::string body;            ///< of kDone
  std::string reason;          ///< of the others
  std::optional<Error> error;  ///< of kUnknown; kUnknownOutcome: it may have happened; all else: it has not
};

/// The whole local transaction: begins, enters, calls `business` if there is work, stores its answer, commits. No
/// transaction may be open on `handle`; none is afterwards. The isolation level is the session's.
Reply run(sqlite3* handle, const Call& call, const Business& business, const Options& options = {});
Reply run(pg_conn* handle, const Call& call, const Business& business, const Options& options = {});
Reply run(st_mysql* handle, const Call& call, const Business& business, const Options& options = {});

/// Makes the tables and the functions for other languages (schema.sql), and brings those of an older version up to
/// date; repeat it as you like. `horizon`: for how long after its begin a transaction may still call, more than 0; the
/// larger of this and what is stored stays.
Result<void> install(sqlite3* handle, std::chrono::microseconds horizon);
Result<void> install(pg_conn* handle, std::chrono::microseconds horizon);
Result<void> install(st_mysql* handle, std::chrono::microseconds horizon);

struct Pruned {
  std::int64_t rows = 0;                      ///< deleted now
  std::chrono::microseconds refused_below{};  ///< transactions that began before (since 1970) are refused from now on
};

/// Two steps, so that a call on its way cannot slip between them: the watermark rises to `older_than` (since 1970),
/// never above now - horizon, never down; and rows below a watermark that has stood for `grace` are deleted. What one
/// call forbids is deleted by a later one. Rows that wait for something (tried, prepared, an effect of unknown end)
/// always stay.
Result<Pruned> prune(sqlite3* handle, std::chrono::microseconds older_than,
                     std::chrono::seconds grace = std::chrono::seconds{60});
Result<Pruned> prune(pg_conn* handle, std::chrono::microseconds older_than,
                     std::chrono::seconds grace = std::chrono::seconds{60});
Result<Pruned> prune(st_mysql* handle, std::chrono::microseconds older_than,
                     std::chrono::seconds grace = std::chrono::seconds{60});

}  // namespace settle::barrier
