#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "settle/result.h"

namespace settle::cli {

/// One `--name`. Without a value it is a switch.
struct Option {
  std::string_view name;   ///< with its dashes
  std::string_view value;  ///< what the help calls the value; empty: a switch
  std::string_view help;
};

/// A command line, taken apart.
class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return options_.contains(name); }
  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

  /// Takes one option from args[at] (and its value, maybe from args[at+1]); returns the index behind it.
  /// Errors: kInvalid: not among `known`, no value, a value for a switch, given twice.
  Result<std::size_t> take_option(std::span<const std::string> args, std::size_t at, std::span<const Option> known);
  void take_word(std::string word) { words_.push_back(std::move(word)); }

 private:
  std::map<std::string, std::string, std::less<>> options_;
  std::vector<std::string> words_;
};

/// True for `--x` and `-x`, false for a word and for `-`, which stands for standard input.
bool is_option(std::string_view word);

/// A non-negative whole number of milliseconds, at most a day. Errors: kInvalid, naming the option.
Result<std::int64_t> parse_ms(std::string_view option, std::string_view text);

}  // namespace settle::cli
