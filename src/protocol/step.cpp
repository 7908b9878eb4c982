#include "protocol/step.h"

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "base/reached.h"
#include "protocol/message.h"
#include "protocol/retry.h"
#include "protocol/saga.h"
#include "protocol/tables.h"

namespace settle::protocol {
namespace {

/// How long an op of phase two may be refused before a person should look (api.md).
constexpr Duration kRefusedTooLong = std::chrono::minutes{5};

void note_line(State& state, const Occurrence& what, Happening happening) {
  note(state, {.at = what.now, .happening = happening, .branch = what.branch, .op = what.op, .answer = what.answer});
}

void note_life(State& state, Instant now, Happening happening) { note(state, {.at = now, .happening = happening}); }

void end_attempt(OpState& op, const Occurrence& what) {
  op.call = 0;
  op.last_answer = what.answer;
  if (!what.reached) {
    ++op.skipped;
    return;
  }
  if (op.since == kNoInstant) op.since = what.now;
  op.last = what.outcome;
  if (what.outcome == Outcome::kRunning && !planted(Bug::kRunningCountsAsAttempt)) {
    ++op.running;
    ++op.skipped;
  } else {
    ++op.attempts;
    op.skipped = 0;
  }
}

/// R7: nobody knows how the attempt ends, but it cannot run beyond its time limit.
void wait_for_attempt(const Plan& plan, OpState& op, const Occurrence& what) {
  op.quiet_at = std::max(op.quiet_at, saturating_add(op.sent_at, attempt_timeout_of(plan, {what.branch, what.op})));
}

void note_done(State& state, OpState& op, const Occurrence& what) {
  end_attempt(op, what);
  op.status = OpStatus::kDone;
  if (what.answer != kAnswerReported) op.quiet_at = kNoInstant;
  op.result = std::string(what.result);
  note_line(state, what, Happening::kOpDone);
}

void note_refused(const Plan& plan, State& state, OpState& op, const Occurrence& what) {
  // Earlier attempts without a clear end may still run: quiet_at stays.
  if (what.answer == kAnswerReported && op.in_flight()) {
    // The report may speak of an earlier attempt: nobody knows yet what becomes of the one under way (R1, R7).
    op.doubtful = true;
    wait_for_attempt(plan, op, what);
  }
  end_attempt(op, what);
  op.status = OpStatus::kRefused;
  op.result = std::string(what.result);
  note_line(state, what, Happening::kOpRefused);
}

void note_unknown(const Plan& plan, State& state, OpState& op, const Occurrence& what) {
  end_attempt(op, what);
  if (!what.reached) {
    note_line(state, what, Happening::kOpUnreached);
    return;
  }
  op.doubtful = !planted(Bug::kUnknownLeavesNoDoubt);
  wait_for_attempt(plan, op, what);
  const Happening happening = what.outcome == Outcome::kRunning   ? Happening::kOpRunning
                              : what.outcome == Outcome::kRefused ? Happening::kOpRefused
                                                                  : Happening::kOpUnknown;
  note_line(state, what, happening);
}

/// Attempts that reached nobody, or were told to wait, pace the pause but count against no bound.
Duration pause_after(const RetryPolicy& policy, const OpState& op, const Occurrence& what) {
  const std::uint32_t made = std::max<std::uint32_t>(1, op.attempts + op.skipped);
  const Duration pause = planted(Bug::kNoBackOff) ? policy.base / 8 : next_pause(policy, made, what.dice);
  return std::max(pause, what.retry_after);
}

void schedule_retry(const Plan& plan, State& state, OpState& op, const Occurrence& what) {
  note_unknown(plan, state, op, what);
  const RetryPolicy& policy = retry_of(plan, {what.branch, what.op});
  op.due = saturating_add(what.now, pause_after(policy, op, what));
  if (is_exhausted(policy, op.attempts, op.since, what.now)) {
    op.exhausted = true;  // phase two is asked on, at the slowest pace
    op.due = std::max(op.due, saturating_add(what.now, policy.cap));
  }
}

void turn_back(State& state, const Occurrence& what) {
  state.decision = Decision::kAbort;
  state.cause_branch = what.branch;
  switch (what.on) {
    case Event::kActionRefused:
      state.cause = Cause::kRefused;
      break;
    case Event::kActionExhausted:
      state.cause = Cause::kExhausted;
      break;
    case Event::kDeadline:
      state.cause = Cause::kDeadline;
      break;
    default:
      state.cause = Cause::kRequested;
      break;
  }
  state.reason = std::string(what.reason);
  note_life(state, what.now, Happening::kTurnedBack);
}

/// R1, R7. Lazy progress may be lost, so whatever is not recorded as ended may have been called by an earlier life, may
/// have run, and may still be running for one time limit from now on.
void doubt_open(const Plan& plan, State& state, Instant now, bool all) {
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    OpState& forward = state.branches[i].forward;
    if (forward.status == OpStatus::kDone) continue;
    if (all && forward.is_open() && !planted(Bug::kRecoveryForgetsDoubt)) forward.doubtful = true;
    if (forward.doubtful && !planted(Bug::kRecoveryDoesNotWait)) {
      forward.quiet_at = saturating_add(now, plan.branches[i].attempt_timeout);
    }
  }
  note_life(state, now, Happening::kRecovered);
}

void due_now(State& state, Instant now) {
  const auto wake = [&](OpState& op) {
    if (op.status == OpStatus::kDone) return;
    op.due = now;
    op.skipped = 0;
  };
  for (BranchState& branch : state.branches) {
    if (state.phase == Phase::kDelivering && branch.forward.status == OpStatus::kRefused) {
      branch.forward.status = OpStatus::kOpen;  // parked: the operator wants it asked again
    }
    wake(branch.forward);
    wake(branch.back);
  }
  wake(state.check);
  note_life(state, now, Happening::kRetryAsked);
}

void decide_commit(const Plan& plan, State& state, const Occurrence& what) {
  state.decision = Decision::kCommit;
  state.deliver_at = plan.deliver_at != kNoInstant ? plan.deliver_at : saturating_add(what.now, plan.delay);
  if (what.on == Event::kCheckCommitted) note_line(state, what, Happening::kCheckDecided);
  note_life(state, what.now, Happening::kSubmitted);
}

void decide_abort(State& state, const Occurrence& what) {
  state.decision = Decision::kAbort;
  state.cause = what.on == Event::kCheckAborted ? Cause::kCheckedBack : Cause::kRequested;
  state.reason = std::string(what.reason);
  state.outcome = GlobalOutcome::kAborted;
  if (what.on == Event::kCheckAborted) note_line(state, what, Happening::kCheckDecided);
  note_life(state, what.now, Happening::kTurnedBack);
  note_life(state, what.now, Happening::kEnded);
}

void end(State& state, Instant now, Decision decision, GlobalOutcome outcome) {
  state.decision = decision;
  state.outcome = outcome;
  note_life(state, now, Happening::kEnded);
}

void start(const Plan& plan, State& state, const Occurrence& what) {
  state.created_at = what.now;
  state.branches.resize(plan.branches.size());
  if (plan.deadline != Duration{0}) state.deadline_at = saturating_add(what.now, plan.deadline);
  note_life(state, what.now, Happening::kBegun);
}

void schedule_check(const Plan& plan, State& state, const Occurrence& what) {
  end_attempt(state.check, what);
  // Past the deadline a check that knows nothing is a matter for a person, too; it is asked on without end.
  state.check.exhausted = state.check.exhausted || (state.deadline_seen && what.reached);
  note_line(state, what, what.reached ? Happening::kOpUnknown : Happening::kOpUnreached);
  const Duration pause = std::max(pause_after(plan.retry, state.check, what), plan.check_after);
  state.check.due = saturating_add(what.now, pause);
}

/// A switch without default: the compiler names the action you forgot.
void perform(Action action, const Plan& plan, State& state, const Occurrence& what) {
  const auto op = [&]() -> OpState& { return op_state(state, {what.branch, what.op}); };
  switch (action) {
    case Action::kNothing:
      break;
    case Action::kStart:
      start(plan, state, what);
      break;
    case Action::kArmCheck:
      start(plan, state, what);
      state.check.due = planted(Bug::kCheckTooEarly) ? what.now : saturating_add(what.now, plan.check_after);
      break;
    case Action::kNoteDone:
      note_done(state, op(), what);
      break;
    case Action::kNoteRefused:
      note_refused(plan, state, op(), what);
      break;
    case Action::kNoteUnknown:
      note_unknown(plan, state, op(), what);
      break;
    case Action::kScheduleRetry:
      schedule_retry(plan, state, op(), what);
      break;
    case Action::kTurnBack:
      turn_back(state, what);
      break;
    case Action::kRefusedTurnBack:
      note_refused(plan, state, op(), what);
      turn_back(state, what);
      break;
    case Action::kExhaustedTurnBack:
      note_unknown(plan, state, op(), what);
      op().exhausted = true;
      turn_back(state, what);
      break;
    case Action::kDoubtAllOpen:
      doubt_open(plan, state, what.now, true);
      break;
    case Action::kDoubtStays:
      doubt_open(plan, state, what.now, false);
      break;
    case Action::kScheduleCheck:
      schedule_check(plan, state, what);
      break;
    case Action::kCheckAtOnce:
      state.deadline_seen = true;
      state.check.due = what.now;
      break;
    case Action::kDecideCommit:
      if (what.on == Event::kBegin) start(plan, state, what);
      if (what.op == Op::kCheck) end_attempt(state.check, what);
      decide_commit(plan, state, what);
      break;
    case Action::kDecideAbort:
      if (what.op == Op::kCheck) end_attempt(state.check, what);
      decide_abort(state, what);
      break;
    case Action::kPark:
      note_refused(plan, state, op(), what);
      break;
    case Action::kDueNow:
      due_now(state, what.now);
      break;
    case Action::kOpenIncident:
      break;  // see refresh_incident
    case Action::kEndCommitted:
      end(state, what.now, Decision::kCommit, GlobalOutcome::kCommitted);
      break;
    case Action::kEndAborted:
      end(state, what.now, Decision::kAbort, GlobalOutcome::kAborted);
      break;
  }
}

std::optional<Event> completion(const Plan& plan, const State& state) {
  switch (state.phase) {
    case Phase::kActing:
      if (saga::all_done(state)) return Event::kAllDone;
      break;
    case Phase::kCompensating:
      if (saga::all_undone(plan, state)) return Event::kAllUndone;
      break;
    case Phase::kDelivering:
      if (message::all_delivered(state)) return Event::kAllDelivered;
      break;
    default:
      break;
  }
  return std::nullopt;
}

/// What a person should look at now, if anything; the first finding counts.
std::optional<Incident> finding(const State& state, Instant now) {
  const auto stuck = [&](const OpState& op) {
    if (!op.is_open()) return Cause::kNone;
    if (op.exhausted) return Cause::kExhausted;
    const bool refused = op.last == Outcome::kRefused && op.since != kNoInstant && now - op.since >= kRefusedTooLong;
    return refused ? Cause::kRefused : Cause::kNone;
  };
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    const auto index = static_cast<std::int32_t>(i);
    const BranchState& branch = state.branches[i];
    if (state.phase == Phase::kCompensating) {
      if (const Cause cause = stuck(branch.back); cause != Cause::kNone)
        return Incident{cause, now, index, Op::kCompensate};
    } else if (state.phase == Phase::kDelivering) {
      if (branch.forward.status == OpStatus::kRefused) return Incident{Cause::kRefused, now, index, Op::kDeliver};
      if (const Cause cause = stuck(branch.forward); cause != Cause::kNone)
        return Incident{cause, now, index, Op::kDeliver};
    }
  }
  if (state.phase == Phase::kPrepared && state.check.exhausted) {
    return Incident{Cause::kUndecided, now, -1, Op::kCheck};
  }
  return std::nullopt;
}

