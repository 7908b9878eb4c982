#include "net/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "net/chars.h"

namespace settle::net {
namespace {

Error invalid(std::string_view what) { return Error{ErrorCode::kInvalid, "url: " + std::string(what)}; }

bool is_address(int family, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return false;  // where inet_pton() would stop reading
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.empty() || text.size() >= copy.size()) return false;
  std::copy(text.begin(), text.end(), copy.begin());
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(family, copy.data(), bytes.data()) == 1;
}

// Every label 1…63 of [A-Za-z0-9_-], no hyphen at its ends. Gives the last label.
std::optional<std::string_view> last_label(std::string_view host) {
  if (host.empty() || host.size() > 253) return std::nullopt;
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return std::nullopt;
    if (!all_of(kHostNameChar, label)) return std::nullopt;
    if (dot == std::string_view::npos) return label;
    host.remove_prefix(dot + 1);
  }
}

bool looks_numeric(std::string_view label) {
  return all_of(kDigit, label) || (label.size() >= 2 && label[0] == '0' && lower(label[1]) == 'x');
}

std::string_view host_error(std::string_view host) {
  const std::optional<std::string_view> last = last_label(host);
  if (!last) return "the host is not a name or an address";
  // 127.1, 0x7f000001, 2130706433 and 0177.0.0.1 are the same address to some resolvers.
  if (looks_numeric(*last) && !is_address(AF_INET, host))
    return "a numeric host must be a plain IPv4 address such as 192.0.2.1";
  return {};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || text.front() == '0' || !all_of(kDigit, text)) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) value = value * 10 + static_cast<std::uint32_t>(c - '0');
  if (value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

std::string_view target_error(std::string_view target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] == '#') return "a fragment ('#') has no meaning here";
    if (!has(kUrlChar, target[i])) return "path or query holds a character that must be percent-encoded";
    if (target[i] != '%') continue;
    const auto hex = [](char c) { return has(kDigit, c) || (lower(c) >= 'a' && lower(c) <= 'f'); };
    if (i + 2 >= target.size() || !hex(target[i + 1]) || !hex(target[i + 2]))
      return "'%' must be followed by two hex digits";
  }
  return {};
}

// Takes "http://" or "https://" off `rest`.
std::optional<std::string_view> take_scheme(std::string_view& rest) {
  for (const std::string_view scheme : {std::string_view("http"), std::string_view("https")}) {
    if (!same_word(rest.substr(0, scheme.size()), scheme) || rest.substr(scheme.size(), 3) != "://") continue;
    rest.remove_prefix(scheme.size() + 3);
    return scheme;
  }
  return std::nullopt;
}

// Splits `authority` into host and port text; the port is absent (nullopt) or what stands behind the colon.
std::optional<std::string_view> split_authority(Url& url, std::string_view& problem) {
  const std::string_view authority = url.authority;
  std::size_t end = 0;
  if (authority.starts_with('[')) {
    end = authority.find(']');
    if (end == std::string_view::npos) end = authority.size();
    url.host = authority.substr(1, end - 1);
    url.ipv6 = true;
    if (end == authority.size() || !is_address(AF_INET6, url.host))
      problem = "the host in brackets is not an IPv6 address";
    end = std::min(end + 1, authority.size());
  } else {
    end = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, end);
    problem = host_error(url.host);
  }
  if (end == authority.size()) return std::nullopt;
  if (authority[end] != ':' && problem.empty()) problem = "unexpected text behind the host";
  return authority.substr(end + 1);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return invalid("longer than 2048 bytes");
  Url url;
  std::string_view rest = text;
  const std::optional<std::string_view> scheme = take_scheme(rest);
  if (!scheme) return invalid("must begin with http:// or https://");
  url.scheme = *scheme;

  const std::size_t authority_end = std::min(rest.find_first_of("/?#\\"), rest.size());
  url.authority = rest.substr(0, authority_end);
  url.target = rest.substr(authority_end);
  if (url.authority.find('@') != std::string_view::npos)
    return invalid("user names and passwords do not belong into a URL");

  std::string_view problem;
  const std::optional<std::string_view> port_text = split_authority(url, problem);
  if (!problem.empty()) return invalid(problem);
  url.port = url.scheme == "http" ? 80 : 443;
  if (port_text) {
    const std::optional<std::uint16_t> port = parse_port(*port_text);
    if (!port) return invalid("the port must be a number from 1 to 65535");
    url.port = *port;
  }

  if (url.target.empty()) url.target = "/";
  if (url.target.front() == '?') return invalid("a query needs a path before it ('/?…')");
  problem = target_error(url.target);
  if (!problem.empty()) return invalid(problem);
  return url;
}

}  // namespace settle::net
