#include "participant/http/answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "wire/json_reader.h"

namespace settle::participant {
namespace {

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `text` is a fixed number of digits.
std::optional<int> number(std::string_view text) {
  int value = 0;
  if (!all_digits(text)) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// "Sun, 06 Nov 1994 08:49:37 GMT"; the name of the day is not compared.
std::optional<Instant> parse_date(std::string_view text) {
  constexpr std::string_view kForm = "ddd, nn mmm nnnn nn:nn:nn GMT";
  if (text.size() != kForm.size() || !text.ends_with(" GMT")) return std::nullopt;
  for (std::size_t i = 3; i < kForm.size(); ++i) {
    if ((kForm[i] == ' ' || kForm[i] == ',' || kForm[i] == ':') && text[i] != kForm[i]) return std::nullopt;
  }
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  const auto day = number(text.substr(5, 2));
  const auto year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(month - kMonths.begin()) + 1},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const auto since_1970 = std::chrono::sys_days{date}.time_since_epoch() + std::chrono::hours{*hour} +
                          std::chrono::minutes{*minute} + std::chrono::seconds{*second};
  return Instant{std::chrono::duration_cast<Duration>(since_1970)};
}

}  // namespace

std::optional<CheckState> parse_check_state(std::string_view body) {
  skip_blanks(body);
  if (!take(body, "{")) return std::nullopt;
  skip_blanks(body);
  if (!take(body, "\"state\"")) return std::nullopt;
  skip_blanks(body);
  if (!take(body, ":")) return std::nullopt;
  skip_blanks(body);
  std::optional<CheckState> state;
  if (take(body, "\"committed\"")) state = CheckState::kCommitted;
  if (!state && take(body, "\"aborted\"")) state = CheckState::kAborted;
  if (!state && take(body, "\"running\"")) state = CheckState::kUndecided;
  skip_blanks(body);
  if (!take(body, "}")) return std::nullopt;
  skip_blanks(body);
  return body.empty() ? state : std::nullopt;
}

bool is_read_only_vote(std::string_view body) {
  wire::JsonReader reader;
  reader.open(body);
  if (reader.peek() != wire::JsonType::kObject || !reader.enter_object()) return false;
  bool read_only = false;
  std::string_view name;
  while (reader.next_member(name)) {
    const bool is_vote = name == "vote" && reader.peek() == wire::JsonType::kString;
    if (is_vote) {
      read_only = reader.string() == "read-only";
    } else {
      (void)reader.raw();
    }
  }
  return reader.finish() && read_only;
}

Duration parse_retry_after(std::string_view value, Instant now) {
  if (all_digits(value)) {
    std::int64_t seconds = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (problem != std::errc{}) return kRetryAfterMax;
    constexpr std::int64_t kSecondsMax = std::chrono::duration_cast<std::chrono::seconds>(kRetryAfterMax).count();
    return std::chrono::seconds{std::min(seconds, kSecondsMax)};
  }
  const auto date = parse_date(value);
  if (!date || *date <= now) return Duration{0};
  return std::min(*date - now, kRetryAfterMax);
}

}  // namespace settle::participant
