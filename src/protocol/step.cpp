#include "protocol/step.h"

#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "base/reached.h"
#include "model/ops.h"
#include "protocol/following.h"
#include "protocol/incident.h"
#include "protocol/message.h"
#include "protocol/passes.h"
#include "protocol/retry.h"
#include "protocol/saga.h"
#include "protocol/tables.h"
#include "protocol/undo.h"
#include "protocol/voting.h"

namespace settle::protocol {
namespace {

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

void note_done(const Plan& plan, State& state, OpState& op, const Occurrence& what) {
  end_attempt(op, what);
  passes::progress(plan, state, what);
  op.status = OpStatus::kDone;
  if (!is_hearsay(what)) op.quiet_at = kNoInstant;
  op.result = std::string(what.result);
  op.read_only = what.read_only;
  note_line(state, what, what.answer == kAnswerResolved ? Happening::kResolved : Happening::kOpDone);
}

void note_refused(const Plan& plan, State& state, OpState& op, const Occurrence& what) {
  // Earlier attempts without a clear end may still run: quiet_at stays.
  if (is_hearsay(what) && op.in_flight()) {
    // The report may speak of an earlier attempt: nobody knows yet what becomes of the one under way (R1, R7).
    op.doubtful = true;
    wait_for_attempt(plan, op, what);
  }
  end_attempt(op, what);
  if (plan.undoes_refused && what.op == Op::kAction) op.doubtful = true;
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
  if (plan.passes.on) {
    passes::rest(plan, state, op, what);
    return;
  }
  const RetryPolicy& policy = retry_of(plan, {what.branch, what.op});
  op.due = saturating_add(what.now, pause_after(policy, op, what));
  if (is_exhausted(policy, op.attempts, op.since, what.now)) {
    op.exhausted = true;  // phase two is asked on, at the slowest pace
    op.due = std::max(op.due, saturating_add(what.now, policy.cap));
  }
  if (what.answer == kAnswerCancelled) op.due = what.now;  // it was taken from a line, and goes back there
}

void turn_back(State& state, const Occurrence& what) {
  state.decision = Decision::kAbort;
  state.cause_branch = what.branch;
  switch (what.on) {
    case Event::kForwardRefused:
    case Event::kDeliverRefused:
      state.cause = Cause::kRefused;
      break;
    case Event::kForwardExhausted:
    case Event::kDeliverExhausted:
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
    if (forward.status == OpStatus::kDone || !plan.is_main(i)) continue;
    if (plan.client_driven) continue;  // its client calls it, and the barrier keeps the order
    if (plan.branches[i].pivot && !state.pivot_released) continue;  // R2: certainly not called
    if (all && forward.is_open() && !planted(Bug::kRecoveryForgetsDoubt)) forward.doubtful = true;
    if (forward.doubtful && !planted(Bug::kRecoveryDoesNotWait)) {
      const OpRef ref{static_cast<std::int32_t>(i), forward_op(plan, i)};
      forward.quiet_at = saturating_add(now, attempt_timeout_of(plan, ref));
    }
  }
  note_life(state, now, Happening::kRecovered);
}

void due_now(const Plan& plan, State& state, Instant now) {
  const auto wake = [&](OpState& op) {
    if (op.status == OpStatus::kDone) return;
    op.due = now;
    op.skipped = 0;
  };
  state.stopped = false;
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    BranchState& branch = state.branches[i];
    if (is_parked(plan, state, i)) branch.forward.status = OpStatus::kOpen;  // the operator wants it asked again
    wake(branch.forward);
    wake(branch.back);
  }
  wake(state.check);
  note_life(state, now, Happening::kRetryAsked);
}

void set_delivery(const Plan& plan, State& state, const Occurrence& what) {
  state.deliver_at = plan.deliver_at != kNoInstant ? plan.deliver_at : saturating_add(what.now, plan.delay);
  if (plan.passes.on) {
    state.deliver_at = saturating_add(state.created_at, what.delay.value_or(plan.delay));
    passes::heed_delay(state, what);
  }
  if (what.on == Event::kCheckCommitted) note_line(state, what, Happening::kCheckDecided);
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

/// What the client calls may have run from the moment it is known.
void adopt_branches(const Plan& plan, State& state) {
  const std::size_t known = state.branches.size();
  state.branches.resize(plan.branches.size());
  for (std::size_t i = known; i < state.branches.size(); ++i) {
    state.branches[i].forward.doubtful = plan.client_driven && plan.is_main(i) && !planted(Bug::kEnlistedNotDoubted);
  }
}

void start(const Plan& plan, State& state, const Occurrence& what) {
  state.created_at = what.now;
  adopt_branches(plan, state);
  if (plan.deadline != Duration{0}) state.deadline_at = saturating_add(what.now, plan.deadline);
  passes::wind(plan, state, what);
  note_life(state, what.now, Happening::kBegun);
}

void enlist(const Plan& plan, State& state, const Occurrence& what) {
  adopt_branches(plan, state);
  note_line(state, what, Happening::kEnlisted);
}

void give_up(const Plan& plan, State& state, OpState& op, const Occurrence& what) {
  note_unknown(plan, state, op, what);
  op.status = OpStatus::kGivenUp;
  op.exhausted = true;
  note_line(state, what, Happening::kGivenUp);
}

void stop(State& state, Instant now) {
  state.stopped = true;
  note_life(state, now, Happening::kStopped);
}

void schedule_check(const Plan& plan, State& state, const Occurrence& what) {
  end_attempt(state.check, what);
  // Past the deadline a check that knows nothing is a matter for a person, too; it is asked on without end.
  state.check.exhausted = state.check.exhausted || (state.deadline_seen && what.reached);
  note_line(state, what, what.reached ? Happening::kOpUnknown : Happening::kOpUnreached);
  if (plan.passes.on) {
    passes::rest(plan, state, state.check, what);
    return;
  }
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
    case Action::kAddBranch:
      enlist(plan, state, what);
      break;
    case Action::kGiveUp:
      give_up(plan, state, op(), what);
      break;
    case Action::kReleasePivot:
      SETTLE_REACHED("pivot released");
      state.pivot_released = true;
      note_life(state, what.now, Happening::kPivotReleased);
      break;
    case Action::kStopCalls:
      stop(state, what.now);
      break;
    case Action::kArmCheck:
      start(plan, state, what);
      state.check.due = planted(Bug::kCheckTooEarly) ? what.now : saturating_add(what.now, plan.check_after);
      break;
    case Action::kNoteDone:
      note_done(plan, state, op(), what);
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
    case Action::kRelease:
    case Action::kDecideCommit:
      if (what.on == Event::kBegin) start(plan, state, what);
      if (what.op == Op::kCheck) end_attempt(state.check, what);
      if (action == Action::kDecideCommit) state.decision = Decision::kCommit;
      if (plan.pattern == Pattern::kMessage) set_delivery(plan, state, what);
      note_life(state, what.now, Happening::kSubmitted);
      break;
    case Action::kDecideAbort:
      if (what.op == Op::kCheck) end_attempt(state.check, what);
      decide_abort(state, what);
      break;
    case Action::kPark:
      note_refused(plan, state, op(), what);
      break;
    case Action::kDueNow:
      due_now(plan, state, what.now);
      break;
    case Action::kOpenIncident:
      break;  // see refresh_incident
    case Action::kEndCommitted:
      end(state, what.now, Decision::kCommit, GlobalOutcome::kCommitted);
      break;
    case Action::kEndAborted:
      end(state, what.now, Decision::kAbort, GlobalOutcome::kAborted);
      break;
    case Action::kClose:
      note_life(state, what.now, Happening::kFollowedUp);
      break;
  }
}

std::optional<Event> completion(const Plan& plan, const State& state) {
  switch (state.phase) {
    case Phase::kActing:
      if (saga::all_done(plan, state)) return Event::kAllDone;
      if (saga::is_pivot_due(plan, state)) return Event::kPivotDue;
      break;
    case Phase::kTrying:
    case Phase::kPreparing:
      if (voting::all_agreed(plan, state)) return Event::kAllDone;
      break;
    case Phase::kConfirming:
    case Phase::kCommitting:
      if (voting::all_confirmed(plan, state)) return Event::kAllConfirmed;
      break;
    case Phase::kCompensating:
    case Phase::kCancelling:
    case Phase::kRollingBack:
      if (undo::all_undone(plan, state)) return Event::kAllUndone;
      break;
    case Phase::kDelivering:
      if (message::all_delivered(plan, state)) return Event::kAllDelivered;
      break;
    case Phase::kFollowing:
      if (following::all_followed(plan, state)) return Event::kAllFollowed;
      break;
    case Phase::kNew:
    case Phase::kPrepared:
    case Phase::kEnded:
      break;
  }
  return std::nullopt;
}

/// R6: what a later step takes from this result must not change any more.
Durability effective(const Plan& plan, Durability durability, const Occurrence& what) {
  if (durability != Durability::kForcedIfBound) return durability;
  const bool bound = what.branch >= 0 && plan.is_bound(static_cast<std::size_t>(what.branch));
  return bound && !planted(Bug::kBoundResultLazy) ? Durability::kForced : Durability::kLazy;
}

/// One row of the table. Nothing: no row applies.
std::optional<Step> take_row(const Plan& plan, State& state, const Occurrence& what) {
  const int index = find_edge(plan, state, what);
  if (index < 0) return std::nullopt;
  const Edge& edge = edges(plan.pattern)[static_cast<std::size_t>(index)];
  perform(edge.action, plan, state, what);
  state.phase = edge.to;
  Step step;
  // A recovery only marks what the record leaves open; the marks ride with the next save, above all with the decision.
  step.changed = edge.action != Action::kNothing && what.on != Event::kRecover;
  step.durability = effective(plan, durability_of(plan.pattern, index), what);
  return step;
}

}  // namespace

