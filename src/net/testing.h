#pragma once

// For the tests of net: a loop on a thread of its own, and peers made of bare blocking sockets that can misbehave.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/socket.h"

namespace settle::net::testing {

inline constexpr auto kPatience = std::chrono::seconds(20);  // a test that waits longer has failed

/// A loop that runs on its own thread from start() to the end of this object.
class LoopThread {
 public:
  ~LoopThread() { stop(); }

  void start() {
    thread_ = std::thread([this] { loop.run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }
  /// Runs `work` on the loop's thread and waits for its result.
  template <typename Work>
  auto run(Work work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto result = task.get_future();
    auto shared = std::make_shared<decltype(task)>(std::move(task));
    loop.post([shared] { (*shared)(); });
    return result.get();
  }

  /// Waits until `condition`, evaluated on the loop's thread, holds.
  bool eventually(const std::function<bool()>& condition) {
    const Instant give_up = engine_now() + kPatience;
    while (engine_now() < give_up) {
      if (run(condition)) return true;
      std::this_thread::yield();
    }
    return false;
  }

  Loop loop;

 private:
  std::thread thread_;
};

/// One end of a TCP connection, blocking, with kPatience on every read.
class RawSocket {
 public:
  explicit RawSocket(Fd fd) : fd_(std::move(fd)) {
    timeval patience{};
    patience.tv_sec = std::chrono::seconds(kPatience).count();
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    set_no_delay(fd_.get());
  }
  static RawSocket connect_to(std::uint16_t port) {
    const SocketAddress address = *literal_address("127.0.0.1", port);
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), address.raw(), address.size), 0) << errno;
    return RawSocket(std::move(fd));
  }

  /// False if the peer does not take it all.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Reads until `marker` has come; gives everything up to its end and keeps the rest.
  std::string read_until(std::string_view marker) {
    while (pending_.find(marker) == std::string::npos) {
      if (!read_more()) return "[no '" + std::string(marker) + "' but] " + std::exchange(pending_, {});
    }
    return take(pending_.find(marker) + marker.size());
  }
  std::string read_bytes(std::size_t count) {
    while (pending_.size() < count && read_more()) {
    }
    return take(std::min(count, pending_.size()));
  }
  /// Head and body of one message with a content-length (or none).
  std::string read_message() {
    std::string message = read_until("\r\n\r\n");
    const std::size_t at = message.find("content-length:");
    if (at != std::string::npos) message += read_bytes(std::stoul(message.substr(at + 15)));
    return message;
  }
  /// Until the peer closes; `was_reset` tells how.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(pending_, {});
  }
  [[nodiscard]] bool was_reset() const { return error_ == ECONNRESET; }
  [[nodiscard]] bool timed_out() const { return error_ == EAGAIN; }

  /// Waits up to `time` for something to read (the end included).
  bool readable(std::chrono::milliseconds time) {
    pollfd entry{fd_.get(), POLLIN, 0};
    return !pending_.empty() || ::poll(&entry, 1, static_cast<int>(time.count())) > 0;
  }
  void finish_sending() { (void)::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  /// Closes with a reset instead of an orderly end.
  void reset() {
    const linger hard{1, 0};
    (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.reset();
  }
  /// The descriptor of the other end, which is in this process too.
  [[nodiscard]] int find_other_end() const {
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    (void)::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.size);
    const std::uint16_t port = ntohs(reinterpret_cast<const sockaddr_in*>(&peer.storage)->sin_port);
    for (int fd = 0; fd < 1024; ++fd) {
      if (local_port(fd) == port) return fd;
    }
    return -1;
  }

 private:
  bool read_more() {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    error_ = got < 0 ? errno : 0;
    if (got <= 0) return false;
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }
  std::string take(std::size_t count) {
    std::string out = pending_.substr(0, count);
    pending_.erase(0, count);
    return out;
  }

  Fd fd_;
  std::string pending_;
  int error_ = 0;
};

