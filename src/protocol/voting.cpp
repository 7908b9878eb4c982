#include "protocol/voting.h"

#include <algorithm>
#include <optional>

#include "base/planted.h"
#include "model/ops.h"
#include "protocol/undo.h"

namespace settle::protocol::voting {
namespace {

bool is_first(Phase phase) { return phase == Phase::kTrying || phase == Phase::kPreparing; }
bool is_forth(Phase phase) { return phase == Phase::kConfirming || phase == Phase::kCommitting; }

/// A voter that has only read hears no commit.
bool is_confirmed(const BranchState& branch) {
  return branch.back.status == OpStatus::kDone || branch.forward.read_only;
}

/// One by one: the branch whose turn it is.
std::optional<std::size_t> in_turn(const Plan& plan, const State& state) {
  const std::size_t count = state.branches.size();
  for (std::size_t at = 0; at < count; ++at) {
    const std::size_t i = plan.phase_two == PhaseTwo::kLastToFirst ? count - 1 - at : at;
    if (!plan.is_main(i)) continue;
    const BranchState& branch = state.branches[i];
    if (!(is_forth(state.phase) ? is_confirmed(branch) : undo::is_undone(plan.branches[i], branch))) return i;
  }
  return std::nullopt;
}

/// Phase two of this branch may be called as far as R7 says, and nothing of it is under way.
bool is_free(const State& state, const BranchState& branch, Instant now) {
  if (branch.forward.in_flight() || branch.back.in_flight()) return false;
  return is_forth(state.phase) || undo::due_after(branch.forward) <= now;
}

bool goes_one_by_one(const Plan& plan, const State& state) {
  return plan.phase_two != PhaseTwo::kAtOnce && !is_first(state.phase);
}

}  // namespace

bool all_agreed(const Plan& plan, const State& state) {
  if (plan.client_driven && !planted(Bug::kReportsDecide)) return false;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (!plan.is_main(i) || state.branches[i].forward.status == OpStatus::kDone) continue;
    if (!planted(Bug::kCommitWithoutAllVotes) || i + 1 < state.branches.size()) return false;
  }
  return true;
}

bool all_confirmed(const Plan& plan, const State& state) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (plan.is_main(i) && !is_confirmed(state.branches[i])) return false;
  }
  return true;
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  if (goes_one_by_one(plan, state)) {
    const std::optional<std::size_t> turn = in_turn(plan, state);
    if (!turn || !is_free(state, state.branches[*turn], now) || !state.branches[*turn].back.may_be_called(now)) return;
    const Op op = is_forth(state.phase) ? confirm_op(plan.pattern) : back_op(plan.pattern);
    out.push_back({static_cast<std::int32_t>(*turn), op});
    return;
  }
  if (!is_first(state.phase) && !is_forth(state.phase)) {
    undo::ready(plan, state, Order::kConcurrent, now, out);
    return;
  }
  if (is_first(state.phase) && plan.client_driven) return;
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const BranchState& branch = state.branches[i];
    const auto index = static_cast<std::int32_t>(i);
    if (is_first(state.phase)) {
      if (branch.forward.may_be_called(now)) out.push_back({index, forward_op(plan.pattern)});
    } else if (!is_confirmed(branch) && branch.back.may_be_called(now)) {
      out.push_back({index, confirm_op(plan.pattern)});
    }
  }
}

Instant next_due(const Plan& plan, const State& state) {
  if (goes_one_by_one(plan, state)) {
    const std::optional<std::size_t> turn = in_turn(plan, state);
    if (!turn || !is_free(state, state.branches[*turn], kNever)) return kNever;
    const BranchState& branch = state.branches[*turn];
    return is_forth(state.phase) ? branch.back.due : std::max(branch.back.due, undo::due_after(branch.forward));
  }
  if (!is_first(state.phase) && !is_forth(state.phase)) return undo::next_due(plan, state, Order::kConcurrent);
  Instant due = is_first(state.phase) && !planted(Bug::kDeadlineIgnored) ? state.deadline_at : kNever;
  if (is_first(state.phase) && plan.client_driven) return due;
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (!plan.is_main(i)) continue;
    const BranchState& branch = state.branches[i];
    const OpState& op = is_first(state.phase) ? branch.forward : branch.back;
    if (is_forth(state.phase) && is_confirmed(branch)) continue;
    if (op.is_open() && !op.in_flight()) due = std::min(due, op.due);
  }
  return due;
}

}  // namespace settle::protocol::voting
