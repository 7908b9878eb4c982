#pragma once

#include <functional>
#include <string>

#include "child.h"
#include "figures.h"
#include "load.h"
#include "meter.h"
#include "options.h"
#include "participant.h"
#include "settle/result.h"

namespace settle::bench {

/// What a coordinator says of itself, since its start.
struct OwnCounts {
  double syncs = -1;
  double saves = -1;
  double forced = -1;
  double groups = -1;
  double commit_seconds = -1;  ///< of all groups
};

/// A coordinator that runs: settled, or the floor's.
struct Coordinated {
  std::uint16_t port = 0;
  const Meter* meter = nullptr;
  std::function<Result<OwnCounts>()> own_counts;  ///< empty: it counts nothing
};

/// A prefix of gids that no other run has.
std::string fresh_run();

/// Warms up, measures, ends the load. The participant is stopped by the caller, when the coordinator has ended: see
/// settle_effects().
struct Measured {
  Figures figures;
  std::vector<bool> committed;
};
Result<Measured> measure(const std::string& question, const Options& options, const Coordinated& coordinated,
                         std::vector<Job> jobs, std::uint32_t clients);

/// Stops the participant and adds what it has seen to the figures: a missing, doubled or strange effect is an error.
void settle_effects(Measured& measured, Participant& participant, std::uint32_t effects_each);

}  // namespace settle::bench
