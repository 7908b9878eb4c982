#include "net/client_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace settle::net {
namespace {

constexpr std::size_t kReadBufferBytes = std::size_t{64} * 1024;
constexpr int kInterimAnswersMax = 16;
constexpr Duration kTrustedRest = std::chrono::milliseconds(20);  // a connection at rest for longer is asked before use
constexpr std::size_t kKeptCapacityMax = std::size_t{128} * 1024;

// Connecting to an unused port of this host can, by chance, pick the same port as its source and so meet itself
// (TCP simultaneous open): it would talk to itself and keep the real server from starting.
bool is_connected_to_itself(int fd) {
  SocketAddress own;
  SocketAddress peer;
  own.size = peer.size = sizeof own.storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) return false;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) != 0) return false;
  return own.size == peer.size && std::memcmp(&own.storage, &peer.storage, own.size) == 0;
}

}  // namespace

bool ClientConnection::connect(Destination& destination) {
  destination_ = &destination;
  next_address_ = 0;
  used_ = wrote_ = blocked_ = peer_closed_ = false;
  out_.clear();
  sent_ = 0;
  return try_addresses();
}

// Begins with the next address that does not fail at once.
bool ClientConnection::try_addresses() {
  if (fd_.open()) {
    shared_.loop.unwatch(fd_.get(), *this);
    fd_.reset();
  }
  while (next_address_ < destination_->addresses.size()) {
    fd_ = begin_connect(destination_->addresses[next_address_++]);
    if (!fd_.open()) continue;
    constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | static_cast<std::uint32_t>(EPOLLET);
    if (!shared_.loop.watch(fd_.get(), kEvents, *this)) {
      fd_.reset();
      continue;
    }
    state_ = State::kConnecting;
    deadline_ = saturating_add(shared_.loop.now(), shared_.options.connect_timeout);
    shared_.deadlines.note(deadline_);
    return true;
  }
  state_ = State::kClosed;
  deadline_ = kNever;
  return false;
}

// The bytes of the last answer stay: a callback may be looking at them.
void ClientConnection::close() {
  if (!fd_.open()) return;
  shared_.loop.unwatch(fd_.get(), *this);
  fd_.reset();
  if (state_ == State::kConnecting) --destination_->connecting;
  state_ = State::kClosed;
  deadline_ = kNever;
  shared_.connection_closed(*this);
}

void ClientConnection::on_ready(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_closed_ = true;
  const bool something_to_read = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (events == 0 && state_ == State::kBusy) {  // flush() could not send
    read();
    if (state_ == State::kBusy) fail(HttpFailure::kReset);
    return;
  }
  switch (state_) {
    case State::kClosed:
      break;
    case State::kConnecting:
      // A peer that closes or speaks before it was asked is no HTTP server, or one that sheds load: nothing was sent
      // yet.
      if (something_to_read || socket_error(fd_.get()) != 0 || is_connected_to_itself(fd_.get()))
        return connect_failed();
      if ((events & EPOLLOUT) != 0) connected();
      break;
    case State::kIdle:
      if (something_to_read) close();  // it has closed, or speaks without being asked
      break;
    case State::kBusy:
      if (something_to_read && !wrote_) return rescue();
      if ((events & EPOLLOUT) != 0 && blocked_) queue_flush();
      if (something_to_read) read();
      break;
  }
}

void ClientConnection::connected() {
  --destination_->connecting;
  state_ = State::kIdle;
  shared_.released(*this);
}

void ClientConnection::connect_failed() {
  peer_closed_ = false;
  if (try_addresses()) return;
  Destination& destination = *destination_;
  --destination.connecting;
  shared_.connection_closed(*this);
  shared_.fail_one_waiting(destination, HttpFailure::kRefused);
}

void ClientConnection::rest() {
  state_ = State::kIdle;
  idle_since_ = shared_.loop.now();
  deadline_ = saturating_add(idle_since_, shared_.options.idle_timeout);
  shared_.deadlines.note(deadline_);
}

