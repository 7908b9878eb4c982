#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "settle/result.h"

namespace settle::example {

/// A child process. It is killed when its parent dies, and stopped when this object ends.
class Process {
 public:
  Process() = default;
  /// `arguments[0]` is the program's path. What it prints is appended to the file `log`. In a process group of its own,
  /// so that Ctrl-C in the terminal reaches the parent alone. Errors: kUnavailable with the reason.
  static Result<Process> start(const std::vector<std::string>& arguments, const std::string& log);

  /// The same, and waits until `is_ready` says so. Errors: also that it ended, or that a minute is over; the log's name
  /// stands in the message.
  static Result<Process> start_ready(const std::vector<std::string>& arguments, const std::string& log,
                                     const std::function<bool()>& is_ready);

  Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Process& operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { stop(std::chrono::seconds(5)); }

  [[nodiscard]] pid_t pid() const { return pid_; }  ///< -1: none
  /// False once it has ended by itself.
  bool is_running();
  /// Nothing if there is none.
  void send(int signal) const;
  /// SIGKILL, and waits until it is gone.
  void kill();
  /// SIGTERM; SIGKILL when `patience` is over.
  void stop(std::chrono::milliseconds patience);

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

/// Runs a program to its end and gives what it printed, both channels. Errors: kUnavailable.
Result<std::string> output_of(const std::vector<std::string>& arguments);

}  // namespace settle::example
