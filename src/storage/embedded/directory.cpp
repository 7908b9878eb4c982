#include "storage/embedded/directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace settle {
namespace {

constexpr std::string_view kLockName = "settle.lock";

Error system_error(const std::string& what) {
  return Error{ErrorCode::kUnavailable, what + ": " + std::strerror(errno)};
}

std::string parent_of(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "/";
  const std::size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// The id of the holder as it wrote it into the lock file; for the message only, the kernel's lock is what counts.
std::string holder_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  std::string out(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  out.erase(std::find_if(out.begin(), out.end(), [](char c) { return c < '0' || c > '9'; }), out.end());
  return out.empty() ? "unknown" : out;
}

}  // namespace

Result<void> sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error("cannot open directory " + path);
  const bool is_synced = ::fsync(fd) == 0;
  const Error error = system_error("cannot sync directory " + path);
  (void)::close(fd);
  if (!is_synced) return error;
  return {};
}

Result<void> create_directory_synced(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return {};
    return Error{ErrorCode::kInvalid, path + " is not a directory"};
  }
  if (errno != ENOENT) return system_error("cannot look at " + path);
  const std::string parent = parent_of(path);
  if (const auto made = create_directory_synced(parent); !made) return made;
  // Records hold what participants are sent: nobody else reads them.
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_error("cannot create " + path);
  return sync_directory(parent);
}

Result<long> file_system_type(const std::string& path) {
  struct statfs found{};
  if (::statfs(path.c_str(), &found) != 0) return system_error("cannot look at the file system of " + path);
  return static_cast<long>(found.f_type);
}

bool is_network_file_system(long type) {
  static constexpr std::array<long, 15> kTypes{
      0x6969,      // NFS
      0x517b,      // SMB
      0xff534d42,  // CIFS
      0xfe534d42,  // SMB2
      0x00c36400,  // Ceph
      0x5346414f,  // OpenAFS
      0x6b414653,  // kAFS
      0x01021997,  // 9P
      0x65735546,  // FUSE: sshfs, GlusterFS and the like
      0x0bd00bd0,  // Lustre
      0x47504653,  // GPFS
      0x73757245,  // Coda
      0x564c,      // NCP
      0x7461636f,  // OCFS2
      0x01161970,  // GFS2
  };
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  const std::string path = directory + "/" + std::string(kLockName);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_error("cannot open " + path);
  DirectoryLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_error("cannot lock " + path);
    return Error{ErrorCode::kConflict, "another process (" + holder_of(fd) + ") uses the store in " + directory +
                                           "; stop it, or give this one a directory of its own"};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // Whether the number can be written does not matter: a full disk must not keep the store closed.
  if (::ftruncate(fd, 0) == 0) [[maybe_unused]]
    const ssize_t written = ::pwrite(fd, pid.data(), pid.size(), 0);
  return lock;
}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) (void)::close(fd_);
}

}  // namespace settle
