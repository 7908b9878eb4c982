#pragma once

#include "protocol/step.h"

namespace settle::protocol::following {

/// What hangs on an outcome: `on_commit` and `on_abort` targets, and the targets that take the place of branches which
/// the transaction did without. The outcome does not wait for them; the record stays open until they are done. The rows
/// are the same in every pattern.
inline constexpr auto kEdges = [] {
  using enum Phase;
  using enum Event;
  using enum Action;
  using enum Durability;
  return std::array{
      Edge{kFollowing, kDeliverDone, kFollowing, kNoteDone, kLazy},
      Edge{kFollowing, kDeliverUnknown, kFollowing, kScheduleRetry, kLazy},
      Edge{kFollowing, kDeliverRefused, kFollowing, kPark, kLazy},
      Edge{kFollowing, kBackDone, kFollowing, kNoteDone, kLazy},
      Edge{kFollowing, kBackUnknown, kFollowing, kScheduleRetry, kLazy},
      Edge{kFollowing, kRetryNow, kFollowing, kDueNow, kLazy},
      Edge{kFollowing, kStop, kFollowing, Action::kStopCalls, kLazy},
      Edge{kFollowing, kRecover, kFollowing, kNothing, kLazy},
      Edge{kFollowing, kAllFollowed, kEnded, kClose, kLazy},
  };
}();

/// True if this branch follows `outcome`.
bool follows(const Plan& plan, const State& state, std::size_t branch, GlobalOutcome outcome);

/// True if any branch does.
bool is_followed(const Plan& plan, const State& state, GlobalOutcome outcome);

bool all_followed(const Plan& plan, const State& state);
void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out);
void parked(const Plan& plan, const State& state, std::vector<OpRef>& out);
Instant next_due(const Plan& plan, const State& state);

/// The rows of a pattern and the common ones.
template <std::size_t N>
constexpr auto with_common(const std::array<Edge, N>& own) {
  std::array<Edge, N + kEdges.size()> all{};
  for (std::size_t i = 0; i < N; ++i) all[i] = own[i];
  for (std::size_t i = 0; i < kEdges.size(); ++i) all[N + i] = kEdges[i];
  return all;
}

}  // namespace settle::protocol::following
