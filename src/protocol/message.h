#pragma once

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
  return std::array{
      Edge{kNew, kBegin, kDelivering, kDecideCommit, kForced},
      Edge{kNew, kPrepare, kPrepared, kArmCheck, kForced},

      Edge{kPrepared, kSubmit, kDelivering, kDecideCommit, kForced},
      Edge{kPrepared, kAbort, kEnded, kDecideAbort, kForced},
      Edge{kPrepared, kCheckCommitted, kDelivering, kDecideCommit, kForced},
      Edge{kPrepared, kCheckAborted, kEnded, kDecideAbort, kForced},
      Edge{kPrepared, kCheckUnknown, kPrepared, kScheduleCheck, kLazy},  // silence decides nothing
      Edge{kPrepared, kDeadline, kPrepared, kCheckAtOnce, kLazy},
      Edge{kPrepared, kRetryNow, kPrepared, kDueNow, kLazy},
      Edge{kPrepared, kRecover, kPrepared, kNothing, kLazy},

      Edge{kDelivering, kDeliverDone, kDelivering, kNoteDone, kLazy},
      Edge{kDelivering, kDeliverUnknown, kDelivering, kScheduleRetry, kLazy},
      Edge{kDelivering, kDeliverRefused, kDelivering, kPark, kLazy},
      Edge{kDelivering, kSubmit, kDelivering, kNothing, kLazy},
      Edge{kDelivering, kRetryNow, kDelivering, kDueNow, kLazy},
      Edge{kDelivering, kContradicted, kDelivering, kOpenIncident, kLazy},
      Edge{kDelivering, kRecover, kDelivering, kDoubtAllOpen, kLazy},
      Edge{kDelivering, kAllDelivered, kEnded, kEndCommitted, kForcedIfTold},

      Edge{kEnded, kSubmit, kEnded, kNothing, kLazy, Guard::kIfCommit},
      Edge{kEnded, kAbort, kEnded, kNothing, kLazy, Guard::kIfAbort},
  };
}();
static_assert(deterministic(kEdges) && decisions_are_forced(kEdges) && recoverable(kEdges));

bool all_delivered(const State& state);
void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out);
Instant next_due(const Plan& plan, const State& state);

}  // namespace settle::protocol::message
