#include "live/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <iostream>

namespace settle::live {
namespace {

constexpr milliseconds kForEver = std::chrono::hours{24};

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 1024) != 0) {
    std::cerr << "cannot listen on " << port << ": " << std::strerror(errno) << "\n";
    std::abort();
  }
  return fd;
}

}  // namespace

Server::Server(std::uint16_t port, Handler handler)
    : port_(port), handler_(std::move(handler)), listener_(listen_on(port)), acceptor_([this] { accept_all(); }) {}

Server::~Server() {
  stopped_ = true;
  (void)::shutdown(listener_, SHUT_RDWR);  // wakes accept()
  acceptor_.join();
  ::close(listener_);
  for (Guest& guest : guests_) (void)::shutdown(guest.connection.fd(), SHUT_RDWR);
  for (Guest& guest : guests_) guest.thread.join();
}

void Server::accept_all() {
  while (!stopped_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int one = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    bury_the_gone();
    const std::lock_guard guard(lock_);
    Guest& guest = guests_.emplace_back();
    guest.connection = Connection(fd);
    guest.thread = std::thread([this, &guest] { serve(guest); });
  }
}

void Server::serve(Guest& guest) {
  while (!stopped_) {
    const std::optional<Message> request = guest.connection.read(kForEver);
    if (!request) break;
    if (!say(guest, handler_(*request))) break;
  }
  // The descriptor stays ours until the thread is joined: its number must not come back while somebody may shut it.
  (void)::shutdown(guest.connection.fd(), SHUT_RDWR);
  guest.gone = true;
}

bool Server::say(Guest& guest, const Said& said) {
  switch (said.how) {
    case Said::How::kAnswer: {
      std::string text = "HTTP/1.1 " + std::to_string(said.status) + " Said\r\n";
      for (const auto& [name, value] : said.headers) text.append(name).append(": ").append(value).append("\r\n");
      text.append("content-length: ").append(std::to_string(said.body.size())).append("\r\n\r\n").append(said.body);
      return guest.connection.send(text);
    }
    case Said::How::kCut:
      return false;
    case Said::How::kHang:
      (void)guest.connection.read_all(kForEver);
      return false;
    case Said::How::kRaw:
      (void)guest.connection.send(said.body);
      return false;
  }
  return false;
}

void Server::bury_the_gone() {
  const std::lock_guard guard(lock_);
  for (auto guest = guests_.begin(); guest != guests_.end();) {
    if (guest->gone) {
      guest->thread.join();
      guest = guests_.erase(guest);
    } else {
      ++guest;
    }
  }
}

}  // namespace settle::live
