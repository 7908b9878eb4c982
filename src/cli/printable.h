#pragma once

#include <string>
#include <string_view>

namespace settle::cli {

/// `text` as it may go to a terminal: control bytes and what is no UTF-8 become \xNN. Reasons and results come from
/// participants, and a terminal obeys escape sequences.
std::string printable(std::string_view text);

/// Columns that `text` takes, counting each code point as one.
std::size_t columns(std::string_view text);

}  // namespace settle::cli
