#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/plan.h"

namespace settle::engine {

struct Entry;

/// An open transaction about which nothing is done at the moment, as bytes in one piece of memory: a sixth of what its
/// entry takes. Unlike a record of the store it keeps everything, also what a restart may forget.
class Folded {
 public:
  Folded() = default;

  /// `entry` is at rest (see `is_at_rest`). `scratch` is overwritten; it only saves memory from being taken each time.
  Folded(const Entry& entry, std::string& scratch);

  /// Of what is not empty, as are the others.
  [[nodiscard]] OwnedPlan plan() const;

  /// Makes `entry`, which is as new but for its plan, what it was.
  void unfold(Entry& entry) const;

  [[nodiscard]] Instant created_at() const { return created_at_; }

 private:
  [[nodiscard]] std::string_view bytes() const { return {bytes_.get(), size_}; }

  std::unique_ptr<char[]> bytes_;
  std::uint32_t size_ = 0;
  Instant created_at_ = kNoInstant;
};

/// Nobody waits for it, everything is durable, and no call or pass of it is under way; some may wait in the line of a
/// destination.
bool is_at_rest(const Entry& entry);

}  // namespace settle::engine
