#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/rehearsal.h"

namespace settle::cli {

enum class Verdict : std::uint8_t { kKept, kBroken, kNotTestable };
std::string_view name_of(Verdict verdict);

/// What one probe found out about one promise of a participant (api: "What a participant sees").
struct Finding {
  std::string_view id;  ///< stable, for programs: "late-forward"
  std::string promise;  ///< in the words of the pattern
  Verdict verdict = Verdict::kNotTestable;
  std::string evidence;  ///< what was called and answered
  std::string advice;    ///< what to do about it; empty if kept
};

/// Probes every promise that the pattern makes. Leaves effects behind where a pattern cannot take them back.
std::vector<Finding> probe_promises(Rehearsal& rehearsal);

}  // namespace settle::cli