std::optional<Step> complete(const Plan& plan, State& state, const Occurrence& what) {
  std::optional<Step> total;
  // One thing may complete the next: votes that were all read-only leave nothing to commit.
  while (const std::optional<Event> derived = completion(plan, state)) {
    Occurrence end = what;
    end.on = *derived;
    const std::optional<Step> step = take_row(plan, state, end);
    if (!step) break;
    if (!total) total = Step{};
    total->add({.changed = true, .durability = step->durability});
  }
  if (const std::uint32_t ended = passes::close(plan, state, what); ended != 0) {
    if (!total) total = Step{};
    total->add({.changed = true, .passes_ended = ended});
  }
  return total;
}

namespace {

/// The deadline is looked at when a pass begins.
Step open_pass(const Plan& plan, State& state, const Occurrence& what) {
  Step total{.changed = true};
  if (passes::is_overdue(state, what)) {
    Occurrence deadline = what;
    deadline.on = Event::kDeadline;
    if (const std::optional<Step> turned = take_row(plan, state, deadline)) total.add(*turned);
  }
  passes::open(state, what);
  return total;
}

}  // namespace

std::optional<Step> start_pass(const Plan& plan, State& state, const Occurrence& what) {
  if (!plan.passes.on || state.stopped || state.has_ended()) return std::nullopt;
  state.clock.next_at = saturating_add(what.now, plan.passes.lock);
  Step total = open_pass(plan, state, what);
  if (const std::optional<Step> last = complete(plan, state, what)) total.add(*last);
  refresh_incident(plan, state, what);
  state.updated_at = what.now;
  return total;
}

