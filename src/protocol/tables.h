#pragma once

#include "protocol/step.h"

namespace settle::protocol {

/// Index of the row that applies, or -1. Marks the row as taken.
int find_edge(const Plan& plan, const State& state, const Occurrence& what);

/// Durability of a row, as the table says unless the simulator has planted another.
Durability durability_of(Pattern pattern, int index);

}  // namespace settle::protocol
