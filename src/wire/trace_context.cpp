#include "wire/trace_context.h"

namespace settle::wire {
namespace {

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }
bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

bool is_odd(char hex_digit) { return (hex_digit <= '9' ? hex_digit - '0' : hex_digit - 'a' + 10) % 2 == 1; }

}  // namespace

std::optional<TraceContext> parse_trace_parent(std::string_view header) {
  if (header.size() < kTraceParentChars) return std::nullopt;
  const std::string_view version = header.substr(0, 2);
  const std::string_view flags = header.substr(53, 2);
  const TraceContext context{header.substr(3, 32), header.substr(36, 16), is_odd(flags[1])};
  if (header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  if (!is_hex(version) || version == "ff" || !is_hex(flags)) return std::nullopt;
  // Version 00 ends here; later ones may go on behind another dash.
  if (header.size() > kTraceParentChars && (version == "00" || header[kTraceParentChars] != '-')) return std::nullopt;
  if (!is_hex(context.trace_id) || is_zero(context.trace_id)) return std::nullopt;
  if (!is_hex(context.parent_id) || is_zero(context.parent_id)) return std::nullopt;
  return context;
}

std::string child_trace_parent(const TraceContext& parent, std::uint64_t dice) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(kTraceParentChars);
  out.append("00-").append(parent.trace_id).append("-");
  if (dice == 0) dice = 1;
  for (unsigned shift = 64; shift > 0;) {
    shift -= 4;
    out.push_back(kHex[dice >> shift & 15U]);
  }
  out.append(parent.sampled ? "-01" : "-00");
  return out;
}

}  // namespace settle::wire