/// A listening socket whose connections the test serves by hand.
class RawListener {
 public:
  explicit RawListener(int backlog = 64, const char* host = "127.0.0.1")
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const SocketAddress address = *literal_address(host, 0);
    EXPECT_EQ(::bind(fd_.get(), address.raw(), address.size), 0);
    EXPECT_EQ(::listen(fd_.get(), backlog), 0);
    port_ = local_port(fd_.get());
  }
  RawSocket accept() {
    EXPECT_TRUE(waiting(kPatience)) << "nobody connects";
    return RawSocket(Fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  bool waiting(std::chrono::milliseconds time) {
    pollfd entry{fd_.get(), POLLIN, 0};
    return ::poll(&entry, 1, static_cast<int>(time.count())) > 0;
  }
  void close() { fd_.reset(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
  }

 private:
  Fd fd_;
  std::uint16_t port_ = 0;
};

/// A server on a thread of its own. The handler runs on that thread and gets the server.
class ServerThread {
 public:
  using Handler = std::function<void(HttpServer&, const HttpRequest&, ResponseSlot)>;

  ServerThread(HttpServerOptions options, Handler handler, std::uint16_t port = 0)
      : server(thread.loop, std::move(options),
               [this, handler = std::move(handler)](const HttpRequest& request, ResponseSlot slot) {
                 handler(server, request, slot);
               }) {
    const auto chosen = server.listen("127.0.0.1", port);
    EXPECT_TRUE(chosen.ok());
    if (chosen.ok()) port_ = *chosen;
    thread.start();
  }
  ~ServerThread() { thread.stop(); }

  RawSocket connect() { return RawSocket::connect_to(port_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
  }
  HttpServerStats stats() {
    return thread.run([this] { return server.stats(); });
  }
  /// Waits until `condition`, evaluated on the loop's thread, holds.
  bool eventually(const std::function<bool()>& condition) { return thread.eventually(condition); }

  LoopThread thread;
  HttpServer server;

 private:
  std::uint16_t port_ = 0;
};

/// An answer, copied out of the callback.
struct Answer {
  std::uint64_t cookie = 0;
  HttpFailure failure = HttpFailure::kNone;
  bool bytes_written = false;
  int status = 0;
  std::string body;
  std::string retry_after;
  Instant at;
};

/// A call whose strings live as long as it takes.
struct Call {
  std::string url{};
  std::string method = "POST";
  std::string headers{};
  std::string body{};
  Duration within = std::chrono::seconds(20);
  std::uint64_t cookie = 0;
};

/// A client on a thread of its own; answers are collected.
class ClientThread {
 public:
  explicit ClientThread(HttpClientOptions options = {})
      : client(thread.loop, std::move(options), [this](const HttpAnswer& answer) { collect(answer); }) {
    thread.start();
  }
  ~ClientThread() { thread.stop(); }

  /// Makes the call on the loop's thread and gives the instant before it.
  Instant start(const Call& call) {
    return thread.run([&] {
      const Instant before = engine_now();
      client.call({.url = call.url,
                   .method = call.method,
                   .headers = call.headers,
                   .body = call.body,
                   .deadline = before + call.within,
                   .cookie = call.cookie});
      return before;
    });
  }
  /// The next answer that has not been taken yet.
  Answer next() {
    std::unique_lock hold(lock_);
    if (!came_.wait_for(hold, kPatience, [&] { return !answers_.empty(); })) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    Answer first = std::move(answers_.front());
    answers_.erase(answers_.begin());
    return first;
  }
  Answer call(const Call& call) {
    start(call);
    return next();
  }
  /// Waits until `condition`, evaluated on the loop's thread, holds.
  bool eventually(const std::function<bool()>& condition) { return thread.eventually(condition); }
  /// Answers not taken, after everything the loop has to do at this moment.
  std::size_t untaken() {
    thread.run([] {});
    thread.run([] {});
    const std::lock_guard hold(lock_);
    return answers_.size();
  }
  HttpClientStats stats() {
    return thread.run([this] { return client.stats(); });
  }

  LoopThread thread;
  HttpClient client;

 private:
  void collect(const HttpAnswer& answer) {
    const std::lock_guard hold(lock_);
    answers_.push_back({answer.cookie, answer.failure, answer.bytes_written, answer.status, std::string(answer.body),
                        std::string(answer.header("retry-after").value_or("")), engine_now()});
    came_.notify_all();
  }

  std::mutex lock_;
  std::condition_variable came_;
  std::vector<Answer> answers_;
};

}  // namespace settle::net::testing
