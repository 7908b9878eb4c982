#include "protocol/saga.h"

#include <algorithm>

#include "base/planted.h"
#include "protocol/undo.h"

namespace settle::protocol::saga {
namespace {

/// The saga does without this step, and asks it no more.
bool is_left(const BranchPlan& plan, const BranchState& branch) {
  return plan.optional && (branch.forward.status == OpStatus::kRefused || branch.forward.status == OpStatus::kGivenUp);
}

bool is_behind(const Plan& plan, const State& state, std::size_t index) {
  return state.branches[index].forward.status == OpStatus::kDone ||
         is_left(plan.branches[index], state.branches[index]);
}

bool predecessors_behind(const Plan& plan, const State& state, std::size_t index) {
  switch (plan.order) {
    case Order::kConcurrent:
      return true;
    case Order::kList:
      return index == 0 || is_behind(plan, state, index - 1);
    case Order::kGraph:
      break;
  }
  const auto& after = plan.branches[index].after;
  return std::all_of(after.begin(), after.end(), [&](std::uint16_t before) { return is_behind(plan, state, before); });
}

/// R2: the pivot is called only after its release.
bool may_go(const Plan& plan, const State& state, std::size_t index) {
  if (plan.branches[index].pivot && !state.pivot_released && !planted(Bug::kPivotUnreleased)) return false;
  return predecessors_behind(plan, state, index);
}

/// A step that is left and may have run is undone while the saga goes on.
bool needs_undo(const BranchPlan& plan, const BranchState& branch) {
  return is_left(plan, branch) && !undo::is_undone(plan, branch);
}

}  // namespace

Guard failure_of(const Plan& plan, const State& state, const Occurrence& what) {
  const auto index = static_cast<std::size_t>(what.branch);
  const BranchPlan& step = plan.branches[index];
  if (step.optional) return Guard::kIfOptional;
  if (plan.forward_recovery) return Guard::kIfNoReturn;
  if (!state.pivot_released || planted(Bug::kTurnsBackPastPivot)) return Guard::kIfImportant;
  if (!step.pivot) return Guard::kIfNoReturn;
  // Only its refusal turns back, and behind an unknown attempt only if a compensation can forbid that one.
  const OpState& forward = state.branches[index].forward;
  const bool doubtful = forward.doubtful || (is_hearsay(what) && forward.in_flight());
  const bool turns = what.on == Event::kForwardRefused && (!doubtful || !step.back.empty());
  return turns ? Guard::kIfImportant : Guard::kIfNoReturn;
}

bool is_returnable(const Plan& plan, const State& state) {
  return !plan.forward_recovery && (!state.pivot_released || planted(Bug::kTurnsBackPastPivot));
}

bool all_done(const Plan& plan, const State& state) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const BranchState& branch = state.branches[i];
    if (!plan.is_main(i) || branch.forward.status == OpStatus::kDone) continue;
    if (!is_left(plan.branches[i], branch)) return false;
    if (!undo::is_undone(plan.branches[i], branch) && !planted(Bug::kLeftStepNotUndone)) return false;
  }
  return true;
}

bool is_pivot_due(const Plan& plan, const State& state) {
  if (plan.pivot == kNoBranch || state.pivot_released || planted(Bug::kPivotUnreleased)) return false;
  return predecessors_behind(plan, state, static_cast<std::size_t>(plan.pivot));
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  if (state.phase == Phase::kCompensating) {
    undo::ready(plan, state, plan.order, now, out);
    return;
  }
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const BranchState& branch = state.branches[i];
    const auto index = static_cast<std::int32_t>(i);
    if (branch.forward.may_be_called(now) && may_go(plan, state, i)) out.push_back({index, Op::kAction});
    if (needs_undo(plan.branches[i], branch) && undo::due_after(branch.forward) <= now &&
        branch.back.may_be_called(now))
      out.push_back({index, Op::kCompensate});
  }
}

Instant next_due(const Plan& plan, const State& state) {
  if (state.phase == Phase::kCompensating) return undo::next_due(plan, state, plan.order);
  Instant due = planted(Bug::kDeadlineIgnored) || !is_returnable(plan, state) ? kNever : state.deadline_at;
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const BranchState& branch = state.branches[i];
    if (branch.forward.is_open() && !branch.forward.in_flight() && may_go(plan, state, i))
      due = std::min(due, branch.forward.due);
    if (needs_undo(plan.branches[i], branch) && !branch.back.in_flight())
      due = std::min(due, std::max(undo::due_after(branch.forward), branch.back.due));
  }
  return due;
}

}  // namespace settle::protocol::saga
