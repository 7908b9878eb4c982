#include "engine/destination.h"

#include <algorithm>

namespace settle::engine {
namespace {

int rank(BreakerState state) {
  if (state == BreakerState::kOpen) return 2;
  return state == BreakerState::kHalfOpen ? 1 : 0;
}

}  // namespace

std::string_view destination_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t from = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = url.find_first_of("/?", from);
  return url.substr(0, end);
}

void GateTotals::add(const GateTotals& other) {
  closed = std::max(closed, other.closed);
  open = std::max(open, other.open);
  half_open = std::max(half_open, other.half_open);
  paused = std::max(paused, other.paused);
  waiting += other.waiting;
}

void DestinationFigures::add(const DestinationFigures& other) {
  paused = paused || other.paused;
  if (rank(other.breaker) > rank(breaker)) {
    breaker = other.breaker;
    probe_at = other.probe_at;
  } else if (other.breaker == breaker && breaker == BreakerState::kOpen) {
    probe_at = std::min(probe_at, other.probe_at);
  }
  calls += other.calls;
  failures += other.failures;
  opened += other.opened;
  failures_in_a_row = std::max(failures_in_a_row, other.failures_in_a_row);
  if (other.last_error_at > last_error_at) {
    last_error = other.last_error;
    last_error_at = other.last_error_at;
  }
  running += other.running;
  waiting += other.waiting;
}

}  // namespace settle::engine
