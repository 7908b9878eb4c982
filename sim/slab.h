#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace settle::sim {

/// Things named by small numbers that are used again. A reference is valid until the next `add`.
template <typename T>
class Slab {
 public:
  std::uint32_t add(T value) {
    if (!free_.empty()) {
      const std::uint32_t slot = free_.back();
      free_.pop_back();
      cells_[slot].value = std::move(value);
      cells_[slot].is_used = true;
      return slot;
    }
    cells_.push_back(Cell{std::move(value), true});
    return static_cast<std::uint32_t>(cells_.size() - 1);
  }
  void remove(std::uint32_t slot) {
    SETTLE_ASSERT(cells_[slot].is_used);
    cells_[slot].value = T{};
    cells_[slot].is_used = false;
    free_.push_back(slot);
  }
  T& operator[](std::uint32_t slot) {
    SETTLE_ASSERT(slot < cells_.size() && cells_[slot].is_used);
    return cells_[slot].value;
  }
  [[nodiscard]] bool has(std::uint32_t slot) const { return slot < cells_.size() && cells_[slot].is_used; }
  [[nodiscard]] std::size_t used() const { return cells_.size() - free_.size(); }
  /// Slots 0 … bound-1 may be in use.
  [[nodiscard]] std::uint32_t bound() const { return static_cast<std::uint32_t>(cells_.size()); }

 private:
  struct Cell {
    T value;
    bool is_used = false;
  };
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> free_;
};

}  // namespace settle::sim
