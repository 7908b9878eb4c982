#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace settle::net {

/// Appends "name: value\r\n" in the form that extra headers are handed to server and client. False, and nothing
/// appended, if the name is no token, the value holds a control byte (CR and LF above all, failures.md M7), or the name
/// is one that net writes itself (is_framing_header).
[[nodiscard]] bool append_header(std::string& lines, std::string_view name, std::string_view value);

/// True if `lines` is zero or more lines as append_header writes them. The second wall, behind append_header: it cannot
/// see that a value smuggled in a whole line that is well-formed.
[[nodiscard]] bool are_header_lines(std::string_view lines);

/// Names that decide about framing, connection or destination: never taken from callers. `name` in any case.
[[nodiscard]] bool is_framing_header(std::string_view name);

/// "OK" for 200; empty for a status without a registered name.
[[nodiscard]] std::string_view reason_of(int status);

/// "Sun, 06 Nov 1994 08:49:37 GMT"
[[nodiscard]] std::string http_date(Instant at);

void append_number(std::string& out, std::uint64_t value);

}  // namespace settle::net
