#include "bare_http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/assert.h"

namespace settle::bench {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void set_no_delay(int fd) {
  const int on = 1;
  SETTLE_ASSERT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
}

// The value if `line` has this lower-case name. Only content-length is written in other cases by some servers, and only
// in its initials.
bool header(std::string_view line, std::string_view name, std::string_view& value) {
  if (line.size() <= name.size() || line.substr(1, name.size() - 1) != name.substr(1)) return false;
  value = line.substr(name.size());
  return true;
}

}  // namespace

net::Fd listen_on_loopback(std::uint16_t& port) {
  net::Fd fd = reserve_on_loopback(port);
  start_listening(fd);
  return fd;
}

net::Fd reserve_on_loopback(std::uint16_t& port) {
  net::Fd fd{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const sockaddr_in address = loopback(0);
  SETTLE_ASSERT(fd.open() && bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  port = port_of(fd);
  return fd;
}

void start_listening(const net::Fd& reserved) { SETTLE_ASSERT(listen(reserved.get(), SOMAXCONN) == 0); }

std::uint16_t port_of(const net::Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  SETTLE_ASSERT(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

net::Fd accept_from(const net::Fd& listener) {
  net::Fd fd{accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (fd.open()) set_no_delay(fd.get());
  return fd;
}

net::Fd connect_to_loopback(std::uint16_t port) {
  net::Fd fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const sockaddr_in address = loopback(port);
  SETTLE_ASSERT(fd.open());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return net::Fd{};
  SETTLE_ASSERT(fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  set_no_delay(fd.get());
  return fd;
}

bool send_all(const net::Fd& fd, std::string_view bytes) {
  return send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool read_message(std::string_view data, Message& message) {
  message = {};
  std::size_t length = 0;
  std::size_t at = 0;
  for (;;) {
    const auto* end = static_cast<const char*>(std::memchr(data.data() + at, '\n', data.size() - at));
    if (end == nullptr) return false;
    const auto next = static_cast<std::size_t>(end - data.data()) + 1;
    if (next - at <= 2) {
      at = next;
      break;
    }
    const std::string_view line = data.substr(at, next - at - 2);
    at = next;
    std::string_view value;
    switch (line.front()) {
      case 's':
        if (header(line, "settle-gid: ", message.gid) || header(line, "settle-branch: ", message.branch)) break;
        (void)header(line, "settle-op: ", message.op);
        break;
      case 'c':
      case 'C':
        if (!header(line, "content-length:", value) && !header(line, "Content-Length:", value)) break;
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        (void)std::from_chars(value.data(), value.data() + value.size(), length);
        break;
      default:
        break;
    }
  }
  message.head_bytes = at;
  message.bytes = at + length;
  return data.size() >= message.bytes;
}

Inbox::Got Inbox::receive(const net::Fd& fd) {
  if (begin_ == end_) clear();
  SETTLE_ASSERT(end_ < bytes_.size());
  const ssize_t got = recv(fd.get(), bytes_.data() + end_, bytes_.size() - end_, 0);
  if (got > 0) {
    end_ += static_cast<std::size_t>(got);
    return Got::kBytes;
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Got::kNothing : Got::kEnd;
}

void Inbox::drop(std::size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) {
    clear();
  } else if (begin_ > bytes_.size() / 2) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
}

Poll::Poll() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { SETTLE_ASSERT(epoll_.open()); }

void Poll::add(const net::Fd& fd, std::uint64_t number) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = number;
  SETTLE_ASSERT(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) == 0);
}

void Poll::remove(const net::Fd& fd) { SETTLE_ASSERT(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd.get(), nullptr) == 0); }

std::size_t Poll::wait_for(std::int64_t ns) {
  std::array<epoll_event, std::tuple_size_v<decltype(ready_)>> events;
  const timespec pause{ns / 1'000'000'000, ns % 1'000'000'000};
  const int count =
      epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), ns < 0 ? nullptr : &pause, nullptr);
  SETTLE_ASSERT(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) ready_[static_cast<std::size_t>(i)] = events[static_cast<std::size_t>(i)].data.u64;
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

}  // namespace settle::bench
