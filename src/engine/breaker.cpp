#include "engine/breaker.h"

#include <algorithm>

#include "protocol/retry.h"

namespace settle::engine {
namespace {

constexpr std::uint32_t kJitterPermille = 200;

}  // namespace

Liveness liveness_of(AnswerCode answer) {
  switch (answer) {
    case kAnswerUnbound:
    case kAnswerCancelled:
      return Liveness::kUnasked;
    case kAnswerTimeout:
    case kAnswerReset:
    case kAnswerRefused:
    case kAnswerUnresolved:
    case kAnswerGarbage:
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return Liveness::kFailed;
    default:
      return Liveness::kAlive;
  }
}

void Breaker::left(std::uint64_t call) {
  if (state_ == BreakerState::kClosed) return;
  state_ = BreakerState::kHalfOpen;
  probe_ = call;
}

void Breaker::forgone(std::uint64_t call) {
  if (state_ == BreakerState::kHalfOpen && probe_ == call) state_ = BreakerState::kOpen;
}

void Breaker::wait(Instant now, std::uint32_t dice) {
  const std::int64_t spread = protocol::times_permille(pause_.count(), kJitterPermille);
  probe_at_ = saturating_add(now, pause_ + Duration{protocol::times_ratio(spread, dice)});
  state_ = BreakerState::kOpen;
}

Breaker::Change Breaker::ended(std::uint64_t call, Liveness liveness, Instant now, const BreakerLimits& limits,
                               std::uint32_t dice) {
  const bool was_probe = state_ == BreakerState::kHalfOpen && probe_ == call;
  switch (liveness) {
    case Liveness::kUnasked:
      forgone(call);
      return Change::kNone;
    case Liveness::kAlive: {
      // Also the late answer of a call that left before: whoever answers is there.
      failures_ = 0;
      const bool was_closed = state_ == BreakerState::kClosed;
      state_ = BreakerState::kClosed;
      return was_closed ? Change::kNone : Change::kClosed;
    }
    case Liveness::kFailed:
      break;
  }
  ++failures_;
  if (was_probe) {
    pause_ = std::min(pause_ * 2, std::max(limits.pause, limits.pause_max));
    wait(now, dice);
    return Change::kNone;
  }
  if (state_ != BreakerState::kClosed || limits.failures == 0 || failures_ < limits.failures) return Change::kNone;
  pause_ = limits.pause;
  wait(now, dice);
  return Change::kOpened;
}

}  // namespace settle::engine
