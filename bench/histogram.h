#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace settle::bench {

/// Latencies in nanoseconds, each kept to 1/64 of its value: 64 steps between one power of two and the next. Adding is
/// a few instructions and never allocates, so it does not disturb what it measures.
class Histogram {
 public:
  void add(std::uint64_t ns) {
    ++counts_[place_of(ns)];
    ++count_;
    sum_ += ns;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double mean_ms() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_) / 1e6;
  }

  /// The value that `share` (0…1) of all samples do not exceed, in milliseconds; 0 without samples.
  [[nodiscard]] double quantile_ms(double share) const {
    if (count_ == 0) return 0;
    const auto wanted = std::clamp<std::uint64_t>(
        static_cast<std::uint64_t>(std::llround(share * static_cast<double>(count_))), 1, count_);
    std::uint64_t seen = 0;
    for (std::size_t place = 0; place < kPlaces; ++place) {
      seen += counts_[place];
      if (seen >= wanted) return static_cast<double>(top_of(place)) / 1e6;
    }
    return 0;
  }

 private:
  static constexpr std::size_t kStepBits = 6;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
  static constexpr std::size_t kPlaces = (64 - kStepBits + 1) * kSteps;

  // Below 64 every value has its own place; above, the leading 7 bits tell the place.
  static constexpr std::size_t place_of(std::uint64_t ns) {
    if (ns < kSteps) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - kStepBits - 1;
    return (shift + 1) * kSteps + static_cast<std::size_t>((ns >> shift) - kSteps);
  }
  static constexpr std::uint64_t top_of(std::size_t place) {
    if (place < kSteps) return place;
    const std::size_t shift = place / kSteps - 1;
    return ((std::uint64_t{place % kSteps} + kSteps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kPlaces> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace settle::bench
