#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace settle::net {

/// Character classes of RFC 9110 and 9112 as tables. Internal to net.
namespace chars_detail {
constexpr bool among(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
constexpr bool digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool alpha(char c) { return (c >= 'a' && c <= 'z') || upper(c); }
constexpr bool alnum(char c) { return digit(c) || alpha(c); }

template <typename Rule>
constexpr std::array<bool, 256> table(Rule rule) {
  std::array<bool, 256> out{};
  for (std::size_t i = 0; i < 256; ++i) out[i] = rule(static_cast<char>(i));
  return out;
}
}  // namespace chars_detail

using CharClass = std::array<bool, 256>;

constexpr bool has(const CharClass& set, char c) { return set[static_cast<unsigned char>(c)]; }

constexpr bool all_of(const CharClass& set, std::string_view text) {
  for (const char c : text) {
    if (!has(set, c)) return false;
  }
  return true;
}

/// tchar: methods and header names.
inline constexpr CharClass kTokenChar =
    chars_detail::table([](char c) { return chars_detail::alnum(c) || chars_detail::among(c, "!#$%&'*+-.^_`|~"); });

/// The lower-case form of a tchar, 0 for every other byte: check and fold in one look-up.
inline constexpr std::array<char, 256> kLowerToken = [] {
  std::array<char, 256> out{};
  for (std::size_t i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    if (kTokenChar[i]) out[i] = chars_detail::upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}();

/// What a request target may hold on its way in: visible ASCII without fragment and backslash.
inline constexpr CharClass kTargetChar =
    chars_detail::table([](char c) { return c > ' ' && c < 0x7f && c != '#' && c != '\\'; });

/// Path and query of RFC 3986, percent signs included.
inline constexpr CharClass kUrlChar = chars_detail::table(
    [](char c) { return chars_detail::alnum(c) || chars_detail::among(c, "-._~!$&'()*+,;=:@/?%"); });

/// A host as text: names, IPv4; and what the `Host` header may show besides (port, brackets).
inline constexpr CharClass kHostNameChar =
    chars_detail::table([](char c) { return chars_detail::alnum(c) || chars_detail::among(c, "-._"); });
inline constexpr CharClass kHostHeaderChar =
    chars_detail::table([](char c) { return chars_detail::alnum(c) || chars_detail::among(c, "-._~!$&'()*+,;=:[]%"); });

inline constexpr CharClass kDigit = chars_detail::table(chars_detail::digit);

/// field-vchar, blank, tab, obs-text: everything but control bytes.
constexpr bool is_field_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

/// True if `text` may stand in a header value. Eight bytes at a time: values are most of a head.
inline bool is_field_value(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    const std::uint64_t below_blank = (word - kOnes * 0x20) & ~word & kHighs;
    const std::uint64_t del = word ^ (kOnes * 0x7f);
    const std::uint64_t is_del = (del - kOnes) & ~del & kHighs;
    if ((below_blank | is_del) == 0) continue;
    for (std::size_t k = i; k < i + 8; ++k) {
      if (!is_field_char(text[k])) return false;
    }
  }
  for (; i < text.size(); ++i) {
    if (!is_field_char(text[i])) return false;
  }
  return true;
}

constexpr char lower(char c) { return chars_detail::upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

/// ASCII comparison without case; `lower_case` is lower-case already.
constexpr bool same_word(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

/// Without blanks and tabs at both ends.
constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace settle::net
