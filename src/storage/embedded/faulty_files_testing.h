#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/random.h"

namespace settle {

/// The real file system, with faults on order and a memory of what is synced. For tests.
///
/// Counts every write and every sync of files and directories; the chosen one fails. Beside that it can lose power:
/// from then on nothing reaches the files any more, and afterwards `power_cut` leaves of them what a disk would.
class FaultyFiles final : public rocksdb::FileSystemWrapper {
 public:
  FaultyFiles();

  struct Plan {
    std::uint64_t failing_write = 0;  ///< counted from 1; 0: none
    std::uint64_t failing_sync = 0;
    bool is_torn = false;          ///< half of the failing write's bytes reach the file
    bool is_disk_full = false;     ///< the error is "no space", and every later write has it, too
    bool is_data_on_disk = false;  ///< the failing sync has done its work, only its answer is lost
  };
  void set_plan(const Plan& plan);
  [[nodiscard]] bool has_failed() const;
  [[nodiscard]] std::uint64_t writes() const;
  [[nodiscard]] std::uint64_t syncs() const;

  /// From now on nothing is written, and everything fails.
  void lose_power();

  /// After `lose_power` and the end of the store: cuts each file somewhere between what was synced and what was
  /// written, and drops files whose directory was not synced after their creation, or keeps them, as `random` says.
  void power_cut(Random& random);

  const char* Name() const override { return "FaultyFiles"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* out, rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override;

 private:
  friend class FaultyFile;
  friend class FaultyDirectory;

  struct Known {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
    bool is_name_synced = false;
  };

  /// Ok: go on. Otherwise the caller fails with it, after writing `allowed` bytes if it writes.
  rocksdb::IOStatus before_write(std::size_t bytes, std::size_t& allowed);
  rocksdb::IOStatus before_sync(bool& does_work);
  void wrote(const std::string& path, std::uint64_t bytes);
  void synced(const std::string& path);
  void synced_directory(const std::string& path);

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  Plan plan_;
  bool has_failed_ = false;
  bool has_power_ = true;
  std::uint64_t writes_ = 0;
  std::uint64_t syncs_ = 0;
  std::map<std::string, Known> files_;
};

}  // namespace settle
