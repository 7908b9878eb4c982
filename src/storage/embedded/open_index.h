#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace settle {

/// What a save's condition needs to know of an open transaction.
struct OpenEntry {
  Version version = 0;
  std::uint32_t plan_bytes = 0;  ///< of the plan in `open`; a plan only ever grows
  bool has_progress = false;     ///< a record in the progress family exists, or may exist
  bool is_damaged = false;       ///< its record cannot be read: nothing may be saved on top
  bool is_present = false;       ///< the index's own; false in a free slot
};

/// Open transactions by tid, in 32 bytes each: a table with linear probing, at most 3/4 full. Erasing moves the
/// followers of the gap back (Knuth, TAOCP 3, 6.4, algorithm R), so no markers pile up. Not thread-safe.
class OpenIndex {
 public:
  OpenIndex() : slots_(kSlotsMin) {}

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Makes room for so many at once.
  void reserve(std::size_t items) {
    const std::size_t wanted = std::bit_ceil(items + items / 3 + 1);
    if (wanted > slots_.size()) move_to(wanted);
  }

  /// Null if the transaction is not open. Valid until the next insert or erase.
  [[nodiscard]] OpenEntry* find(const Tid& tid) {
    Slot& slot = slots_[place_of(tid)];
    return slot.entry.is_present ? &slot.entry : nullptr;
  }

  /// Adds the entry, or replaces the one that exists.
  OpenEntry& put(const Tid& tid, const OpenEntry& entry) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    Slot& slot = slots_[place_of(tid)];
    if (!slot.entry.is_present) ++size_;
    slot = Slot{tid, entry};
    slot.entry.is_present = true;
    return slot.entry;
  }

  bool erase(const Tid& tid) {
    std::size_t gap = place_of(tid);
    if (!slots_[gap].entry.is_present) return false;
    --size_;
    for (std::size_t at = next(gap);; at = next(at)) {
      if (!slots_[at].entry.is_present) break;
      // A follower may fill the gap unless its home lies behind the gap, cyclically.
      const std::size_t home = home_of(slots_[at].tid);
      const bool is_home_behind_gap = gap <= at ? (gap < home && home <= at) : (gap < home || home <= at);
      if (is_home_behind_gap) continue;
      slots_[gap] = slots_[at];
      gap = at;
    }
    slots_[gap] = Slot{};
    return true;
  }

 private:
  struct Slot {
    Tid tid;
    OpenEntry entry;
  };
  static_assert(sizeof(Slot) == 32);
  static constexpr std::size_t kSlotsMin = 64;  // a power of two, as every later size

  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }

  [[nodiscard]] std::size_t home_of(const Tid& tid) const {
    std::uint64_t mixed = tid.sequence ^ (std::uint64_t{tid.shard} << 48U) ^ (std::uint64_t{tid.epoch} << 20U);
    mixed = (mixed ^ (mixed >> 32U)) * 0x9e3779b97f4a7c15ULL;
    return static_cast<std::size_t>(mixed >> 20U) & (slots_.size() - 1);
  }

  /// Where the tid stands, or the free slot where it would.
  [[nodiscard]] std::size_t place_of(const Tid& tid) const {
    std::size_t at = home_of(tid);
    while (slots_[at].entry.is_present && slots_[at].tid != tid) at = next(at);
    return at;
  }

  void grow() { move_to(slots_.size() * 2); }

  void move_to(std::size_t slots) {
    std::vector<Slot> old(slots);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.entry.is_present) slots_[place_of(slot.tid)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace settle
