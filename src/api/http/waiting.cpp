#include "api/http/waiting.h"

#include <algorithm>

namespace settle::api {
namespace {

Awaited awaited(std::int32_t branch, Op op, const OpState& state, Instant not_before) {
  return {branch, op, &state, state.in_flight() ? kNoInstant : std::max(state.due, not_before)};
}

bool predecessors_done(const Plan& plan, const State& state, std::size_t index) {
  const auto done = [&state](std::size_t i) { return state.branches[i].forward.status == OpStatus::kDone; };
  if (plan.order == Order::kConcurrent) return true;
  if (plan.order == Order::kList) return index == 0 || done(index - 1);
  const auto& after = plan.branches[index].after;
  return std::all_of(after.begin(), after.end(), done);
}

void acting(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const OpState& forward = state.branches[i].forward;
    if (forward.is_open() && predecessors_done(plan, state, i)) {
      out.push_back(awaited(static_cast<std::int32_t>(i), Op::kAction, forward, kNoInstant));
    }
  }
}

bool is_undone(const BranchPlan& plan, const BranchState& branch) {
  if (branch.forward.in_flight()) return false;
  return !branch.forward.may_have_run() || plan.back.empty() || branch.back.status == OpStatus::kDone;
}

/// Last first: a step is undone after everything behind it.
void compensating(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  std::vector<bool> clear(plan.branches.size(), false);
  bool later_clear = true;
  for (std::size_t at = plan.topological.size(); at-- > 0;) {
    const std::uint16_t index = plan.topological[at];
    const BranchState& branch = state.branches[index];
    bool behind = plan.order == Order::kConcurrent || later_clear;
    if (plan.order == Order::kGraph) {
      const auto& next = plan.successors[index];
      behind = std::all_of(next.begin(), next.end(), [&clear](std::uint16_t i) { return clear[i]; });
    }
    const bool undone = is_undone(plan.branches[index], branch);
    if (branch.forward.in_flight()) {
      out.push_back(awaited(index, Op::kAction, branch.forward, kNoInstant));
    } else if (!undone && behind) {
      // The action's last attempt must have run out before it is undone (R7).
      out.push_back(awaited(index, Op::kCompensate, branch.back, branch.forward.quiet_at));
    }
    clear[index] = behind && undone;
    later_clear = later_clear && undone;
  }
}

void delivering(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const OpState& forward = state.branches[i].forward;
    if (forward.status == OpStatus::kDone) continue;
    // A target that refused rests until somebody retries: it is due at no time.
    const Instant not_before = forward.is_open() ? state.deliver_at : kNever;
    out.push_back(awaited(static_cast<std::int32_t>(i), Op::kDeliver, forward, not_before));
    if (plan.order == Order::kList) return;
  }
}

}  // namespace

std::vector<Awaited> waiting_for(const Plan& plan, const State& state) {
  std::vector<Awaited> out;
  switch (state.phase) {
    case Phase::kActing:
      acting(plan, state, out);
      break;
    case Phase::kCompensating:
      compensating(plan, state, out);
      break;
    case Phase::kPrepared:
      out.push_back(awaited(-1, Op::kCheck, state.check, kNoInstant));
      break;
    case Phase::kDelivering:
      delivering(plan, state, out);
      break;
    case Phase::kNew:
    case Phase::kEnded:
      break;
  }
  return out;
}

}  // namespace settle::api
