#include "protocol/saga.h"

#include <algorithm>

#include "base/planted.h"

namespace settle::protocol::saga {
namespace {

bool has_turned_back_fully(const BranchPlan& plan, const BranchState& branch) {
  if (branch.forward.in_flight()) return false;
  if (planted(Bug::kRefusalEndsDoubt) && branch.forward.status == OpStatus::kRefused) return true;
  if (planted(Bug::kUnknownNotCompensated) && branch.forward.status != OpStatus::kDone) return true;
  if (!branch.forward.may_have_run()) return true;
  return plan.back.empty() || branch.back.status == OpStatus::kDone;
}

bool predecessors_done(const Plan& plan, const State& state, std::size_t index) {
  switch (plan.order) {
    case Order::kConcurrent:
      return true;
    case Order::kList:
      return index == 0 || state.branches[index - 1].forward.status == OpStatus::kDone;
    case Order::kGraph:
      break;
  }
  const auto& after = plan.branches[index].after;
  return std::all_of(after.begin(), after.end(),
                     [&](std::uint16_t before) { return state.branches[before].forward.status == OpStatus::kDone; });
}

bool may_call(const OpState& op, Instant now) { return op.is_open() && !op.in_flight() && op.due <= now; }

/// Calls `visit` for each step that could be compensated now as far as the order allows: it may have run, and
/// everything that came after it and may have run is undone. Walks from the last to the first.
template <typename Visit>
void for_each_undoable(const Plan& plan, const State& state, Visit&& visit) {
  const std::size_t count = plan.branches.size();
  const bool unordered = plan.order == Order::kConcurrent || planted(Bug::kCompensateInAnyOrder);
  // clear[i]: step i and everything behind it is undone.
  std::vector<bool> clear(plan.order == Order::kGraph ? count : 0, true);
  bool later_clear = true;  // list order
  for (std::size_t at = count; at-- > 0;) {
    const std::uint16_t index = plan.topological[at];
    bool behind = later_clear;
    if (plan.order == Order::kGraph) {
      const auto& successors = plan.successors[index];
      behind = std::all_of(successors.begin(), successors.end(), [&](std::uint16_t next) { return clear[next]; });
    }
    const bool undone = has_turned_back_fully(plan.branches[index], state.branches[index]);
    if (!undone && (behind || unordered)) visit(index);
    if (plan.order == Order::kGraph) clear[index] = behind && undone;
    later_clear = later_clear && undone;
    if (plan.order == Order::kList && !later_clear && !unordered) return;
  }
}

/// R7: the action's last attempt must have ended for good before its compensation is sent.
Instant compensable_at(const OpState& forward) {
  return planted(Bug::kCompensateTooEarly) ? kNoInstant : forward.quiet_at;
}

}  // namespace

bool all_done(const State& state) {
  return std::all_of(state.branches.begin(), state.branches.end(),
                     [](const BranchState& branch) { return branch.forward.status == OpStatus::kDone; });
}

bool all_undone(const Plan& plan, const State& state) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (!has_turned_back_fully(plan.branches[i], state.branches[i])) return false;
  }
  return true;
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  if (state.phase == Phase::kActing) {
    for (std::size_t i = 0; i < plan.branches.size(); ++i) {
      if (may_call(state.branches[i].forward, now) && predecessors_done(plan, state, i)) {
        out.push_back({static_cast<std::int32_t>(i), Op::kAction});
      }
    }
  } else if (state.phase == Phase::kCompensating) {
    for_each_undoable(plan, state, [&](std::uint16_t index) {
      const BranchState& branch = state.branches[index];
      if (branch.forward.in_flight() || compensable_at(branch.forward) > now) return;
      if (may_call(branch.back, now)) out.push_back({index, Op::kCompensate});
    });
  }
}

Instant next_due(const Plan& plan, const State& state) {
  Instant due = kNever;
  if (state.phase == Phase::kActing) {
    due = planted(Bug::kDeadlineIgnored) ? kNever : state.deadline_at;
    for (std::size_t i = 0; i < plan.branches.size(); ++i) {
      const OpState& forward = state.branches[i].forward;
      if (forward.is_open() && !forward.in_flight() && predecessors_done(plan, state, i))
        due = std::min(due, forward.due);
    }
  } else if (state.phase == Phase::kCompensating) {
    for_each_undoable(plan, state, [&](std::uint16_t index) {
      const BranchState& branch = state.branches[index];
      if (branch.forward.in_flight() || branch.back.in_flight()) return;
      due = std::min(due, std::max(compensable_at(branch.forward), branch.back.due));
    });
  }
  return due;
}

}  // namespace settle::protocol::saga
