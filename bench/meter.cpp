#include "meter.h"

#include <linux/perf_event.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace settle::bench {
namespace {

net::Fd count_calls(const char* call, pid_t pid) {
  std::ifstream file(std::string("/sys/kernel/tracing/events/syscalls/sys_enter_") + call + "/id");
  std::uint64_t id = 0;
  if (!(file >> id)) return net::Fd{};
  perf_event_attr what{};
  what.size = sizeof what;
  what.type = PERF_TYPE_TRACEPOINT;
  what.config = id;
  what.inherit = 1;  // its threads too
  return net::Fd{static_cast<int>(syscall(SYS_perf_event_open, &what, pid, -1, -1, PERF_FLAG_FD_CLOEXEC))};
}

std::uint64_t count_of(const net::Fd& counter) {
  std::uint64_t count = 0;
  return read(counter.get(), &count, sizeof count) == sizeof count ? count : 0;
}

double ticks_in_us(std::uint64_t ticks) {
  return static_cast<double>(ticks) * 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

// The number at `place` (from 0) of the blank-separated ones in a line.
std::uint64_t number_at(const std::string& line, std::size_t place) {
  std::istringstream words(line);
  std::string word;
  for (std::size_t i = 0; i <= place; ++i) words >> word;
  return words ? std::strtoull(word.c_str(), nullptr, 10) : 0;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// A partition counts no flushes of its own, its disk does.
std::string disk_of(const std::string& directory) {
  struct stat there{};
  if (stat(directory.c_str(), &there) != 0) return {};
  const std::string device =
      "/sys/dev/block/" + std::to_string(major(there.st_dev)) + ":" + std::to_string(minor(there.st_dev));
  const bool is_partition = !first_line(device + "/partition").empty();
  const std::string path = device + (is_partition ? "/../stat" : "/stat");
  return first_line(path).empty() ? std::string{} : path;
}

}  // namespace

Usage operator-(const Usage& after, const Usage& before) {
  return {after.user_us - before.user_us, after.system_us - before.system_us,
          after.written_bytes - before.written_bytes, after.syncs - before.syncs, after.machine_us - before.machine_us};
}

Meter::Meter(pid_t pid, const std::string& directory)
    : pid_(pid),
      fdatasync_(count_calls("fdatasync", pid)),
      fsync_(count_calls("fsync", pid)),
      disk_(disk_of(directory)) {}

const char* Meter::sync_source() const {
  return counts_calls() ? "system calls" : disk_.empty() ? "unknown" : "flushes of the whole disk";
}

Usage Meter::read() const {
  Usage usage;
  const std::string process = "/proc/" + std::to_string(pid_);
  // Behind the name, which is in brackets and may hold anything: state is word 0, utime 11, stime 12.
  const std::string stat = first_line(process + "/stat");
  const std::string after_name = stat.substr(std::min(stat.rfind(')') + 1, stat.size()));
  usage.user_us = ticks_in_us(number_at(after_name, 11));
  usage.system_us = ticks_in_us(number_at(after_name, 12));

  std::ifstream io(process + "/io");
  for (std::string line; std::getline(io, line);) {
    if (line.starts_with("write_bytes:")) usage.written_bytes = number_at(line, 1);
  }
  if (counts_calls()) {
    usage.syncs = count_of(fdatasync_) + count_of(fsync_);
  } else if (!disk_.empty()) {
    usage.syncs = number_at(first_line(disk_), 15);
  }
  // "cpu user nice system idle iowait irq softirq"
  const std::string machine = first_line("/proc/stat");
  for (const std::size_t place : {1U, 2U, 3U, 6U, 7U}) usage.machine_us += ticks_in_us(number_at(machine, place));
  return usage;
}

}  // namespace settle::bench
