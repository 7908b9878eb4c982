#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "settle/result.h"

namespace settle::net {

inline constexpr std::size_t kUrlBytesMax = 2048;

/// Parts of an absolute http or https URL. Views into the parsed text: valid as long as that is.
struct Url {
  std::string_view scheme;     ///< "http" or "https"
  std::string_view authority;  ///< host and port as written; an IPv6 address in brackets
  std::string_view host;       ///< as written, without brackets
  std::string_view target;     ///< path and query; "/" if the URL ends behind the authority
  std::uint16_t port = 0;      ///< 80 or 443 where none is written
  bool ipv6 = false;

  [[nodiscard]] std::string_view path() const { return target.substr(0, target.find('?')); }
};

/// Strict: what two parsers could read differently is refused (security.md §6.6). Refused are userinfo, fragment,
/// backslash, blanks, control and non-ASCII bytes, broken percent escapes, hosts in percent escapes, a trailing dot,
/// numeric hosts that are no canonical dotted quad, zone ids, empty or zero-led ports, a query without a path, and more
/// than 2 KiB.
///
/// Errors: kInvalid, with a message that says what and where.
Result<Url> parse_url(std::string_view text);

}  // namespace settle::net
