#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/deadline_sweep.h"
#include "net/http_parser.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/socket.h"

namespace settle::net {

class ServerConnection;

/// Accepts from one listening socket.
class Listener final : public Watcher {
 public:
  Listener(ServerShared& shared, Fd fd) : shared_(shared), fd_(std::move(fd)) {}
  ~Listener() { close(); }

  [[nodiscard]] bool start();
  void on_ready(std::uint32_t events) override;
  void close();

 private:
  void rest();

  ServerShared& shared_;
  Fd fd_;
  Loop::TimerId rest_timer_ = 0;
};

/// An answer that begin_body() has opened.
struct OpenAnswer {
  ServerConnection* connection = nullptr;
  std::uint32_t sequence = 0;
  std::string* out = nullptr;
  std::size_t length_end = 0;  // behind the blanks that end_body() overwrites with the length
  std::size_t body_begin = 0;
};

/// What the connections of one server have in common. Internal to net.
struct ServerShared {
  ServerShared(Loop& the_loop, HttpServerOptions the_options, HttpServer::Handler the_handler);
  ~ServerShared();
  ServerShared(const ServerShared&) = delete;
  ServerShared& operator=(const ServerShared&) = delete;

  void accept(Fd fd);
  void respond(ResponseSlot slot, int status, std::string_view content_type, std::string_view body,
               std::string_view extra);
  std::string& begin_body(ResponseSlot slot, int status, std::string_view content_type, std::string_view extra);
  void end_body();
  void flush();
  Instant sweep();
  [[nodiscard]] const std::string& date_line();
  void append_head(std::string& out, const ServerConnection& connection, std::uint32_t sequence, int status,
                   std::string_view content_type, std::string_view extra, bool closes);

  Loop& loop;
  HttpServerOptions options;
  HttpServer::Handler handler;
  HttpServerStats stats;
  std::unique_ptr<char[]> read_buffer;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<std::unique_ptr<ServerConnection>> connections;
  std::vector<std::uint32_t> free_connections;
  std::vector<ServerConnection*> unsent;  // to be flushed at the end of this turn
  std::size_t open_requests = 0;
  bool draining = false;
  OpenAnswer answer;
  std::string scratch;  // takes the bodies of answers to dead connections
  std::string date;
  std::int64_t date_second = -1;
  DeadlineSweep deadlines;
  Loop::HookId flush_hook = 0;
};

/// One accepted connection; the object is used again for later ones.
///
/// Edge-triggered for its whole life, registered once: readable_ and blocked_ remember what the kernel told. Bytes are
/// read into the server's buffer and parsed there; only the beginning of an incomplete message is kept in in_.
class ServerConnection final : public Watcher {
 public:
  ServerConnection(ServerShared& shared, std::uint32_t index)
      : shared_(shared), parser_(HttpParser::Kind::kRequest, shared.options.limits), index_(index) {}
  ~ServerConnection() = default;

  [[nodiscard]] bool open(Fd fd);
  void close();
  void on_ready(std::uint32_t events) override;
  void flush();
  /// Acts if the deadline has passed; gives the next one.
  Instant sweep(Instant now);

  /// Where the answer to `sequence` is to be appended; null if nobody waits for it.
  [[nodiscard]] std::string* answer_buffer(std::uint32_t sequence);
  void answered(std::uint32_t sequence);
  /// Decides, at the moment of answering, whether this answer is the connection's last.
  [[nodiscard]] bool closes_after(std::uint32_t sequence);
  [[nodiscard]] bool is_head(std::uint32_t sequence) const {
    return (flags_[sequence % kPipelineMax] & kHeadRequest) != 0;
  }
  [[nodiscard]] bool wants_keep_alive_line(std::uint32_t sequence) const {
    return (flags_[sequence % kPipelineMax] & kOldKeepAlive) != 0;
  }

  [[nodiscard]] bool is_open() const { return fd_.open(); }
  [[nodiscard]] std::uint32_t generation() const { return generation_; }
  [[nodiscard]] bool is_idle() const { return in_.empty() && answered_ == received_ && out_.empty() && !lingering_; }
  [[nodiscard]] bool has_unsent() const { return fd_.open() && !out_.empty(); }

 private:
  static constexpr std::uint32_t kPipelineMax = 32;
  enum Flag : std::uint8_t { kCloses = 1, kHeadRequest = 2, kOldKeepAlive = 4, kAnswered = 8 };
  enum class Phase : std::uint8_t { kNone, kIdle, kHead, kBody, kAnswering, kSending, kLingering };

  [[nodiscard]] bool wants_input() const;
  void read();
  void discard();
  void parse(char* fresh, std::size_t size);
  void handle_request();
  void refuse(int status, std::string_view detail);
  void continue_body();
  void release_in_order();
  void queue_flush();
  bool send_out();
  void linger();
  void resume();
  void update_phase();
  void enter(Phase phase, Duration timeout);

  ServerShared& shared_;
  Fd fd_;
  HttpParser parser_;
  std::string in_;
  std::string out_;
  std::size_t sent_ = 0;
  std::vector<std::string> held_;  // answers that came before their turn; sized when the first one does
  std::array<std::uint8_t, kPipelineMax> flags_{};
  std::uint32_t index_;
  std::uint32_t generation_ = 0;
  std::uint32_t received_ = 0;  // sequence of the next request
  std::uint32_t answered_ = 0;  // sequence of the next answer to go out
  Phase phase_ = Phase::kNone;
  Instant deadline_ = kNever;
  bool readable_ = false;
  bool peer_closed_ = false;  // its half: answers may still be wanted
  bool blocked_ = false;      // the kernel takes no more bytes
  bool no_more_requests_ = false;
  bool closing_ = false;  // the last answer is in out_
  bool lingering_ = false;
  bool queued_ = false;   // in shared_.unsent
  bool stalled_ = false;  // input waits until answers have left
  bool continue_sent_ = false;
};

}  // namespace settle::net
