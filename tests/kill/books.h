#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "kill/sqlite.h"

namespace settle::kill {

/// Ways of a participant or producer to break its promises, which the oracle must see.
enum class Sabotage : std::uint8_t {
  kNone,
  kNoBarrier,      ///< does whatever comes, as often as it comes
  kNoUndo,         ///< says that it has undone, and has not
  kCarelessCheck,  ///< check-back: what is not there yet has not happened; leaves no tombstone
  kForgetPayload,  ///< undoes another amount than it did
};

/// The books of participant `index`: SQLite file `participant-INDEX.db` below `folder`. The business rows have no key
/// by gid, so that whatever is done twice stands there twice.
inline constexpr const char* kSchema =
    // The barrier. state: done, undone, tombstone. Times are of the machine's monotonic clock, in ns: all processes
    // share it, so the oracle can compare across participants.
    "CREATE TABLE IF NOT EXISTS barrier (gid TEXT NOT NULL, branch TEXT NOT NULL, state TEXT NOT NULL,"
    "  acted_at INTEGER NOT NULL DEFAULT 0, undone_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (gid, branch));"
    "CREATE TABLE IF NOT EXISTS effects (gid TEXT NOT NULL, branch TEXT NOT NULL, amount INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO account VALUES (1, 0);"
    // What a producer's local transaction changes.
    "CREATE TABLE IF NOT EXISTS orders (gid TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS orders_by_gid ON orders (gid);"
    // What a participant saw and must never see.
    "CREATE TABLE IF NOT EXISTS complaints (gid TEXT NOT NULL, branch TEXT NOT NULL, text TEXT NOT NULL);";
std::string books_path(const std::string& folder, std::size_t index);

/// What a participant answers. `fresh`: the effect happened just now.
struct Answer {
  int status = 500;
  std::string body;
  bool fresh = false;
};

/// A participant that keeps itself safe: each op is one local transaction, and a barrier row is its first statement.
/// Any thread.
class Books {
 public:
  Books(const std::string& folder, std::size_t index, Sabotage sabotage);

  /// action or deliver
  Answer act(const std::string& gid, const std::string& branch, std::int64_t amount, bool refuses);
  Answer undo(const std::string& gid, const std::string& branch, std::int64_t amount);
  Answer check(const std::string& gid);

  /// The producer's own local transaction: `inside` runs before it ends. 200: committed, now or before; 409: it is not
  /// committed and never will be; 425: not now.
  Answer local(const std::string& gid, bool commits, const std::function<void()>& inside);

  /// True if the local transaction of `gid` at participant `producer` is committed, seen through a connection of our
  /// own.
  bool has_order(std::size_t producer, const std::string& gid);

  void complain(const std::string& gid, const std::string& branch, const std::string& text);

 private:
  struct Entry {
    bool is_new = false;
    std::string state;
  };
  Entry enter(Sqlite& sqlite, const std::string& gid, const std::string& branch, std::string_view state,
              std::string_view time_column);
  void book(const std::string& gid, const std::string& branch, std::int64_t amount);

  const std::string folder_;
  const Sabotage sabotage_;
  std::mutex lock_;
  Sqlite sqlite_;                                           // guarded by lock_
  std::map<std::size_t, std::unique_ptr<Sqlite>> foreign_;  // guarded by lock_
  // A local transaction may stay open for long, so it has a connection of its own: to all others the file is locked
  // then, which is what a check-back must cope with.
  std::mutex local_lock_;
  Sqlite local_;  // guarded by local_lock_
};

}  // namespace settle::kill
