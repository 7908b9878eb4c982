#include "net/server_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "net/url.h"

namespace settle::net {
namespace {

constexpr std::size_t kReadBufferBytes = std::size_t{64} * 1024;
constexpr int kReadsPerTurn = 4;                                  // then others have their turn
constexpr std::size_t kKeptCapacityMax = std::size_t{64} * 1024;  // larger buffers are given back once they are empty

void empty_buffer(std::string& buffer) {
  if (buffer.capacity() > kKeptCapacityMax) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

}  // namespace

bool ServerConnection::open(Fd fd) {
  fd_ = std::move(fd);
  ++generation_;
  parser_.reset();
  received_ = answered_ = 0;
  phase_ = Phase::kNone;
  readable_ = peer_closed_ = blocked_ = no_more_requests_ = closing_ = lingering_ = stalled_ = continue_sent_ = false;
  constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | static_cast<std::uint32_t>(EPOLLET);
  if (!shared_.loop.watch(fd_.get(), kEvents, *this)) {
    fd_.reset();
    return false;
  }
  update_phase();
  return true;
}

void ServerConnection::close() {
  if (!fd_.open()) return;
  shared_.loop.unwatch(fd_.get(), *this);
  fd_.reset();
  std::size_t unanswered = 0;
  for (std::uint32_t sequence = answered_; sequence != received_; ++sequence) {
    if ((flags_[sequence % kPipelineMax] & kAnswered) == 0) ++unanswered;
  }
  shared_.open_requests -= unanswered;
  received_ = answered_;
  empty_buffer(in_);
  empty_buffer(out_);
  sent_ = 0;
  held_.clear();
  deadline_ = kNever;
  shared_.free_connections.push_back(index_);
  if (unanswered > 0 && shared_.options.gone) shared_.options.gone({index_, generation_, answered_});
}

void ServerConnection::on_ready(std::uint32_t events) {
  if ((events & EPOLLERR) != 0 || (lingering_ && (events & EPOLLHUP) != 0)) {
    close();
    return;
  }
  if ((events & EPOLLOUT) != 0 && blocked_) queue_flush();
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) readable_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) peer_closed_ = true;
  if (no_more_requests_) {
    discard();
    return;
  }
  parse(nullptr, 0);
  read();
}

bool ServerConnection::wants_input() const {
  return fd_.open() && !no_more_requests_ && received_ - answered_ < kPipelineMax &&
         out_.size() - sent_ <= shared_.options.unsent_bytes_max;
}

void ServerConnection::read() {
  bool ended = false;
  for (int reads = 0; readable_ && wants_input(); ++reads) {
    if (reads == kReadsPerTurn) {
      shared_.loop.again(*this);
      break;
    }
    const ssize_t got = ::recv(fd_.get(), shared_.read_buffer.get(), kReadBufferBytes, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return close();
      readable_ = false;
    } else if (got == 0) {
      readable_ = false;
      ended = true;
    } else {
      // A short read has emptied the socket, unless the end of the stream waits behind the bytes.
      readable_ = static_cast<std::size_t>(got) == kReadBufferBytes || peer_closed_;
      parse(shared_.read_buffer.get(), static_cast<std::size_t>(got));
    }
  }
  if (!fd_.open()) return;
  if (ended) {
    peer_closed_ = no_more_requests_ = true;
    in_.clear();
    if (answered_ == received_ && out_.empty()) return close();
  }
  stalled_ = !no_more_requests_ && !wants_input();
  if (!queued_) update_phase();
}

// After the last request: what still comes is read and forgotten, because closing with unread bytes would make the
// kernel send a reset, which can destroy our answer on its way.
void ServerConnection::discard() {
  for (int reads = 0; readable_; ++reads) {
    if (reads == kReadsPerTurn) return shared_.loop.again(*this);
    const ssize_t got = ::recv(fd_.get(), shared_.read_buffer.get(), kReadBufferBytes, 0);
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    readable_ = false;
    if (got < 0 && errno == EAGAIN) return;
    peer_closed_ = true;
    if (got < 0 || lingering_ || (answered_ == received_ && out_.empty())) return close();
  }
}

