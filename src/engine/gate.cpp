#include "engine/gate.h"

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "base/reached.h"

namespace settle::engine {

DestinationGate::Entry DestinationGate::enter(std::string_view url, Instant now) {
  const std::uint32_t index = find_or_add(destination_of(url), now);
  Destination& to = destinations_[index];
  Entry entry{.id = (std::uint64_t{index} << kCounterBits) | (++counter_ & ((1ULL << kCounterBits) - 1))};
  entry.admitted = may_leave(to, now);
  if (entry.admitted) let_out(to, entry.id);
  return entry;
}

bool DestinationGate::may_leave(const Destination& to, Instant now) const {
  if ((to.paused && !planted(Bug::kPauseForgotten)) || !to.breaker.admits(now)) return false;
  return to.running < calls_max_ || planted(Bug::kNoDestinationLimit);
}

void DestinationGate::let_out(Destination& to, std::uint64_t id) {
  ++to.running;
  ++to.calls;
  to.breaker.left(id);
  arm(id);
}

void DestinationGate::queue(const QueuedCall& call, bool finishing) {
  SETTLE_REACHED("call waits for a slot of its destination");
  Destination& to = destination(call.id);
  (finishing ? to.finishing : to.beginning).push_back(call);
  arm(call.id);
}

bool DestinationGate::cancel(std::uint64_t id) {
  Destination& to = destination(id);
  for (auto* line : {&to.finishing, &to.beginning}) {
    const auto at = std::find_if(line->begin(), line->end(), [id](const QueuedCall& call) { return call.id == id; });
    if (at == line->end()) continue;
    SETTLE_REACHED("queued call taken back");
    line->erase(at);
    arm(id);
    return true;
  }
  return false;
}

Breaker::Change DestinationGate::leave(std::uint64_t id, AnswerCode answer, Instant now) {
  Destination& to = destination(id);
  SETTLE_ASSERT(to.running > 0);
  --to.running;
  const Liveness liveness = liveness_of(answer);
  if (liveness == Liveness::kFailed) {
    ++to.failures;
    to.last_error = answer;
    to.last_error_at = now;
  }
  const auto dice = static_cast<std::uint32_t>(liveness == Liveness::kFailed ? random_.next() : 0);
  const Breaker::Change change = to.breaker.ended(id, liveness, now, breaker_, dice);
  if (change == Breaker::Change::kOpened) ++to.opened;
  arm(id);
  return change;
}

std::optional<QueuedCall> DestinationGate::next(std::uint64_t id, Instant now) {
  Destination& to = destination(id);
  if (!may_leave(to, now)) {
    arm(id);
    return std::nullopt;
  }
  for (auto* line : {&to.finishing, &to.beginning}) {
    if (line->empty()) continue;
    const QueuedCall next = line->front();
    line->pop_front();
    let_out(to, next.id);
    return next;
  }
  return std::nullopt;
}

void DestinationGate::forgo(std::uint64_t id) {
  Destination& to = destination(id);
  SETTLE_ASSERT(to.running > 0);
  --to.running;
  --to.calls;
  to.breaker.forgone(id);
  arm(id);
}

/// Only what waits for time alone needs a timer: everything else is looked at when a call ends or an operator speaks.
void DestinationGate::arm(std::uint64_t id) {
  Destination& to = destination(id);
  const bool waits = !to.paused && to.breaker.state() == BreakerState::kOpen && to.has_waiting();
  const Instant due = waits ? to.breaker.probe_at() : kNever;
  if (due == to.armed) return;
  const auto index = static_cast<std::uint32_t>(id >> kCounterBits);
  if (to.armed != kNever) due_.erase({to.armed, index});
  to.armed = due;
  if (due != kNever) due_.insert({due, index});
}

std::optional<std::uint64_t> DestinationGate::pop_due(Instant now) {
  if (due_.empty() || due_.begin()->first > now) return std::nullopt;
  const std::uint32_t index = due_.begin()->second;
  due_.erase(due_.begin());
  destinations_[index].armed = kNever;
  return std::uint64_t{index} << kCounterBits;
}

std::optional<std::uint64_t> DestinationGate::set_paused(std::string_view name, bool paused) {
  if (!paused && by_name_.find(name) == by_name_.end()) return std::nullopt;
  const std::uint32_t index = find_or_add(name, kNoInstant);
  Destination& to = destinations_[index];
  to.paused = paused;
  if (!paused) to.breaker.probe_now();
  const std::uint64_t id = std::uint64_t{index} << kCounterBits;
  arm(id);
  return id;
}

std::uint32_t DestinationGate::find_or_add(std::string_view name, Instant now) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) return known->second;
  if (by_name_.size() >= kDestinationsKept) drop_idle(now);
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(destinations_.size());
    destinations_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  destinations_[index].name = std::string(name);
  by_name_.emplace(std::string(name), index);
  return index;
}

/// Forgets those that nobody calls. A breaker whose pause is over would admit the next call anyway.
void DestinationGate::drop_idle(Instant now) {
  for (std::uint32_t i = 0; i < destinations_.size(); ++i) {
    Destination& to = destinations_[i];
    if (to.name.empty() || to.running > 0 || to.has_waiting() || to.paused || !to.breaker.admits(now)) continue;
    by_name_.erase(to.name);
    to = {};
    free_.push_back(i);
  }
}

DestinationFigures DestinationGate::figures_of(const Destination& to) {
  DestinationFigures out;
  out.name = to.name;
  out.paused = to.paused;
  out.breaker = to.breaker.state();
  out.probe_at = to.breaker.probe_at();
  out.calls = to.calls;
  out.failures = to.failures;
  out.opened = to.opened;
  out.failures_in_a_row = to.breaker.failures_in_a_row();
  out.last_error = to.last_error;
  out.last_error_at = to.last_error_at;
  out.running = to.running;
  out.waiting = to.finishing.size() + to.beginning.size();
  return out;
}

DestinationFigures DestinationGate::figures_of(std::uint64_t id) const {
  return figures_of(destinations_[id >> kCounterBits]);
}

GateTotals DestinationGate::totals() const {
  GateTotals out;
  for (const Destination& to : destinations_) {
    if (to.name.empty()) continue;
    out.waiting += to.finishing.size() + to.beginning.size();
    if (to.paused) {
      ++out.paused;
    } else if (to.breaker.state() == BreakerState::kClosed) {
      ++out.closed;
    } else {
      ++(to.breaker.state() == BreakerState::kOpen ? out.open : out.half_open);
    }
  }
  return out;
}

std::vector<DestinationFigures> DestinationGate::figures() const {
  std::vector<DestinationFigures> out;
  out.reserve(by_name_.size());
  for (const Destination& to : destinations_) {
    if (!to.name.empty()) out.push_back(figures_of(to));
  }
  return out;
}

}  // namespace settle::engine
