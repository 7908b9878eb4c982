#pragma once

#include <string>
#include <vector>

namespace settle::sim {

/// Plays scripts against one worker and compares what comes out with what the file records; with `rewrites` the files
/// are written anew. `paths`: files, or folders whose *.txt are meant. Returns the exit status.
///
/// A file holds comments (#), the lines of the script, and indented below each what came out.
int run_scenarios(const std::vector<std::string>& paths, bool rewrites);

}  // namespace settle::sim
