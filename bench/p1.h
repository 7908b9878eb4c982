#pragma once

#include <cstdint>
#include <string>

#include "load.h"
#include "options.h"

namespace settle::bench {

struct SagaShape {
  std::uint32_t branches = 2;
  bool waits = true;  ///< the client, for the end
};

/// A saga in list order, each branch with its compensation.
Job saga_job(const std::string& run, std::uint16_t participant_port, SagaShape shape = {});

int p1(const Options& options);

}  // namespace settle::bench
