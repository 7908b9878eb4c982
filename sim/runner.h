#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coverage.h"
#include "world.h"

namespace settle::sim {

/// What one seed came to, in a form that travels between processes.
struct SeedReport {
  std::uint64_t seed = 0;
  Outcomes outcomes;
  Coverage coverage;
  std::string violation;  ///< empty: none

  [[nodiscard]] std::string encode() const;
  /// False: the bytes are not a report.
  bool decode(std::string_view bytes);
};

SeedReport run_seed(const Options& options);

/// Many seeds taken together, in order.
struct Totals {
  std::uint64_t seeds = 0;
  Outcomes sums;
  Coverage coverage;
  std::uint32_t share_low = 1000, share_high = 0;  ///< committed, in permille of those that ended, by seed

  void add(const SeedReport& report);
  /// Checks that no seed has evaluated.
  [[nodiscard]] std::vector<std::string> never_checked() const;
  [[nodiscard]] std::uint32_t committed_permille() const;
};

/// Lines about one run; no wall clock in it, so that two runs print the same bytes.
std::string summary_of(const SeedReport& report);

}  // namespace settle::sim