void refresh_incident(State& state, const Occurrence& what) {
  if (what.on == Event::kContradicted) {
    SETTLE_REACHED("contradiction reported");
    state.incident = Incident{Cause::kContradiction, what.now, what.branch, what.op};
    note_line(state, what, Happening::kIncidentOpened);
    return;
  }
  if (state.incident && state.incident->cause == Cause::kContradiction) return;  // only a person closes it
  std::optional<Incident> found = finding(state, what.now);
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

/// One row of the table. Nothing: no row applies.
std::optional<Step> take_row(const Plan& plan, State& state, const Occurrence& what) {
  const int index = find_edge(plan.pattern, state.phase, what.on, state.decision);
  if (index < 0) return std::nullopt;
  const Edge& edge = edges(plan.pattern)[static_cast<std::size_t>(index)];
  perform(edge.action, plan, state, what);
  state.phase = edge.to;
  Step step;
  // A recovery only marks what the record leaves open; the marks ride with the next save, above all with the decision.
  step.changed = edge.action != Action::kNothing && what.on != Event::kRecover;
  step.durability = durability_of(plan.pattern, index);
  return step;
}

}  // namespace

std::optional<Step> complete(const Plan& plan, State& state, const Occurrence& what) {
  const std::optional<Event> derived = completion(plan, state);
  if (!derived) return std::nullopt;
  Occurrence end = what;
  end.on = *derived;
  return take_row(plan, state, end);
}

