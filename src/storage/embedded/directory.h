#pragma once

#include <string>

#include "settle/result.h"

namespace settle {

/// Creates `path` and what is missing above it, and syncs each parent, so that the directory outlives a power cut.
Result<void> create_directory_synced(const std::string& path);

/// Makes the names in `path` durable.
Result<void> sync_directory(const std::string& path);

/// The kind of file system as statfs(2) numbers it.
Result<long> file_system_type(const std::string& path);

/// Whether locks and syncs of this kind of file system mean what they mean on a local disk is doubtful.
bool is_network_file_system(long type);

/// Holds a directory for this process. The kernel gives the lock back when the process ends, however it ends.
class DirectoryLock {
 public:
  /// kConflict: another store has the directory; the message names its process.
  static Result<DirectoryLock> take(const std::string& directory);

  DirectoryLock(DirectoryLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace settle
