#include "audit/log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace settle::audit {
namespace {

Error system_error(const std::string& what) {
  return Error{ErrorCode::kUnavailable, what + ": " + std::strerror(errno)};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A new file is only there after a crash if its directory says so.
Result<void> sync_parent(const std::string& path) {
  const int fd = ::open(parent_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error("cannot open the directory of " + path);
  const bool is_synced = ::fsync(fd) == 0;
  const Error error = system_error("cannot sync the directory of " + path);
  (void)::close(fd);
  if (!is_synced) return error;
  return {};
}

}  // namespace

void Log::close() {
  if (fd_ >= 0) (void)::close(fd_);
  fd_ = -1;
  place_ = {};
  ends_.clear();
}

bool Log::is_still_there() const {
  if (path_.empty()) return true;
  struct stat ours{};
  struct stat named{};
  return ::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &named) == 0 && ours.st_dev == named.st_dev &&
         ours.st_ino == named.st_ino;
}

Result<void> Log::open(bool may_create) {
  if (fd_ >= 0 && !is_still_there()) {
    log(LogLevel::kInfo, "the audit file was moved away; the next record begins a new one", {{"path", path_}});
    close();
  }
  if (fd_ >= 0) return {};
  if (path_.empty()) {
    fd_ = ::memfd_create("settle-audit", MFD_CLOEXEC);
    if (fd_ < 0) return system_error("cannot keep the audit in memory");
    return {};
  }
  fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
  const bool is_new = fd_ < 0 && errno == ENOENT;
  if (is_new && !may_create) return {};
  if (is_new) fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) return system_error("cannot open the audit file " + path_);
  Result<void> done;
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    done = Error{ErrorCode::kConflict, "another process writes the audit file " + path_ +
                                           "; give each daemon one of its own (key audit.file)"};
  } else if (is_new) {
    done = sync_parent(path_);
  }
  if (done) done = read_through();
  if (!done) close();
  return done;
}

// Every byte is looked at again, so that a chain that was changed while nobody ran is not gone on with.
Result<void> Log::read_through() {
  Verifier verifier;
  std::array<char, std::size_t{64} * 1024> chunk{};
  off_t at = 0;
  for (;;) {
    const ssize_t got = ::pread(fd_, chunk.data(), chunk.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cannot read the audit file " + path_);
    if (got == 0) break;
    const std::string_view bytes(chunk.data(), static_cast<std::size_t>(got));
    for (std::size_t i = bytes.find('\n'); i != std::string_view::npos; i = bytes.find('\n', i + 1)) {
      ends_.push_back(static_cast<std::uint64_t>(at) + i + 1);
    }
    (void)verifier.feed(bytes);
    if (const std::optional<Error>& problem = verifier.problem()) {
      return Error{ErrorCode::kCorrupt, "the audit file " + path_ + " is no chain any more: " + problem->message +
                                            "; keep it, and move it away"};
    }
    at += got;
  }
  place_ = verifier.place();
  if (verifier.torn_bytes() == 0) return {};
  log(LogLevel::kWarn, "the audit file ended in a record that was never complete; it is cut off",
      {{"path", path_}, {"bytes", std::to_string(verifier.torn_bytes())}});
  if (::ftruncate(fd_, static_cast<off_t>(verifier.sound_bytes())) != 0 || ::fdatasync(fd_) != 0) {
    return system_error("cannot cut the torn end off the audit file " + path_);
  }
  return {};
}

Result<std::uint64_t> Log::append(const Record& record) {
  if (const Result<void> opened = open(true); !opened) return opened.error();
  Place next = place_;
  const std::string line = next_line(next, record);
  if (line.size() > kLineBytesMax) return Error{ErrorCode::kTooLarge, "the audit record is too large"};
  const std::uint64_t end = ends_.empty() ? 0 : ends_.back();
  if (Result<void> added = add(line); !added) {
    // What may have been written must neither be read as a record later nor stand in the way of the next one.
    if (::ftruncate(fd_, static_cast<off_t>(end)) != 0) close();
    return added.error();
  }
  place_ = std::move(next);
  ends_.push_back(end + line.size());
  return place_.records;
}

Result<void> Log::add(const std::string& line) {
  std::size_t done = 0;
  const std::uint64_t end = ends_.empty() ? 0 : ends_.back();
  while (done < line.size()) {
    const ssize_t wrote = ::pwrite(fd_, line.data() + done, line.size() - done, static_cast<off_t>(end + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return system_error("cannot write the audit file " + path_);
    done += static_cast<std::size_t>(wrote);
  }
  if (::fdatasync(fd_) != 0) return system_error("cannot sync the audit file " + path_);
  return {};
}

Result<std::string> Log::read(std::uint64_t from, std::size_t limit) {
  if (const Result<void> opened = open(false); !opened) return opened.error();
  from = std::max<std::uint64_t>(from, 1);
  if (from > ends_.size()) return std::string();
  const std::size_t last = std::min(ends_.size(), static_cast<std::size_t>(from) - 1 + limit);
  const std::uint64_t begin = from == 1 ? 0 : ends_[static_cast<std::size_t>(from) - 2];
  if (last < from) return std::string();
  std::string lines(static_cast<std::size_t>(ends_[last - 1] - begin), '\0');
  std::size_t done = 0;
  while (done < lines.size()) {
    const ssize_t got = ::pread(fd_, lines.data() + done, lines.size() - done, static_cast<off_t>(begin + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_error("cannot read the audit file " + path_);
    done += static_cast<std::size_t>(got);
  }
  return lines;
}

}  // namespace settle::audit
