#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace settle {

/// Time as the engine sees it: microseconds since 1970 in UTC, taken once from the wall clock at the start of the
/// process and driven by the monotonic clock from then on, so a jump of the wall clock moves nothing (failures.md, K1
/// and K2). The simulator hands in virtual instants.
struct EngineClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<EngineClock>;
  static constexpr bool is_steady = true;
};

using Duration = EngineClock::duration;
using Instant = EngineClock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;

inline constexpr Instant kNever{Duration{std::numeric_limits<std::int64_t>::max()}};
inline constexpr Instant kNoInstant{Duration{0}};

constexpr std::int64_t micros(Instant at) { return at.time_since_epoch().count(); }
constexpr Instant instant_of(std::int64_t us) { return Instant{Duration{us}}; }

/// `at + pause`, held between 1970 and kNever instead of an overflow (failures.md, K7).
constexpr Instant saturating_add(Instant at, Duration pause) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(micros(at), pause.count(), &sum)) return pause.count() > 0 ? kNever : kNoInstant;
  return sum < 0 ? kNoInstant : instant_of(sum);
}

}  // namespace settle
