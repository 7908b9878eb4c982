#pragma once

#include <cstddef>

#include "options.h"

namespace settle::bench {

/// Log bytes per saga, both records together.
inline constexpr std::size_t kLogBytesPerSaga = 640;

/// The floor's coordinator: a process of its own, as settled is. Serves until SIGTERM; returns the exit code.
int run_floor_coordinator(const Options& options);

}  // namespace settle::bench
