#pragma once

#include "measure.h"
#include "options.h"
#include "settle/result.h"

namespace settle::bench {

/// What the floor's messages weigh. These are settled's own, so that both move the same bytes; p1 prints what they are.
struct FloorBytes {
  std::uint32_t call = 330;
  std::uint32_t answer = 900;
};

/// One run with `syncs` (1 or 2) group syncs per saga.
Result<Figures> run_floor(const Options& options, std::uint32_t syncs, FloorBytes bytes);

int floor(const Options& options);

}  // namespace settle::bench
