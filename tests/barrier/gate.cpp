#include "barrier/gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "live/place.h"

namespace settle::barrier::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 16) != 0) {
    throw std::runtime_error("the gate cannot listen");
  }
  return fd;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

using Buffer = std::array<char, 65'536>;

std::string_view receive(int fd, Buffer& buffer) {
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

}  // namespace

Gate::Gate(std::uint16_t server)
    : server_(server), port_(live::free_port()), listener_(listen_on(port_)), acceptor_([this] { accept_all(); }) {}

Gate::~Gate() {
  stopped_ = true;
  (void)::shutdown(listener_, SHUT_RDWR);  // wakes accept()
  acceptor_.join();
  ::close(listener_);
  for (Line& line : lines_) {
    (void)::shutdown(line.client, SHUT_RDWR);
    (void)::shutdown(line.server, SHUT_RDWR);
  }
  for (Line& line : lines_) {
    line.thread.join();
    ::close(line.client);
    ::close(line.server);
  }
}

void Gate::cut(Cut when, std::function<void()> then) {
  const std::lock_guard guard(lock_);
  when_ = when;
  then_ = std::move(then);
}

void Gate::accept_all() {
  while (!stopped_) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(server);
      ::close(client);  // as if there were no gate
      continue;
    }
    const int one = 1;
    (void)::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const std::lock_guard guard(lock_);
    Line& line = lines_.emplace_back();
    line.client = client;
    line.server = server;
    line.thread = std::thread([this, &line] { carry(line); });
  }
}

void Gate::carry(Line& line) {
  std::array<pollfd, 2> sides{pollfd{line.client, POLLIN, 0}, pollfd{line.server, POLLIN, 0}};
  while (::poll(sides.data(), sides.size(), -1) > 0) {
    if (sides[0].revents != 0 && !carry_to_server(line)) break;
    if (sides[1].revents != 0 && !carry_to_client(line)) break;
  }
  // Closed by the destructor, so that the numbers cannot come back while they are still watched.
  (void)::shutdown(line.client, SHUT_RDWR);
  (void)::shutdown(line.server, SHUT_RDWR);
}

bool Gate::carry_to_server(Line& line) {
  Buffer buffer;
  const std::string_view bytes = receive(line.client, buffer);
  if (bytes.empty()) return false;
  Cut when = Cut::kNever;
  std::function<void()> then;
  if (bytes.find("COMMIT") != std::string_view::npos) {
    const std::lock_guard guard(lock_);
    when = std::exchange(when_, Cut::kNever);
    then = std::exchange(then_, nullptr);
  }
  if (when == Cut::kNever) return send_all(line.server, bytes);
  if (when == Cut::kAfterCommit) {
    Buffer answer;
    (void)send_all(line.server, bytes);
    (void)receive(line.server, answer);
  }
  if (then) then();
  return false;
}

bool Gate::carry_to_client(Line& line) {
  Buffer buffer;
  const std::string_view bytes = receive(line.server, buffer);
  return !bytes.empty() && send_all(line.client, bytes);
}

}  // namespace settle::barrier::testing
