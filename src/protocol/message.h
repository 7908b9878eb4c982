#pragma once

#include "protocol/following.h"
#include "protocol/step.h"

namespace settle::protocol::message {

/// Transactional message, coordinator side: one step (begin delivers) or two (prepare, the producer's local
/// transaction, submit), with a check-back that decides when the producer stays silent. A prepared message is never
/// aborted by time (R3). See docs/protocols/message.md.
inline constexpr auto kEdges = [] {
  using enum Phase;
  using enum Event;
  using enum Action;
  using enum Durability;
  return following::with_common(std::array{
      Edge{kNew, kBegin, kDelivering, kDecideCommit, kForced, Guard::kIfFirm},
      Edge{kNew, kBegin, kDelivering, kRelease, kForced, Guard::kIfTurnable},
      Edge{kNew, kPrepare, kPrepared, kArmCheck, kForced},

      Edge{kPrepared, kSubmit, kDelivering, kDecideCommit, kForced, Guard::kIfFirm},
      Edge{kPrepared, kSubmit, kDelivering, kRelease, kForced, Guard::kIfTurnable},
      Edge{kPrepared, kAbort, kEnded, kDecideAbort, kForced, Guard::kIfNotFollowed},
      Edge{kPrepared, kAbort, kFollowing, kDecideAbort, kForced, Guard::kIfFollowed},
      Edge{kPrepared, kCheckCommitted, kDelivering, kDecideCommit, kForced, Guard::kIfFirm},
      Edge{kPrepared, kCheckCommitted, kDelivering, kRelease, kForced, Guard::kIfTurnable},
      Edge{kPrepared, kCheckAborted, kEnded, kDecideAbort, kForced, Guard::kIfNotFollowed},
      Edge{kPrepared, kCheckAborted, kFollowing, kDecideAbort, kForced, Guard::kIfFollowed},
      Edge{kPrepared, kCheckUnknown, kPrepared, kScheduleCheck, kLazy},  // silence decides nothing
      Edge{kPrepared, kDeadline, kPrepared, kCheckAtOnce, kLazy},
      Edge{kPrepared, kRetryNow, kPrepared, kDueNow, kLazy},
      Edge{kPrepared, kStop, kPrepared, Action::kStopCalls, kLazy},
      Edge{kPrepared, kRecover, kPrepared, kNothing, kLazy},

      Edge{kDelivering, kDeliverDone, kDelivering, kNoteDone, kLazy},
      Edge{kDelivering, kDeliverUnknown, kDelivering, kScheduleRetry, kLazy},
      Edge{kDelivering, kDeliverRefused, kDelivering, kPark, kLazy, Guard::kIfParks},
      Edge{kDelivering, kDeliverRefused, kCompensating, kRefusedTurnBack, kForced, Guard::kIfTurnsBack},
      Edge{kDelivering, kDeliverRefused, kDelivering, kNoteRefused, kLazy, Guard::kIfDegrades},
      Edge{kDelivering, kDeliverExhausted, kCompensating, kExhaustedTurnBack, kForced, Guard::kIfTurnsBack},
      Edge{kDelivering, kDeliverExhausted, kDelivering, kGiveUp, kLazy, Guard::kIfDegrades},
      Edge{kDelivering, kSubmit, kDelivering, kNothing, kLazy},
      Edge{kDelivering, kRetryNow, kDelivering, kDueNow, kLazy},
      Edge{kDelivering, kStop, kDelivering, Action::kStopCalls, kLazy},
      Edge{kDelivering, kContradicted, kDelivering, kOpenIncident, kLazy},
      Edge{kDelivering, kRecover, kDelivering, kDoubtAllOpen, kLazy},
      Edge{kDelivering, kAllDelivered, kEnded, kEndCommitted, kForcedIfTold, Guard::kIfNotFollowed},
      Edge{kDelivering, kAllDelivered, kFollowing, kEndCommitted, kForced, Guard::kIfFollowed},

      // Turned back by a target whose policy says so; nothing is delivered any more.
      Edge{kCompensating, kDeliverDone, kCompensating, kNoteDone, kLazy},
      Edge{kCompensating, kDeliverRefused, kCompensating, kNoteRefused, kLazy},
      Edge{kCompensating, kDeliverUnknown, kCompensating, kNoteUnknown, kLazy},
      Edge{kCompensating, kBackDone, kCompensating, kNoteDone, kLazy},
      Edge{kCompensating, kBackUnknown, kCompensating, kScheduleRetry, kLazy},
      Edge{kCompensating, kAbort, kCompensating, kNothing, kLazy},
      Edge{kCompensating, kRetryNow, kCompensating, kDueNow, kLazy},
      Edge{kCompensating, kStop, kCompensating, Action::kStopCalls, kLazy},
      Edge{kCompensating, kContradicted, kCompensating, kOpenIncident, kLazy},
      Edge{kCompensating, kRecover, kCompensating, kDoubtStays, kLazy},
      Edge{kCompensating, kAllUndone, kEnded, kEndAborted, kForcedIfTold, Guard::kIfNotFollowed},
      Edge{kCompensating, kAllUndone, kFollowing, kEndAborted, kForced, Guard::kIfFollowed},

      Edge{kFollowing, kSubmit, kFollowing, kNothing, kLazy, Guard::kIfCommit},
      Edge{kFollowing, kAbort, kFollowing, kNothing, kLazy, Guard::kIfAbort},
      Edge{kEnded, kSubmit, kEnded, kNothing, kLazy, Guard::kIfCommit},
      Edge{kEnded, kAbort, kEnded, kNothing, kLazy, Guard::kIfAbort},
  });
}();
static_assert(deterministic(kEdges) && grouped(kEdges) && decisions_are_forced(kEdges) && recoverable(kEdges));

/// What a target that refuses, or whose bound is used up, does to the message.
Guard failure_of(const Plan& plan, std::int32_t branch, Event on);

/// Every target is done, or the message goes on without it.
bool all_delivered(const Plan& plan, const State& state);
void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out);
/// Targets that have refused and rest until an operator retries.
void parked(const Plan& plan, const State& state, std::vector<OpRef>& out);
Instant next_due(const Plan& plan, const State& state);

}  // namespace settle::protocol::message
