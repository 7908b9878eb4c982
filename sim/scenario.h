#pragma once

#include <string>
#include <vector>

namespace settle::sim {

/// Plays scripts against one worker and compares what comes out with what the file records; with `rewrites` the files
/// are written anew. Returns the exit status.
int run_scenarios(const std::vector<std::string>& paths, bool rewrites);

}  // namespace settle::sim
