#pragma once

#include <string>
#include <string_view>

#include "resource/barrier/call.h"

namespace settle::barrier {

// The parts of the barrier's one statement that are alike in every database: an INSERT that, where the row is there
// already, becomes an UPDATE of it. All of them are made from the order table.

/// How the database calls what the statement works with.
struct Names {
  std::string_view row;    ///< before a column: the row that is there
  std::string_view fresh;  ///< the state that the INSERT would have given it
  std::string_view now;    ///< microseconds since 1970
};

/// The state that `call` gives to a new row.
std::string state_of_new_row(const Checked& call);

/// An expression: the state that `call` gives to the row that is there. One that holds "absent" is as good as none and
/// takes the fresh state. While an effect outside is under way, nothing changes.
std::string state_of_old_row(const Checked& call, const Names& names);

/// A condition: `call` changes the state of the row that is there.
std::string is_changed(const Checked& call, const Names& names);

/// `'…'` of a checked part, or NULL if it is empty.
std::string quoted(std::string_view part);

/// A condition: the row of `call`.
std::string is_row_of(const Checked& call);

}  // namespace settle::barrier
