#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace settle::cli {

/// For reading what the daemon said. Nothing read with it is ever sent or printed as JSON again: it rewrites numbers.
using Json = nlohmann::json;

/// Discarded (`is_discarded()`) if `text` is no JSON.
Json parse_json(std::string_view text);

/// The member `key` as text: strings as they are, numbers and booleans spelled out, "" if absent or anything else.
std::string text_at(const Json& object, std::string_view key);

/// The member `key` if it is a whole number.
std::optional<std::int64_t> number_at(const Json& object, std::string_view key);

/// The member `key` if it is an array or an object; an empty value otherwise.
const Json& part_at(const Json& object, std::string_view key);

}  // namespace settle::cli
