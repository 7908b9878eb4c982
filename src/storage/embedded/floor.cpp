#include "storage/embedded/floor.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "storage/embedded/directory.h"
#include "storage/embedded/record.h"

namespace settle {
namespace {

// floor  :=  sealed (record.cpp) under the key "floor"; the value is: sequence " " log, both in decimal digits

constexpr std::string_view kName = "settle.floor";
constexpr std::string_view kKey = "floor";

std::string path_in(const std::string& directory) { return directory + "/" + std::string(kName); }

}  // namespace

Floor read_floor(const std::string& directory) {
  const int fd = ::open(path_in(directory).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::array<char, 64> bytes{};
  const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), 0);
  (void)::close(fd);
  const auto text = unseal(kKey, std::string_view(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0));
  if (!text) return {};
  Floor out;
  const char* const end = text->end();
  const auto sequence = std::from_chars(text->begin(), end, out.sequence);
  if (sequence.ec != std::errc() || sequence.ptr == end) return {};
  if (std::from_chars(sequence.ptr + 1, end, out.log).ec != std::errc()) return {};
  return out;
}

Result<void> write_floor(const std::string& directory, const Floor& floor) {
  const std::string path = path_in(directory);
  const std::string draft = path + ".new";
  const std::string bytes = seal(kKey, std::to_string(floor.sequence) + " " + std::to_string(floor.log));
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool is_written =
      fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) && ::fsync(fd) == 0;
  is_written = is_written && std::rename(draft.c_str(), path.c_str()) == 0;
  const Error error{ErrorCode::kUnavailable, "cannot write " + path + ": " + std::strerror(errno)};
  if (fd >= 0) (void)::close(fd);
  if (!is_written) return error;
  return sync_directory(directory);
}

}  // namespace settle