std::optional<Step> step(const Plan& plan, State& state, const Occurrence& what) {
  if (passes::is_late(plan, state, what.on)) return std::nullopt;
  std::optional<Step> total = take_row(plan, state, what);
  if (!total) return std::nullopt;
  state.heuristic = std::max(state.heuristic, what.heuristic);
  if (passes::is_asked_by(plan, state, what.on)) total->add(open_pass(plan, state, what));
  if (const std::optional<Step> last = complete(plan, state, what)) total->add(*last);
  if (what.on != Event::kRecover) refresh_incident(plan, state, what);
  if (total->changed) state.updated_at = what.now;
  return total;
}

bool is_undecided(Phase phase) {
  return phase == Phase::kActing || phase == Phase::kPrepared || phase == Phase::kTrying || phase == Phase::kPreparing;
}

void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out) {
  if (state.stopped || state.phase == Phase::kEnded) return;
  if (plan.passes.on && !state.clock.is_open) return;
  if (state.phase == Phase::kFollowing) {
    following::ready(plan, state, now, out);
    return;
  }
  switch (plan.pattern) {
    case Pattern::kSaga:
      saga::ready(plan, state, now, out);
      break;
    case Pattern::kMessage:
      message::ready(plan, state, now, out);
      break;
    case Pattern::kTcc:
    case Pattern::kTwoPhase:
      voting::ready(plan, state, now, out);
      break;
  }
}

