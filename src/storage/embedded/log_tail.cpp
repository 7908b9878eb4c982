#include "storage/embedded/log_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/crc32c.h"

namespace settle {
namespace {

// log       :=  block*                     (32768 bytes each, the last may be shorter)
// block     :=  fragment*  zero*           (fewer than 7 bytes are left over at the end)
// fragment  :=  crc: u32 le                (crc32c of kind and payload, rotated right by 15, plus 0xa282ead8)
//               size: u16 le  kind: u8     (1 whole entry, 2 first, 3 middle, 4 last part of one)
//               payload: byte*size
// entry     :=  sequence: u64 le  count: u32 le  mark?  change*      (the payloads of its fragments, joined)
// mark      :=  3: u8  13: u8  1: u8  synced: u64 le  stamp: u32 le
//
// The layout of blocks and fragments is LevelDB's, which RocksDB keeps.

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kEntryHeadBytes = 12;
constexpr std::size_t kMarkedHeadBytes = kEntryHeadBytes + 2 + kLogMarkBytes;
constexpr char kTagOfLogData = 3;
constexpr char kMarkFormat = 1;

enum Kind : unsigned char { kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

template <typename T>
T little_endian(const char* at) {
  T out = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out = static_cast<T>(out | (static_cast<T>(static_cast<unsigned char>(at[i])) << (8U * i)));
  }
  return out;
}

struct Fragment {
  bool is_intact = false;
  unsigned char kind = 0;
  std::string_view payload;
};

Fragment fragment_at(std::string_view block, std::size_t at) {
  const char* const head = block.data() + at;
  const auto size = little_endian<std::uint16_t>(head + 4);
  Fragment out;
  out.kind = static_cast<unsigned char>(head[6]);
  if (out.kind < kWhole || out.kind > kLast || at + kHeaderBytes + size > block.size()) return out;
  out.payload = block.substr(at + kHeaderBytes, size);
  const std::uint32_t crc = crc32c(out.payload, crc32c(std::string_view(head + 6, 1)));
  out.is_intact = ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U == little_endian<std::uint32_t>(head);
  return out;
}

/// Joins fragments to entries, of which it keeps the first bytes only.
class EntryAssembly {
 public:
  [[nodiscard]] bool is_running() const { return is_running_; }
  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  void drop() { is_running_ = false; }

  void start(std::uint64_t offset) {
    is_running_ = true;
    begin_ = offset;
    have_ = 0;
  }

  void append(std::string_view payload) {
    const std::size_t room = std::min(head_.size() - have_, payload.size());
    std::copy_n(payload.begin(), room, head_.data() + have_);
    have_ += room;
  }

  /// Nothing if the entry is too short to be one.
  std::optional<LogEntry> finish(std::uint32_t stamp) {
    is_running_ = false;
    if (have_ < kEntryHeadBytes) return std::nullopt;
    LogEntry entry;
    entry.offset = begin_;
    entry.sequence = little_endian<std::uint64_t>(head_.data());
    entry.count = little_endian<std::uint32_t>(head_.data() + 8);
    const char* const mark = head_.data() + kEntryHeadBytes;
    if (have_ == kMarkedHeadBytes && mark[0] == kTagOfLogData && mark[1] == static_cast<char>(kLogMarkBytes) &&
        mark[2] == kMarkFormat && little_endian<std::uint32_t>(mark + 11) == stamp) {
      entry.synced = little_endian<std::uint64_t>(mark + 3);
    }
    return entry;
  }

 private:
  bool is_running_ = false;
  std::uint64_t begin_ = 0;
  std::size_t have_ = 0;
  std::array<char, kMarkedHeadBytes> head_{};
};

/// Follows the replay over all logs and remembers where it must stop.
class Replay {
 public:
  void enter(std::string path) {
    path_ = std::move(path);
    is_first_of_file_ = true;
    if (stop_) cuts_.push_back({path_, 0});  // taken back if the file turns out to continue what was kept
  }

  void whole(const LogEntry& entry) {
    const bool is_first = std::exchange(is_first_of_file_, false);
    promised_ = std::max(promised_, entry.synced);
    if (stop_ && is_first && stop_->missing_from == entry.sequence) {
      // The damaged end of the last file was never missed: what came next took its numbers again.
      stop_.reset();
      cuts_.pop_back();
    } else if (!stop_ && !is_first && entry.sequence != expected_) {
      stop(entry.offset);
    }
    if (!stop_) {
      expected_ = entry.sequence + entry.count;
      return;
    }
    if (!stop_->missing_from) stop_->missing_from = entry.sequence == 0 ? 0 : entry.sequence - 1;
    stop_->promised = std::max(stop_->promised, entry.synced);
  }

