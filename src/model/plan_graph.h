#pragma once

#include <cstddef>

#include "model/plan.h"

namespace settle {

/// Branches are named by 16 bits in records.
inline constexpr std::size_t kBranchesMax = 65'535;

/// Fills what a plan derives: the order in which predecessors come first (Kahn 1962), successors, the pivot. False: a
/// cycle, or an index out of range.
bool derive_graph(Plan& plan);

}  // namespace settle
