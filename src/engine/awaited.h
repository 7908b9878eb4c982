#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "model/ops.h"
#include "model/plan.h"
#include "model/state.h"
#include "protocol/step.h"

namespace settle::engine {

/// Calls `visit(OpRef, op state)` for every op whose attempt is under way or queued. `StateOrConst` is State or
/// const State.
template <typename StateOrConst, typename Visit>
void for_each_in_flight(const Plan& plan, StateOrConst& state, Visit&& visit) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    auto& branch = state.branches[i];
    if (branch.forward.in_flight()) visit(protocol::OpRef{index, forward_op(plan, i)}, branch.forward);
    if (branch.back.in_flight()) visit(protocol::OpRef{index, back_op(plan, state, i)}, branch.back);
  }
  if (state.check.in_flight()) visit(protocol::OpRef{-1, Op::kCheck}, state.check);
}

/// One op that an open transaction waits for: it is under way, will be called when it is due, or rests until an
/// operator retries.
struct Awaited {
  std::int32_t branch = -1;  ///< -1: the check-back
  Op op = Op::kAction;
  const OpState* state = nullptr;  ///< into the state that was asked about
  Instant due = kNoInstant;        ///< of the next attempt; kNoInstant: one is under way; kNever: it rests
};

/// What the transaction waits for now, in the order of its branches; one that turns back: last first. Nothing, if it
/// waits for its client or has ended.
std::vector<Awaited> awaited(const Plan& plan, const State& state);

}  // namespace settle::engine
