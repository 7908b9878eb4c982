#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "api/http/face.h"
#include "api/http/pending.h"
#include "api/http/ports.h"
#include "net/http_server.h"

namespace settle::api::dtm {

/// What the hooks need beside Ports. Called on their thread, which is the only worker's.
class HookPorts {
 public:
  HookPorts() = default;
  HookPorts(const HookPorts&) = delete;
  HookPorts& operator=(const HookPorts&) = delete;
  virtual ~HookPorts() = default;

  /// Hands an input to the worker at once.
  virtual void feed_hook(engine::Input&& input) = 0;
  [[nodiscard]] virtual std::string_view first_pass_due(Instant until) const = 0;
  [[nodiscard]] virtual std::size_t open_transactions() const = 0;
  /// Runs `then` on this thread after the pause.
  virtual void after(Duration pause, std::function<void()> then) = 0;
};

/// POST /test/…: the hooks with which tests of DTM's clients step time and passes by hand. Only with `test-hooks`.
class Hooks {
 public:
  Hooks(Ports& ports, HookPorts& hooks, Respond respond);

  void on_request(const net::HttpRequest& request, net::ResponseSlot slot);
  /// The engine's reply to a token that asked as Asked::kHook.
  void on_reply(engine::Token token, const Rendered& rendered);
  void on_gone(net::ResponseSlot slot);
  void on_pass_ended(std::string_view gid);

 private:
  struct Waiting {
    std::uint64_t number;
    net::ResponseSlot slot;
  };

  void perform(std::string_view name, std::string_view query, net::ResponseSlot slot);
  void wait_processed(std::int64_t timeout_ms, net::ResponseSlot slot);
  void cron_once(net::ResponseSlot slot);
  void shift(Duration older, Duration sooner);
  void reset(net::ResponseSlot slot);
  void empty_store(net::ResponseSlot slot);
  void answer(net::ResponseSlot slot, int status, std::string_view body);
  void answer_gid(net::ResponseSlot slot, std::string_view gid);
  void answer_message(net::ResponseSlot slot, int status, std::string_view message);

  Ports& ports_;
  HookPorts& hooks_;
  Respond respond_;
  PendingReplies pending_;
  std::deque<std::string> events_;  ///< gids of passes that ended, oldest first
  std::deque<Waiting> waiting_;     ///< for the next of them
  std::uint64_t numbers_ = 0;
  Duration older_{0};
  Duration sooner_{0};
};

}  // namespace settle::api::dtm