bool ClientConnection::still_fresh() const {
  if (peer_closed_) return false;
  if (shared_.loop.now() - idle_since_ < kTrustedRest) return true;
  char byte = 0;
  return ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void ClientConnection::assign(std::uint32_t call) {
  state_ = State::kBusy;
  call_ = call;
  deadline_ = kNever;
  wrote_ = false;
  out_.clear();
  sent_ = 0;
  OpenCall& open = shared_.calls[call];
  open.state = OpenCall::State::kAssigned;
  open.connection = this;
  queue_flush();
}

void ClientConnection::queue_flush() {
  if (queued_) return;
  queued_ = true;
  shared_.unsent.push_back(this);
}

void ClientConnection::flush() {
  queued_ = false;
  if (state_ != State::kBusy || sent_ == out_.size()) return;
  if (!wrote_) {
    // Only now: until the turn's end a callback may have been looking at the last answer.
    parser_.reset();
    in_.clear();
    interim_answers_ = 0;
    if (shared_.calls[call_].head_request) parser_.expect_no_body();
  }
  if (send_out()) return;
  if (!wrote_ && used_) return rescue();
  // It may have answered before it closed; but a callback may not come this late in a turn.
  peer_closed_ = true;
  shared_.loop.again(*this);
}

// False: the connection is broken.
bool ClientConnection::send_out() {
  blocked_ = false;
  while (sent_ < out_.size()) {
    const ssize_t sent = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      blocked_ = errno == EAGAIN;
      return blocked_;
    }
    wrote_ = true;
    sent_ += static_cast<std::size_t>(sent);
  }
  if (out_.capacity() > kKeptCapacityMax) {
    std::string().swap(out_);
    sent_ = 0;
  }
  return true;
}

void ClientConnection::read() {
  while (true) {
    const ssize_t got = ::recv(fd_.get(), shared_.read_buffer.get(), kReadBufferBytes, 0);
    if (got > 0) {
      const bool drained = static_cast<std::size_t>(got) < kReadBufferBytes && !peer_closed_;
      if (!parse(shared_.read_buffer.get(), static_cast<std::size_t>(got)) || drained) return;
    } else if (got == 0) {
      return ended_by_peer();
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      return fail(HttpFailure::kReset);
    }
  }
}

// True: the answer is not complete yet. Otherwise the call has ended, and the connection may serve the next one
// already.
bool ClientConnection::parse(char* fresh, std::size_t size) {
  const bool kept_some = !in_.empty();
  if (kept_some) in_.append(fresh, size);
  char* at = kept_some ? in_.data() : fresh;
  std::size_t left = kept_some ? in_.size() : size;
  while (true) {
    switch (parser_.advance(at, left)) {
      case HttpParser::Progress::kNeedMore:
        left = parser_.kept();
        if (kept_some) {
          in_.erase(0, static_cast<std::size_t>(at - in_.data()));
          in_.resize(left);
        } else {
          in_.assign(at, left);
        }
        return true;
      case HttpParser::Progress::kFailed: {
        const int status = parser_.error_status();
        fail(status == 413 || status == 431 ? HttpFailure::kTooLarge : HttpFailure::kBadAnswer);
        return false;
      }
      case HttpParser::Progress::kDone:
        break;
    }
    left -= parser_.consumed();
    if (parser_.status() >= 200) {
      const bool all_sent = sent_ == out_.size();
      deliver(parser_.keep_alive() && left == 0 && all_sent && !peer_closed_);
      return false;
    }
    if (parser_.status() == 101 || ++interim_answers_ > kInterimAnswersMax) {
      fail(HttpFailure::kBadAnswer);
      return false;
    }
    at += parser_.consumed();
    parser_.reset();
    if (shared_.calls[call_].head_request) parser_.expect_no_body();
  }
}

void ClientConnection::ended_by_peer() {
  // Views of an open-ended body: the bytes are in in_, where the last advance() has not looked yet.
  if (parser_.head_done()) (void)parser_.advance(in_.data(), in_.size());
  if (parser_.head_done() && parser_.finish() == HttpParser::Progress::kDone) return deliver(false);
  fail(HttpFailure::kReset);
}

void ClientConnection::deliver(bool reusable) {
  HttpAnswer answer;
  answer.cookie = shared_.free_call(call_);
  answer.bytes_written = wrote_;
  answer.status = parser_.status();
  answer.body = parser_.body();
  answer.head = &parser_;
  used_ = true;
  state_ = State::kIdle;
  if (reusable) {
    shared_.released(*this);
  } else {
    close();
  }
  shared_.on_answer(answer);
}

void ClientConnection::fail(HttpFailure failure) {
  const int status = failure == HttpFailure::kTooLarge && parser_.status() >= 200 ? parser_.status() : 0;
  state_ = State::kIdle;
  shared_.end_call(call_, failure, wrote_, status);
  close();
}

// The connection died (or speaks unasked) before a byte of the request left: the call goes to another one.
void ClientConnection::rescue() {
  ++shared_.stats.rescued;
  shared_.calls[call_].request.swap(out_);
  state_ = State::kIdle;
  shared_.wait_in_line(call_, true);
  close();
}

Instant ClientConnection::sweep(Instant now) {
  if (!fd_.open() || deadline_ > now) return fd_.open() ? deadline_ : kNever;
  if (state_ == State::kIdle) {
    close();
    return kNever;
  }
  connect_failed();
  return deadline_;
}

}  // namespace settle::net
