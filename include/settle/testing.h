#pragma once

#include <settle/client.h>
#include <settle/result.h>

#include <chrono>
#include <memory>
#include <string>

/// For tests of your services: a coordinator in your own process. Its own library, settle::testing; no daemon, no disk.
namespace settle {

/// The daemon's engine with a store in memory, behind the same `/v1` on a free port of 127.0.0.1. It calls participants
/// over HTTP, as the daemon does. Its clock can be moved forward, so that no test waits for a retry or a deadline.
///
/// Any thread; its work is done on a thread of its own.
class TestCoordinator {
 public:
  /// Serves when it returns. kUnavailable: no port can be listened on.
  static Result<TestCoordinator> start();
  /// What is open is forgotten.
  ~TestCoordinator();
  TestCoordinator(TestCoordinator&&) noexcept;
  TestCoordinator& operator=(TestCoordinator&&) noexcept;

  [[nodiscard]] std::string address() const;  ///< HOST:PORT, as ClientOptions wants it
  [[nodiscard]] ClientOptions client_options() const;

  /// Moves its clock forward: retries, deadlines, delays and check-backs that are due until then happen now, each once.
  /// Calls that are under way keep their real time limit.
  void advance(std::chrono::milliseconds by);

  /// Dies and comes back: connections break, answers on their way are lost, what was not durable is forgotten; the rest
  /// goes on. The address stays the same.
  void restart();

 private:
  class Impl;
  explicit TestCoordinator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace settle
