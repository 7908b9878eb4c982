#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "net/socket.h"

namespace settle::bench {

/// What a process has used since its start.
struct Usage {
  double user_us = 0;
  double system_us = 0;
  std::uint64_t written_bytes = 0;  ///< towards the disk, in pages: the kernel's count
  std::uint64_t syncs = 0;
  double machine_us = 0;  ///< CPU time of the whole machine, all processes
};
Usage operator-(const Usage& after, const Usage& before);

/// Looks at one process from outside, without slowing it down.
///
/// CPU time: /proc/PID/stat; the sum is exact, how the kernel divides it into user and system is a sample at each timer
/// tick, good over seconds. Syncs: the kernel's tracepoints of fdatasync and fsync, counted (not recorded) for this
/// process and its threads; that needs the right to use them. Without it, the flushes of the data directory's disk,
/// which other processes cause too.
class Meter {
 public:
  /// `pid` has one thread yet. `directory`: where it will write.
  Meter(pid_t pid, const std::string& directory);

  [[nodiscard]] Usage read() const;
  [[nodiscard]] bool counts_calls() const { return fdatasync_.open() && fsync_.open(); }
  [[nodiscard]] const char* sync_source() const;

 private:
  pid_t pid_;
  net::Fd fdatasync_;
  net::Fd fsync_;
  std::string disk_;  // its statistics in /sys; empty: unknown
};

}  // namespace settle::bench
