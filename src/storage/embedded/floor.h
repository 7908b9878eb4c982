#pragma once

#include <cstdint>
#include <string>

#include "settle/result.h"

namespace settle {

// A small file beside the library's own says how far the store had come at its last start or stop. A later start that
// finds less has lost something, whatever the reason: a manifest whose last entry looks torn, a table file list from an
// old copy, a log that was removed. The library alone would not notice all of these.
struct Floor {
  std::uint64_t sequence = 0;  ///< of the last write that was there
  std::uint64_t log = 0;       ///< number of the log in use; it or a later one must exist. 0: closed, none is needed
};

/// All 0 if there is none, or if it cannot be believed: then it proves nothing.
Floor read_floor(const std::string& directory);

/// Replaces the file as a whole and syncs it, its name, and with it the names of all other files in the directory.
Result<void> write_floor(const std::string& directory, const Floor& floor);

}  // namespace settle
