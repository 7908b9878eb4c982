#pragma once

#include <string_view>

#include "cli/command.h"

namespace settle::cli {

/// What an operator's order about a transaction takes besides its gid.
inline constexpr Option kOrderOptions[] = {
    {"--reason", "TEXT", "why; it is kept in the audit (required)"},
};

/// Sends the order `verb` about the transaction GID with its reason, says `done` behind the gid, and shows what is true
/// now.
int give_order(Shell& shell, const Arguments& arguments, std::string_view verb, std::string_view done);

}  // namespace settle::cli
