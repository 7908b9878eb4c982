#include "net/http_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "net/http_fields.h"
#include "net/server_connection.h"

namespace settle::net {
namespace {

constexpr std::size_t kReadBufferBytes = std::size_t{64} * 1024;
constexpr int kAcceptsPerTurn = 64;
constexpr Duration kAcceptRest = std::chrono::milliseconds(100);
constexpr std::string_view kLengthBlanks = "content-length:           ";  // a colon and room for ten digits
constexpr std::size_t kLengthRoom = 10;

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

bool Listener::start() { return shared_.loop.watch(fd_.get(), EPOLLIN, *this); }

void Listener::close() {
  if (!fd_.open()) return;
  shared_.loop.cancel(rest_timer_);
  shared_.loop.unwatch(fd_.get(), *this);
  fd_.reset();
}

void Listener::on_ready(std::uint32_t /*events*/) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.open()) {
      shared_.accept(std::move(fd));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return rest();
    }  // else: that one connection broke in the queue
  }
}

// Without free descriptors the listener stays ready and would keep the loop spinning.
void Listener::rest() {
  log(LogLevel::kWarn, "no descriptors left for new connections");
  shared_.loop.rewatch(fd_.get(), 0, *this);
  rest_timer_ =
      shared_.loop.at(shared_.loop.now() + kAcceptRest, [this] { shared_.loop.rewatch(fd_.get(), EPOLLIN, *this); });
}

ServerShared::ServerShared(Loop& the_loop, HttpServerOptions the_options, HttpServer::Handler the_handler)
    : loop(the_loop),
      options(std::move(the_options)),
      handler(std::move(the_handler)),
      read_buffer(std::make_unique<char[]>(kReadBufferBytes)),
      deadlines(the_loop, [this] { return sweep(); }),
      flush_hook(the_loop.at_flush([this] { flush(); })) {}

ServerShared::~ServerShared() {
  options.gone = nullptr;
  loop.remove_flush(flush_hook);
  for (const auto& listener : listeners) listener->close();
  for (const auto& connection : connections) connection->close();
}

void ServerShared::accept(Fd fd) {
  const std::size_t alive = connections.size() - free_connections.size();
  if (alive >= options.connections_max) {
    ++stats.turned_away;
    return;
  }
  ++stats.accepted;
  if (free_connections.empty()) {
    const auto index = static_cast<std::uint32_t>(connections.size());
    connections.push_back(std::make_unique<ServerConnection>(*this, index));
    free_connections.push_back(index);
  }
  const std::uint32_t index = free_connections.back();
  if (connections[index]->open(std::move(fd))) free_connections.pop_back();
}

void ServerShared::flush() {
  // A flush may close connections, it does not queue others.
  for (std::size_t i = 0; i < unsent.size(); ++i) unsent[i]->flush();
  unsent.clear();
}

Instant ServerShared::sweep() {
  Instant next = kNever;
  for (const auto& connection : connections) next = std::min(next, connection->sweep(loop.now()));
  return next;
}

const std::string& ServerShared::date_line() {
  const std::int64_t second = micros(loop.now()) / 1'000'000;
  if (second != date_second) {
    date_second = second;
    date = "date: " + http_date(loop.now()) + "\r\n";
  }
  return date;
}

void ServerShared::append_head(std::string& out, const ServerConnection& connection, std::uint32_t sequence, int status,
                               std::string_view content_type, std::string_view extra, bool closes) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::uint64_t>(status));
    out.append(" ").append(reason_of(status)).append("\r\n");
  }
  out.append(date_line());
  if (!content_type.empty()) out.append("content-type: ").append(content_type).append("\r\n");
  out.append(extra);
  if (closes) {
    out.append("connection: close\r\n");
  } else if (connection.wants_keep_alive_line(sequence)) {
    out.append("connection: keep-alive\r\n");
  }
}

