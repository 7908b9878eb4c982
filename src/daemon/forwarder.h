#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/http/ports.h"
#include "engine/worker.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"

namespace settle::daemon {

/// Hands requests that another daemon has to answer over to it, and its answers back. One per worker thread; everything
/// on that thread.
///
/// A request is handed over once: who gets it in error answers 503, and the client asks again. What was sent without an
/// answer has an unknown outcome, as if the client's own connection had broken.
class Forwarder {
 public:
  using OnAnswer = std::function<void(engine::Token token, api::Rendered&& rendered)>;

  Forwarder(net::Loop& loop, std::string self, OnAnswer on_answer);

  /// `address`: HOST:PORT of the owner. `wait`: how long the client wants to wait. The request's views are used during
  /// the call only; the answer comes later, exactly once.
  void forward(const net::HttpRequest& request, std::string_view address, engine::Token token, Duration wait);

  /// Whether another daemon has handed this request over.
  [[nodiscard]] static bool is_forwarded(const net::HttpRequest& request);

  [[nodiscard]] std::size_t open() const { return tokens_.size(); }

 private:
  struct Open {
    engine::Token token = 0;
    bool changes_nothing = false;
  };
  void answered(const net::HttpAnswer& answer);

  net::Loop& loop_;
  const std::string self_;
  const OnAnswer on_answer_;
  std::unordered_map<std::uint64_t, Open> tokens_;  // by cookie
  std::uint64_t last_cookie_ = 0;
  net::HttpClient client_;
};

}  // namespace settle::daemon
