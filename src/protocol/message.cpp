#include "protocol/message.h"

#include <algorithm>

#include "base/planted.h"

namespace settle::protocol::message {
namespace {

/// Targets in turn: with `ordered` only the first that is not done counts, also if it is parked.
template <typename Visit>
void for_each_deliverable(const Plan& plan, const State& state, Visit&& visit) {
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    const OpState& op = state.branches[i].forward;
    if (op.status == OpStatus::kDone) continue;
    if (op.is_open() && !op.in_flight()) visit(static_cast<std::int32_t>(i), op);
    if (plan.order == Order::kList && !planted(Bug::kOrderedMessageOvertakes)) return;
  }
}

}  // namespace

bool all_delivered(const State& state) {
  return std::all_of(state.branches.begin(), state.branches.end(), [](const BranchState& branch) {
    if (planted(Bug::kParkedCountsAsDelivered) && branch.forward.status == OpStatus::kRefused) return true;
    return branch.forward.status == OpStatus::kDone;
  });
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  if (state.phase == Phase::kPrepared) {
    if (!state.check.in_flight() && state.check.due <= now) out.push_back({-1, Op::kCheck});
  } else if (state.phase == Phase::kDelivering) {
    if (state.deliver_at > now) return;
    for_each_deliverable(plan, state, [&](std::int32_t index, const OpState& op) {
      if (op.due <= now) out.push_back({index, Op::kDeliver});
    });
  }
}

Instant next_due(const Plan& plan, const State& state) {
  Instant due = kNever;
  if (state.phase == Phase::kPrepared) {
    if (!state.check.in_flight()) due = state.check.due;
    if (!state.deadline_seen) due = std::min(due, state.deadline_at);
  } else if (state.phase == Phase::kDelivering) {
    for_each_deliverable(plan, state, [&](std::int32_t, const OpState& op) { due = std::min(due, op.due); });
    if (due != kNever) due = std::max(due, state.deliver_at);
  }
  return due;
}

}  // namespace settle::protocol::message
