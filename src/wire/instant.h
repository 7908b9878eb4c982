#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace settle::wire {

inline constexpr std::size_t kInstantChars = 27;

/// Appends "2026-01-02T03:04:05.678901Z". What lies outside the years 1970 to 9999 is shown as the nearest end.
void append_instant(std::string& out, Instant at);
std::string instant_text(Instant at);

/// Reads RFC 3339 in UTC: "Z" or "+00:00", up to nine digits behind the point (below a microsecond: cut off), years
/// 1970 to 9999. Nothing for everything else, a leap second too.
std::optional<Instant> parse_instant(std::string_view text);

}  // namespace settle::wire
