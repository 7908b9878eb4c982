#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "alert/sender.h"
#include "api/admin/metrics.h"
#include "engine/worker.h"
#include "net/loop.h"
#include "settle/result.h"

namespace settle::daemon {

/// Decides what is worth an alert, on a thread of its own, so that a receiver that is slow or away slows nobody down.
class Alerts {
 public:
  struct Options {
    alert::SenderOptions sender;
    std::string node;
    Duration oldest{};  ///< an open transaction older than this is worth an alert; 0: none is
  };
  /// Asks for the figures of the whole process; the answer comes on the given loop.
  using Collect = std::function<void(net::Loop& loop, std::function<void(const api::MetricsSnapshot&)> then)>;

  Alerts(Options options, Collect collect);
  ~Alerts();
  Alerts(const Alerts&) = delete;
  Alerts& operator=(const Alerts&) = delete;

  void start();
  /// Ends the thread; what has not been delivered yet is lost, and the log says how much that is.
  void stop();

  // ---- any thread; none of them waits

  void incident(const engine::IncidentNotice& notice, Instant now);
  /// Each worker tells of its own breaker; the alert is about the first that opens and the last that closes.
  void destination(const engine::DestinationFigures& figures, bool is_down, Instant now);
  void add_figures(api::MetricsSnapshot& sum) const;

 private:
  void post(std::function<void()> task);
  void raise(alert::Alert&& alert);
  void watch_oldest();
  void look_at_oldest(Instant oldest);

  const Options options_;
  Collect collect_;
  net::Loop loop_;
  alert::Sender sender_;
  std::atomic<std::uint64_t> posted_{0};
  std::atomic<std::uint64_t> not_posted_{0};
  std::map<std::string, int> down_;  // on the loop's thread: destinations, and how many workers say so
  bool is_over_ = false;             // likewise: the oldest transaction is over the bound
  std::thread thread_;
};

/// The bytes of a file that only its owner can read, without a newline at the end.
/// Errors: kInvalid: cannot be read, can be read by others, or is shorter than 16 bytes.
Result<std::string> read_secret(const std::string& path);

}  // namespace settle::daemon
