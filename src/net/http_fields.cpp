#include "net/http_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "net/chars.h"

namespace settle::net {
namespace {

constexpr std::array<std::string_view, 10> kFramingHeaders{
    "host",    "connection", "content-length", "transfer-encoding", "te", "trailer",
    "upgrade", "keep-alive", "expect",         "proxy-connection"};

bool is_header(std::string_view name, std::string_view value) {
  return !name.empty() && all_of(kTokenChar, name) && is_field_value(value) && !is_framing_header(name);
}

}  // namespace

bool is_framing_header(std::string_view name) {
  return std::any_of(kFramingHeaders.begin(), kFramingHeaders.end(),
                     [name](std::string_view framing) { return same_word(name, framing); });
}

bool append_header(std::string& lines, std::string_view name, std::string_view value) {
  if (!is_header(name, value)) return false;
  lines.append(name).append(": ").append(value).append("\r\n");
  return true;
}

bool are_header_lines(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t feed = lines.find('\n');
    if (feed == std::string_view::npos || feed == 0 || lines[feed - 1] != '\r') return false;
    const std::string_view line = lines.substr(0, feed - 1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_header(line.substr(0, colon), line.substr(colon + 1))) return false;
    lines.remove_prefix(feed + 1);
  }
  return true;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 425:
      return "Too Early";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return {};
  }
}

std::string http_date(Instant at) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = micros(at) / 1'000'000;
  std::tm utc{};
  (void)::gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      kDays.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                      kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                      utc.tm_sec);
  return text.data();
}

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace settle::net
