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
