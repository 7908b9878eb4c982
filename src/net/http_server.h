#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "net/http_parser.h"
#include "net/loop.h"
#include "settle/result.h"

namespace settle::net {

struct ServerShared;

/// One request, complete with its body. All views end with the handler's call.
struct HttpRequest {
  std::string_view method;
  std::string_view target;  ///< as sent
  std::string_view path;    ///< of the target, percent escapes untouched
  std::string_view query;   ///< behind the '?', may be empty
  std::string_view body;
  bool keep_alive = true;
  const HttpParser* head = nullptr;

  /// The first header of that lower-case name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const { return head->header(name); }
};

/// Where an answer belongs. A value: may be kept, copied, answered after the connection died (then nothing happens).
struct ResponseSlot {
  std::uint32_t connection = 0;
  std::uint32_t generation = 0;
  std::uint32_t sequence = 0;

  friend bool operator==(const ResponseSlot&, const ResponseSlot&) = default;
};

/// What the server answers by itself to a request that never reaches the handler.
struct HttpProblem {
  std::string content_type = "text/plain";
  std::string body{};
};

struct HttpServerOptions {
  HttpLimits limits{};
  std::size_t connections_max = 10'000;  ///< one more is closed at once
  std::size_t unsent_bytes_max =
      std::size_t{1024} * 1024;                       ///< a connection that reads no answers is not read from either
  Duration head_timeout = std::chrono::seconds(10);   ///< from its first byte (or from accept) to the end of the head
  Duration body_timeout = std::chrono::seconds(30);   ///< from the end of the head to the end of the body
  Duration write_timeout = std::chrono::seconds(30);  ///< without any progress in sending
  Duration idle_timeout = std::chrono::seconds(60);   ///< between requests
  Duration linger_timeout = std::chrono::seconds(2);  ///< for the peer to close after our last answer
  std::function<HttpProblem(int status, std::string_view detail)> problem{};  ///< empty: the detail as plain text
  /// The connection of this slot ended while requests of it were unanswered; once per connection, from inside anything
  /// that closes it, so nothing of this server may be called back. A peer that closes only its sending half still
  /// waits. Not called by the destructor. May be empty.
  std::function<void(ResponseSlot)> gone{};
};

struct HttpServerStats {
  std::uint64_t accepted = 0;
  std::uint64_t turned_away = 0;  ///< over connections_max
  std::uint64_t requests = 0;     ///< given to the handler
  std::uint64_t refused = 0;      ///< malformed or over a limit
  std::uint64_t timed_out = 0;    ///< head, body or sending took too long
};

/// HTTP/1.1 server on one loop. Everything here, the handler included, runs on the loop's thread.
///
/// Pipelined requests are given to the handler as they come, at most 32 unanswered ones per connection, and answered in
/// their order whatever the order of respond(). All answers of a turn leave a connection with one send at the turn's
/// end.
class HttpServer {
 public:
  using Handler = std::function<void(const HttpRequest&, ResponseSlot)>;

  HttpServer(Loop& loop, HttpServerOptions options, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Listens with SO_REUSEPORT, so that servers of several loops share a port; see check_port_free(). May be called for
  /// several addresses. Gives the port (0 lets the kernel choose). Errors: those of listen_on().
  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port);

  /// Answers; the second answer of a slot is ignored. `extra_headers`: lines as append_header() writes them; if they
  /// are not, the answer becomes a plain 500, because a broken line would let a client read two answers. For HEAD the
  /// body is counted and not sent.
  void respond(ResponseSlot slot, int status, std::string_view content_type, std::string_view body,
               std::string_view extra_headers = {});

  /// The same without a copy: append the body to the string, touch nothing in front of it, call end_body() before
  /// anything else of this server.
  std::string& begin_body(ResponseSlot slot, int status, std::string_view content_type,
                          std::string_view extra_headers = {});
  void end_body();

  /// Draining: takes what the kernel has queued, closes the listeners; the last answer of each connection says
  /// "connection: close" from now on.
  void stop_accepting();
  /// Closes connections that wait for nothing.
  void close_idle();

  [[nodiscard]] std::size_t open_requests() const;  ///< given to the handler, unanswered, connection alive
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] bool drained() const;  ///< no open request, no unsent byte
  [[nodiscard]] const HttpServerStats& stats() const;

 private:
  std::unique_ptr<ServerShared> shared_;
};

}  // namespace settle::net
