#include "engine/gate.h"

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "base/reached.h"

namespace settle::engine {

std::string_view destination_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t from = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t end = url.find_first_of("/?", from);
  return url.substr(0, end);
}

DestinationGate::Entry DestinationGate::enter(std::string_view url) {
  const std::uint32_t index = find_or_add(destination_of(url));
  Destination& to = destinations_[index];
  Entry entry{.id = (std::uint64_t{index} << kCounterBits) | (++counter_ & ((1ULL << kCounterBits) - 1))};
  entry.admitted = to.running < calls_max_ || planted(Bug::kNoDestinationLimit);
  if (entry.admitted) ++to.running;
  return entry;
}

void DestinationGate::queue(const QueuedCall& call, bool finishing) {
  SETTLE_REACHED("call waits for a slot of its destination");
  Destination& to = destination(call.id);
  (finishing ? to.finishing : to.beginning).push_back(call);
}

bool DestinationGate::cancel(std::uint64_t id) {
  Destination& to = destination(id);
  for (auto* line : {&to.finishing, &to.beginning}) {
    const auto at = std::find_if(line->begin(), line->end(), [id](const QueuedCall& call) { return call.id == id; });
    if (at == line->end()) continue;
    SETTLE_REACHED("queued call taken back");
    line->erase(at);
    return true;
  }
  return false;
}

std::optional<QueuedCall> DestinationGate::leave(std::uint64_t id) {
  Destination& to = destination(id);
  for (auto* line : {&to.finishing, &to.beginning}) {
    if (line->empty()) continue;
    const QueuedCall next = line->front();
    line->pop_front();
    return next;  // takes over the slot
  }
  SETTLE_ASSERT(to.running > 0);
  --to.running;
  return std::nullopt;
}

std::uint32_t DestinationGate::find_or_add(std::string_view name) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) return known->second;
  if (by_name_.size() >= kDestinationsKept) drop_idle();
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

void DestinationGate::drop_idle() {
  for (std::uint32_t i = 0; i < destinations_.size(); ++i) {
    Destination& to = destinations_[i];
    if (to.name.empty() || !to.is_idle()) continue;
    by_name_.erase(to.name);
    to.name.clear();
    free_.push_back(i);
  }
}

}  // namespace settle::engine
