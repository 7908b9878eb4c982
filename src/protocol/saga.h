#pragma once

#include "protocol/following.h"
#include "protocol/step.h"

namespace settle::protocol::saga {

/// Saga, coordinator side (Garcia-Molina, Salem, SIGMOD 1987, backward and forward recovery; we differ: a step whose
/// attempt ended unknown is compensated like one that was done, and steps may form a graph). Pivot: Mehrotra et al.,
/// ICDCS 1992. See docs/protocols/saga.md.
inline constexpr auto kEdges = [] {
  using enum Phase;
  using enum Event;
  using enum Action;
  using enum Durability;
  return following::with_common(std::array{
      Edge{kNew, kBegin, kActing, kStart, kForced},

      Edge{kActing, kForwardDone, kActing, kNoteDone, kForcedIfBound},
      Edge{kActing, kForwardUnknown, kActing, kScheduleRetry, kLazy},  // a time-out is not a refusal: ask again
      Edge{kActing, kForwardRefused, kCompensating, kRefusedTurnBack, kForced, Guard::kIfImportant},
      // For this step it is a change of direction: its undo must not leave before a crash can no longer forget it.
      Edge{kActing, kForwardRefused, kActing, kNoteRefused, kForced, Guard::kIfOptional},
      Edge{kActing, kForwardRefused, kActing, kScheduleRetry, kLazy, Guard::kIfNoReturn},
      Edge{kActing, kForwardExhausted, kCompensating, kExhaustedTurnBack, kForced, Guard::kIfImportant},
      Edge{kActing, kForwardExhausted, kActing, kGiveUp, kForced, Guard::kIfOptional},
      Edge{kActing, kForwardExhausted, kActing, kScheduleRetry, kLazy, Guard::kIfNoReturn},
      Edge{kActing, kPivotDue, kActing, kReleasePivot, kForced},
      Edge{kActing, kBackDone, kActing, kNoteDone, kLazy},  // of an optional step that was given up
      Edge{kActing, kBackUnknown, kActing, kScheduleRetry, kLazy},
      Edge{kActing, kDeadline, kCompensating, kTurnBack, kForced, Guard::kIfReturnable},
      Edge{kActing, kAbort, kCompensating, kTurnBack, kForced, Guard::kIfReturnable},
      Edge{kActing, kSubmit, kActing, kNothing, kLazy},
      Edge{kActing, kRetryNow, kActing, kDueNow, kLazy},
      Edge{kActing, kStop, kActing, Action::kStopCalls, kLazy},
      Edge{kActing, kContradicted, kActing, kOpenIncident, kLazy},
      Edge{kActing, kRecover, kActing, kDoubtAllOpen, kLazy},
      Edge{kActing, kAllDone, kEnded, kEndCommitted, kForcedIfTold, Guard::kIfNotFollowed},
      Edge{kActing, kAllDone, kFollowing, kEndCommitted, kForced, Guard::kIfFollowed},

      // Attempts that were under way when the saga turned back end here; no action is called any more.
      Edge{kCompensating, kForwardDone, kCompensating, kNoteDone, kLazy},
      Edge{kCompensating, kForwardRefused, kCompensating, kNoteRefused, kLazy},
      Edge{kCompensating, kForwardUnknown, kCompensating, kNoteUnknown, kLazy},
      Edge{kCompensating, kBackDone, kCompensating, kNoteDone, kLazy},
      Edge{kCompensating, kBackUnknown, kCompensating, kScheduleRetry, kLazy},  // late, never refused
      Edge{kCompensating, kAbort, kCompensating, kNothing, kLazy},
      Edge{kCompensating, kSubmit, kCompensating, kNothing, kLazy},
      Edge{kCompensating, kRetryNow, kCompensating, kDueNow, kLazy},
      Edge{kCompensating, kStop, kCompensating, Action::kStopCalls, kLazy},
      Edge{kCompensating, kContradicted, kCompensating, kOpenIncident, kLazy},
      Edge{kCompensating, kRecover, kCompensating, kDoubtStays, kLazy},
      Edge{kCompensating, kAllUndone, kEnded, kEndAborted, kForcedIfTold, Guard::kIfNotFollowed},
      Edge{kCompensating, kAllUndone, kFollowing, kEndAborted, kForced, Guard::kIfFollowed},

      Edge{kFollowing, kSubmit, kFollowing, kNothing, kLazy},
      Edge{kFollowing, kAbort, kFollowing, kNothing, kLazy, Guard::kIfAbort},
      Edge{kEnded, kSubmit, kEnded, kNothing, kLazy},
      Edge{kEnded, kAbort, kEnded, kNothing, kLazy, Guard::kIfAbort},
  });
}();
static_assert(deterministic(kEdges) && grouped(kEdges) && decisions_are_forced(kEdges) && recoverable(kEdges));

/// What happens if the step of `what` fails now: the saga turns back, goes on without it, or can only ask on (R2).
Guard failure_of(const Plan& plan, const State& state, const Occurrence& what);

/// Backward recovery, and no pivot was released.
bool is_returnable(const Plan& plan, const State& state);

/// Every step has been answered `done`, or the saga does without it and nothing of it is left.
bool all_done(const Plan& plan, const State& state);

/// Everything before the pivot is done, and it has not been released.
bool is_pivot_due(const Plan& plan, const State& state);

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out);
Instant next_due(const Plan& plan, const State& state);

}  // namespace settle::protocol::saga
