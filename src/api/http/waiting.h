#pragma once

#include <cstdint>
#include <vector>

#include "model/plan.h"
#include "model/state.h"

namespace settle::api {

/// One op that an open transaction waits for: it is under way, or will be called when it is due.
struct Awaited {
  std::int32_t branch = -1;  ///< -1: the check-back
  Op op = Op::kAction;
  const OpState* state = nullptr;
  Instant due = kNoInstant;  ///< of the next attempt; kNoInstant: one is under way
};

/// What the transaction waits for now, in the order of its branches (a saga that turns back: last first). The order of
/// a pattern shows here once more, as words for people; the table that decides is src/protocol.
std::vector<Awaited> waiting_for(const Plan& plan, const State& state);

}  // namespace settle::api
