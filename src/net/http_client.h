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
#include "net/resolver.h"

namespace settle::net {

struct ClientShared;

/// One request. The views are used during HttpClient::call() only.
struct HttpCall {
  std::string_view url{};  ///< http only; see parse_url()
  std::string_view method = "POST";
  std::string_view headers{};  ///< lines as append_header() writes them
  /// The caller has formed `headers` by append_header() and fixed text alone; else they are checked once more.
  bool headers_are_lines = false;
  std::string_view body{};
  Instant deadline = kNever;  ///< for everything: waiting in line, name, connection, answer
  std::uint64_t cookie = 0;   ///< the caller's; comes back with the answer
};

enum class HttpFailure : std::uint8_t {
  kNone,        ///< there is an answer: status and body
  kRefused,     ///< no connection: nothing was sent
  kUnresolved,  ///< no address for the name: nothing was sent
  kTimedOut,    ///< the deadline passed; bytes_written tells whether it was too late for the participant too
  kReset,       ///< the connection ended before a whole answer
  kBadAnswer,   ///< what came is no HTTP/1.1 answer
  kTooLarge,    ///< head or body over the limit; `status` is set if the head was read
  kCancelled,
  kBadCall,  ///< URL, method or header lines are not acceptable: nothing was sent, and nothing will be next time
};

/// The one answer to one call. Views end with the callback.
struct HttpAnswer {
  std::uint64_t cookie = 0;
  HttpFailure failure = HttpFailure::kNone;
  /// At least one byte of the request was taken by the kernel, so the peer may have seen and executed it.
  bool bytes_written = false;
  int status = 0;
  std::string_view body;
  const HttpParser* head = nullptr;  ///< null on failure

  /// The first header of that lower-case name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    return head == nullptr ? std::nullopt : head->header(name);
  }
};

struct HttpClientOptions {
  HttpLimits limits{.body_bytes = 64 * 1024};  ///< of answers
  std::size_t connections_per_destination_max = 64;
  std::size_t connections_max = 1024;
  Duration connect_timeout = std::chrono::seconds(2);  ///< per address
  /// Below the 5 s after which common servers close: a request must not meet a closing connection (failures.md J2).
  Duration idle_timeout = std::chrono::seconds(4);
  Duration address_lifetime = std::chrono::seconds(5);  ///< of a looked-up name
  Resolver::Lookup lookup = system_lookup;
  std::string headers = "user-agent: settle\r\n";  ///< sent with every request
};

struct HttpClientStats {
  std::uint64_t calls = 0;
  std::uint64_t connections = 0;  ///< opened
  std::uint64_t rescued = 0;      ///< calls moved off a connection that died before their first byte
};

/// Pooled keep-alive HTTP/1.1 client on one loop; everything here runs on the loop's thread.
///
/// Exactly one callback per call, never from inside call() or cancel(). It never repeats a request of which a byte may
/// have left, never follows a redirect, and ignores proxies in the environment. A pooled connection that the peer has
/// closed is noticed before use where the kernel knows of it; if not, the call ends as kReset with bytes_written:
/// outcome unknown. Calls over a connection limit wait in line, in order, while their deadline runs.
class HttpClient {
 public:
  using OnAnswer = std::function<void(const HttpAnswer&)>;

  struct CallId {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
  };

  HttpClient(Loop& loop, HttpClientOptions options, OnAnswer on_answer);
  /// Open calls get no callback; cancel_all() first, and a turn of the loop, if they should. Not from the callback.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sent with the end of this turn of the loop.
  CallId call(const HttpCall& call);

  /// The call ends as kCancelled; ignored if it has ended.
  void cancel(CallId id);
  void cancel_all();
  void close_idle();

  [[nodiscard]] std::size_t open_calls() const;  ///< callback not made yet
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] const HttpClientStats& stats() const;

 private:
  std::unique_ptr<ClientShared> shared_;
};

}  // namespace settle::net
