#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "live/place.h"

namespace settle::live {

/// How a process ended: by itself with `code`, or by `signal` (then not 0).
struct Exit {
  int code = 0;
  int signal = 0;
  bool operator==(const Exit&) const = default;
};

/// A child process. It dies with this object at the latest, and with the thread that started it.
class Process {
 public:
  Process() = default;
  /// `command`: the binary's path and its arguments. Both outputs are appended to the file `log`. Aborts if the kernel
  /// makes no process; a binary that cannot be run ends with code 127.
  Process(const std::vector<std::string>& command, const std::string& log);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  [[nodiscard]] bool started() const { return pid_ > 0; }
  /// Meaningful while it runs.
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Has not been seen to end.
  [[nodiscard]] bool running();
  void send(int signal) const;
  /// Waits for the end; nothing if it goes on for longer than `bound`.
  std::optional<Exit> wait(milliseconds bound);
  /// SIGKILL, and waits for the end.
  void kill();

 private:
  pid_t pid_ = -1;
  int handle_ = -1;  // a pidfd: it can be waited for with a bound, and no other process ever gets its number
  std::optional<Exit> exit_;
};

}  // namespace settle::live
