#include "cli/instant.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace settle::cli {
namespace {

/// The digits of text[at, at+count) as a number.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  const char* const end = text.data() + at + count;
  const auto [stop, error] = std::from_chars(text.data() + at, end, value);
  if (error != std::errc{} || stop != end || text[at] == '-') return std::nullopt;
  return value;
}

std::string two_parts(std::int64_t big, const char* big_unit, std::int64_t small, const char* small_unit) {
  std::string text = std::to_string(big) + big_unit;
  if (small != 0) text += " " + std::to_string(small) + small_unit;
  return text;
}

}  // namespace

std::optional<std::int64_t> parse_instant(std::string_view text) {
  const auto year = digits(text, 0, 4);
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || !text.ends_with('Z')) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;

  std::string fraction(text.substr(19, text.size() - 20));
  std::int64_t micros = 0;
  if (!fraction.empty()) {
    if (fraction.front() != '.') return std::nullopt;
    fraction.erase(0, 1);
    fraction.resize(6, '0');
    const auto value = digits(fraction, 0, 6);
    if (!value) return std::nullopt;
    micros = *value;
  }
  const auto days = std::chrono::sys_days{date}.time_since_epoch();
  const std::int64_t seconds =
      std::chrono::duration_cast<std::chrono::seconds>(days).count() + *hour * 3600LL + *minute * 60LL + *second;
  return seconds * 1'000'000 + micros;
}

std::string clock_of(std::string_view instant) {
  if (!parse_instant(instant)) return std::string(instant);
  std::string fraction = instant.size() > 20 ? std::string(instant.substr(20, instant.size() - 21)) : std::string();
  fraction.resize(3, '0');
  return std::string(instant.substr(11, 8)) + "." + fraction;
}

std::string date_and_clock_of(std::string_view instant) {
  if (!parse_instant(instant)) return std::string(instant);
  return std::string(instant.substr(0, 10)) + " " + clock_of(instant) + " UTC";
}

std::string duration_text(std::int64_t us) {
  const std::int64_t ms = std::max<std::int64_t>(us, 0) / 1000;
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (ms < 60'000) return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
  const std::int64_t minutes = ms / 60'000;
  if (minutes < 60) return two_parts(minutes, " min", ms / 1000 % 60, " s");
  const std::int64_t hours = minutes / 60;
  if (hours < 24) return two_parts(hours, " h", minutes % 60, " min");
  return two_parts(hours / 24, " d", hours % 24, " h");
}

}  // namespace settle::cli
