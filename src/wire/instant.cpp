#include "wire/instant.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace settle::wire {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr std::int64_t kLastMicros =
    (sys_days{std::chrono::year{9999} / 12 / 31}.time_since_epoch().count() + 1) * kMicrosPerDay - 1;

void put_digits(char* at, std::uint32_t value, int width) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

/// Takes `width` digits off the front; -1 if they are not there.
std::int64_t take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return -1;
  std::int64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

/// Digits behind the point as microseconds; -1 if there are none or too many.
std::int64_t take_fraction(std::string_view& text) {
  constexpr std::size_t kDigitsMax = 9;
  std::size_t count = 0;
  std::int64_t value = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') {
    if (count < 6) value = value * 10 + (text[count] - '0');
    ++count;
  }
  if (count == 0 || count > kDigitsMax) return -1;
  for (std::size_t i = count; i < 6; ++i) value *= 10;
  text.remove_prefix(count);
  return value;
}

}  // namespace

void append_instant(std::string& out, Instant at) {
  // Instants of one document stand close together: what is known of the last second is most of the text.
  struct LastSecond {
    std::int64_t number = -1;
    std::array<char, kInstantChars> text{'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0', '0', ':',
                                         '0', '0', ':', '0', '0', '.', '0', '0', '0', '0', '0', '0', 'Z'};
  };
  thread_local LastSecond last;
  const std::int64_t us = std::clamp<std::int64_t>(micros(at), 0, kLastMicros);
  const std::int64_t number = us / kMicrosPerSecond;
  char* const text = last.text.data();
  if (number != last.number) {
    const year_month_day date{sys_days{days{us / kMicrosPerDay}}};
    const auto second = static_cast<std::uint32_t>(us % kMicrosPerDay / kMicrosPerSecond);
    put_digits(text, static_cast<std::uint32_t>(static_cast<int>(date.year())), 4);
    put_digits(text + 5, static_cast<unsigned>(date.month()), 2);
    put_digits(text + 8, static_cast<unsigned>(date.day()), 2);
    put_digits(text + 11, second / 3600, 2);
    put_digits(text + 14, second / 60 % 60, 2);
    put_digits(text + 17, second % 60, 2);
    last.number = number;
  }
  put_digits(text + 20, static_cast<std::uint32_t>(us % kMicrosPerSecond), 6);
  out.append(text, last.text.size());
}

std::string instant_text(Instant at) {
  std::string out;
  append_instant(out, at);
  return out;
}

std::optional<Instant> parse_instant(std::string_view text) {
  const std::int64_t year = take_digits(text, 4);
  if (year < 1970 || !take(text, "-")) return std::nullopt;
  const std::int64_t month = take_digits(text, 2);
  if (month < 0 || !take(text, "-")) return std::nullopt;
  const std::int64_t day = take_digits(text, 2);
  if (day < 0 || !(take(text, "T") || take(text, "t"))) return std::nullopt;
  const std::int64_t hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ":")) return std::nullopt;
  const std::int64_t minute = take_digits(text, 2);
  if (minute < 0 || minute > 59 || !take(text, ":")) return std::nullopt;
  const std::int64_t second = take_digits(text, 2);
  if (second < 0 || second > 59) return std::nullopt;
  std::int64_t fraction = 0;
  if (take(text, ".")) fraction = take_fraction(text);
  if (fraction < 0 || !(text == "Z" || text == "z" || text == "+00:00")) return std::nullopt;

  const year_month_day date{std::chrono::year{static_cast<int>(year)}, std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  const std::int64_t day_number = sys_days{date}.time_since_epoch().count();
  const std::int64_t seconds = day_number * 86'400 + hour * 3600 + minute * 60 + second;
  return instant_of(seconds * kMicrosPerSecond + fraction);
}

}  // namespace settle::wire
