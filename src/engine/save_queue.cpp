#include "engine/save_queue.h"

#include <utility>

#include "base/assert.h"

namespace settle::engine {

void SaveQueue::push(Save&& save, Instant now) {
  const auto known = arrival_of_.find(save.tid);
  if (known != arrival_of_.end()) {
    Waiting& older = waiting_.at(known->second);
    if (older.save.epoch == save.epoch) {
      SETTLE_ASSERT(older.save.version < save.version);
      save.expected = older.save.expected;
      if (older.save.forced && !save.forced) {
        save.forced = true;  // somebody waits for the older change, which this one carries along
      } else if (!older.save.forced && save.forced) {
        ++forced_;
      }
      older.save = std::move(save);
      return;
    }
    // A save of an earlier ownership: the store would refuse it, and nobody waits for its receipt any more.
    if (older.save.forced) --forced_;
    waiting_.erase(known->second);
    arrival_of_.erase(known);
  }
  if (save.forced) ++forced_;
  arrival_of_.emplace(save.tid, arrivals_);
  waiting_.emplace(arrivals_, Waiting{std::move(save), now});
  ++arrivals_;
}

bool SaveQueue::is_due(Instant now) const { return forced_ > 0 || next_due() <= now; }

Instant SaveQueue::next_due() const {
  if (waiting_.empty()) return kNever;
  if (forced_ > 0) return waiting_.begin()->second.since;
  return saturating_add(waiting_.begin()->second.since, lazy_wait_);
}

std::vector<Save> SaveQueue::take(Instant now, bool everything, std::size_t most) {
  std::vector<Save> group;
  for (auto at = waiting_.begin(); at != waiting_.end() && group.size() < most;) {
    Waiting& waiting = at->second;
    const bool old_enough = saturating_add(waiting.since, lazy_wait_) <= now;
    if (!waiting.save.forced && !old_enough && !everything) {
      ++at;
      continue;
    }
    if (waiting.save.forced) --forced_;
    arrival_of_.erase(waiting.save.tid);
    group.push_back(std::move(waiting.save));
    at = waiting_.erase(at);
  }
  return group;
}

}  // namespace settle::engine
