#pragma once

#include <string>

#include "settle/result.h"

namespace settle::bench {

/// A file system that lives in memory: a sync there costs nothing and proves nothing. `type` as statfs(2) tells it.
bool is_memory_file_system(long type);

/// A fresh directory on a disk, removed with everything in it at the end.
class DataDirectory {
 public:
  /// Errors: kInvalid (a memory file system, or no directory can be made there).
  static Result<DataDirectory> make(const std::string& parent);

  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;
  ~DataDirectory();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit DataDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace settle::bench
