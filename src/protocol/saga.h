#pragma once

#include "protocol/step.h"

namespace settle::protocol::saga {

/// Saga, coordinator side (Garcia-Molina, Salem, SIGMOD 1987, backward recovery; we differ: a step whose attempt ended
/// unknown is compensated like one that was done, and steps may form a graph). See docs/protocols/saga.md.
inline constexpr auto kEdges = [] {
  using enum Phase;
  using enum Event;
  using enum Action;
  using enum Durability;
  return std::array{
      Edge{kNew, kBegin, kActing, kStart, kForced},

      Edge{kActing, kActionDone, kActing, kNoteDone, kLazy},
      Edge{kActing, kActionUnknown, kActing, kScheduleRetry, kLazy},  // a time-out is not a refusal: ask again
      Edge{kActing, kActionRefused, kCompensating, kRefusedTurnBack, kForced},
      Edge{kActing, kActionExhausted, kCompensating, kExhaustedTurnBack, kForced},
      Edge{kActing, kDeadline, kCompensating, kTurnBack, kForced},
      Edge{kActing, kAbort, kCompensating, kTurnBack, kForced},
      Edge{kActing, kSubmit, kActing, kNothing, kLazy},
      Edge{kActing, kRetryNow, kActing, kDueNow, kLazy},
      Edge{kActing, kContradicted, kActing, kOpenIncident, kLazy},
      Edge{kActing, kRecover, kActing, kDoubtAllOpen, kLazy},
      Edge{kActing, kAllDone, kEnded, kEndCommitted, kForcedIfTold},

      // Attempts that were under way when the saga turned back end here; no action is called any more.
      Edge{kCompensating, kActionDone, kCompensating, kNoteDone, kLazy},
      Edge{kCompensating, kActionRefused, kCompensating, kNoteRefused, kLazy},
      Edge{kCompensating, kActionUnknown, kCompensating, kNoteUnknown, kLazy},
      Edge{kCompensating, kCompensateDone, kCompensating, kNoteDone, kLazy},
      Edge{kCompensating, kCompensateUnknown, kCompensating, kScheduleRetry, kLazy},  // late, never refused
      Edge{kCompensating, kAbort, kCompensating, kNothing, kLazy},
      Edge{kCompensating, kSubmit, kCompensating, kNothing, kLazy},
      Edge{kCompensating, kRetryNow, kCompensating, kDueNow, kLazy},
      Edge{kCompensating, kContradicted, kCompensating, kOpenIncident, kLazy},
      Edge{kCompensating, kRecover, kCompensating, kDoubtStays, kLazy},
      Edge{kCompensating, kAllUndone, kEnded, kEndAborted, kForcedIfTold},

      Edge{kEnded, kSubmit, kEnded, kNothing, kLazy},
      Edge{kEnded, kAbort, kEnded, kNothing, kLazy, Guard::kIfAbort},
  };
}();
static_assert(deterministic(kEdges) && decisions_are_forced(kEdges) && recoverable(kEdges));

/// Every step has been answered `done`.
bool all_done(const State& state);

/// Every step that may have run has been undone, and no attempt is under way.
bool all_undone(const Plan& plan, const State& state);

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out);
Instant next_due(const Plan& plan, const State& state);

}  // namespace settle::protocol::saga
