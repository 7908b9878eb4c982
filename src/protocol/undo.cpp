#include "protocol/undo.h"

#include <algorithm>

#include "model/ops.h"

namespace settle::protocol::undo {

bool is_undone(const BranchPlan& plan, const BranchState& branch) {
  const OpState& forward = branch.forward;
  if (forward.in_flight()) return false;
  if (planted(Bug::kRefusalEndsDoubt) && forward.status == OpStatus::kRefused) return true;
  if (planted(Bug::kUnknownNotCompensated) && forward.status != OpStatus::kDone) return true;
  if (!forward.may_have_run()) return true;
  if (forward.read_only && !forward.doubtful) return true;  // it holds nothing
  return plan.back.empty() || branch.back.status == OpStatus::kDone;
}

bool all_undone(const Plan& plan, const State& state) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (plan.is_main(i) && !is_undone(plan.branches[i], state.branches[i])) return false;
  }
  return true;
}

void ready(const Plan& plan, const State& state, Order order, Instant now, std::vector<OpRef>& out) {
  for_each(plan, state, order, [&](std::uint16_t index) {
    const BranchState& branch = state.branches[index];
    if (branch.forward.in_flight() || due_after(branch.forward) > now) return;
    if (branch.back.may_be_called(now)) out.push_back({index, back_op(plan.pattern)});
  });
}

Instant next_due(const Plan& plan, const State& state, Order order) {
  Instant due = kNever;
  for_each(plan, state, order, [&](std::uint16_t index) {
    const BranchState& branch = state.branches[index];
    if (branch.forward.in_flight() || branch.back.in_flight()) return;
    due = std::min(due, std::max(due_after(branch.forward), branch.back.due));
  });
  return due;
}

}  // namespace settle::protocol::undo
