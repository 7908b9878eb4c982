#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "options.h"
#include "workload.h"

namespace settle::sim {

/// What the runs have met: pattern × outcome × class of fault × op. A fault counts for an op that it struck, or, if it
/// struck the transaction as a whole, for every op that was called.
class Coverage {
 public:
  static constexpr std::size_t kPatterns = 4, kOutcomes = 2, kOps = 10;
  static constexpr std::size_t kCells = kPatterns * kOutcomes * kFaults * kOps;

  static std::size_t cell(Pattern pattern, bool is_committed, Fault fault, Op op) {
    const std::size_t p = static_cast<std::size_t>(pattern) - 1;
    return ((p * kOutcomes + (is_committed ? 0 : 1)) * kFaults + static_cast<std::size_t>(fault)) * kOps +
           static_cast<std::size_t>(op) - 1;
  }
  static std::string cell_name(std::size_t cell);

  void add(std::size_t cell) { ++counts_[cell]; }
  void merge(const Coverage& other) {
    for (std::size_t i = 0; i < kCells; ++i) counts_[i] += other.counts_[i];
  }
  [[nodiscard]] std::uint64_t count(std::size_t cell) const { return counts_[cell]; }
  void set(std::size_t cell, std::uint64_t count) { counts_[cell] = count; }

 private:
  std::array<std::uint64_t, kCells> counts_{};
};

/// The cells that the tables rule out, read from a file: lines "pattern outcome fault op  reason", `*` for any.
class RuledOut {
 public:
  /// Returns what is wrong with the file; empty if nothing.
  std::string read(const std::string& path);
  [[nodiscard]] bool covers(std::size_t cell) const;
  /// Rules that rule out a cell which was met: the reason given there is false.
  [[nodiscard]] std::vector<std::string> contradicted(const Coverage& coverage) const;

 private:
  struct Rule {
    std::string pattern, outcome, fault, op, text;
  };
  static bool matches(const Rule& rule, std::size_t cell);
  std::vector<Rule> rules_;
};

/// The matrix as text, empty cells marked. Returns how many cells are empty and not ruled out.
std::size_t print_coverage(const Coverage& coverage, const RuledOut& ruled_out, std::string& out);

}  // namespace settle::sim
