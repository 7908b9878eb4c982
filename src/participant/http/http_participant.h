#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "net/http_client.h"
#include "participant/http/loopback.h"
#include "participant/participant.h"

namespace settle::participant {

struct HttpParticipantOptions {
  net::HttpClientOptions client;
  bool loopback_only = true;  ///< see LoopbackGuard
  std::uint64_t seed = 1;     ///< of span ids
};

/// Participants behind http URLs. Each Call becomes one POST with the settle-* headers (api.md, "What a participant
/// sees"); the status becomes the outcome. Those of another dialect are called as it says (dtm_dialect.h). On its
/// loop's thread only.
class HttpParticipant final : public Participant {
 public:
  /// Exactly once per call, never from inside call().
  using OnEnded = std::function<void(CallEnded&&)>;

  HttpParticipant(net::Loop& loop, HttpParticipantOptions options, OnEnded on_ended);

  void call(const Call& call) override;

  /// Every open call ends with kAnswerCancelled in the next turn.
  void cancel_all() { client_.cancel_all(); }

  [[nodiscard]] std::size_t open_calls() const { return client_.open_calls(); }
  [[nodiscard]] const net::HttpClientStats& stats() const { return client_.stats(); }

 private:
  struct Pending {
    std::uint64_t id = 0;
    Tid tid;
    Op op = Op::kAction;
    std::int32_t branch = -1;
    std::string unbound;  ///< why nothing was sent; empty: it was
    Dialect dialect = Dialect::kSettle;
    bool by_json_rpc = false;
    bool has_no_url = false;  ///< DTM: done, without a word
  };

  void on_answer(const net::HttpAnswer& answer);
  [[nodiscard]] bool build_headers(const Call& call);
  [[nodiscard]] bool build(const Call& call, net::HttpCall& request);
  std::uint64_t remember(const Call& call);

  net::Loop& loop_;
  const bool loopback_only_;
  LoopbackGuard guard_;
  Random random_;
  OnEnded on_ended_;
  std::vector<Pending> pending_;  // by cookie
  std::vector<std::uint64_t> free_;
  std::string headers_;  // reused
  std::string payload_;  // reused
  std::string url_;      // reused
  net::HttpClient client_;
};

/// The end of an attempt whose payload could not be made of earlier results. Nothing was sent and nothing will ever be
/// different: what can be refused is refused; an undo stays unknown, so that a person hears of it.
CallEnded ended_unbound(Op op, std::string why);

/// The end of an attempt, as far as the answer tells it; exposed for tests.
CallEnded ended_of(const net::HttpAnswer& answer, Op op, Instant now);

}  // namespace settle::participant
