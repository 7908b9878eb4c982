#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace settle {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

struct LogField {
  std::string_view key;
  std::string_view value;
};

/// Writes one line to standard error: `2026-01-02T03:04:05.678Z level message key=value …`; values with blanks or
/// control characters are quoted and escaped, so a hostile gid cannot forge a line. Safe from any thread. Payloads
/// never go in.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

void set_log_level(LogLevel least);
LogLevel log_level();

}  // namespace settle
