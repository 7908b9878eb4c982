#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "alert/alert.h"
#include "base/time.h"
#include "net/http_client.h"
#include "net/loop.h"

namespace settle::alert {

struct SenderOptions {
  std::string url;
  std::string secret;
  std::size_t waiting_max = 1000;
  Duration timeout = std::chrono::seconds{10};  ///< of one attempt
  Duration pause = std::chrono::seconds{1};     ///< after the first attempt that failed; doubled up to pause_max
  Duration pause_max = std::chrono::minutes{1};
  Duration keep = std::chrono::hours{1};  ///< an alert that could not be delivered for so long is given up
};

/// Sends alerts to one web hook, one after the other, each until it is taken with a 2xx. A receiver that is slow or
/// away costs memory up to `waiting_max` alerts and nothing else; what does not fit is counted and dropped.
///
/// An answer 400 to 499, other than 408 and 429, says that the receiver will never take this one: it is dropped too.
/// Each attempt carries settle-timestamp (seconds since 1970) and settle-signature.
class Sender {
 public:
  Sender(net::Loop& loop, SenderOptions options);
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// On the loop's thread.
  void raise(const Alert& alert);

  struct Counts {
    std::uint64_t sent = 0, dropped = 0, failed_attempts = 0, waiting = 0;
  };
  /// Any thread.
  [[nodiscard]] Counts counts() const;

 private:
  struct Waiting {
    std::string body;
    std::string id;
    Instant since;
  };
  void send();
  void answered(const net::HttpAnswer& answer);
  void give_up(std::string_view why);
  void done();

  net::Loop& loop_;
  const SenderOptions options_;
  net::HttpClient client_;
  std::deque<Waiting> waiting_;
  bool under_way_ = false;  // an attempt, or the pause before the next one
  Duration pause_{0};

  std::atomic<std::uint64_t> sent_{0}, dropped_{0}, failed_attempts_{0}, count_waiting_{0};
};

}  // namespace settle::alert