// Takes all complete requests out of in_ followed by `fresh`, and keeps the rest in in_.
void ServerConnection::parse(char* fresh, std::size_t size) {
  const bool kept_some = !in_.empty();
  if (kept_some && size > 0) in_.append(fresh, size);
  char* at = kept_some ? in_.data() : fresh;
  std::size_t left = kept_some ? in_.size() : size;
  bool starved = false;
  while (left > 0 && !starved && wants_input()) {
    switch (parser_.advance(at, left)) {
      case HttpParser::Progress::kDone:
        handle_request();
        at += parser_.consumed();
        left -= parser_.consumed();
        parser_.reset();
        continue_sent_ = false;
        phase_ = Phase::kNone;
        break;
      case HttpParser::Progress::kFailed:
        ++shared_.stats.refused;
        refuse(parser_.error_status(), parser_.error_text());
        break;
      case HttpParser::Progress::kNeedMore:
        left = parser_.kept();
        starved = true;
        if (parser_.expects_continue() && parser_.head_done()) continue_body();
        break;
    }
  }
  if (!fd_.open()) return;
  if (left == 0 || no_more_requests_) {
    empty_buffer(in_);
  } else if (kept_some) {
    in_.erase(0, static_cast<std::size_t>(at - in_.data()));
    in_.resize(left);
  } else {
    in_.assign(at, left);
  }
}

void ServerConnection::handle_request() {
  HttpRequest request;
  request.method = parser_.method();
  request.target = parser_.target();
  request.path = request.target;
  if (request.path.front() != '/' && request.path != "*") request.path = parse_url(request.target)->target;
  if (const std::size_t mark = request.path.find('?'); mark != std::string_view::npos) {
    request.query = request.path.substr(mark + 1);
    request.path = request.path.substr(0, mark);
  }
  request.body = parser_.body();
  request.keep_alive = parser_.keep_alive();
  request.head = &parser_;

  const std::uint32_t sequence = received_++;
  std::uint8_t flags = 0;
  if (!request.keep_alive) {
    flags |= kCloses;
    no_more_requests_ = true;
  } else if (parser_.minor_version() == 0) {
    flags |= kOldKeepAlive;
  }
  if (request.method == "HEAD") flags |= kHeadRequest;
  flags_[sequence % kPipelineMax] = flags;
  ++shared_.open_requests;
  ++shared_.stats.requests;
  shared_.handler(request, ResponseSlot{index_, generation_, sequence});
}

// Answers in the handler's place, behind the answers that are still owed, and ends the connection.
void ServerConnection::refuse(int status, std::string_view detail) {
  SETTLE_ASSERT(received_ - answered_ < kPipelineMax);
  no_more_requests_ = true;
  const std::uint32_t sequence = received_++;
  flags_[sequence % kPipelineMax] = kCloses;
  ++shared_.open_requests;
  HttpProblem problem;
  if (shared_.options.problem) {
    problem = shared_.options.problem(status, detail);
  } else {
    problem.body.append(detail).append("\n");
  }
  shared_.respond({index_, generation_, sequence}, status, problem.content_type, problem.body, {});
}

void ServerConnection::continue_body() {
  // Only while no other answer is owed: an interim answer must not overtake one. A client goes on without it as well.
  if (continue_sent_ || answered_ != received_) return;
  continue_sent_ = true;
  out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  queue_flush();
}

std::string* ServerConnection::answer_buffer(std::uint32_t sequence) {
  const bool known = fd_.open() && sequence - answered_ < received_ - answered_;
  if (!known || (flags_[sequence % kPipelineMax] & kAnswered) != 0) return nullptr;
  if (sequence == answered_) return &out_;
  if (held_.empty()) held_.resize(kPipelineMax);
  return &held_[sequence % kPipelineMax];
}

