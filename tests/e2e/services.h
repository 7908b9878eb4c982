#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "live/client.h"
#include "live/server.h"

namespace settle::e2e {

using live::Clock;
using live::eventually;
using live::Json;
using live::kPatience;
using live::milliseconds;
using live::Reply;
using live::Said;
using live::seconds;

/// One call that a service has heard.
struct Heard {
  Clock::time_point at;
  Clock::time_point answered_at{};  ///< the epoch while it is being worked on
  std::string path;
  std::string gid;
  std::string branch;
  std::string op;
  int attempt = 0;
  int turn = 0;  ///< which call of this gid to this path it is, from 0
  live::Message request;
};

/// What a service does with a call. Runs on a thread of its own and may block.
using Script = std::function<Said(const Heard&)>;

Script say(int status, std::string body = "{}");
Script hang();
/// Works so long, then goes on as `then`.
Script work(milliseconds time, Script then = say(200));
/// The n-th call of a gid gets the n-th script; calls behind the end get the last one.
Script in_turn(std::vector<Script> scripts);

/// Holds calls until somebody opens it; open for good then.
class Gate {
 public:
  Gate() : state_(std::make_shared<State>()) {}
  ~Gate() { open(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void open();
  /// May outlive the gate.
  [[nodiscard]] Script held(Script then = say(200)) const;

 private:
  struct State {
    std::mutex lock;
    std::condition_variable changed;
    bool open = false;
  };
  std::shared_ptr<State> state_;
};

/// All services of a test, behind one port: paths with scripts; a path without one says 200. Remembers what it hears.
class Services {
 public:
  Services();
  ~Services() { close(); }
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  [[nodiscard]] std::string url(std::string_view path) const { return live::url(port_, path); }
  void on(const std::string& path, Script script);

  /// Nobody listens any more; calls that hang are cut off.
  void close() { server_.reset(); }
  void open();

  /// In the order in which they came; empty filters let everything through.
  [[nodiscard]] std::vector<Heard> heard(std::string_view gid = {}, std::string_view path = {}) const;
  [[nodiscard]] std::size_t count(std::string_view gid = {}, std::string_view path = {}) const;
  /// The paths of heard(gid), as one line.
  [[nodiscard]] std::string story(std::string_view gid) const;
  /// Waits until `times` calls were heard.
  [[nodiscard]] bool hears(std::string_view gid, std::string_view path, std::size_t times = 1) const;

 private:
  Said on_request(const live::Message& request);

  std::uint16_t port_;
  mutable std::mutex lock_;
  std::map<std::string, Script> scripts_;                     // guarded by lock_
  std::vector<Heard> heard_;                                  // guarded by lock_
  std::map<std::pair<std::string, std::string>, int> turns_;  // (gid, path); guarded by lock_
  std::unique_ptr<live::Server> server_;
};

}  // namespace settle::e2e
