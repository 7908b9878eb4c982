#pragma once

#include "protocol/step.h"

namespace settle::protocol {

/// True if the row's guard holds for what happens now.
bool admits(const Edge& edge, const Plan& plan, const State& state, const Occurrence& what);

}  // namespace settle::protocol
