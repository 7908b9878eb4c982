#include "live/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace settle::live {
namespace {

constexpr std::size_t kBodyMax = 64UL * 1024 * 1024;

std::string lower(std::string_view text) {
  std::string low(text);
  std::ranges::transform(low, low.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return low;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool parse_start(std::string_view line, Message& message) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (line.starts_with("HTTP/1.")) {
    const auto status = number(line.substr(first + 1, 3));
    if (!status) return false;
    message.status = static_cast<int>(*status);
    return true;
  }
  if (second == std::string_view::npos || !line.substr(second + 1).starts_with("HTTP/1.")) return false;
  message.method = line.substr(0, first);
  message.target = line.substr(first + 1, second - first - 1);
  return true;
}

/// `head` without the empty line at its end.
bool parse_head(std::string_view head, Message& message) {
  bool is_first = true;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 2);
    if (is_first) {
      if (!parse_start(line, message)) return false;
      is_first = false;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    message.headers.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return !is_first;
}

}  // namespace

std::string Message::header(std::string_view name) const {
  const auto found =
      std::ranges::find(headers, name, [](const auto& header) { return std::string_view(header.first); });
  return found == headers.end() ? std::string() : found->second;
}

bool Message::has(std::string_view name) const {
  return std::ranges::any_of(headers, [&](const auto& header) { return header.first == name; });
}

Connection Connection::to(std::uint16_t port) {
  Connection connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  (void)::setsockopt(connection.fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(connection.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) connection.close();
  return connection;
}

Connection::Connection(Connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), at_end_(other.at_end_), buffer_(std::move(other.buffer_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
    at_end_ = other.at_end_;
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

void Connection::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool Connection::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Connection::fill(Clock::time_point end) {
  if (fd_ < 0 || at_end_) return false;
  // Past the end it still looks once, without waiting.
  const auto left = std::max<std::int64_t>(0, std::chrono::ceil<milliseconds>(end - Clock::now()).count());
  pollfd readable{fd_, POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(left)) <= 0) return false;
  std::array<char, 16 * 1024> bytes{};
  const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (got <= 0) {
    at_end_ = true;
    return false;
  }
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<Message> Connection::read(milliseconds bound) {
  const Clock::time_point end = Clock::now() + bound;
  std::size_t head = 0;
  while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill(end)) return std::nullopt;
  }
  Message message;
  if (!parse_head(std::string_view(buffer_).substr(0, head), message)) return std::nullopt;
  buffer_.erase(0, head + 4);
  if (message.status == 204 || message.status == 304) return message;
  if (!message.has("content-length")) {
    if (message.status == 0) return message;
    while (fill(end)) {
    }
    message.body = std::exchange(buffer_, {});
    return message;
  }
  const auto size = number(message.header("content-length"));
  if (!size || *size > kBodyMax) return std::nullopt;
  while (buffer_.size() < *size) {
    if (!fill(end)) return std::nullopt;
  }
  message.body = buffer_.substr(0, *size);
  buffer_.erase(0, *size);
  return message;
}

std::string Connection::read_all(milliseconds bound) {
  const Clock::time_point end = Clock::now() + bound;
  while (fill(end)) {
  }
  return std::exchange(buffer_, {});
}

bool Connection::closed_by_peer(milliseconds bound) {
  const Clock::time_point end = Clock::now() + bound;
  while (fill(end)) {
  }
  return at_end_;
}

std::string request_text(std::string_view method, std::string_view target, std::string_view body,
                         const Headers& headers) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nhost: 127.0.0.1\r\n");
  for (const auto& [name, value] : headers) text.append(name).append(": ").append(value).append("\r\n");
  text.append("content-length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return text;
}

Exchange exchange(std::uint16_t port, std::string_view method, std::string_view target, std::string_view body,
                  milliseconds bound, const Headers& headers) {
  Connection connection = Connection::to(port);
  if (!connection.open()) return {Exchange::End::kUnsent, {}};
  (void)connection.send(request_text(method, target, body, headers));
  std::optional<Message> answer = connection.read(bound);
  if (!answer) return {Exchange::End::kLost, {}};
  return {Exchange::End::kAnswered, std::move(*answer)};
}

Exchange KeptLine::exchange(std::string_view method, std::string_view target, std::string_view body,
                            milliseconds bound) {
  // A peer that has closed meanwhile is noticed here, so that nothing is counted as sent without need.
  if (!connection_.open() || connection_.closed_by_peer(milliseconds{0})) connection_ = Connection::to(port_);
  if (!connection_.open()) return {Exchange::End::kUnsent, {}};
  (void)connection_.send(request_text(method, target, body));
  std::optional<Message> answer = connection_.read(bound);
  if (!answer || answer->header("connection") == "close") connection_.close();
  if (!answer) return {Exchange::End::kLost, {}};
  return {Exchange::End::kAnswered, std::move(*answer)};
}

}  // namespace settle::live
