#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace settle {

/// A hash table without a node per item, for what comes and goes with every transaction: items lie in one array, found
/// by linear probing; an erased one is filled up from behind, so no tombstones gather (Knuth, TAOCP 3, 6.4, R).
///
/// `Traits` says what an item is found by: `static Key key(const Item&)` and `static std::size_t hash(const Key&)`.
/// Items are small and copied freely. Pointers to them are valid until the next change. Not thread-safe.
template <typename Item, typename Traits>
class FlatTable {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// Null: there is no such item.
  template <typename Key>
  [[nodiscard]] const Item* find(const Key& key) const {
    if (size_ == 0) return nullptr;
    const std::size_t at = position_of(key);
    return slots_[at].mark == 0 ? nullptr : &slots_[at].item;
  }
  template <typename Key>
  [[nodiscard]] Item* find(const Key& key) {
    return const_cast<Item*>(std::as_const(*this).find(key));
  }

  /// False: an item with this key is there already, and stays.
  bool insert(const Item& item) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    const std::size_t at = position_of(Traits::key(item));
    if (slots_[at].mark != 0) return false;
    slots_[at] = {mark_of(Traits::key(item)), item};
    ++size_;
    return true;
  }

  /// False: there was none.
  template <typename Key>
  bool erase(const Key& key) {
    if (size_ == 0) return false;
    std::size_t hole = position_of(key);
    if (slots_[hole].mark == 0) return false;
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = (hole + 1) & mask; slots_[at].mark != 0; at = (at + 1) & mask) {
      // An item may move up to the hole unless it would then lie before the place where its search begins.
      const std::size_t home = slots_[at].mark & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
    return true;
  }

  /// In no order that means anything.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.mark != 0) visit(slot.item);
    }
  }

  /// Keeps its memory, except for what a burst has left far too large.
  void clear() {
    if (slots_.size() > kSlotsMin && slots_.size() > 16 * size_) {
      slots_.assign(std::max(kSlotsMin, std::bit_ceil(4 * size_)), {});
      slots_.shrink_to_fit();
    } else if (size_ > 0) {
      std::fill(slots_.begin(), slots_.end(), Slot{});
    }
    size_ = 0;
  }

 private:
  struct Slot {
    std::size_t mark = 0;  ///< hash of the key, never 0; 0: free
    Item item{};
  };
  static constexpr std::size_t kSlotsMin = 64;

  template <typename Key>
  static std::size_t mark_of(const Key& key) {
    // The uppermost bit is spent on being different from 0; no table is large enough to look at it.
    return Traits::hash(key) | (std::size_t{1} << (sizeof(std::size_t) * 8 - 1));
  }

  /// Where `key` is, or the free slot where it would be put. The table is never full.
  template <typename Key>
  std::size_t position_of(const Key& key) const {
    const std::size_t mask = slots_.size() - 1;
    const std::size_t mark = mark_of(key);
    std::size_t at = mark & mask;
    while (slots_[at].mark != 0 && !(slots_[at].mark == mark && Traits::key(slots_[at].item) == key)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  void grow() {
    std::vector<Slot> old = std::exchange(slots_, {});
    slots_.resize(std::max(kSlotsMin, 2 * old.size()));
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.mark == 0) continue;
      // No two are equal, so the first free slot is right, and no item has to be looked at.
      std::size_t at = slot.mark & mask;
      while (slots_[at].mark != 0) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them in use
  std::size_t size_ = 0;
};

/// Spreads a number over all bits, so that the lower ones, which choose the slot, depend on each of it.
constexpr std::size_t mix_bits(std::uint64_t value) {
  value ^= value >> 32U;
  value *= 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(value ^ (value >> 29U));
}

}  // namespace settle
