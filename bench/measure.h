#pragma once

#include <functional>
#include <optional>
#include <string>

#include "child.h"
#include "figures.h"
#include "load.h"
#include "meter.h"
#include "options.h"
#include "participant.h"
#include "settle/result.h"

namespace settle::bench {

/// A coordinator that runs: settled, or the floor's.
struct Coordinated {
  std::uint16_t port = 0;
  const Meter* meter = nullptr;
  /// Syncs and record bytes by its own count; empty: it has none.
  std::function<Result<std::pair<double, double>>()> own_counts;
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
                         const Job& job, std::uint32_t clients);

/// Stops the participant and adds what it has seen to the figures: a missing, doubled or strange effect is an error.
void settle_effects(Measured& measured, Participant& participant, std::uint32_t branches);

}  // namespace settle::bench
