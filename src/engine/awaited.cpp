#include "engine/awaited.h"

#include <algorithm>

namespace settle::engine {
namespace {

/// What the tables would call if time did not matter, and nobody had stopped it.
std::vector<protocol::OpRef> callable(const Plan& plan, const State& state) {
  std::vector<protocol::OpRef> ops;
  if (!state.stopped) {
    protocol::ready(plan, state, kNever, ops);
    return ops;
  }
  State going = state;
  going.stopped = false;
  protocol::ready(plan, going, kNever, ops);
  return ops;
}

}  // namespace

std::vector<Awaited> awaited(const Plan& plan, const State& state) {
  std::vector<Awaited> out;
  if (state.has_ended()) return out;
  for_each_in_flight(plan, state, [&](protocol::OpRef ref, const OpState& op) {
    out.push_back({ref.branch, ref.op, &op, kNoInstant});
  });
  for (const protocol::OpRef ref : callable(plan, state)) {
    const Instant due = state.stopped ? kNever : protocol::due_of(plan, state, ref);
    out.push_back({ref.branch, ref.op, &protocol::op_state(state, ref), due});
  }
  std::vector<protocol::OpRef> parked;
  protocol::parked(plan, state, parked);
  for (const protocol::OpRef ref : parked) {
    out.push_back({ref.branch, ref.op, &protocol::op_state(state, ref), kNever});
  }
  const bool turns_back = state.decision == Decision::kAbort && state.phase != Phase::kFollowing;
  std::sort(out.begin(), out.end(), [turns_back](const Awaited& a, const Awaited& b) {
    if (a.branch != b.branch) return (a.branch < b.branch) != turns_back;
    return a.op < b.op;
  });
  return out;
}

}  // namespace settle::engine
