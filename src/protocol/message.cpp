#include "protocol/message.h"

#include <algorithm>

#include "base/planted.h"
#include "protocol/undo.h"

namespace settle::protocol::message {
namespace {

/// The message goes on without this target.
bool is_left(const BranchPlan& plan, const OpState& op) {
  return (op.status == OpStatus::kRefused && plan.on_refused == Policy::kDegrade) || op.status == OpStatus::kGivenUp;
}

/// Targets in turn that are neither done nor under way: with `ordered` only the first that is not done counts, also if
/// it is parked.
template <typename Visit>
void for_each_deliverable(const Plan& plan, const State& state, Visit&& visit) {
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const OpState& op = state.branches[i].forward;
    if (op.status == OpStatus::kDone || is_left(plan.branches[i], op)) continue;
    if (!op.in_flight()) visit(static_cast<std::int32_t>(i), op);
    if (plan.order == Order::kList && !planted(Bug::kOrderedMessageOvertakes)) return;
  }
}

}  // namespace

Guard failure_of(const Plan& plan, std::int32_t branch, Event on) {
  const BranchPlan& target = plan.branches[static_cast<std::size_t>(branch)];
  switch (on == Event::kDeliverRefused ? target.on_refused : target.on_exhausted) {
    case Policy::kPark:
      return Guard::kIfParks;
    case Policy::kCompensate:
      return Guard::kIfTurnsBack;
    case Policy::kDegrade:
      return Guard::kIfDegrades;
  }
  return Guard::kIfParks;
}

bool all_delivered(const Plan& plan, const State& state) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const OpState& op = state.branches[i].forward;
    if (planted(Bug::kParkedCountsAsDelivered) && op.status == OpStatus::kRefused) continue;
    if (op.status != OpStatus::kDone && !is_left(plan.branches[i], op)) return false;
  }
  return true;
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  if (state.phase == Phase::kPrepared) {
    if (!state.check.in_flight() && state.check.due <= now) out.push_back({-1, Op::kCheck});
  } else if (state.phase == Phase::kDelivering) {
    if (state.deliver_at > now) return;
    for_each_deliverable(plan, state, [&](std::int32_t index, const OpState& op) {
      if (op.may_be_called(now)) out.push_back({index, Op::kDeliver});
    });
  } else if (state.phase == Phase::kCompensating) {
    undo::ready(plan, state, Order::kList, now, out);  // last first
  }
}

void parked(const Plan& plan, const State& state, std::vector<OpRef>& out) {
  if (state.phase != Phase::kDelivering) return;
  for_each_deliverable(plan, state, [&](std::int32_t index, const OpState& op) {
    if (!op.is_open()) out.push_back({index, Op::kDeliver});
  });
}

Instant next_due(const Plan& plan, const State& state) {
  Instant due = kNever;
  if (state.phase == Phase::kPrepared) {
    if (!state.check.in_flight()) due = state.check.due;
    if (!state.deadline_seen) due = std::min(due, state.deadline_at);
  } else if (state.phase == Phase::kDelivering) {
    for_each_deliverable(plan, state, [&](std::int32_t, const OpState& op) {
      if (op.is_open()) due = std::min(due, op.due);
    });
    if (due != kNever) due = std::max(due, state.deliver_at);
  } else if (state.phase == Phase::kCompensating) {
    due = undo::next_due(plan, state, Order::kList);
  }
  return due;
}

}  // namespace settle::protocol::message
