#include "api/http/waiting.h"

#include <algorithm>

#include "api/http/ops_of.h"

namespace settle::api {
namespace {

Awaited awaited(std::size_t branch, Op op, const OpState& state, Instant not_before) {
  return {static_cast<std::int32_t>(branch), op, &state,
          state.in_flight() ? kNoInstant : std::max(state.due, not_before)};
}

bool was_left(const OpState& forward) {
  return forward.status == OpStatus::kRefused || forward.status == OpStatus::kGivenUp;
}

/// The saga goes on behind this step: it is done, or the saga does without it.
bool is_behind(const Plan& plan, const State& state, std::size_t index) {
  const OpState& forward = state.branches[index].forward;
  return forward.status == OpStatus::kDone || (plan.branches[index].optional && was_left(forward));
}

bool may_go(const Plan& plan, const State& state, std::size_t index) {
  if (plan.branches[index].pivot && !state.pivot_released) return false;
  if (plan.order == Order::kConcurrent) return true;
  if (plan.order == Order::kList) return index == 0 || is_behind(plan, state, index - 1);
  const auto& after = plan.branches[index].after;
  return std::all_of(after.begin(), after.end(), [&](std::uint16_t before) { return is_behind(plan, state, before); });
}

bool is_undone(const BranchPlan& plan, const BranchState& branch) {
  const OpState& forward = branch.forward;
  if (forward.in_flight()) return false;
  if (!forward.may_have_run() || (forward.read_only && !forward.doubtful)) return true;
  return plan.back.empty() || branch.back.status == OpStatus::kDone;
}

void acting(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const BranchState& branch = state.branches[i];
    if (branch.forward.is_open() && may_go(plan, state, i)) {
      out.push_back(awaited(i, Op::kAction, branch.forward, kNoInstant));
    }
    const bool left = plan.branches[i].optional && was_left(branch.forward);
    if (left && !is_undone(plan.branches[i], branch)) {
      out.push_back(awaited(i, Op::kCompensate, branch.back, branch.forward.quiet_at));
    }
  }
}

/// Last first: a step is undone after everything behind it.
void undoing(const Plan& plan, const State& state, Order order, std::vector<Awaited>& out) {
  std::vector<bool> clear(plan.branches.size(), true);
  bool later_clear = true;
  for (std::size_t at = plan.topological.size(); at-- > 0;) {
    const std::uint16_t index = plan.topological[at];
    if (!plan.is_main(index)) continue;
    const BranchState& branch = state.branches[index];
    bool behind = order == Order::kConcurrent || later_clear;
    if (order == Order::kGraph) {
      const auto& next = plan.successors[index];
      behind = std::all_of(next.begin(), next.end(), [&clear](std::uint16_t i) { return clear[i]; });
    }
    const bool undone = is_undone(plan.branches[index], branch);
    if (branch.forward.in_flight()) {
      out.push_back(awaited(index, forward_op_of(plan.pattern, Role::kMain), branch.forward, kNoInstant));
    } else if (!undone && behind) {
      // The last attempt must have run out before it is undone (R7).
      out.push_back(awaited(index, undo_op_of(plan.pattern), branch.back, branch.forward.quiet_at));
    }
    clear[index] = behind && undone;
    later_clear = later_clear && undone;
  }
}

void delivering(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const OpState& forward = state.branches[i].forward;
    const bool refused_for_good =
        forward.status == OpStatus::kRefused && plan.branches[i].on_refused == Policy::kDegrade;
    if (forward.status == OpStatus::kDone || forward.status == OpStatus::kGivenUp || refused_for_good) continue;
    // A target that refused rests until somebody retries: it is due at no time.
    const Instant not_before = forward.is_open() ? state.deliver_at : kNever;
    out.push_back(awaited(i, Op::kDeliver, forward, not_before));
    if (plan.order == Order::kList) return;
  }
}

/// The first phase of tcc and two_phase. Nobody is asked where the client calls it; then it is the client that is
/// waited for, or the deadline.
void voting(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  if (plan.client_driven) return;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const OpState& forward = state.branches[i].forward;
    if (!plan.is_main(i) || !forward.is_open()) continue;
    out.push_back(awaited(i, forward_op_of(plan.pattern, Role::kMain), forward, kNoInstant));
  }
}

void confirming(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const BranchState& branch = state.branches[i];
    if (!plan.is_main(i) || branch.forward.read_only || !branch.back.is_open()) continue;
    out.push_back(awaited(i, back_op_of(plan.pattern, Role::kMain, Decision::kCommit), branch.back, kNoInstant));
  }
}

bool replaces_one(const Plan& plan, const State& state, std::size_t branch) {
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (plan.branches[i].degrade == static_cast<std::int32_t>(branch)) return was_left(state.branches[i].forward);
  }
  return false;
}

/// What hangs on the outcome that was reached.
void following(const Plan& plan, const State& state, std::vector<Awaited>& out) {
  const bool committed = state.outcome == GlobalOutcome::kCommitted;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const Role role = plan.branches[i].role;
    const bool undoes = role == Role::kOnAbort;
    if (role == Role::kMain || undoes == committed) continue;
    if (role == Role::kDegrade && !replaces_one(plan, state, i)) continue;
    const OpState& op = undoes ? state.branches[i].back : state.branches[i].forward;
    if (op.status == OpStatus::kDone) continue;
    out.push_back(awaited(i, undoes ? Op::kCompensate : Op::kDeliver, op, op.is_open() ? kNoInstant : kNever));
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
      undoing(plan, state, plan.pattern == Pattern::kMessage ? Order::kList : plan.order, out);
      break;
    case Phase::kCancelling:
    case Phase::kRollingBack:
      undoing(plan, state, Order::kConcurrent, out);
      break;
    case Phase::kPrepared:
      out.push_back({-1, Op::kCheck, &state.check, state.check.in_flight() ? kNoInstant : state.check.due});
      break;
    case Phase::kDelivering:
      delivering(plan, state, out);
      break;
    case Phase::kTrying:
    case Phase::kPreparing:
      voting(plan, state, out);
      break;
    case Phase::kConfirming:
    case Phase::kCommitting:
      confirming(plan, state, out);
      break;
    case Phase::kFollowing:
      following(plan, state, out);
      break;
    case Phase::kNew:
    case Phase::kEnded:
      break;
  }
  if (state.stopped) {  // what is under way ends; nothing else is called
    for (Awaited& one : out) {
      if (!one.state->in_flight()) one.due = kNever;
    }
  }
  return out;
}

}  // namespace settle::api