void parked(const Plan& plan, const State& state, std::vector<OpRef>& out) {
  if (state.phase == Phase::kFollowing) {
    following::parked(plan, state, out);
  } else if (plan.pattern == Pattern::kMessage) {
    message::parked(plan, state, out);
  }
}

Instant due_of(const Plan& plan, const State& state, OpRef ref) {
  const Instant due = op_state(state, ref).due;
  if (ref.branch < 0 || !plan.is_main(static_cast<std::size_t>(ref.branch))) return due;
  if (is_undo(ref.op)) return std::max(due, undo::due_after(op_state(state, {ref.branch, forward_op(plan.pattern)})));
  return ref.op == Op::kDeliver ? std::max(due, state.deliver_at) : due;
}

Instant next_due(const Plan& plan, const State& state) {
  if (state.stopped || state.phase == Phase::kEnded) return kNever;
  if (plan.passes.on) return passes::next_due(plan, state);
  if (state.phase == Phase::kFollowing) return following::next_due(plan, state);
  switch (plan.pattern) {
    case Pattern::kSaga:
      return saga::next_due(plan, state);
    case Pattern::kMessage:
      return message::next_due(plan, state);
    case Pattern::kTcc:
    case Pattern::kTwoPhase:
      return voting::next_due(plan, state);
  }
  return kNever;
}

bool deadline_is_due(const Plan& plan, const State& state, Instant now) {
  if (state.deadline_at > now || state.stopped || plan.passes.on) return false;
  switch (state.phase) {
    case Phase::kActing:
      return saga::is_returnable(plan, state);
    case Phase::kPrepared:
      return !state.deadline_seen;
    case Phase::kTrying:
    case Phase::kPreparing:
      return true;
    default:
      return false;
  }
}

std::optional<Op> owed_op(const Plan& plan, const State& state, std::int32_t branch) {
  const auto index = static_cast<std::size_t>(branch);
  if (state.phase == Phase::kFollowing || !plan.is_main(index)) {
    if (state.phase != Phase::kFollowing || !following::follows(plan, state, index, state.outcome)) return std::nullopt;
    return plan.branches[index].role == Role::kOnAbort ? Op::kCompensate : Op::kDeliver;
  }
  if (state.phase == Phase::kEnded) return std::nullopt;
  if (!is_undecided(state.phase) && state.phase != Phase::kDelivering) return back_op(plan, state, index);
  const OpStatus status = state.branches[index].forward.status;
  const bool is_left = status == OpStatus::kRefused || status == OpStatus::kGivenUp;
  return state.phase == Phase::kActing && is_left ? back_op(plan.pattern) : forward_op(plan.pattern);
}

