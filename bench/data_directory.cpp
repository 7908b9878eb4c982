#include "data_directory.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace settle::bench {

bool is_memory_file_system(long type) { return type == TMPFS_MAGIC || type == RAMFS_MAGIC || type == HUGETLBFS_MAGIC; }

Result<DataDirectory> DataDirectory::make(const std::string& parent) {
  struct statfs there{};
  if (statfs(parent.c_str(), &there) != 0)
    return Error{ErrorCode::kInvalid, parent + ": " + std::strerror(errno) + "; name another folder with --data"};
  if (is_memory_file_system(there.f_type))
    return Error{ErrorCode::kInvalid,
                 parent + " is a memory file system, where a sync costs nothing; name a folder on a disk with --data"};
  std::string path = parent + "/settle-bench-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    return Error{ErrorCode::kInvalid, parent + ": " + std::strerror(errno) + "; name another folder with --data"};
  return DataDirectory(std::move(path));
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}

DataDirectory::~DataDirectory() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace settle::bench
