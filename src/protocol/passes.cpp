#include "protocol/passes.h"

#include <algorithm>

#include "base/reached.h"
#include "protocol/retry.h"
#include "protocol/saga.h"

namespace settle::protocol::passes {
namespace {

/// Progress that comes quicker than this after the clock was set does not set it again.
constexpr Duration kTouchedLongAgo = milliseconds{1500};

bool is_first(Phase phase) {
  return phase == Phase::kPrepared || phase == Phase::kTrying || phase == Phase::kPreparing;
}

bool goes_forth(Phase phase) {
  return phase == Phase::kActing || phase == Phase::kDelivering || phase == Phase::kConfirming ||
         phase == Phase::kCommitting;
}

/// Jitter moves the time and not the interval, which is shown.
void set(const Plan& plan, State& state, const Occurrence& what, Duration interval) {
  state.clock.interval = interval;
  state.clock.touched_at = what.now;
  const RetryPolicy once{.base = interval, .cap = interval, .jitter_permille = plan.retry.jitter_permille};
  state.clock.next_at = saturating_add(what.now, next_pause(once, 1, what.dice));
}

void make_due(OpState& op, Instant due) {
  if (op.is_open() && !op.in_flight()) op.due = due;
}

bool is_calling(const State& state) {
  if (state.check.in_flight()) return true;
  return std::any_of(state.branches.begin(), state.branches.end(),
                     [](const BranchState& branch) { return branch.forward.in_flight() || branch.back.in_flight(); });
}

bool is_over(const Plan& plan, const State& state) {
  return state.has_ended() || (!is_calling(state) && next_due(plan, state) == kNever);
}

/// The deadline still changes something.
bool heeds_deadline(const Plan& plan, const State& state) {
  if (!is_undecided(state.phase) || state.deadline_seen) return false;
  return plan.pattern != Pattern::kSaga || saga::is_returnable(plan, state);
}

}  // namespace

bool is_late(const Plan& plan, const State& state, Event on) {
  const bool is_verb = on == Event::kSubmit || on == Event::kAbort || on == Event::kStop;
  if (!plan.passes.on || state.phase == Phase::kNew || !is_verb) return false;
  if (state.stopped || on == Event::kStop) return state.stopped;
  if (on == Event::kSubmit) return !is_first(state.phase) && !goes_forth(state.phase);
  return !is_first(state.phase) && state.phase != Phase::kCancelling && state.phase != Phase::kRollingBack;
}

bool is_asked_by(const Plan& plan, const State& state, Event on) {
  if (!plan.passes.on || state.stopped) return false;
  if (on == Event::kRetryNow) return true;
  const bool asks = on == Event::kBegin || on == Event::kSubmit || on == Event::kAbort;
  // One that was announced only is not worked on; a message that was dropped has nothing to work on.
  return asks && !is_first(state.phase) && !(on == Event::kAbort && plan.pattern == Pattern::kMessage);
}

void wind(const Plan& plan, State& state, const Occurrence& what) {
  if (plan.passes.on) set(plan, state, what, plan.retry.base);
}

bool is_overdue(const State& state, const Occurrence& what) {
  return is_undecided(state.phase) && state.deadline_at <= saturating_add(what.now, what.older);
}

void open(State& state, const Occurrence& what) {
  PassClock& clock = state.clock;
  if (clock.is_open) {
    SETTLE_REACHED("a pass is asked for during another");
    ++clock.wanted;
    return;
  }
  clock.is_open = true;
  clock.has_backed_off = false;
  clock.retries = 0;
  clock.touched_at = what.now;
  clock.problem = {};
  for (BranchState& branch : state.branches) {
    make_due(branch.forward, kNoInstant);
    make_due(branch.back, kNoInstant);
  }
  if (state.phase == Phase::kDelivering) heed_delay(state, what);
  make_due(state.check, is_overdue(state, what) ? what.now : kNever);
}

void heed_delay(State& state, const Occurrence& what) {
  if (!state.clock.is_open) return;
  if (state.deliver_at <= saturating_add(what.now, what.sooner)) {
    state.deliver_at = std::min(state.deliver_at, what.now);
    return;
  }
  state.clock.next_at = state.deliver_at;
  for (BranchState& branch : state.branches) make_due(branch.forward, kNever);
}

void rest(const Plan& plan, State& state, OpState& op, const Occurrence& what) {
  PassClock& clock = state.clock;
  if (clock.problem.outcome == Outcome::kDone)
    clock.problem = {what.branch, what.op, what.outcome, std::string(what.result)};
  const bool keeps = what.outcome == Outcome::kRunning && what.op != Op::kCheck;
  Duration interval = keeps || clock.has_backed_off ? clock.interval : std::min(2 * clock.interval, plan.retry.cap);
  // A producer whose transaction is open is there: it is asked again at the first pace.
  if (what.op == Op::kCheck && what.outcome == Outcome::kRunning) interval = plan.retry.base;
  clock.has_backed_off = clock.has_backed_off || what.outcome != Outcome::kRunning;
  set(plan, state, what, interval);
  const bool repeats = what.op == Op::kAction && plan.passes.retry_limit != 0 && is_undecided(state.phase);
  if (repeats) ++clock.retries;
  op.due = repeats ? what.now : kNever;
}

void progress(const Plan& plan, State& state, const Occurrence& what) {
  if (!plan.passes.on) return;
  const bool long_ago = what.now + what.older - state.clock.touched_at >= kTouchedLongAgo;
  if (long_ago || state.clock.interval > std::max(plan.passes.lock, plan.retry.base))
    set(plan, state, what, plan.retry.base);
}

bool may_repeat(const Plan& plan, const State& state) { return state.clock.retries < plan.passes.retry_limit; }

std::uint32_t close(const Plan& plan, State& state, const Occurrence& what) {
  std::uint32_t ended = 0;
  PassClock& clock = state.clock;
  while (clock.is_open && is_over(plan, state)) {
    ++ended;
    clock.is_open = false;
    if (clock.wanted == 0) break;
    --clock.wanted;
    open(state, what);
  }
  return ended;
}

Instant next_due(const Plan& plan, const State& state) {
  if (state.stopped || state.has_ended()) return kNever;
  if (!state.clock.is_open) {
    return heeds_deadline(plan, state) ? std::min(state.clock.next_at, state.deadline_at) : state.clock.next_at;
  }
  std::vector<OpRef> ops;
  ready(plan, state, kNever, ops);
  Instant due = kNever;
  for (const OpRef ref : ops) due = std::min(due, due_of(plan, state, ref));
  return due;
}

}  // namespace settle::protocol::passes
