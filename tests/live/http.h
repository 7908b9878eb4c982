#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "live/place.h"

namespace settle::live {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One HTTP/1.1 message as it came.
struct Message {
  int status = 0;      ///< of a response
  std::string method;  ///< of a request
  std::string target;
  Headers headers;  ///< names in lower case
  std::string body;

  /// The first header of that lower-case name; empty if there is none.
  [[nodiscard]] std::string header(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const;
};

/// One blocking TCP connection on 127.0.0.1; one thread at a time, except shut().
class Connection {
 public:
  Connection() = default;
  explicit Connection(int fd) : fd_(fd) {}
  static Connection to(std::uint16_t port);  ///< not open if nobody listens there
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection() { close(); }

  [[nodiscard]] bool open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  void close();

  bool send(std::string_view bytes) const;
  /// The next whole message; nothing if the peer closed, sent something else, or `bound` was over.
  std::optional<Message> read(milliseconds bound);
  /// Whatever comes until the peer closes or `bound` is over.
  std::string read_all(milliseconds bound);
  /// The peer has closed, and nothing of it is left to read.
  [[nodiscard]] bool closed_by_peer(milliseconds bound);

 private:
  bool fill(Clock::time_point end);

  int fd_ = -1;
  bool at_end_ = false;
  std::string buffer_;
};

/// A request as bytes. Adds Host and Content-Length.
std::string request_text(std::string_view method, std::string_view target, std::string_view body,
                         const Headers& headers = {});

/// What came of one request.
struct Exchange {
  enum class End { kAnswered, kUnsent, kLost };  ///< kUnsent: no connection; kLost: sent, and no answer came
  End end = End::kUnsent;
  Message answer;
};

/// One request on a connection of its own.
Exchange exchange(std::uint16_t port, std::string_view method, std::string_view target, std::string_view body,
                  milliseconds bound, const Headers& headers = {});

/// A connection that is kept for the many requests of one thread, as clients do.
class KeptLine {
 public:
  explicit KeptLine(std::uint16_t port) : port_(port) {}

  Exchange exchange(std::string_view method, std::string_view target, std::string_view body, milliseconds bound);

 private:
  std::uint16_t port_;
  Connection connection_;
};

}  // namespace settle::live
