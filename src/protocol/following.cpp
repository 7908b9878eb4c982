#include "protocol/following.h"

#include <algorithm>

namespace settle::protocol::following {
namespace {

/// Somebody is replaced by this branch: the transaction did without it.
bool replaces_one(const Plan& plan, const State& state, std::size_t branch) {
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (plan.branches[i].degrade != static_cast<std::int32_t>(branch)) continue;
    const OpStatus status = state.branches[i].forward.status;
    return status == OpStatus::kRefused || status == OpStatus::kGivenUp;
  }
  return false;
}

/// Calls `visit` for each branch that follows the outcome and is not done.
template <typename Visit>
void for_each(const Plan& plan, const State& state, Visit&& visit) {
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (!follows(plan, state, i, state.outcome)) continue;
    const bool undoes = plan.branches[i].role == Role::kOnAbort;
    const OpState& op = undoes ? state.branches[i].back : state.branches[i].forward;
    if (op.status == OpStatus::kDone) continue;
    visit(OpRef{static_cast<std::int32_t>(i), undoes ? Op::kCompensate : Op::kDeliver}, op);
  }
}

}  // namespace

bool follows(const Plan& plan, const State& state, std::size_t branch, GlobalOutcome outcome) {
  switch (plan.branches[branch].role) {
    case Role::kMain:
      return false;
    case Role::kOnCommit:
      return outcome == GlobalOutcome::kCommitted;
    case Role::kOnAbort:
      return outcome == GlobalOutcome::kAborted;
    case Role::kDegrade:
      return outcome == GlobalOutcome::kCommitted && replaces_one(plan, state, branch);
  }
  return false;
}

bool is_followed(const Plan& plan, const State& state, GlobalOutcome outcome) {
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (follows(plan, state, i, outcome)) return true;
  }
  return false;
}

bool all_followed(const Plan& plan, const State& state) {
  bool all = true;
  for_each(plan, state, [&](OpRef, const OpState&) { all = false; });
  return all;
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  for_each(plan, state, [&](OpRef ref, const OpState& op) {
    if (op.may_be_called(now)) out.push_back(ref);
  });
}

void parked(const Plan& plan, const State& state, std::vector<OpRef>& out) {
  for_each(plan, state, [&](OpRef ref, const OpState& op) {
    if (!op.is_open()) out.push_back(ref);
  });
}

Instant next_due(const Plan& plan, const State& state) {
  Instant due = kNever;
  for_each(plan, state, [&](OpRef, const OpState& op) {
    if (op.is_open() && !op.in_flight()) due = std::min(due, op.due);
  });
  return due;
}

}  // namespace settle::protocol::following
