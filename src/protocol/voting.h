#pragma once

#include "protocol/step.h"

namespace settle::protocol::voting {

// What TCC and 2PC over services share: every branch is asked, and either all of them are made final or all are undone.

/// The daemon drives, and every branch has said yes.
bool all_agreed(const Plan& plan, const State& state);

/// Every branch that holds something has made it final.
bool all_confirmed(const Plan& plan, const State& state);

/// First phase, if the daemon drives; second phase of either direction.
void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out);
Instant next_due(const Plan& plan, const State& state);

/// The rows of both; `first`, `forth` and `back` are the phases before the decision and after it.
constexpr auto rows(Phase first, Phase forth, Phase back) {
  using enum Event;
  using enum Action;
  using enum Durability;
  using enum Phase;
  return std::array{
      Edge{kNew, kBegin, first, kStart, kForced},

      Edge{first, kEnlist, first, Action::kAddBranch, kForced, Guard::kIfClientDrives},
      Edge{first, kForwardDone, first, kNoteDone, kLazy},
      Edge{first, kForwardUnknown, first, kScheduleRetry, kLazy},
      Edge{first, kForwardRefused, back, kRefusedTurnBack, kForced},
      Edge{first, kForwardExhausted, back, kExhaustedTurnBack, kForced},
      Edge{first, kDeadline, back, kTurnBack, kForced},
      Edge{first, kAbort, back, kTurnBack, kForced},
      Edge{first, kSubmit, forth, kDecideCommit, kForced, Guard::kIfClientDrives},
      Edge{first, kSubmit, first, kNothing, kLazy, Guard::kIfDaemonDrives},
      Edge{first, kRetryNow, first, kDueNow, kLazy},
      Edge{first, kStop, first, Action::kStopCalls, kLazy},
      Edge{first, kContradicted, first, kOpenIncident, kLazy},
      Edge{first, kRecover, first, kDoubtAllOpen, kLazy},
      Edge{first, kAllDone, forth, kDecideCommit, kForced},

      Edge{forth, kForwardDone, forth, kNoteDone, kLazy},  // a late report of what the client has vouched for
      Edge{forth, kConfirmDone, forth, kNoteDone, kLazy},
      Edge{forth, kConfirmUnknown, forth, kScheduleRetry, kLazy},  // a decision to commit is never taken back (R8)
      Edge{forth, kSubmit, forth, kNothing, kLazy},
      Edge{forth, kRetryNow, forth, kDueNow, kLazy},
      Edge{forth, kStop, forth, Action::kStopCalls, kLazy},
      Edge{forth, kContradicted, forth, kOpenIncident, kLazy},
      Edge{forth, kRecover, forth, kNothing, kLazy},
      Edge{forth, kAllConfirmed, kEnded, kEndCommitted, kForcedIfTold, Guard::kIfNotFollowed},
      Edge{forth, kAllConfirmed, kFollowing, kEndCommitted, kForced, Guard::kIfFollowed},

      // Attempts that were under way at the decision end here.
      Edge{back, kForwardDone, back, kNoteDone, kLazy},
      Edge{back, kForwardRefused, back, kNoteRefused, kLazy},
      Edge{back, kForwardUnknown, back, kNoteUnknown, kLazy},
      Edge{back, kBackDone, back, kNoteDone, kLazy},
      Edge{back, kBackUnknown, back, kScheduleRetry, kLazy},
      Edge{back, kAbort, back, kNothing, kLazy},
      Edge{back, kSubmit, back, kNothing, kLazy, Guard::kIfDaemonDrives},
      Edge{back, kRetryNow, back, kDueNow, kLazy},
      Edge{back, kStop, back, Action::kStopCalls, kLazy},
      Edge{back, kContradicted, back, kOpenIncident, kLazy},
      Edge{back, kRecover, back, kDoubtStays, kLazy},
      Edge{back, kAllUndone, kEnded, kEndAborted, kForcedIfTold, Guard::kIfNotFollowed},
      Edge{back, kAllUndone, kFollowing, kEndAborted, kForced, Guard::kIfFollowed},

      Edge{kFollowing, kSubmit, kFollowing, kNothing, kLazy, Guard::kIfDaemonDrives},
      Edge{kFollowing, kSubmit, kFollowing, kNothing, kLazy, Guard::kIfClientCommitted},
      Edge{kFollowing, kAbort, kFollowing, kNothing, kLazy, Guard::kIfAbort},
      Edge{kEnded, kSubmit, kEnded, kNothing, kLazy, Guard::kIfDaemonDrives},
      Edge{kEnded, kSubmit, kEnded, kNothing, kLazy, Guard::kIfClientCommitted},
      Edge{kEnded, kAbort, kEnded, kNothing, kLazy, Guard::kIfAbort},
  };
}

}  // namespace settle::protocol::voting
