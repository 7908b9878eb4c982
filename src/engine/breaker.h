#pragma once

#include <cstdint>

#include "base/time.h"
#include "participant/participant.h"

namespace settle::engine {

struct BreakerLimits {
  std::uint32_t failures = 0;          ///< in a row that open it; 0: it never opens
  Duration pause = milliseconds{500};  ///< before the first probe; doubled after each probe that fails
  Duration pause_max = std::chrono::seconds{30};
};

enum class BreakerState : std::uint8_t {
  kClosed,    ///< calls leave
  kOpen,      ///< none does; when the pause is over one may, as a probe
  kHalfOpen,  ///< a probe is under way
};

/// What the end of a call says about its destination.
enum class Liveness : std::uint8_t {
  kAlive,    ///< it answered for itself; a refusal or an error about this one request is such an answer
  kFailed,   ///< not reached, no answer in time, or an answer that says "not now" (408, 429, 502, 503, 504)
  kUnasked,  ///< nothing was sent, for reasons of our own
};
Liveness liveness_of(AnswerCode answer);

/// Keeps calls from a destination that does not serve (failures.md, L3 and G3). What it holds back is not attempted, so
/// no retry is counted. Pure: time and dice come in.
class Breaker {
 public:
  enum class Change : std::uint8_t { kNone, kOpened, kClosed };

  [[nodiscard]] BreakerState state() const { return state_; }
  [[nodiscard]] bool admits(Instant now) const {
    return state_ == BreakerState::kClosed || (state_ == BreakerState::kOpen && now >= probe_at_);
  }
  /// When it admits a probe; valid while open.
  [[nodiscard]] Instant probe_at() const { return probe_at_; }
  [[nodiscard]] std::uint32_t failures_in_a_row() const { return failures_; }

  /// An admitted call leaves.
  void left(std::uint64_t call);
  /// It did not leave after all.
  void forgone(std::uint64_t call);
  /// `dice`: uniform 32 bits; daemons that lost the same destination do not probe it in step.
  Change ended(std::uint64_t call, Liveness liveness, Instant now, const BreakerLimits& limits, std::uint32_t dice);
  /// Somebody says that the destination is well: the next call is a probe, at once.
  void probe_now() { probe_at_ = kNoInstant; }

 private:
  void wait(Instant now, std::uint32_t dice);

  BreakerState state_ = BreakerState::kClosed;
  std::uint32_t failures_ = 0;
  std::uint64_t probe_ = 0;  // id of the probe under way; kHalfOpen
  Instant probe_at_ = kNoInstant;
  Duration pause_{0};
};

}  // namespace settle::engine
