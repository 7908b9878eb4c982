#pragma once

#include <cstdint>
#include <string>

#include "load.h"
#include "options.h"

namespace settle::bench {

/// A saga of two branches in list order, each with its compensation; the client waits for the end.
Job saga_job(const std::string& run, std::uint16_t participant_port);

int p1(const Options& options);

}  // namespace settle::bench
