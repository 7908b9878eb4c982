#pragma once

#include <cstddef>
#include <vector>

#include "base/assert.h"
#include "engine/anchor.h"

namespace settle::engine {

/// The transactions that wait for a time, the earliest on top: a binary heap whose items know their places, so that a
/// timer that is set for every waiting client and hardly ever fires costs no memory and leaves nothing behind.
class TimerHeap {
 public:
  [[nodiscard]] Instant next_due() const { return heap_.empty() ? kNever : heap_.front().due; }

  /// Sets, moves or (kNever) takes out the timer of `anchor`.
  void set(Anchor& anchor, Instant due) {
    if (anchor.timer == due) return;
    if (due == kNever) {
      take_out(anchor);
    } else if (anchor.timer == kNever) {
      anchor.timer = due;
      heap_.push_back({due, &anchor});
      rise(heap_.size() - 1);
    } else {
      anchor.timer = due;
      heap_[anchor.timer_place].due = due;
      fall(rise(anchor.timer_place));
    }
  }

  /// The anchor whose timer is due first, taken out; null: nothing is due at `now`.
  Anchor* pop_due(Instant now) {
    if (next_due() > now) return nullptr;
    Anchor& anchor = *heap_.front().anchor;
    take_out(anchor);
    return &anchor;
  }

 private:
  struct Item {
    Instant due;
    Anchor* anchor;
  };
  /// Ties are broken by age, so that the order is one.
  static bool is_before(const Item& one, const Item& other) {
    return one.due != other.due ? one.due < other.due : one.anchor->tid < other.anchor->tid;
  }

  void put(std::size_t place, const Item& item) {
    heap_[place] = item;
    item.anchor->timer_place = place;
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

  void take_out(Anchor& anchor) {
    SETTLE_ASSERT(anchor.timer != kNever && heap_[anchor.timer_place].anchor == &anchor);
    const std::size_t place = anchor.timer_place;
    anchor.timer = kNever;
    const Item last = heap_.back();
    heap_.pop_back();
    if (last.anchor == &anchor) return;
    put(place, last);
    fall(rise(place));
  }

  std::vector<Item> heap_;
};

}  // namespace settle::engine
