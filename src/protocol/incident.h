#pragma once

#include "protocol/step.h"

namespace settle::protocol {

/// Opens, keeps or closes the transaction's incident after `what` has happened. It closes itself when its cause is
/// gone, but for a contradiction: two truths were told, and only a person closes that.
void refresh_incident(const Plan& plan, State& state, const Occurrence& what);

/// A target that was refused and rests until an operator asks for a retry.
bool is_parked(const Plan& plan, const State& state, std::size_t branch);

}  // namespace settle::protocol
