#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "live/client.h"
#include "live/server.h"

namespace settle::kill {

/// How soon work goes on: sagas whose only step finds its participant busy, so that they are open on every daemon, and
/// the time until each of them has been called again.
class Pulse {
 public:
  Pulse();

  /// Begins a few sagas; false: not all of them were acknowledged. They stay open until start().
  bool begin(const live::Client& client);
  /// From now on calls count, and are done.
  void start();
  /// All of them have been called since start().
  [[nodiscard]] bool is_over();
  [[nodiscard]] live::milliseconds elapsed() const;

 private:
  live::Said answer(const live::Message& request);

  std::mutex lock_;
  std::map<std::string, bool> called_;  // guarded by lock_: by gid
  std::atomic<bool> counts_{false};
  std::uint64_t number_ = 0;
  live::Clock::time_point begun_;
  live::Server participant_;  // last: its threads use the rest
};

}  // namespace settle::kill
