#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "audit/chain.h"
#include "settle/result.h"

namespace settle::audit {

/// The chain in a file that only grows. Blocks: for a thread that may; one thread at a time.
///
/// The file is made with the first record, readable by its owner alone, and locked as long as this process has it open.
/// A file that was moved away is not missed: the next record begins a new one, with a chain of its own.
class Log {
 public:
  /// Nothing happens yet. An empty path: the records are kept in memory, for a store that keeps nothing else either.
  explicit Log(std::string path) : path_(std::move(path)) {}
  ~Log() { close(); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Durable when it returns; the record's number. What a crash has left behind the last whole record was never
  /// acknowledged and is cut off.
  ///
  /// Errors, after all of which nothing was added:
  ///   kUnavailable  the file cannot be opened, written or synced; the next call tries again
  ///   kConflict     another process writes it
  ///   kCorrupt      what stands in it is no chain: nothing is added until somebody has moved it away
  ///   kTooLarge     the record has more than kLineBytesMax bytes
  Result<std::uint64_t> append(const Record& record);

  /// Lines of the records from number `from` (at least 1) on, at most `limit`; empty: there are no such records (yet).
  /// Errors: as for append().
  Result<std::string> read(std::uint64_t from, std::size_t limit);

  [[nodiscard]] const Place& place() const { return place_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Result<void> open(bool may_create);
  Result<void> read_through();
  Result<void> add(const std::string& line);
  [[nodiscard]] bool is_still_there() const;
  void close();

  std::string path_;
  int fd_ = -1;
  Place place_;
  std::vector<std::uint64_t> ends_;  // of the records, in bytes from the file's beginning
};

}  // namespace settle::audit
