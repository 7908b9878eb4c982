#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/socket.h"
#include "settle/result.h"

namespace settle::bench {

/// A process of ours whose stderr is read. It is killed when this object, or this process, ends before stop().
class Child {
 public:
  /// `before` is called with the new process, which has not become `arguments[0]` yet: counters that are attached to it
  /// now count from its first instruction.
  static Result<std::unique_ptr<Child>> start(std::vector<std::string> arguments,
                                              const std::function<void(pid_t)>& before);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The first line of stderr in which `word` stands, within ten seconds. Errors: kUnavailable, with what it said
  /// instead.
  Result<std::string> line_with(std::string_view word);

  /// SIGTERM, and waits. Errors: kUnavailable if it does not end well within 20 seconds.
  Result<void> stop();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Child(pid_t pid, net::Fd errors);
  void read_errors();

  pid_t pid_;
  net::Fd errors_;
  std::mutex lock_;
  std::condition_variable more_;
  std::string said_;    // guarded by lock_; its first 64 KiB
  bool ended_ = false;  // guarded by lock_: nothing more will be said
  std::thread reader_;
};

}  // namespace settle::bench
