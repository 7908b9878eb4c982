#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "cli/settlectl.h"
#include "net/http_server.h"

namespace settle::cli {

/// Answers "METHOD target" with what the test has laid down for it, in order; the last answer stays. Anything else:
/// 599.
class ScriptedDaemon {
 public:
  struct Seen {
    std::string line;  ///< "POST /v1/transactions"
    std::string body;
    std::string who;  ///< header settle-operator
  };

  ScriptedDaemon() {
    server_ = std::make_unique<net::HttpServer>(
        loop_, net::HttpServerOptions{},
        [this](const net::HttpRequest& request, net::ResponseSlot slot) { on_request(request, slot); });
    const Result<std::uint16_t> port = server_->listen("127.0.0.1", 0);
    SETTLE_ASSERT(port.ok());
    port_ = *port;
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ScriptedDaemon() {
    loop_.stop();
    thread_.join();
  }
  ScriptedDaemon(const ScriptedDaemon&) = delete;
  ScriptedDaemon& operator=(const ScriptedDaemon&) = delete;

  void answer(const std::string& line, int status, std::string body, std::string headers = {}) {
    const std::lock_guard held(lock_);
    script_[line].push_back({status, std::move(body), std::move(headers)});
  }

  [[nodiscard]] std::vector<Seen> seen() const {
    const std::lock_guard held(lock_);
    return seen_;
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const Seen& request : seen()) out.push_back(request.line);
    return out;
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  struct Answer {
    int status;
    std::string body;
    std::string headers;
  };

  void on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
    const std::lock_guard held(lock_);
    const std::string line = std::string(request.method) + " " + std::string(request.target);
    seen_.push_back({line, std::string(request.body), std::string(request.header("settle-operator").value_or(""))});
    const auto found = script_.find(line);
    if (found == script_.end()) return server_->respond(slot, 599, "text/plain", "not in the script: " + line);
    const Answer next = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    const bool fine = next.status < 300;
    server_->respond(slot, next.status, fine ? "application/json" : "application/problem+json", next.body,
                     next.headers);
  }

  net::Loop loop_;
  std::unique_ptr<net::HttpServer> server_;
  std::thread thread_;
  std::uint16_t port_ = 0;
  mutable std::mutex lock_;
  std::map<std::string, std::deque<Answer>> script_;
  std::vector<Seen> seen_;
};

/// One run of settlectl and what it printed.
struct Ran {
  int exit = -1;
  std::string out;
  std::string err;
};

inline std::map<std::string, std::string>& environment_of_test() {
  static std::map<std::string, std::string> variables;
  return variables;
}

inline std::optional<std::string> look_up_of_test(const char* name) {
  const auto found = environment_of_test().find(name);
  if (found == environment_of_test().end()) return std::nullopt;
  return found->second;
}

/// 2026-01-02T03:04:10Z
inline std::int64_t now_of_test() { return 1'767'323'050'000'000; }

inline Ran run_settlectl(const std::vector<std::string>& args, const std::string& input = {}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int exit = settlectl({in, out, err, look_up_of_test, now_of_test}, args);
  return {exit, out.str(), err.str()};
}

}  // namespace settle::cli
