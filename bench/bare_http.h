#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/socket.h"

/// The least that can be called HTTP: sockets on loopback and a look for where a message ends. Client, participant and
/// the floor's coordinator are made of it, and not of src/net, so that a faster or slower src/net shows in the ratio of
/// settled to floor and not in both.
namespace settle::bench {

/// Listening, non-blocking, on a port of 127.0.0.1 that the kernel chose.
[[nodiscard]] net::Fd listen_on_loopback(std::uint16_t& port);

/// A port that is taken and refuses connections, until start_listening().
[[nodiscard]] net::Fd reserve_on_loopback(std::uint16_t& port);
void start_listening(const net::Fd& reserved);

[[nodiscard]] std::uint16_t port_of(const net::Fd& socket);

/// The next connection: non-blocking, TCP_NODELAY; not open if none waits.
[[nodiscard]] net::Fd accept_from(const net::Fd& listener);

/// Connected to 127.0.0.1, then non-blocking, TCP_NODELAY; not open if refused.
[[nodiscard]] net::Fd connect_to_loopback(std::uint16_t port);

/// Sends all of it. Messages here are small and there is one at a time, so a full socket is an error: false.
[[nodiscard]] bool send_all(const net::Fd& fd, std::string_view bytes);

/// One message in a buffer. Views point into the bytes that were read.
struct Message {
  std::size_t bytes = 0;  ///< head and body
  std::size_t head_bytes = 0;
  std::string_view gid;  ///< settle-gid and so on; empty if absent
  std::string_view branch;
  std::string_view op;
  [[nodiscard]] std::string_view body(std::string_view data) const {
    return data.substr(head_bytes, bytes - head_bytes);
  }
};

/// False: not complete yet. Trusts its peer: for lines that end in CRLF and a content-length, nothing else.
[[nodiscard]] bool read_message(std::string_view data, Message& message);

/// What has arrived on one connection and was not used.
class Inbox {
 public:
  enum class Got : std::uint8_t { kBytes, kNothing, kEnd };
  Got receive(const net::Fd& fd);
  [[nodiscard]] std::string_view data() const { return {bytes_.data() + begin_, end_ - begin_}; }
  void drop(std::size_t bytes);
  void clear() { begin_ = end_ = 0; }

 private:
  std::array<char, std::size_t{64} * 1024> bytes_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// Level-triggered epoll over descriptors that the caller knows by number.
class Poll {
 public:
  Poll();
  void add(const net::Fd& fd, std::uint64_t number);
  void remove(const net::Fd& fd);

  /// Calls `visit(number)` for each descriptor that is readable or has ended. Waits at most `ns`; negative: for ever.
  template <typename Visit>
  void wait(std::int64_t ns, Visit&& visit) {
    const std::size_t count = wait_for(ns);
    for (std::size_t i = 0; i < count; ++i) visit(ready_[i]);
  }

 private:
  std::size_t wait_for(std::int64_t ns);

  net::Fd epoll_;
  std::array<std::uint64_t, 256> ready_{};
};

}  // namespace settle::bench
