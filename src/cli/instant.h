#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace settle::cli {

/// Microseconds since 1970 of an RFC 3339 instant in UTC ("2026-01-02T03:04:05.678901Z").
std::optional<std::int64_t> parse_instant(std::string_view text);

/// "03:04:05.678" of such an instant; what is no instant comes back as it is.
std::string clock_of(std::string_view instant);

/// "2026-01-02 03:04:05.678 UTC"
std::string date_and_clock_of(std::string_view instant);

/// "350 ms", "3.4 s", "5 min 20 s", "3 h 5 min", "4 d 2 h"; a negative duration counts as 0.
std::string duration_text(std::int64_t us);

}  // namespace settle::cli
