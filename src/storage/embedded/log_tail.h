#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "settle/result.h"

namespace settle {

// Which end of the write-ahead log may be dropped.
//
// The library's point-in-time recovery replays a log up to the first damaged entry and drops the rest without a word.
// That is right for a tail that was being written when the power went, and wrong for a byte that rots in the middle:
// then acknowledged saves vanish. To tell the two apart every write of ours carries a mark: the sequence number up to
// which everything was synced when this write was issued. If a readable entry behind the damage has a mark at or beyond
// the damage, something acknowledged is gone, and the store refuses to start. Otherwise nothing behind the damage was
// promised to anybody, and the log is cut there. The library would also replay entries behind a page of zeros, leaving
// a hole; after the cut it cannot.
//
// The one damage that cannot be told from a torn tail is in the very last synced write, because nothing follows it.

inline constexpr std::size_t kLogMarkBytes = 13;

/// The blob to put first into every write batch (WriteBatch::PutLogData). `stamp` belongs to the store: behind damage,
/// marks are searched for at every byte, and without it a payload could contain one.
std::string log_mark(std::uint64_t synced_sequence, std::uint32_t stamp);

/// One write as the log holds it.
struct LogEntry {
  std::uint64_t offset = 0;    ///< where it begins in the file
  std::uint64_t sequence = 0;  ///< of its first change; the next entry begins at sequence + count
  std::uint32_t count = 0;
  std::uint64_t synced = 0;  ///< its mark; 0 if it has none with the right stamp
};

/// Walks over one log: `whole` for each entry that is complete and has the right checksums, in order; `broken` with the
/// offset from which something cannot be read (more than once if there are several such places).
void walk_log(std::string_view log, std::uint32_t stamp, const std::function<void(const LogEntry&)>& whole,
              const std::function<void(std::uint64_t offset)>& broken);

struct LogCut {
  std::string path;
  std::uint64_t keep_bytes = 0;
};

struct LogVerdict {
  std::vector<LogCut> cuts;    ///< what must be cut off before the library may replay the logs
  std::uint64_t promised = 0;  ///< greatest mark: the store had synced everything up to this number
};

/// Looks at all logs of a store, given in the order of their numbers. kCorrupt: there is damage before the tail.
Result<LogVerdict> examine_logs(const std::vector<std::string>& paths, std::uint32_t stamp);

/// Applies the cuts and syncs them.
Result<void> cut_logs(const std::vector<LogCut>& cuts);

}  // namespace settle
