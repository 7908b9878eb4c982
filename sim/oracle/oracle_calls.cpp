#include <algorithm>

#include "oracle/oracle.h"

// What the daemons send to participants, judged as it leaves.

namespace settle::sim {

Oracle::OpFacts& Oracle::op_facts(TxNo tx, Op op, std::int32_t branch) {
  const std::size_t count = scripts_[tx].count;
  std::vector<OpFacts>& ops = facts_[tx].ops;
  if (op == Op::kCheck) return ops[2 * count];
  return ops[static_cast<std::size_t>(branch) + (is_forward(op) ? 0 : count)];
}

const RetryPolicy& Oracle::policy(TxNo tx, Op op, std::int32_t branch) const {
  const Script& script = scripts_[tx];
  return op == Op::kCheck ? script.check_retry : script.branches[static_cast<std::size_t>(branch)].retry;
}

void Oracle::called(const CallSeen& seen) {
  const Call& call = *seen.call;
  if (!check(Check::kAsPlanned, seen.tx != kNoTx, kNoTx, "a call for a transaction that nobody began")) return;
  const Script& script = scripts_[seen.tx];
  const bool is_check = call.op == Op::kCheck;
  const bool is_branch = call.branch >= 0 && static_cast<std::size_t>(call.branch) < script.count;
  if (!check(Check::kAsPlanned, is_check ? call.branch == -1 : is_branch, seen.tx, "a call names no branch")) return;

  judge_call_content(seen);
  judge_durable(seen);
  judge_call_order(seen);
  check(Check::kLease, seen.lease_end != kNoInstant && seen.local_now < seen.lease_end, seen.tx,
        "a call left without a lease, or after its end");
  OpFacts& op = op_facts(seen.tx, call.op, call.branch);
  judge_call_time(seen, op);
  note_sent(seen, op);
}

void Oracle::judge_call_content(const CallSeen& seen) {
  const Call& call = *seen.call;
  const Script& script = scripts_[seen.tx];
  const Facts& facts = facts_[seen.tx];
  Text buffer{};
  if (script.is_named) {
    check(Check::kAsPlanned, call.gid == gid_of(seen.tx), seen.tx, "a call carries another gid");
  } else if (facts.is_present) {
    check(Check::kAsPlanned, call.gid == facts.tid.text(), seen.tx, "a call carries another gid than its tid's text");
  }
  check(Check::kAsPlanned, call.pattern == script.pattern, seen.tx, "a call carries another pattern");
  check(Check::kAsPlanned, call.attempt >= 1, seen.tx, "attempts count from 1");
  if (call.op == Op::kCheck) {
    check(Check::kAsPlanned, script.two_step && call.branch_id == "00" && call.payload.empty(), seen.tx,
          "a check-back is not the one of the plan");
    check(Check::kAsPlanned, call.url == url_of(script.producer, Op::kCheck, buffer), seen.tx,
          "a check-back goes to another URL");
    return;
  }
  const auto index = static_cast<std::size_t>(call.branch);
  const BranchScript& branch = script.branches[index];
  check(Check::kAsPlanned, call.branch_id == branch_id_of(index, buffer), seen.tx, "a call carries another branch id");
  const bool fits = call.op == forward_op_of(script, index) ||
                    (call.op == back_op_of(script, index) && (branch.has_back || branch.role == Role::kOnAbort)) ||
                    (script.votes() && branch.role == Role::kMain && call.op == confirm_op_of(script));
  check(Check::kAsPlanned, fits, seen.tx, "a call carries an op that its branch does not know");
  check(Check::kAsPlanned, call.url == url_of(branch.service, call.op, buffer), seen.tx, "a call goes to another URL");
  check(Check::kAsPlanned, call.payload == input_of(script, index, call.op, buffer), seen.tx,
        "a call carries another input");
  check(Check::kAsPlanned, call.timeout == branch.attempt_timeout, seen.tx, "a call has another time limit");
}

void Oracle::judge_durable(const CallSeen& seen) {
  const Facts& facts = facts_[seen.tx];
  const Call& call = *seen.call;
  const bool is_begun = facts.is_present && is_synced(facts.begun_change);
  check(Check::kCalledIsDurable, is_begun, seen.tx, "a call left before its plan was on disk");
  if (call.branch < 0) return;
  const Script& script = scripts_[seen.tx];
  const auto index = static_cast<std::size_t>(call.branch);
  if (!script.is_main(index)) {
    check(Check::kCalledIsDurable, is_synced(facts.outcome_change), seen.tx,
          "a follow-up left before the outcome that it hangs on was on disk");
    return;
  }
  const bool is_left = may_be_left(seen.tx, index);  // then it follows from that, and no decision is needed
  const bool needs_decision = call.op == Op::kDeliver ? !script.is_turnable() : !is_forward(call.op) && !is_left;
  if (needs_decision) {
    check(Check::kCalledIsDurable, is_synced(facts.decision_change), seen.tx,
          "a call left before the decision that it follows from was on disk");
  }
  if (call.op == Op::kDeliver && !needs_decision) {
    check(Check::kCalledIsDurable, facts.phase != Phase::kPrepared || facts.is_behind, seen.tx,
          "a delivery left before it was on disk that the message may be delivered");
  }
  judge_pivot(seen);
  judge_bound(seen);
}

void Oracle::judge_pivot(const CallSeen& seen) {
  const auto index = static_cast<std::size_t>(seen.call->branch);
  if (!scripts_[seen.tx].branches[index].is_pivot || seen.call->op != Op::kAction) return;
  const Result<State> stored = decode_state(facts_[seen.tx].state);
  check(Check::kReleased, stored.ok() && (stored->pivot_released || facts_[seen.tx].is_behind), seen.tx,
        "a pivot was called before its release was stored");
}

void Oracle::judge_bound(const CallSeen& seen) {
  const Call& call = *seen.call;
  const BranchScript& branch = scripts_[seen.tx].branches[static_cast<std::size_t>(call.branch)];
  if (branch.bound_to == kNoBranch || call.op != Op::kAction) return;
  std::string_view result;
  if (call.bound != nullptr && call.bound->size() == 1) result = call.bound->front().result;
  if (!check(Check::kBound, !result.empty(), seen.tx, "a step was called without the result that it takes")) return;
  OpFacts& op = op_facts(seen.tx, call.op, call.branch);
  if (op.bound.empty()) op.bound = std::string(result);
  check(Check::kBound, op.bound == result, seen.tx, "a step was called with two bound results");
}

void Oracle::judge_call_order(const CallSeen& seen) {
  const Call& call = *seen.call;
  const Script& script = scripts_[seen.tx];
  const Facts& facts = facts_[seen.tx];
  const bool is_main = call.branch < 0 || script.is_main(static_cast<std::size_t>(call.branch));
  if (!is_main) {
    const bool commits = script.branches[static_cast<std::size_t>(call.branch)].role != Role::kOnAbort;
    const GlobalOutcome wanted = commits ? GlobalOutcome::kCommitted : GlobalOutcome::kAborted;
    check(Check::kFollowed, facts.outcome == wanted && facts.phase == Phase::kFollowing, seen.tx,
          "a follow-up was called, and its outcome was not the one, or it was over");
    return;
  }
  check(Check::kAfterEnd, facts.told_outcome == GlobalOutcome::kRunning && facts.outcome == GlobalOutcome::kRunning,
        seen.tx, "an op was sent after the outcome was told or stored");
  if (call.op == Op::kCheck) {
    check(Check::kDirection, facts.decision == Decision::kNone, seen.tx, "a check-back was called after the decision");
    return;
  }
  if (is_undo(call.op)) {
    const bool is_left = may_be_left(seen.tx, static_cast<std::size_t>(call.branch));
    check(Check::kDirection, facts.decision == Decision::kAbort || is_left, seen.tx,
          "an undo was called without abort");
    judge_undo(seen);
    return;
  }
  if (is_confirm(call.op)) {
    check(Check::kDirection, facts.decision == Decision::kCommit, seen.tx, "a confirm was called without commit");
    return;
  }
  if (call.op == Op::kDeliver) {
    const bool fits = script.is_turnable() ? facts.decision != Decision::kAbort : facts.decision == Decision::kCommit;
    check(Check::kDirection, fits, seen.tx, "a delivery was called without commit");
  } else {
    check(Check::kDirection, facts.decision != Decision::kAbort, seen.tx,
          "an action was called after abort was decided");
  }
  const auto index = static_cast<std::size_t>(call.branch);
  const BranchSet before = script.branches[index].before;
  for (std::size_t i = 0; i < script.count; ++i) {
    if ((before & bit(i)) == 0) continue;
    const bool is_done = ledger_.row(seen.tx, static_cast<std::int32_t>(i)).applied == 1;
    if (!script.branches[i].can_be_left()) {
      check(Check::kForwardOrder, is_done, seen.tx, "a branch was called before its predecessor was done");
    } else if (!is_done && script.branches[i].is_optional) {
      judge_left(seen, i);
    }
  }
  if (script.deadline.count() > 0 && call.op != Op::kDeliver && !script.has_no_return(index)) {
    check(Check::kDeadline, now_ <= facts.stored_at + script.deadline + slack(script.deadline), seen.tx,
          "an action was called after the deadline");
  }
}

/// A step that the saga goes on without stays left, so that is on disk before anything follows from it.
void Oracle::judge_left(const CallSeen& seen, std::size_t branch) {
  const Facts& facts = facts_[seen.tx];
  const Result<State> stored = decode_state(facts.state);
  const bool is_left = stored.ok() && branch < stored->branches.size() &&
                       (stored->branches[branch].forward.status == OpStatus::kRefused ||
                        stored->branches[branch].forward.status == OpStatus::kGivenUp);
  check(Check::kCalledIsDurable, is_left || facts.is_behind, seen.tx,
        "a step was called before it was on disk that its predecessor is left");
}

void Oracle::judge_undo(const CallSeen& seen) {
  const Script& script = scripts_[seen.tx];
  const Facts& facts = facts_[seen.tx];
  const auto index = static_cast<std::size_t>(seen.call->branch);
  // A step that is left is undone alone, while the saga goes on.
  const BranchSet successors = may_be_left(seen.tx, index) ? 0 : script.successors_of(index);
  for (std::size_t i = 0; i < script.count; ++i) {
    if ((successors & bit(i)) == 0 || !script.branches[i].has_back || !facts.ops[i].may_have_run) continue;
    check(Check::kUndoOrder, ledger_.row(seen.tx, static_cast<std::int32_t>(i)).row == protocol::BarrierRow::kTombstone,
          seen.tx, "a step was undone before a successor that may have run");
  }
  const OpFacts& action = facts.ops[index];
  const Duration off = drift(script.branches[index].attempt_timeout);
  const bool is_quiet =
      action.is_done || (now_ + off >= action.quiet_at && (!action.is_in_flight || now_ + off >= action.until));
  check(Check::kQuiet, is_quiet, seen.tx, "a step was undone while an attempt of it may still run");
}

void Oracle::judge_call_time(const CallSeen& seen, OpFacts& op) {
  const Call& call = *seen.call;
  const Script& script = scripts_[seen.tx];
  const Facts& facts = facts_[seen.tx];
  const bool is_same = op.by == seen.from && op.sent_here > 0;
  if (is_same) {
    check(Check::kPacing, !op.is_in_flight || op.was_reported, seen.tx, "two attempts of one op at the same time");
    bool is_fine = seen.local_now >= op.not_before || facts.retries_open > 0;
    if (!is_fine && call.op == Op::kCheck && script.deadline.count() > 0 && !op.used_deadline) {
      op.used_deadline = is_fine = now_ + slack(script.deadline) >= facts.begun_at + script.deadline;
    }
    check(Check::kPacing, is_fine, seen.tx, "an op was asked again sooner than its policy allows");
    check(Check::kAttempts, call.attempt >= op.last_number, seen.tx, "attempt numbers went back");
  }
  // Where something else can be done than to ask on, the bound holds.
  const bool is_main = call.branch >= 0 && script.is_main(static_cast<std::size_t>(call.branch));
  if (is_main && is_forward(call.op) && call.op != Op::kDeliver &&
      !(script.has_no_return(static_cast<std::size_t>(call.branch)) &&
        !script.branches[static_cast<std::size_t>(call.branch)].is_optional)) {
    const RetryPolicy& retry = policy(seen.tx, call.op, call.branch);
    const std::uint32_t counted = is_same ? op.counted_here : 0;
    check(Check::kAttempts, retry.attempts == 0 || counted < retry.attempts, seen.tx, "more attempts than the bound");
  }
  if (call.op == Op::kCheck) {
    const bool is_deadline =
        script.deadline.count() > 0 && now_ + slack(script.deadline) >= facts.begun_at + script.deadline;
    check(Check::kCheckAfter,
          is_deadline || facts.retry_asked || now_ + slack(script.check_after) >= facts.begun_at + script.check_after,
          seen.tx, "a check-back was asked before its time");
  }
  if (call.op == Op::kDeliver && is_main && script.delay.count() > 0) {
    check(Check::kDelay, now_ + slack(script.delay) >= facts.decided_at + script.delay, seen.tx,
          "a delayed message was delivered before its time");
  }
  auto& under_way = under_way_[seen.from.node];
  if (life_of_[seen.from.node] != seen.from.life) {
    life_of_[seen.from.node] = seen.from.life;
    under_way.fill(0);
  }
  const std::uint8_t service =
      call.op == Op::kCheck ? script.producer : script.branches[static_cast<std::size_t>(call.branch)].service;
  ++under_way[service];
  check(Check::kDestination, under_way[service] <= o_.limits.calls_per_destination, seen.tx,
        "more calls at once to one destination than allowed");
}

void Oracle::note_sent(const CallSeen& seen, OpFacts& op) {
  const Call& call = *seen.call;
  // Another daemon, or another life, or a report: what was under way may still run.
  if (op.is_in_flight) {
    op.quiet_at = std::max(op.quiet_at, op.until);
    op.may_have_run = true;
  }
  if (!(op.by == seen.from)) {
    op.by = seen.from;
    op.sent_here = op.counted_here = 0;
    op.not_before = kNoInstant;
    op.used_deadline = false;  // that the deadline was seen may be lost: it was a lazy change
  }
  ++op.sent;
  ++op.sent_here;
  ++op.counted_here;
  ++op.counted_most;
  op.last_number = call.attempt;
  op.is_in_flight = true;
  op.call = call.id;
  op.until = seen.until;
  op.sent_at = seen.local_now;
  op.called_at = now_;
}

void Oracle::call_ended(LifeTag at, TxNo tx, const CallEnded& end, Instant local_now, std::uint64_t input) {
  const Script& script = scripts_[tx];
  Facts& facts = facts_[tx];
  const std::uint8_t service =
      end.op == Op::kCheck ? script.producer : script.branches[static_cast<std::size_t>(end.branch)].service;
  if (life_of_[at.node] == at.life && under_way_[at.node][service] > 0) --under_way_[at.node][service];

  if (end.op == Op::kCheck && end.outcome == Outcome::kDone) {
    if (end.check == CheckState::kCommitted) {
      facts.check_committed = true;
      facts.decided_at = std::min(facts.decided_at, now_);
    }
    if (end.check == CheckState::kAborted) facts.check_aborted = true;
  }
  OpFacts& op = op_facts(tx, end.op, end.branch);
  if (end.outcome == Outcome::kRefused && is_forward(end.op)) {
    facts.refused = true;
    op.was_refused = true;
    if (script.branches[static_cast<std::size_t>(end.branch)].is_pivot) facts.pivot_refused = true;
  }
  if (end.outcome == Outcome::kDone) {
    op.is_done = true;
    op.may_have_run = true;
  }
  if (!op.is_in_flight || op.call != end.id || op.by.node != at.node || op.by.life != at.life) return;
  op.is_in_flight = false;
  if (!op.was_reported) facts.moved_at = input;
  const bool is_decided = end.outcome == Outcome::kDone && end.check != CheckState::kUndecided;
  if (end.op == Op::kCheck && end.reached && !is_decided && script.deadline.count() > 0 &&
      op.called_at > facts.stored_at + script.deadline + slack(script.deadline)) {
    facts.overdue_by = op.by;
  }
  const bool is_clear = end.outcome == Outcome::kDone || (end.outcome == Outcome::kRefused && is_forward(end.op));
  const bool is_counted = end.reached && end.outcome != Outcome::kRunning;
  if (!is_counted) {
    --op.counted_here;
    --op.counted_most;
  }
  if (!is_clear && end.reached) {
    op.may_have_run = true;
    op.quiet_at = std::max(op.quiet_at, op.until);
  }
  if (op.was_reported) return;  // nobody waited for this attempt any more: what follows it is paced by something else
  // I16: base · factor^(n-1) up to the cap, less the jitter; what counts no attempt is paced by the base at least.
  const RetryPolicy& retry = policy(tx, end.op, end.branch);
  std::int64_t pause = retry.base.count();
  const std::int64_t cap = std::max(retry.cap, retry.base).count();
  for (std::uint32_t n = 1; is_counted && n < op.counted_here && pause < cap; ++n) {
    pause = pause * retry.factor_permille / 1000;
    if (retry.factor_permille <= 1000) break;
  }
  pause = std::min(pause, cap);
  // Rounding of the factors and of the jitter: a permille and a little.
  pause -= pause * retry.jitter_permille / 1000 + pause / 500 + 4;
  Duration least{std::max<std::int64_t>(pause, 0)};
  least = std::max(least, end.retry_after);
  op.not_before = local_now + least;
  if (end.op == Op::kCheck) op.not_before = std::max(op.not_before, op.sent_at + script.check_after);
}

void Oracle::node_gone(LifeTag gone) {
  if (life_of_[gone.node] == gone.life) under_way_[gone.node].fill(0);
}

}  // namespace settle::sim