namespace {

/// Would this answer use up the bound of its op?
bool uses_up(const Plan& plan, const State& state, const Occurrence& answer) {
  if (plan.passes.on)
    return answer.op == Op::kAction && plan.passes.retry_limit != 0 && !passes::may_repeat(plan, state);
  const OpRef ref{answer.branch, answer.op};
  const OpState& op = op_state(state, ref);
  const bool counts = (answer.reached && answer.outcome != Outcome::kRunning) || planted(Bug::kOutageBurnsAttempts);
  const std::uint32_t made = op.attempts + (counts ? 1U : 0U) + (planted(Bug::kOutageBurnsAttempts) ? op.skipped : 0U);
  return is_exhausted(retry_of(plan, ref), made, op.since, answer.now);
}

}  // namespace

bool bound_decides(const Plan& plan, const State& state, OpRef ref) {
  switch (ref.op) {
    case Op::kAction:
    case Op::kTry:
    case Op::kPrepare:
      return is_undecided(state.phase);
    case Op::kDeliver:
      return state.phase == Phase::kDelivering &&
             plan.branches[static_cast<std::size_t>(ref.branch)].on_exhausted != Policy::kPark;
    default:
      return false;
  }
}

Event event_of_answer(const Plan& plan, const State& state, const Occurrence& answer, CheckState check) {
  const bool done = answer.outcome == Outcome::kDone;
  const auto is_given_up = [&] {
    return bound_decides(plan, state, {answer.branch, answer.op}) && uses_up(plan, state, answer);
  };
  switch (answer.op) {
    case Op::kCheck:
      if (!done || check == CheckState::kUndecided) return Event::kCheckUnknown;
      return check == CheckState::kCommitted ? Event::kCheckCommitted : Event::kCheckAborted;
    case Op::kCompensate:
    case Op::kCancel:
    case Op::kRollback:
      return done ? Event::kBackDone : Event::kBackUnknown;
    case Op::kConfirm:
    case Op::kCommit:
      return done ? Event::kConfirmDone : Event::kConfirmUnknown;
    case Op::kDeliver:
      if (done) return Event::kDeliverDone;
      // In passes nothing turns a message back: whoever refuses is asked again.
      if (answer.outcome == Outcome::kRefused && !plan.passes.on) return Event::kDeliverRefused;
      return is_given_up() ? Event::kDeliverExhausted : Event::kDeliverUnknown;
    case Op::kAction:
    case Op::kTry:
    case Op::kPrepare:
      break;
  }
  if (done) return Event::kForwardDone;
  if (answer.outcome == Outcome::kRefused || planted(Bug::kTimeoutIsRefusal)) return Event::kForwardRefused;
  return is_given_up() ? Event::kForwardExhausted : Event::kForwardUnknown;
}

const OpState& op_state(const State& state, OpRef ref) {
  if (ref.op == Op::kCheck) return state.check;
  SETTLE_ASSERT(ref.branch >= 0 && static_cast<std::size_t>(ref.branch) < state.branches.size());
  const BranchState& branch = state.branches[static_cast<std::size_t>(ref.branch)];
  return is_forward(ref.op) ? branch.forward : branch.back;
}

OpState& op_state(State& state, OpRef ref) { return const_cast<OpState&>(op_state(std::as_const(state), ref)); }

const RetryPolicy& retry_of(const Plan& plan, OpRef ref) {
  return ref.branch < 0 ? plan.retry : plan.branches[static_cast<std::size_t>(ref.branch)].retry;
}

Duration attempt_timeout_of(const Plan& plan, OpRef ref) {
  return ref.branch < 0 || plan.passes.on ? plan.attempt_timeout
                                          : plan.branches[static_cast<std::size_t>(ref.branch)].attempt_timeout;
}

}  // namespace settle::protocol
