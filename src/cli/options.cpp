#include "cli/options.h"

#include <algorithm>
#include <charconv>

namespace settle::cli {

std::optional<std::string> Arguments::get(std::string_view name) const {
  const auto found = options_.find(name);
  if (found == options_.end()) return std::nullopt;
  return found->second;
}

Result<std::size_t> Arguments::take_option(std::span<const std::string> args, std::size_t at,
                                           std::span<const Option> known) {
  const std::string_view word = args[at];
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const auto option = std::ranges::find(known, name, &Option::name);
  if (option == known.end()) return Error{ErrorCode::kInvalid, "there is no option " + std::string(name)};
  if (has(name)) return Error{ErrorCode::kInvalid, std::string(name) + " is given twice"};

  if (option->value.empty()) {
    if (equals != std::string_view::npos) {
      return Error{ErrorCode::kInvalid, std::string(name) + " takes no value"};
    }
    options_.emplace(name, "");
    return at + 1;
  }
  if (equals != std::string_view::npos) {
    options_.emplace(name, word.substr(equals + 1));
    return at + 1;
  }
  if (at + 1 >= args.size()) {
    return Error{ErrorCode::kInvalid, std::string(name) + " needs a value: " + std::string(option->value)};
  }
  options_.emplace(name, args[at + 1]);
  return at + 2;
}

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

Result<std::int64_t> parse_ms(std::string_view option, std::string_view text) {
  constexpr std::int64_t kDayMs = 86'400'000;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > kDayMs) {
    return Error{ErrorCode::kInvalid,
                 std::string(option) + " takes milliseconds, 0 to 86400000, not '" + std::string(text) + "'"};
  }
  return value;
}

}  // namespace settle::cli