std::string& ServerShared::begin_body(ResponseSlot slot, int status, std::string_view content_type,
                                      std::string_view extra) {
  SETTLE_ASSERT(answer.out == nullptr);
  answer = {};
  ServerConnection* const connection =
      slot.connection < connections.size() ? connections[slot.connection].get() : nullptr;
  std::string* const out = connection != nullptr && connection->generation() == slot.generation
                               ? connection->answer_buffer(slot.sequence)
                               : nullptr;
  if (out == nullptr) {
    scratch.clear();
    answer.out = &scratch;
    return scratch;
  }
  answer.connection = connection;
  answer.sequence = slot.sequence;
  answer.out = out;
  append_head(*out, *connection, slot.sequence, status, content_type, extra, connection->closes_after(slot.sequence));
  if (!has_no_body(status)) {
    out->append(kLengthBlanks);
    answer.length_end = out->size();
    out->append("\r\n");
  }
  out->append("\r\n");
  answer.body_begin = out->size();
  return *out;
}

void ServerShared::end_body() {
  SETTLE_ASSERT(answer.out != nullptr);
  const OpenAnswer done = std::exchange(answer, {});
  if (done.connection == nullptr) return;
  std::string& out = *done.out;
  std::size_t length = out.size() - done.body_begin;
  if (done.length_end == 0 || done.connection->is_head(done.sequence)) out.resize(done.body_begin);
  if (done.length_end != 0) {
    std::size_t digit = done.length_end;
    do {
      out[--digit] = static_cast<char>('0' + length % 10);
      length /= 10;
    } while (length != 0 && digit > done.length_end - kLengthRoom);
  }
  done.connection->answered(done.sequence);
}

void ServerShared::respond(ResponseSlot slot, int status, std::string_view content_type, std::string_view body,
                           std::string_view extra) {
  begin_body(slot, status, content_type, extra).append(body);
  end_body();
}

HttpServer::HttpServer(Loop& loop, HttpServerOptions options, Handler handler)
    : shared_(std::make_unique<ServerShared>(loop, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen(std::string_view host, std::uint16_t port) {
  Result<Fd> fd = listen_on(host, port);
  if (!fd) return fd.error();
  const std::uint16_t chosen = local_port(fd->get());
  auto listener = std::make_unique<Listener>(*shared_, std::move(*fd));
  if (!listener->start()) return Error{ErrorCode::kUnavailable, "listen: the event loop takes no more descriptors"};
  shared_->listeners.push_back(std::move(listener));
  return chosen;
}

void HttpServer::respond(ResponseSlot slot, int status, std::string_view content_type, std::string_view body,
                         std::string_view extra_headers) {
  begin_body(slot, status, content_type, extra_headers).append(body);
  end_body();
}

std::string& HttpServer::begin_body(ResponseSlot slot, int status, std::string_view content_type,
                                    std::string_view extra_headers) {
  if (extra_headers.empty() || are_header_lines(extra_headers)) {
    return shared_->begin_body(slot, status, content_type, extra_headers);
  }
  log(LogLevel::kError, "an answer with broken header lines was replaced");
  shared_->respond(slot, 500, "text/plain", "the answer could not be formed\n", {});
  return shared_->begin_body(slot, status, content_type, {});  // the slot is used up: goes nowhere
}

void HttpServer::end_body() { shared_->end_body(); }

void HttpServer::stop_accepting() {
  shared_->draining = true;
  for (const auto& listener : shared_->listeners) {
    listener->on_ready(0);
    listener->close();
  }
  shared_->listeners.clear();
}

void HttpServer::close_idle() {
  for (const auto& connection : shared_->connections) {
    if (connection->is_open() && connection->is_idle()) connection->close();
  }
}

std::size_t HttpServer::open_requests() const { return shared_->open_requests; }
std::size_t HttpServer::connections() const { return shared_->connections.size() - shared_->free_connections.size(); }

bool HttpServer::drained() const {
  const auto& all = shared_->connections;
  return shared_->open_requests == 0 &&
         std::none_of(all.begin(), all.end(), [](const auto& connection) { return connection->has_unsent(); });
}

const HttpServerStats& HttpServer::stats() const { return shared_->stats; }

}  // namespace settle::net
