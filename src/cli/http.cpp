#include "cli/http.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "net/http_parser.h"
#include "net/socket.h"
#include "net/url.h"

namespace settle::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::uint32_t kAnswerBytesMax = 256 * 1024 * 1024;

int ms_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
}

/// False: the time is up.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    pollfd waiting{fd, events, 0};
    const int ready = ::poll(&waiting, 1, ms_until(deadline));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return true;  // the call that follows tells what is wrong
  }
}

struct AddressesFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<net::Fd> connect_one(const addrinfo& address, Clock::time_point deadline) {
  net::Fd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.open()) return Error{ErrorCode::kUnavailable, std::strerror(errno)};
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return Error{ErrorCode::kUnavailable, std::strerror(errno)};
    if (!wait_for(fd.get(), POLLOUT, deadline)) return Error{ErrorCode::kUnavailable, "no answer to the connect"};
    if (const int failed = net::socket_error(fd.get()); failed != 0) {
      return Error{ErrorCode::kUnavailable, std::strerror(failed)};
    }
  }
  return fd;
}

Result<net::Fd> connect_to(const Endpoint& to, Clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const std::string port = std::to_string(to.port);
  if (const int failed = ::getaddrinfo(to.host.c_str(), port.c_str(), &hints, &raw); failed != 0) {
    return Error{ErrorCode::kUnavailable, ::gai_strerror(failed)};
  }
  const std::unique_ptr<addrinfo, AddressesFree> list(raw);
  Error last{ErrorCode::kUnavailable, "the host has no address"};
  for (const addrinfo* at = list.get(); at != nullptr; at = at->ai_next) {
    Result<net::Fd> fd = connect_one(*at, deadline);
    if (fd) return fd;
    last = fd.error();
  }
  return last;
}

std::string render(const Endpoint& to, const HttpRequest& request) {
  std::string bytes;
  bytes.reserve(256 + request.body.size());
  bytes.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nhost: ").append(to.text());
  bytes.append("\r\nconnection: close\r\naccept: application/json\r\n");
  if (request.method != "GET") {
    bytes.append("content-type: application/json\r\ncontent-length: ").append(std::to_string(request.body.size()));
    bytes.append("\r\n");
  }
  bytes.append(request.headers).append("\r\n").append(request.body);
  return bytes;
}

/// A daemon that refuses early answers before it has read everything, so a failed send is no reason not to listen.
Result<void> send_all(int fd, std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, deadline))
        return Error{ErrorCode::kUnknownOutcome, "the request was not taken in time"};
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};
    } else if (errno != EINTR) {
      return Error{ErrorCode::kUnknownOutcome, std::strerror(errno)};
    }
  }
  return {};
}

HttpAnswer taken(const net::HttpParser& parser) {
  HttpAnswer answer;
  answer.status = parser.status();
  answer.content_type = parser.header("content-type").value_or("");
  answer.retry_after = parser.header("retry-after").value_or("");
  answer.body = parser.body();
  return answer;
}

Result<HttpAnswer> receive(int fd, Clock::time_point deadline) {
  net::HttpLimits limits;
  limits.body_bytes = kAnswerBytesMax;
  net::HttpParser parser(net::HttpParser::Kind::kResponse, limits);
  std::string bytes;
  std::array<char, std::size_t{64} * 1024> chunk{};
  for (;;) {
    if (!wait_for(fd, POLLIN, deadline)) return Error{ErrorCode::kUnknownOutcome, "no answer in time"};
    const ssize_t got = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return Error{ErrorCode::kUnknownOutcome, std::strerror(errno)};
    if (got == 0 && parser.finish() != net::HttpParser::Progress::kDone) {
      return Error{ErrorCode::kUnknownOutcome, "the connection was closed before the answer was complete"};
    }
    if (got == 0) return taken(parser);
    bytes.append(chunk.data(), static_cast<std::size_t>(got));
    net::HttpParser::Progress progress = parser.advance(bytes.data(), bytes.size());
    while (progress == net::HttpParser::Progress::kDone && parser.status() < 200) {
      bytes.erase(0, parser.consumed());  // 1xx: the answer is still to come, and may be here already
      parser.reset();
      progress = parser.advance(bytes.data(), bytes.size());
    }
    if (progress == net::HttpParser::Progress::kDone) return taken(parser);
    if (progress == net::HttpParser::Progress::kFailed) {
      return Error{ErrorCode::kCorrupt, std::string(parser.error_text())};
    }
  }
}

}  // namespace

std::string Endpoint::text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text, std::string_view origin) {
  constexpr std::string_view kScheme = "http://";
  const std::string_view bare = text.starts_with(kScheme) ? text.substr(kScheme.size()) : text;
  const std::string url = std::string(kScheme) + std::string(bare);
  const Result<net::Url> parsed = net::parse_url(url);
  const bool has_port = parsed && !parsed->authority.ends_with(']') && parsed->authority.size() > parsed->host.size() &&
                        parsed->authority.rfind(':') != std::string_view::npos;
  if (!has_port || parsed->target != "/") {
    return Error{ErrorCode::kInvalid, std::string(origin) + " takes HOST:PORT, for example 127.0.0.1:36789, not '" +
                                          std::string(text) + "'"};
  }
  return Endpoint{std::string(parsed->host), parsed->port, std::string(origin)};
}

Result<HttpAnswer> exchange(const Endpoint& to, const HttpRequest& request, milliseconds patience) {
  const Clock::time_point deadline = Clock::now() + patience;
  Result<net::Fd> fd = connect_to(to, deadline);
  if (!fd) return fd.error();
  if (const Result<void> sent = send_all(fd->get(), render(to, request), deadline); !sent) return sent.error();
  return receive(fd->get(), deadline);
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || c == ':';
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4U]);
      out.push_back(kHex[byte & 15U]);
    }
  }
  return out;
}

}  // namespace settle::cli
