#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bare_http.h"

namespace settle::bench {

/// Which calls belong to this run, and which effects each transaction must have.
struct Expected {
  std::string run;               ///< a gid is `run` and ten digits
  std::uint32_t branches;        ///< their ids are branch_id(0), branch_id(1), …
  std::vector<std::string> ops;  ///< each of them once per branch
};

/// "a" to "z", then "26", "27", …
std::string branch_id(std::size_t branch);

/// What was not as it should be, transaction by transaction.
struct Verdict {
  std::uint64_t effects = 0;  ///< of committed transactions
  std::uint64_t missing = 0;  ///< (gid, branch) of a committed transaction without one of its effects
  std::uint64_t doubled = 0;  ///< (gid, branch) with more than one
  std::uint64_t strange = 0;  ///< calls of other runs, branches, ops
  [[nodiscard]] std::uint64_t wrong() const { return missing + doubled + strange; }
};

/// In words: what is wrong.
std::string told(const Verdict& verdict);

/// Answers 200 to everything, on a thread of its own, and counts (gid, branch). It has no barrier on purpose: there are
/// no faults in a benchmark, so a second call would be a mistake of the coordinator or a call that timed out, and both
/// must be seen.
class Participant {
 public:
  explicit Participant(Expected expected) : Participant(std::move(expected), 1) {}
  /// On that many ports.
  Participant(Expected expected, std::uint32_t ports);
  /// On a port that was kept for it.
  Participant(Expected expected, net::Fd listener);
  ~Participant();
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;

  [[nodiscard]] std::uint16_t port() const { return ports_.front(); }
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const { return ports_; }
  /// Mean size of a request; to be asked after stop().
  [[nodiscard]] double request_bytes() const;

  void stop();

  /// After stop(). `committed[i]` tells whether the client was told that transaction i has committed.
  [[nodiscard]] Verdict judge(const std::vector<bool>& committed) const;

 private:
  struct Connection {
    net::Fd fd;
    Inbox inbox;
  };
  Participant(Expected expected, std::vector<net::Fd> listeners);
  void run();
  void accept_all(const net::Fd& listener);
  void serve(std::size_t number);
  void count(const Message& message);
  [[nodiscard]] std::size_t calls_each() const { return expected_.branches * expected_.ops.size(); }

  const Expected expected_;
  std::vector<net::Fd> listeners_;
  std::vector<std::uint16_t> ports_;
  net::Fd wake_;
  Poll poll_;
  std::atomic<bool> stop_{false};
  // The thread's until stop().
  std::vector<std::unique_ptr<Connection>> connections_;  // a place is used once; null when ended
  std::vector<std::uint8_t> calls_;  // of transaction i, branch b and op o at (i × branches + b) × ops + o
  std::uint64_t strange_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t request_bytes_ = 0;
  std::string answers_;
  std::thread thread_;
};

}  // namespace settle::bench
