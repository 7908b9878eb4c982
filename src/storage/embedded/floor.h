#pragma once

#include <cstdint>
#include <string>

#include "settle/result.h"

namespace settle {

// A small file beside the library's own says how far the store had come at its last start or stop, as a sequence
// number. A later start that recovers less has lost something, whatever the reason: a manifest whose last entry looks
// torn, a table file list from an old copy, a log that was removed. The library alone would not notice all of these.

/// 0 if there is none, or if it cannot be believed: then it proves nothing.
std::uint64_t read_floor(const std::string& directory);

/// Replaces the file as a whole, synced.
Result<void> write_floor(const std::string& directory, std::uint64_t sequence);

}  // namespace settle
