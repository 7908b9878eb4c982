#include "oracle/oracle.h"

// What a daemon hands to its writer, judged as it does so.

namespace settle::sim {

void Oracle::saving(const SavingSeen& seen) {
  const Save& save = *seen.save;
  const Facts& facts = facts_[seen.tx];
  // A caller that waits for a change must not wait for the time that unimportant changes are held back, too.
  if (seen.asked) {
    check(Check::kPrompt, save.forced, seen.tx, "the change that a verb has asked for is not forced");
    if (*seen.asked == engine::Verb::kRetryNow) judge_retry(seen);
  }
  if (seen.is_awaited && facts.outcome == GlobalOutcome::kRunning) {
    check(Check::kPrompt, save.forced, seen.tx, "the outcome that a caller waits for is not forced");
  }
  // Expected 0: a begin that repeats what has ended and will meet it in the store.
  if (facts.overdue_by == seen.from && save.expected != 0 && save.summary.phase == Phase::kPrepared) {
    check(Check::kOverdue, save.summary.has_incident, seen.tx,
          "a check-back past the deadline has learnt nothing, and there is no incident");
  }
}

/// Whatever is not done is due at once, and no target rests any more.
void Oracle::judge_retry(const SavingSeen& seen) {
  const Result<State> state = decode_state(seen.save->state);
  if (!check(Check::kRecord, state.ok(), seen.tx, "a state record cannot be read")) return;
  const auto is_due = [&](const OpState& op) { return op.status == OpStatus::kDone || op.due <= seen.local_now; };
  bool are_due = is_due(state->check);
  bool rests = false;
  const Script& script = scripts_[seen.tx];
  for (std::size_t i = 0; i < state->branches.size(); ++i) {
    const BranchState& branch = state->branches[i];
    are_due = are_due && is_due(branch.forward) && is_due(branch.back);
    const bool parks = state->phase == Phase::kDelivering && script.branches[i].on_refused == Policy::kPark;
    rests = rests || (parks && branch.forward.status == OpStatus::kRefused);
  }
  check(Check::kRetryNow, are_due && !rests && !state->stopped, seen.tx,
        "a retry was taken, and something is still put off");
}

}  // namespace settle::sim
