#include "protocol/incident.h"

#include "base/reached.h"
#include "model/ops.h"
#include "protocol/following.h"
#include "protocol/saga.h"

namespace settle::protocol {
namespace {

/// How long an op of phase two may be refused before a person should look (api.md).
constexpr Duration kRefusedTooLong = std::chrono::minutes{5};

Cause stuck(const OpState& op, Instant now) {
  if (!op.is_open()) return Cause::kNone;
  if (op.exhausted) return Cause::kExhausted;
  if (op.last_answer == kAnswerUnbound) return Cause::kRefused;  // asking again makes no difference
  const bool refused = op.last == Outcome::kRefused && op.since != kNoInstant && now - op.since >= kRefusedTooLong;
  return refused ? Cause::kRefused : Cause::kNone;
}

/// A step that can only be asked on: a person should know at once that it was refused.
Cause stuck_forward(const Plan& plan, const State& state, std::size_t branch) {
  const OpState& op = state.branches[branch].forward;
  if (!op.is_open() || state.phase != Phase::kActing) return Cause::kNone;
  const Occurrence failure{.on = Event::kForwardExhausted, .branch = static_cast<std::int32_t>(branch)};
  if (saga::failure_of(plan, state, failure) != Guard::kIfNoReturn) return Cause::kNone;
  if (op.exhausted) return Cause::kExhausted;
  return op.last == Outcome::kRefused && op.since != kNoInstant ? Cause::kRefused : Cause::kNone;
}

/// What a person should look at in this branch now.
std::optional<Incident> finding_in(const Plan& plan, const State& state, std::size_t branch, Instant now) {
  const auto index = static_cast<std::int32_t>(branch);
  const BranchState& ops = state.branches[branch];
  if (is_parked(plan, state, branch)) return Incident{Cause::kRefused, now, index, Op::kDeliver};
  if (const Cause cause = stuck_forward(plan, state, branch); cause != Cause::kNone)
    return Incident{cause, now, index, forward_op(plan.pattern)};
  const bool delivers = state.phase == Phase::kDelivering || state.phase == Phase::kFollowing;
  if (delivers) {
    if (const Cause cause = stuck(ops.forward, now); cause != Cause::kNone)
      return Incident{cause, now, index, Op::kDeliver};
  }
  if (const Cause cause = stuck(ops.back, now); cause != Cause::kNone && state.phase != Phase::kDelivering)
    return Incident{cause, now, index, back_op(plan, state, branch)};
  return std::nullopt;
}

/// What a person should look at now, if anything; the first finding counts.
std::optional<Incident> finding(const Plan& plan, const State& state, Instant now) {
  if (state.phase == Phase::kEnded) return std::nullopt;
  if (state.stopped) return Incident{Cause::kStopped, now, kNoBranch, forward_op(plan.pattern)};
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (std::optional<Incident> found = finding_in(plan, state, i, now)) return found;
  }
  if (state.phase == Phase::kPrepared && state.check.exhausted) {
    return Incident{Cause::kUndecided, now, kNoBranch, Op::kCheck};
  }
  return std::nullopt;
}

/// An operator has looked: said what is true of this branch, or that it shall be asked on.
bool is_settled_by(const Incident& incident, const Occurrence& what) {
  return what.on == Event::kRetryNow || (what.answer == kAnswerResolved && what.branch == incident.branch);
}

/// A refusal is not taken back by silence: what it has opened stays until the op has ended.
bool is_owed_still(const Plan& plan, const State& state, const Incident& incident) {
  if (incident.cause != Cause::kRefused || incident.branch < 0) return false;
  return owed_op(plan, state, incident.branch) == incident.op &&
         op_state(state, {incident.branch, incident.op}).is_open();
}

}  // namespace

bool is_parked(const Plan& plan, const State& state, std::size_t branch) {
  if (state.branches[branch].forward.status != OpStatus::kRefused) return false;
  if (state.phase == Phase::kFollowing) return following::follows(plan, state, branch, state.outcome);
  return state.phase == Phase::kDelivering && plan.branches[branch].on_refused == Policy::kPark;
}

void refresh_incident(const Plan& plan, State& state, const Occurrence& what) {
  if (what.on == Event::kContradicted) {
    SETTLE_REACHED("contradiction reported");
    state.incident = Incident{Cause::kContradiction, what.now, what.branch, what.op};
    state.heuristic = std::max(state.heuristic, Heuristic::kHazard);
    note(state, {.at = what.now,
                 .happening = Happening::kIncidentOpened,
                 .branch = what.branch,
                 .op = what.op,
                 .answer = what.answer});
    return;
  }
  const bool is_contradiction = state.incident && state.incident->cause == Cause::kContradiction;
  if (is_contradiction && !is_settled_by(*state.incident, what)) return;
  std::optional<Incident> found = finding(plan, state, what.now);
  const bool stays =
      state.incident && !is_settled_by(*state.incident, what) && is_owed_still(plan, state, *state.incident);
  if (!found && stays) found = state.incident;
  if (found && !state.incident) {
    SETTLE_REACHED("incident opened");
    note(state, {.at = what.now, .happening = Happening::kIncidentOpened, .branch = found->branch, .op = found->op});
  } else if (!found && state.incident) {
    SETTLE_REACHED("incident closed itself");
    note(state, {.at = what.now,
                 .happening = Happening::kIncidentClosed,
                 .branch = state.incident->branch,
                 .op = state.incident->op});
  }
  if (found && state.incident && found->cause == state.incident->cause && found->branch == state.incident->branch) {
    found->since = state.incident->since;
  }
  state.incident = found;
}

}  // namespace settle::protocol