  void broken(std::uint64_t offset) {
    is_first_of_file_ = false;
    if (!stop_) stop(offset);
  }

  Result<LogVerdict> verdict() && {
    if (stop_ && stop_->missing_from && stop_->promised >= *stop_->missing_from) {
      return Error{ErrorCode::kCorrupt, "log " + stop_->path + " is damaged at byte " + std::to_string(stop_->offset) +
                                            ", before its end: synced writes from number " +
                                            std::to_string(*stop_->missing_from) +
                                            " on cannot be read; restore the directory from a backup"};
    }
    return LogVerdict{std::move(cuts_), promised_};
  }

 private:
  struct Stop {
    std::string path;
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> missing_from;  // first sequence number that is not replayed
    std::uint64_t promised = 0;                 // greatest mark behind the stop
  };

  void stop(std::uint64_t offset) {
    stop_ = Stop{path_, offset, expected_, 0};
    cuts_.push_back({path_, offset});
  }

  std::string path_;
  bool is_first_of_file_ = true;
  std::optional<std::uint64_t> expected_;
  std::optional<Stop> stop_;
  std::vector<LogCut> cuts_;
  std::uint64_t promised_ = 0;
};

Error system_error(const std::string& what) {
  return Error{ErrorCode::kUnavailable, what + ": " + std::strerror(errno)};
}

Result<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error("cannot open " + path);
  std::string out;
  const off_t size = ::lseek(fd, 0, SEEK_END);
  out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = ::pread(fd, out.data() + have, out.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  const bool is_complete = size >= 0 && have == out.size();
  const Error error = system_error("cannot read " + path);
  (void)::close(fd);
  if (!is_complete) return error;
  return out;
}

}  // namespace

std::string log_mark(std::uint64_t synced_sequence, std::uint32_t stamp) {
  std::string out(1, kMarkFormat);
  for (unsigned i = 0; i < 8; ++i) out.push_back(static_cast<char>((synced_sequence >> (8U * i)) & 0xffU));
  for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<char>((stamp >> (8U * i)) & 0xffU));
  return out;
}

void walk_log(std::string_view log, std::uint32_t stamp, const std::function<void(const LogEntry&)>& whole,
              const std::function<void(std::uint64_t offset)>& broken) {
  EntryAssembly entry;
  const auto give_up = [&](std::uint64_t offset) {
    broken(entry.is_running() ? entry.begin() : offset);
    entry.drop();
  };
  for (std::size_t block_begin = 0; block_begin < log.size(); block_begin += kBlockBytes) {
    const std::string_view block = log.substr(block_begin, kBlockBytes);
    std::size_t at = 0;
    bool is_searching = false;
    while (block.size() - at >= kHeaderBytes) {
      const std::uint64_t offset = block_begin + at;
      const Fragment fragment = fragment_at(block, at);
      if (!fragment.is_intact) {
        if (!is_searching) give_up(offset);
        is_searching = true;  // the damage may be in the size: look for the next fragment at every byte
        ++at;
        continue;
      }
      is_searching = false;
      at += kHeaderBytes + fragment.payload.size();
      const bool is_begin = fragment.kind == kWhole || fragment.kind == kFirst;
      if (is_begin == entry.is_running()) give_up(offset);
      if (is_begin) entry.start(offset);
      if (!entry.is_running()) continue;
      entry.append(fragment.payload);
      if (fragment.kind != kWhole && fragment.kind != kLast) continue;
      if (const auto finished = entry.finish(stamp)) {
        whole(*finished);
      } else {
        broken(offset);
      }
    }
    const bool is_torn_header = block.size() < kBlockBytes && at < block.size();
    if (is_torn_header && !is_searching) give_up(block_begin + at);
  }
  if (entry.is_running()) broken(entry.begin());
}

Result<LogVerdict> examine_logs(const std::vector<std::string>& paths, std::uint32_t stamp) {
  Replay replay;
  for (const std::string& path : paths) {
    const Result<std::string> log = read_file(path);
    if (!log) return log.error();
    replay.enter(path);
    walk_log(
        *log, stamp, [&](const LogEntry& entry) { replay.whole(entry); },
        [&](std::uint64_t offset) { replay.broken(offset); });
  }
  return std::move(replay).verdict();
}

Result<void> cut_logs(const std::vector<LogCut>& cuts) {
  for (const LogCut& cut : cuts) {
    const int fd = ::open(cut.path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return system_error("cannot open " + cut.path);
    const bool is_cut = ::ftruncate(fd, static_cast<off_t>(cut.keep_bytes)) == 0 && ::fsync(fd) == 0;
    const Error error = system_error("cannot cut " + cut.path);
    (void)::close(fd);
    if (!is_cut) return error;
  }
  return {};
}

}  // namespace settle
