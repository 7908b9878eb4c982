#pragma once

#include <string>

namespace settle::kill {

/// How long after a kill until the daemon serves again, with `open` open transactions: prints it, and looks whether all
/// of them are there and go on. Gives an exit code.
int measure_restart(const std::string& folder, unsigned open);

}  // namespace settle::kill
