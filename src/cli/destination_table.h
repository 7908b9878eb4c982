#pragma once

#include "cli/json.h"
#include "cli/shell.h"

namespace settle::cli {

/// A table of what /v1/destinations has listed, and below it why some are paused.
void print_destinations(Shell& shell, const Json& destinations);

}  // namespace settle::cli
