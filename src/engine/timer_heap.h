#pragma once

#include <cstddef>
#include <vector>

#include "base/assert.h"
#include "engine/entry.h"

namespace settle::engine {

/// The transactions that wait for a time, the earliest on top: a binary heap whose items know their places, so that a
/// timer that is set for every waiting client and hardly ever fires costs no memory and leaves nothing behind.
class TimerHeap {
 public:
  [[nodiscard]] Instant next_due() const { return heap_.empty() ? kNever : heap_.front().due; }

  /// Sets, moves or (kNever) takes out the timer of `entry`.
  void set(Entry& entry, Instant due) {
    if (entry.timer == due) return;
    if (due == kNever) {
      take_out(entry);
    } else if (entry.timer == kNever) {
      entry.timer = due;
      heap_.push_back({due, &entry});
      rise(heap_.size() - 1);
    } else {
      entry.timer = due;
      heap_[entry.timer_place].due = due;
      fall(rise(entry.timer_place));
    }
  }

  /// The entry whose timer is due first, taken out; null: nothing is due at `now`.
  Entry* pop_due(Instant now) {
    if (next_due() > now) return nullptr;
    Entry& entry = *heap_.front().entry;
    take_out(entry);
    return &entry;
  }

 private:
  struct Item {
    Instant due;
    Entry* entry;
  };
  /// Ties are broken by age, so that the order is one.
  static bool is_before(const Item& one, const Item& other) {
    return one.due != other.due ? one.due < other.due : one.entry->tid < other.entry->tid;
  }

  void put(std::size_t place, const Item& item) {
    heap_[place] = item;
    item.entry->timer_place = place;
  }

  std::size_t rise(std::size_t place) {
    const Item item = heap_[place];
    while (place > 0 && is_before(item, heap_[(place - 1) / 2])) {
      put(place, heap_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    put(place, item);
    return place;
  }

  void fall(std::size_t place) {
    const Item item = heap_[place];
    for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
      if (child + 1 < heap_.size() && is_before(heap_[child + 1], heap_[child])) ++child;
      if (!is_before(heap_[child], item)) break;
      put(place, heap_[child]);
      place = child;
    }
    put(place, item);
  }

  void take_out(Entry& entry) {
    SETTLE_ASSERT(entry.timer != kNever && heap_[entry.timer_place].entry == &entry);
    const std::size_t place = entry.timer_place;
    entry.timer = kNever;
    const Item last = heap_.back();
    heap_.pop_back();
    if (last.entry == &entry) return;
    put(place, last);
    fall(rise(place));
  }

  std::vector<Item> heap_;
};

}  // namespace settle::engine
