#pragma once

#include <string_view>

namespace settle::api {

/// Why a header may not be forwarded to participants; empty: it may. `name` in any case.
///
/// Allowed are names that begin with "x-" and a few standard ones that only speak to the application. Never those that
/// decide about connection, framing, destination or identity, nor ours (failures.md M7, security.md §6.6).
std::string_view why_not_forwarded(std::string_view name);

/// Visible ASCII, blanks and tabs inside: no byte that could end the line.
bool is_forwardable_value(std::string_view value);

}  // namespace settle::api