bool ServerConnection::closes_after(std::uint32_t sequence) {
  std::uint8_t& flags = flags_[sequence % kPipelineMax];
  if (shared_.draining && sequence + 1 == received_) {
    flags |= kCloses;
    no_more_requests_ = true;
  }
  return (flags & kCloses) != 0;
}

void ServerConnection::answered(std::uint32_t sequence) {
  flags_[sequence % kPipelineMax] |= kAnswered;
  --shared_.open_requests;
  if (sequence == answered_) release_in_order();
}

void ServerConnection::release_in_order() {
  do {
    closing_ = closing_ || (flags_[answered_ % kPipelineMax] & kCloses) != 0;
    ++answered_;
    if (answered_ == received_ || (flags_[answered_ % kPipelineMax] & kAnswered) == 0) break;
    std::string& next = held_[answered_ % kPipelineMax];
    out_.append(next);
    empty_buffer(next);
  } while (true);
  queue_flush();
}

void ServerConnection::queue_flush() {
  if (queued_) return;
  queued_ = true;
  shared_.unsent.push_back(this);
}

void ServerConnection::flush() {
  queued_ = false;
  if (!fd_.open()) return;
  if (!send_out()) return close();
  if (out_.empty() && !lingering_) {
    if (closing_) return linger();
    if (peer_closed_ && no_more_requests_ && answered_ == received_) return close();
  }
  resume();
  update_phase();
}

// False: the connection is broken.
bool ServerConnection::send_out() {
  blocked_ = false;
  while (sent_ < out_.size()) {
    const ssize_t sent = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return false;
      blocked_ = true;
      out_.erase(0, sent_);
      sent_ = 0;
      return true;
    }
    sent_ += static_cast<std::size_t>(sent);
    if (phase_ == Phase::kSending) phase_ = Phase::kNone;  // progress: the time begins anew
  }
  empty_buffer(out_);
  sent_ = 0;
  return true;
}

// Closes our half and waits a little for the peer to close its own.
void ServerConnection::linger() {
  lingering_ = true;
  (void)::shutdown(fd_.get(), SHUT_WR);
  if (peer_closed_ && !readable_) return close();
  enter(Phase::kLingering, shared_.options.linger_timeout);
  discard();
}

void ServerConnection::resume() {
  if (!stalled_ || !wants_input()) return;
  stalled_ = false;
  shared_.loop.again(*this);
}

void ServerConnection::update_phase() {
  if (lingering_) return;
  const HttpServerOptions& options = shared_.options;
  if (blocked_) return enter(Phase::kSending, options.write_timeout);
  if (!in_.empty() && wants_input()) {
    if (parser_.head_done()) return enter(Phase::kBody, options.body_timeout);
    return enter(Phase::kHead, options.head_timeout);
  }
  if (received_ != answered_ || !out_.empty()) {
    phase_ = Phase::kAnswering;
    deadline_ = kNever;
    return;
  }
  phase_ = Phase::kNone;
  enter(Phase::kIdle, received_ == 0 ? options.head_timeout : options.idle_timeout);
}

// The deadline of a phase counts from its beginning.
void ServerConnection::enter(Phase phase, Duration timeout) {
  if (phase == phase_) return;
  phase_ = phase;
  deadline_ = saturating_add(shared_.loop.now(), timeout);
  shared_.deadlines.note(deadline_);
}

Instant ServerConnection::sweep(Instant now) {
  if (!fd_.open()) return kNever;
  if (deadline_ > now) return deadline_;
  if (phase_ == Phase::kHead || phase_ == Phase::kBody) {
    ++shared_.stats.timed_out;
    deadline_ = kNever;
    in_.clear();
    refuse(408, "the request took too long to arrive");
  } else {
    if (phase_ == Phase::kSending) ++shared_.stats.timed_out;
    close();
  }
  return deadline_;
}

}  // namespace settle::net
