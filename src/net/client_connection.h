#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/deadline_sweep.h"
#include "net/http_client.h"
#include "net/http_parser.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "net/url.h"

namespace settle::net {

class ClientConnection;
struct Destination;

/// A call that has not been answered. Slots are used again; the generation tells an old CallId from a new one.
struct OpenCall {
  enum class State : std::uint8_t { kFree, kWaiting, kAssigned };

  State state = State::kFree;
  bool head_request = false;
  std::uint32_t generation = 0;
  std::uint64_t cookie = 0;
  Instant deadline = kNever;
  Destination* destination = nullptr;
  ClientConnection* connection = nullptr;  // while assigned
  std::string request;                     // serialized, while waiting
};

/// One authority (host and port as written in URLs) and what is pooled for it.
struct Destination {
  std::string authority;
  std::string host;
  std::uint16_t port = 0;
  std::string host_line;  // " HTTP/1.1\r\nhost: …\r\n"
  std::vector<SocketAddress> addresses;
  Instant addresses_until = kNoInstant;
  std::vector<ClientConnection*> idle;     // last used at the back
  std::deque<HttpClient::CallId> waiting;  // may hold ids of calls that have ended
  std::size_t waiting_count = 0;           // without those
  std::size_t connections = 0;
  std::size_t connecting = 0;
  bool resolving = false;
  bool queued = false;   // in ClientShared::unserved
  bool starved = false;  // in ClientShared::starved
};

/// Where a URL leads: found once, because participants are called again and again.
struct Route {
  std::string url;
  std::string target;
  Destination* destination = nullptr;
};

/// A call's end that is reported in the next turn.
struct EndedCall {
  std::uint64_t cookie;
  HttpFailure failure;
  bool bytes_written;
  int status;
};

/// What the connections of one client have in common. Internal to net.
struct ClientShared final : public Watcher {
  ClientShared(Loop& the_loop, HttpClientOptions the_options, HttpClient::OnAnswer the_callback);
  ~ClientShared();

  // Calls.
  HttpClient::CallId call(const HttpCall& request);
  void cancel(HttpClient::CallId id);
  void cut_off(std::uint32_t index, HttpFailure failure);
  [[nodiscard]] std::uint32_t new_call(const HttpCall& request, Destination& destination);
  std::uint64_t free_call(std::uint32_t index);
  void end_call(std::uint32_t index, HttpFailure failure, bool bytes_written, int status);
  void end_later(const EndedCall& call);
  void wait_in_line(std::uint32_t index, bool first);
  [[nodiscard]] std::optional<std::uint32_t> next_waiting(Destination& destination);
  void leave_line(Destination& destination);
  void fail_one_waiting(Destination& destination, HttpFailure failure);
  void fail_all_waiting(Destination& destination, HttpFailure failure);
  void append_request(std::string& out, const HttpCall& request, const Destination& destination,
                      std::string_view target) const;

  // Destinations.
  /// Null: no acceptable URL. Valid until the next route_of() or the end of the destination.
  [[nodiscard]] const Route* route_of(std::string_view url);
  Destination& destination_of(const Url& url);
  void forget_unused_destinations();
  [[nodiscard]] bool has_addresses(Destination& destination);
  void resolved(Destination& destination, std::vector<SocketAddress> addresses);
  void want_service(Destination& destination);
  void serve(Destination& destination);

  // Connections.
  [[nodiscard]] ClientConnection* take_idle(Destination& destination);
  void assign_waiting(ClientConnection& connection);
  [[nodiscard]] bool has_room(Destination& destination);
  [[nodiscard]] bool open_connection(Destination& destination);
  void released(ClientConnection& connection);
  void connection_closed(ClientConnection& connection);
  void feed_starved();
  bool close_oldest_idle();

  void flush();
  Instant sweep();
  void on_ready(std::uint32_t events) override;

  Loop& loop;
  HttpClientOptions options;
  HttpClient::OnAnswer on_answer;
  HttpClientStats stats;
  std::unique_ptr<char[]> read_buffer;
  std::vector<OpenCall> calls;
  std::vector<std::uint32_t> free_calls;
  std::unordered_map<std::string, std::unique_ptr<Destination>> destinations;
  Destination* last_destination = nullptr;
  std::array<Route, 64> routes;  // by hash of the URL
  std::vector<std::unique_ptr<ClientConnection>> connections;
  std::size_t open_connections = 0;
  std::vector<ClientConnection*> free_connections;
  std::vector<ClientConnection*> closed_connections;  // free from the next turn on: views may point into them
  std::vector<ClientConnection*> unsent;
  std::vector<Destination*> unserved;
  std::vector<Destination*> starved;
  std::vector<EndedCall> ended;
  std::vector<EndedCall> reporting;
  Resolver resolver;
  DeadlineSweep deadlines;
  Loop::HookId flush_hook = 0;
};

/// One connection, used again and again; edge-triggered like the server's.
class ClientConnection final : public Watcher {
 public:
  explicit ClientConnection(ClientShared& shared)
      : shared_(shared), parser_(HttpParser::Kind::kResponse, shared.options.limits) {}
  ~ClientConnection() = default;

  /// False: no address could even be tried.
  [[nodiscard]] bool connect(Destination& destination);
  void close();
  void on_ready(std::uint32_t events) override;
  void flush();
  Instant sweep(Instant now);

  /// Idle → busy with `call`; the caller fills request() in this turn.
  void assign(std::uint32_t call);
  [[nodiscard]] std::string& request() { return out_; }
  /// The peer has neither closed nor said anything. Asks the kernel if the connection has rested for a while.
  [[nodiscard]] bool still_fresh() const;

  [[nodiscard]] bool is_open() const { return fd_.open(); }
  [[nodiscard]] bool is_idle() const { return state_ == State::kIdle; }
  [[nodiscard]] bool bytes_written() const { return wrote_; }
  [[nodiscard]] Instant idle_since() const { return idle_since_; }
  [[nodiscard]] Destination& destination() const { return *destination_; }
  void rest();

 private:
  enum class State : std::uint8_t { kClosed, kConnecting, kIdle, kBusy };

  bool try_addresses();
  void connected();
  void connect_failed();
  void queue_flush();
  [[nodiscard]] bool send_out();
  void read();
  [[nodiscard]] bool parse(char* fresh, std::size_t size);
  void ended_by_peer();
  void deliver(bool reusable);
  void fail(HttpFailure failure);
  void rescue();

  ClientShared& shared_;
  Destination* destination_ = nullptr;
  Fd fd_;
  HttpParser parser_;
  std::string in_;
  std::string out_;
  std::size_t sent_ = 0;
  std::size_t next_address_ = 0;
  std::uint32_t call_ = 0;
  int interim_answers_ = 0;
  State state_ = State::kClosed;
  Instant deadline_ = kNever;  // for connecting and resting; a busy connection has its call's
  Instant idle_since_ = kNoInstant;
  bool wrote_ = false;  // a byte of the current request
  bool used_ = false;   // has served a call before
  bool blocked_ = false;
  bool peer_closed_ = false;
  bool queued_ = false;
};

}  // namespace settle::net
