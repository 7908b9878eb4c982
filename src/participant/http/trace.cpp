#include "participant/http/trace.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace settle::participant {
namespace {

// 00-<trace id: 32 hex>-<parent id: 16 hex>-<flags: 2 hex>
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceChars = 32;
constexpr std::size_t kParentAt = kTraceAt + kTraceChars + 1;
constexpr std::size_t kParentChars = 16;
constexpr std::size_t kFlagsAt = kParentAt + kParentChars + 1;
constexpr std::size_t kChars = kFlagsAt + 2;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) { return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos; }

bool is_traceparent(std::string_view text) {
  return text.size() == kChars && text.starts_with("00-") && text[kParentAt - 1] == '-' && text[kFlagsAt - 1] == '-' &&
         is_id(text.substr(kTraceAt, kTraceChars)) && is_id(text.substr(kParentAt, kParentChars)) &&
         is_hex(text.substr(kFlagsAt));
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char byte : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(byte) >> 4U]);
    out.push_back(kDigits[static_cast<unsigned char>(byte) & 15U]);
  }
}

}  // namespace

void append_traceparent(std::string& out, std::string_view parent, const Tid& tid, Random& random) {
  const bool has_parent = is_traceparent(parent);
  out.append("00-");
  if (has_parent) {
    out.append(parent.substr(kTraceAt, kTraceChars));
  } else {
    const auto bytes = tid.bytes();
    append_hex(out, {bytes.data(), bytes.size()});
  }
  out.push_back('-');
  const std::uint64_t id = random.next() | 1U;  // never all zero
  std::array<char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((id >> (8U * i)) & 0xffU);
  append_hex(out, {bytes.data(), bytes.size()});
  out.push_back('-');
  out.append(has_parent ? parent.substr(kFlagsAt) : "00");
}

}  // namespace settle::participant