std::optional<Step> step(const Plan& plan, State& state, const Occurrence& what) {
  std::optional<Step> total = take_row(plan, state, what);
  if (!total) return std::nullopt;
  if (const std::optional<Step> last = complete(plan, state, what)) {
    total->changed = true;
    total->durability = std::max(total->durability, last->durability);
  }
  if (what.on != Event::kRecover) refresh_incident(state, what);
  if (total->changed) state.updated_at = what.now;
  return total;
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  if (plan.pattern == Pattern::kSaga) {
    saga::ready(plan, state, now, out);
  } else {
    message::ready(plan, state, now, out);
  }
}

Instant next_due(const Plan& plan, const State& state) {
  return plan.pattern == Pattern::kSaga ? saga::next_due(plan, state) : message::next_due(plan, state);
}

bool deadline_is_due(const State& state, Instant now) {
  if (state.deadline_at > now) return false;
  return state.phase == Phase::kActing || (state.phase == Phase::kPrepared && !state.deadline_seen);
}

Event event_of_answer(const Plan& plan, const State& state, const Occurrence& answer, CheckState check) {
  const bool done = answer.outcome == Outcome::kDone;
  const bool refused = answer.outcome == Outcome::kRefused;
  switch (answer.op) {
    case Op::kCheck:
      if (!done || check == CheckState::kUndecided) return Event::kCheckUnknown;
      return check == CheckState::kCommitted ? Event::kCheckCommitted : Event::kCheckAborted;
    case Op::kCompensate:
      return done ? Event::kCompensateDone : Event::kCompensateUnknown;
    case Op::kDeliver:
      return done ? Event::kDeliverDone : refused ? Event::kDeliverRefused : Event::kDeliverUnknown;
    default:
      break;
  }
  if (done) return Event::kActionDone;
  if (refused) return Event::kActionRefused;
  if (planted(Bug::kTimeoutIsRefusal)) return Event::kActionRefused;
  if (state.phase != Phase::kActing) return Event::kActionUnknown;
  const OpRef ref{answer.branch, answer.op};
  const OpState& op = op_state(state, ref);
  const bool counts = (answer.reached && answer.outcome != Outcome::kRunning) || planted(Bug::kOutageBurnsAttempts);
  const std::uint32_t made = op.attempts + (counts ? 1U : 0U) + (planted(Bug::kOutageBurnsAttempts) ? op.skipped : 0U);
  return is_exhausted(retry_of(plan, ref), made, op.since, answer.now) ? Event::kActionExhausted
                                                                       : Event::kActionUnknown;
}

const OpState& op_state(const State& state, OpRef ref) {
  if (ref.op == Op::kCheck) return state.check;
  SETTLE_ASSERT(ref.branch >= 0 && static_cast<std::size_t>(ref.branch) < state.branches.size());
  const BranchState& branch = state.branches[static_cast<std::size_t>(ref.branch)];
  return ref.op == Op::kCompensate ? branch.back : branch.forward;
}

OpState& op_state(State& state, OpRef ref) { return const_cast<OpState&>(op_state(std::as_const(state), ref)); }

const RetryPolicy& retry_of(const Plan& plan, OpRef ref) {
  return ref.branch < 0 ? plan.retry : plan.branches[static_cast<std::size_t>(ref.branch)].retry;
}

Duration attempt_timeout_of(const Plan& plan, OpRef ref) {
  return ref.branch < 0 ? plan.attempt_timeout : plan.branches[static_cast<std::size_t>(ref.branch)].attempt_timeout;
}

}  // namespace settle::protocol
