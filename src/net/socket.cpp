#include "net/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace settle::net {
namespace {

constexpr int kBacklog = 1024;

Error unavailable(std::string_view what, std::string_view host, std::uint16_t port) {
  std::string message(what);
  message.append(" ").append(host).append(":").append(std::to_string(port)).append(": ").append(::strerror(errno));
  return Error{ErrorCode::kUnavailable, std::move(message)};
}

Result<SocketAddress> listen_address(std::string_view host, std::uint16_t port) {
  const std::optional<SocketAddress> address = literal_address(host == "localhost" ? "127.0.0.1" : host, port);
  if (address) return *address;
  return Error{ErrorCode::kInvalid, "listen: '" + std::string(host) + "' is not an IP address or localhost"};
}

void set_flag(int fd, int level, int option) {
  const int on = 1;
  (void)::setsockopt(fd, level, option, &on, sizeof on);
}

// A v6 listener must not take the v4 traffic of another listener.
void set_common(int fd, int family) {
  set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
  if (family == AF_INET6) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

std::string SocketAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    (void)::inet_ntop(AF_INET6, &v6->sin6_addr, host.data(), host.size());
    return "[" + std::string(host.data()) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
  (void)::inet_ntop(AF_INET, &v4->sin_addr, host.data(), host.size());
  return std::string(host.data()) + ":" + std::to_string(ntohs(v4->sin_port));
}

std::optional<SocketAddress> literal_address(std::string_view host, std::uint16_t port) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (host.empty() || host.size() >= copy.size() || host.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(host.begin(), host.end(), copy.begin());
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (::inet_pton(AF_INET, copy.data(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
    return address;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET6, copy.data(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
    return address;
  }
  return std::nullopt;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const std::optional<SocketAddress> address = literal_address(host, 0);
  if (!address) return false;
  if (address->family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address->storage);
    return (ntohl(v4->sin_addr.s_addr) >> 24U) == 127;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address->storage);
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

Result<void> check_port_free(std::string_view host, std::uint16_t port) {
  const Result<SocketAddress> address = listen_address(host, port);
  if (!address) return address.error();
  const Fd probe(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe.open()) return unavailable("socket for", host, port);
  set_common(probe.get(), address->family());  // without SO_REUSEPORT: refused while anybody listens
  if (::bind(probe.get(), address->raw(), address->size) != 0) return unavailable("cannot listen on", host, port);
  return {};
}

Result<Fd> listen_on(std::string_view host, std::uint16_t port) {
  const Result<SocketAddress> address = listen_address(host, port);
  if (!address) return address.error();
  Fd fd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.open()) return unavailable("socket for", host, port);
  set_common(fd.get(), address->family());
  set_flag(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  set_no_delay(fd.get());  // accepted sockets inherit it
  if (::bind(fd.get(), address->raw(), address->size) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return unavailable("cannot listen on", host, port);
  }
  return fd;
}

std::uint16_t local_port(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return 0;
  if (address.family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

Fd begin_connect(const SocketAddress& address) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.open()) return fd;
  set_no_delay(fd.get());
  if (::connect(fd.get(), address.raw(), address.size) != 0 && errno != EINPROGRESS) {
    const int saved = errno;
    fd.reset();
    errno = saved;
  }
  return fd;
}

int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

void set_no_delay(int fd) { set_flag(fd, IPPROTO_TCP, TCP_NODELAY); }

}  // namespace settle::net
