#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/http_client.h"
#include "net/loop.h"
#include "settle/client.h"

namespace settle::client {

/// One request to whichever daemon answers. Must be idempotent: it is repeated.
struct Ask {
  std::string method;
  std::string target;
  std::string body;
  std::string headers;  ///< lines as net::append_header() writes them
  Duration held{0};     ///< for how long the daemon was asked to hold its answer back
};

/// An answer that a daemon made itself: 2xx, or a refusal that asking again does not change.
struct Heard {
  int status = 0;
  std::string body;
};

/// The connections to the daemons, and the one thread that they live on. Repeats what may be repeated: at once at the
/// next daemon when one is not there, after a pause when all of them failed.
class Line {
 public:
  using Then = std::function<void(Result<Heard>)>;

  explicit Line(const ClientOptions& options);
  /// Everything open ends with an error. Not on the own thread.
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  /// Any thread. `then` is called once, on the own thread, never from inside. Errors: kInvalid (an address),
  /// kUnavailable (nothing has happened), kUnknownOutcome.
  void ask(Ask ask, Then then);

  /// Any thread: runs `task` on the own one.
  void post(std::function<void()> task) { loop_.post(std::move(task)); }
  [[nodiscard]] bool is_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  struct Open {
    Ask ask;
    Then then;
    Instant give_up;
    std::size_t daemon = 0;     ///< asked now
    std::size_t tries = 0;      ///< so far
    Duration pause{0};          ///< after the round
    Duration asked_pause{0};    ///< what a daemon asked for in this round
    bool may_have_run = false;  ///< some attempt got through without an answer
    std::string why;            ///< of the last attempt that failed
    net::Loop::TimerId timer = 0;
  };

  void start(std::uint64_t id);
  void on_answer(const net::HttpAnswer& answer);
  void again(std::uint64_t id, Open& open);
  void end(std::uint64_t id, Result<Heard> how);
  void fail_all();

  const Duration attempt_timeout_;
  const Duration patience_;
  const Duration pause_;
  std::vector<std::string> origins_;  // "http://host:port"
  std::string wrong_;                 // what is wrong with the addresses; empty: nothing
  std::size_t favourite_ = 0;         // the daemon that answered last

  net::Loop loop_;
  net::HttpClient http_;
  std::unordered_map<std::uint64_t, Open> open_;
  std::uint64_t last_id_ = 0;
  std::atomic<bool> closing_{false};
  std::thread thread_;
};

}  // namespace settle::client
