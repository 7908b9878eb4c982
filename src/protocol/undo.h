#pragma once

#include <cstdint>
#include <vector>

#include "base/planted.h"
#include "protocol/step.h"

namespace settle::protocol::undo {

/// Nothing of this branch is left: it never ran, or its undo is done, or it has none.
bool is_undone(const BranchPlan& plan, const BranchState& branch);

/// R7: the branch's last attempt must have ended for good before its undo is sent.
inline Instant due_after(const OpState& forward) {
  return planted(Bug::kCompensateTooEarly) ? kNoInstant : forward.quiet_at;
}

/// Every main branch that may have run is undone, and no attempt of one is under way.
bool all_undone(const Plan& plan, const State& state);

/// Calls `visit` for each main branch that could be undone now as far as `order` allows: it may have run, and
/// everything that came after it and may have run is undone. Walks from the last to the first.
template <typename Visit>
void for_each(const Plan& plan, const State& state, Order order, Visit&& visit) {
  const std::size_t count = plan.branches.size();
  const bool unordered = order == Order::kConcurrent || planted(Bug::kCompensateInAnyOrder);
  // clear[i]: step i and everything behind it is undone.
  std::vector<bool> clear(order == Order::kGraph ? count : 0, true);
  bool later_clear = true;  // list order
  for (std::size_t at = count; at-- > 0;) {
    const std::uint16_t index = plan.topological[at];
    if (!plan.is_main(index)) continue;
    bool behind = later_clear;
    if (order == Order::kGraph) {
      behind = true;
      for (const std::uint16_t next : plan.successors[index]) behind = behind && clear[next];
    }
    const bool undone = is_undone(plan.branches[index], state.branches[index]);
    if (!undone && (behind || unordered)) visit(index);
    if (order == Order::kGraph) clear[index] = behind && undone;
    later_clear = later_clear && undone;
    if (order == Order::kList && !later_clear && !unordered) return;
  }
}

/// Undo ops that can be called at `now`.
void ready(const Plan& plan, const State& state, Order order, Instant now, std::vector<OpRef>& out);
Instant next_due(const Plan& plan, const State& state, Order order);

}  // namespace settle::protocol::undo
