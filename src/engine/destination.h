#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "engine/breaker.h"
#include "model/state.h"

namespace settle::engine {

/// Scheme, host and port of a URL: "http://host:port".
std::string_view destination_of(std::string_view url);

/// Destinations by state, and what they hold back.
struct GateTotals {
  std::size_t closed = 0, open = 0, half_open = 0, paused = 0, waiting = 0;

  /// Workers share destinations: the larger number of each, and the sum of what waits.
  void add(const GateTotals& other);
};

/// What one worker knows of one destination.
struct DestinationFigures {
  std::string name;
  bool paused = false;
  BreakerState breaker = BreakerState::kClosed;
  Instant probe_at = kNoInstant;  ///< kOpen: the next call that leaves, not before
  std::uint64_t calls = 0;        ///< attempts that left
  std::uint64_t failures = 0;     ///< of them, those that say it does not serve
  std::uint64_t opened = 0;       ///< times that the breaker opened
  std::uint32_t failures_in_a_row = 0;
  AnswerCode last_error = kNoAnswer;
  Instant last_error_at = kNoInstant;
  std::size_t running = 0;
  std::size_t waiting = 0;

  /// Adds what another worker knows of the same destination: sums, and of the breakers the one that is further open.
  void add(const DestinationFigures& other);
};

}  // namespace settle::engine
