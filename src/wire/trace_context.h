#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace settle::wire {

/// A W3C trace context (Trace Context Level 1, header `traceparent`):
///
///   traceparent := "00" "-" trace-id: 32 hex   "-" parent-id: 16 hex   "-" flags: 2 hex      (hex in lower case)
///
/// The views point into the parsed header.
struct TraceContext {
  std::string_view trace_id;
  std::string_view parent_id;
  bool sampled = false;
};

inline constexpr std::size_t kTraceParentChars = 55;

/// Nothing if the header is not valid: then it is to be ignored, not refused. A version above 00 is read by the rules
/// of 00, as the standard asks.
std::optional<TraceContext> parse_trace_parent(std::string_view header);

/// The header for a call made on behalf of `parent`: same trace, own span. `dice` are uniform bits; a span of zero is
/// not allowed, so zero stands for one.
std::string child_trace_parent(const TraceContext& parent, std::uint64_t dice);

}  // namespace settle::wire
