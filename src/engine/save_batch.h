#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace settle::engine {

/// Saves on their way from the workers to the store. Batches swap their contents along the way, and an emptied one
/// keeps the memory of its saves for the next, so that a save that travels costs no allocation on either thread.
class SaveBatch {
 public:
  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] bool empty() const { return used_ == 0; }
  [[nodiscard]] std::span<Save> all() { return {slots_.data(), used_}; }
  [[nodiscard]] std::span<const Save> all() const { return {slots_.data(), used_}; }

  /// Takes `save` and leaves a blank one, with the memory of one that has been committed, if there is any.
  void add(Save& save) {
    if (used_ == slots_.size()) slots_.emplace_back();
    std::swap(slots_[used_++], save);
  }

  /// Takes all of `other`, behind its own.
  void add_all(SaveBatch& other) {
    if (empty()) {
      swap(other);
      return;
    }
    for (Save& save : other.all()) add(save);
    other.clear();
  }

  /// Forgets those behind the first `count`.
  void shorten(std::size_t count) { used_ = std::min(used_, count); }

  void clear() {
    for (Save& save : all()) {
      save.plan.reset();
      if (save.state.capacity() > kStateBytesKept) save.state = {};
    }
    if (slots_.size() > kSlotsKept && slots_.size() > 4 * used_) slots_.resize(std::max(kSlotsKept, used_));
    used_ = 0;
  }

  void swap(SaveBatch& other) noexcept {
    slots_.swap(other.slots_);
    std::swap(used_, other.used_);
  }

 private:
  static constexpr std::size_t kSlotsKept = 512;
  static constexpr std::size_t kStateBytesKept = 4096;

  std::vector<Save> slots_;  // those from used_ on are blank
  std::size_t used_ = 0;
};

}  // namespace settle::engine
