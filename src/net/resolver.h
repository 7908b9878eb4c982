#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "net/socket.h"

namespace settle::net {

/// Looks names up on threads of its own, because getaddrinfo() blocks, for as long as it likes. A few threads, so that
/// one dead name server does not stop every other name; they start when they are needed.
class Resolver {
 public:
  /// Blocking; any thread. Nothing found or an error: empty.
  using Lookup = std::function<std::vector<SocketAddress>(const std::string& host, std::uint16_t port)>;
  using Done = std::function<void(std::vector<SocketAddress>)>;

  Resolver(Loop& loop, Lookup lookup);
  /// Does not wait for look-ups under way; their answers are dropped. `lookup` may be running still.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Loop thread; `done` is called on it, never before this returns, and not after the Resolver's death.
  void resolve(std::string host, std::uint16_t port, Done done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Asks the system (getaddrinfo).
std::vector<SocketAddress> system_lookup(const std::string& host, std::uint16_t port);

}  // namespace settle::net
