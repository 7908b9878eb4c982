#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "settle/result.h"

namespace settle::net {

/// Owns one file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// An IPv4 or IPv6 address with its port, as the kernel wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] std::string text() const;  ///< "127.0.0.1:80", "[::1]:80"
};

/// `host` as a literal address (IPv4 dotted quad, IPv6 without brackets); nothing for a name. Never asks a resolver.
std::optional<SocketAddress> literal_address(std::string_view host, std::uint16_t port);

/// True for literal loopback addresses and "localhost".
bool is_loopback(std::string_view host);

/// True if nobody listens there: a listener that shares its port (SO_REUSEPORT) would join a running daemon unnoticed,
/// so the daemon asks once before its workers listen. Errors: kUnavailable with the kernel's reason, kInvalid for a bad
/// host.
Result<void> check_port_free(std::string_view host, std::uint16_t port);

/// Non-blocking, listening, SO_REUSEPORT. `host`: a literal address or "localhost"; port 0 lets the kernel choose.
/// Errors: kInvalid (host), kUnavailable (the kernel's reason).
Result<Fd> listen_on(std::string_view host, std::uint16_t port);

/// The port a socket is bound to.
std::uint16_t local_port(int fd);

/// Begins to connect: non-blocking, TCP_NODELAY. An Fd that is not open: errno tells why.
Fd begin_connect(const SocketAddress& address);

/// The pending error of a socket, 0 if none.
int socket_error(int fd);

/// Small writes leave at once.
void set_no_delay(int fd);

}  // namespace settle::net
