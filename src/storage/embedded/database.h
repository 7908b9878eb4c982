#pragma once

#include <rocksdb/db.h>
#include <rocksdb/file_system.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "settle/result.h"

namespace settle {

// Column families. Keys of the first three are the 16 bytes of a tid, so each is ordered by time over all shards.
//
//   meta      names of small things -> value (the library's default family, which must exist)
//
//   open      tid -> record with gid, plan and state as the first save gave them
//
//   progress  tid -> record with the newest state of an open transaction; plans are rewritten only when they have grown
//
//   history   tid -> complete record of an ended transaction
//
//   gid       gid_key(gid) -> tid, for gids that are not the text of their own tid
//
// A transaction is in `open` (with or without `progress`) or in `history`, never in both: one write moves it.
enum class Family : std::size_t { kMeta, kOpen, kProgress, kHistory, kGid };
inline constexpr std::size_t kFamilies = 5;

/// The library opened on one directory, with the settings that suit us. Iterators and snapshots must die before it.
class Database {
 public:
  using Alarm = std::function<void(const std::string& what)>;

  /// `files` replaces the file system in tests, else null. `alarm` hears of errors of background work; it is called
  /// from the library's threads and must not call back.
  static Result<std::unique_ptr<Database>> open(const std::string& directory,
                                                const std::shared_ptr<rocksdb::FileSystem>& files, Alarm alarm);

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  [[nodiscard]] rocksdb::DB* operator->() const { return db_.get(); }
  [[nodiscard]] rocksdb::DB& operator*() const { return *db_; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(Family which) const {
    return families_[static_cast<std::size_t>(which)];
  }

  /// Writes what is in memory to table files, so that the next start has no log to replay.
  Result<void> flush();

 private:
  Database() = default;

  std::unique_ptr<rocksdb::Env> env_;  // outlives db_; null: the process-wide one
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilies> families_{};
};

/// Key of the gid family. Gids that read like a tid stand apart: there is hardly ever one, and while there is none, a
/// gid that is the text of its own new tid needs no look-up to be known as free.
std::string gid_key(std::string_view gid);
inline constexpr char kTidLikeGid = 't';
inline constexpr char kOtherGid = 'n';

/// kCorrupt for damage, else kUnavailable; `what` says what was tried.
Error error_of(const rocksdb::Status& status, const std::string& what);

}  // namespace settle
