#pragma once

#include <string>
#include <vector>

namespace settle::sim {

/// Plays scripts against one worker and compares what comes out with what the file records; with `rewrites` the files
/// are written anew. `paths`: files, or folders whose *.txt are meant. Returns the exit status.
///
/// A file holds comments (#), the lines of the script, and indented below each what came out. A comment
/// `# mutant NAME` names a bug of `settle-sim --list-mutants` that the script is there to find: played with it, the
/// script must come out differently.
int run_scenarios(const std::vector<std::string>& paths, bool rewrites);

}  // namespace settle::sim
