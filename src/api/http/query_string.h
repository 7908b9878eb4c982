#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/problem.h"

namespace settle::api {

/// Percent-decodes; nothing for a broken escape or text that is not UTF-8. `+` stays what it is.
std::optional<std::string> percent_decoded(std::string_view text);

/// The query of a URL by name. Every parameter is taken at most once, and what nobody takes is refused: a misspelt
/// filter must not look like an empty one.
class QueryString {
 public:
  explicit QueryString(std::string_view query);

  std::optional<std::string> take(std::string_view name);
  /// A whole number in a range; absent: `out` stays.
  bool take_whole(std::string_view name, std::int64_t least, std::int64_t most, ErrorName over, std::int64_t& out);
  /// True or false, also as 1 and 0.
  bool take_flag(std::string_view name, std::optional<bool>& out);

  bool refuse(std::string_view name, const std::string& text, ErrorName error = ErrorName::kInvalid);
  /// True: nothing was refused and nothing is left over. `known` lists the names of this route, for the error.
  bool finish(std::string_view known);
  [[nodiscard]] bool ok() const { return !refused_; }
  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  struct Parameter {
    std::string name;
    std::string value;
    bool taken = false;
  };
  std::vector<Parameter> parameters_;
  bool refused_ = false;
  Refusal refusal_;
};

}  // namespace settle::api
