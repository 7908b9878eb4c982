#pragma once

#include <cstdint>

#include "base/time.h"
#include "model/plan.h"

namespace settle::protocol {

/// value · permille / 1000 without overflow for values up to some thousand years in µs.
constexpr std::int64_t times_permille(std::int64_t value, std::uint32_t permille) {
  return value / 1000 * permille + value % 1000 * permille / 1000;
}

/// value · dice / 2^32, in two halves so that nothing overflows.
constexpr std::int64_t times_ratio(std::int64_t value, std::uint32_t dice) {
  const std::int64_t high = value >> 32;
  const std::int64_t low = value & 0xffffffffLL;
  return high * dice + static_cast<std::int64_t>((static_cast<std::uint64_t>(low) * dice) >> 32U);
}

/// Pause before the next attempt after `attempts` of them (at least 1): base · factor^(attempts-1), at most cap, then
/// spread by ± jitter with `dice` (uniform 32 bits). Integer arithmetic only: every compiler gives the same pauses.
constexpr Duration next_pause(const RetryPolicy& policy, std::uint32_t attempts, std::uint32_t dice) {
  const std::int64_t cap = policy.cap < policy.base ? policy.base.count() : policy.cap.count();
  std::int64_t pause = policy.base.count();
  for (std::uint32_t i = 1; i < attempts && pause < cap && policy.factor_permille > 1000; ++i) {
    pause = times_permille(pause, policy.factor_permille);
  }
  if (pause > cap) pause = cap;
  const std::int64_t spread = times_permille(pause, policy.jitter_permille);
  // dice / 2^31 - 1 is in [-1, 1).
  const std::int64_t offset = times_ratio(spread, dice) * 2 - spread;
  return Duration{pause + offset};
}

/// True if no further attempt may be made under the policy's bounds.
constexpr bool is_exhausted(const RetryPolicy& policy, std::uint32_t attempts, Instant since, Instant now) {
  if (policy.attempts != 0 && attempts >= policy.attempts) return true;
  return policy.lasting != Duration{0} && since != kNoInstant && now - since >= policy.lasting;
}

}  // namespace settle::protocol
