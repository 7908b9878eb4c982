#include "oracle/oracle.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"

namespace settle::sim {
namespace {

struct CheckText {
  std::string_view label;
  std::string_view claim;
};
constexpr std::array<CheckText, kChecks> kTexts{
#define SIM_CHECK(name, label, claim) CheckText{label, claim},
#include "oracle/checks.def"
#undef SIM_CHECK
};

}  // namespace

std::string_view label_of(Check check) { return kTexts[static_cast<std::size_t>(check)].label; }
std::string_view claim_of(Check check) { return kTexts[static_cast<std::size_t>(check)].claim; }

bool Oracle::check(Check check, bool holds, TxNo tx, const char* text) {
  ++evaluated_[static_cast<std::size_t>(check)];
  if (holds || left_out_[static_cast<std::size_t>(check)]) [[likely]]
    return true;
  ++violations_;
  if (!has_violation_) {
    has_violation_ = true;
    violation_ = Violation{check, tx, now_, text};
  }
  return false;
}

void Oracle::leave_out(std::string_view label) {
  for (std::size_t i = 0; i < kChecks; ++i) {
    if (kTexts[i].label == label) left_out_[i] = true;
  }
}

void Oracle::add(const Script& script) {
  SETTLE_ASSERT(script.no == scripts_.size());
  scripts_.push_back(script);
  facts_.emplace_back();
  facts_.back().ops.resize(2 * script.count + 1);
}

TxNo Oracle::find(std::string_view gid, const Tid& tid, std::string_view payload) const {
  const TxNo named = number_of_gid(gid);
  if (named != kNoTx) return named < scripts_.size() ? named : kNoTx;
  const auto at = by_tid_.find(tid);
  if (at != by_tid_.end()) return at->second;
  // A call may come before its transaction is in the store only if something is wrong; the input still names it.
  if (payload.size() < 2 || payload[0] != 't') return kNoTx;
  TxNo no = kNoTx;
  (void)std::from_chars(payload.data() + 1, payload.data() + payload.size(), no);
  return no < scripts_.size() ? no : kNoTx;
}

TxNo Oracle::find_name(std::string_view name) const {
  const std::optional<Tid> tid = Tid::parse(name);
  return find(name, tid ? *tid : Tid{});
}

std::string Oracle::name_of_tx(TxNo tx) const {
  if (tx == kNoTx) return "-";
  const Facts& facts = facts_[tx];
  std::string name = gid_of(tx);
  if (!scripts_[tx].is_named) name += " (" + (facts.is_present ? facts.tid.text() : std::string("unnamed")) + ")";
  return name;
}

Duration Oracle::drift(Duration measured) const {
  return milliseconds{1} + measured * (2 * static_cast<std::int64_t>(o_.drift_ppm)) / 1'000'000;
}

Duration Oracle::slack(Duration measured) const {
  return o_.clock_spread * 2 + drift(measured) + drift(now_ - started_);
}

// ---------------------------------------------------------------------------------------------------- requests

void Oracle::begin_arrives(TxNo tx) {
  Facts& facts = facts_[tx];
  if (facts.begun_at == kNever) facts.begun_at = now_;
  const Script& script = scripts_[tx];
  if (script.pattern == Pattern::kMessage && !script.two_step) facts.decided_at = std::min(facts.decided_at, now_);
}

void Oracle::verb_arrives(TxNo tx, engine::Verb verb, Outcome reported, Op reported_op, std::int32_t branch) {
  Facts& facts = facts_[tx];
  switch (verb) {
    case engine::Verb::kAbort:
      facts.abort_asked = true;
      break;
    case engine::Verb::kSubmit:
      facts.submit_asked = true;
      facts.decided_at = std::min(facts.decided_at, now_);
      break;
    case engine::Verb::kRetryNow:
      facts.retry_asked = true;
      ++facts.retries_open;
      for (OpFacts& op : facts.ops) op.not_before = kNoInstant;
      break;
    case engine::Verb::kReport: {
      if (reported == Outcome::kRefused) facts.refused = true;
      if (branch < 0) break;
      const bool is_pivot = scripts_[tx].branches[static_cast<std::size_t>(branch)].is_pivot;
      if (reported == Outcome::kRefused && is_pivot) facts.pivot_refused = true;
      OpFacts& op = op_facts(tx, reported_op, branch);
      if (reported == Outcome::kDone) op.is_done = true;
      // What is reported may end the op; then nobody waits for an attempt under way, and it may be called anew.
      op.was_reported = true;
      op.was_refused = op.was_refused || reported == Outcome::kRefused;
      op.not_before = kNoInstant;
      break;
    }
    case engine::Verb::kStop:
      facts.stop_asked = true;
      break;
    case engine::Verb::kQuery:
    case engine::Verb::kEnlist:
    case engine::Verb::kResolve:
    case engine::Verb::kPassDue:
    case engine::Verb::kPass:
      break;
  }
}

bool Oracle::is_durable(TxNo tx) const { return facts_[tx].is_present && is_synced(facts_[tx].begun_change); }

void Oracle::fill_told(Asked& asked) const {
  asked.told_decision = facts_[asked.tx].told_decision;
  asked.told_outcome = facts_[asked.tx].told_outcome;
}

// ----------------------------------------------------------------------------------------------------- effects

void Oracle::effect(TxNo tx, std::int32_t branch, protocol::BarrierOp op, const LedgerRow& before) {
  using protocol::BarrierOp;
  using protocol::BarrierRow;
  if (op == BarrierOp::kCompensate || op == BarrierOp::kCancel || op == BarrierOp::kRollback) {
    check(Check::kOnce, before.undone == 0, tx, "a step was undone twice");
    return;
  }
  if (op == BarrierOp::kCheck) return;
  check(Check::kOnce, before.applied == 0, tx, "a branch took effect twice");
  check(Check::kNoneAfter, before.row != BarrierRow::kTombstone && before.undone == 0, tx,
        "a branch took effect after it was undone or forbidden");
  const Script& script = scripts_[tx];
  if (op == BarrierOp::kDeliver && branch >= 0 && script.is_main(static_cast<std::size_t>(branch))) {
    const bool is_true =
        !script.two_step || script.fate == Fate::kFalseSubmit || ledger_.row(tx, -1).row == BarrierRow::kDone;
    check(Check::kVisible, is_true, tx, "a message took effect without its producer's local transaction");
  }
}

// ------------------------------------------------------------------------------------------------------- store

void Oracle::granted(ShardNo shard, Epoch epoch) {
  if (epochs_.size() <= shard) epochs_.resize(std::size_t{shard} + 1, 0);
  check(Check::kEpoch, epoch > epochs_[shard], kNoTx, "an ownership was granted under an old epoch");
  epochs_[shard] = epoch;
}

void Oracle::judge_record(TxNo tx, const Save& save) {
  const Result<State> state = decode_state(save.state);
  if (!check(Check::kRecord, state.ok(), tx, "a state record cannot be read")) return;
  const Summary& s = save.summary;
  const bool agrees = state->phase == s.phase && state->decision == s.decision && state->outcome == s.outcome &&
                      state->incident.has_value() == s.has_incident && s.pattern == scripts_[tx].pattern;
  check(Check::kRecord, agrees, tx, "a state record and its summary disagree");
  const std::size_t branches = state->branches.size();
  check(Check::kRecord, scripts_[tx].client_driven ? branches <= scripts_[tx].count : branches == scripts_[tx].count,
        tx, "a state record has lost a branch");
  check(Check::kToldIsDurable, branches >= facts_[tx].told_branches, tx, "an enlisted branch was lost");
  const bool is_over = s.phase == Phase::kEnded || s.phase == Phase::kFollowing;
  check(Check::kRecord, is_over == (s.outcome != GlobalOutcome::kRunning), tx,
        "phase and outcome of a record disagree");
}

bool Oracle::is_used_up(TxNo tx, std::size_t branch) const {
  const RetryPolicy& retry = scripts_[tx].branches[branch].retry;
  const OpFacts& op = facts_[tx].ops[branch];
  if (retry.attempts != 0 && op.counted_most >= retry.attempts) return true;
  return retry.lasting != Duration{0} && now_ + slack(retry.lasting) >= facts_[tx].begun_at + retry.lasting;
}

bool Oracle::may_be_left(TxNo tx, std::size_t branch) const {
  return scripts_[tx].branches[branch].is_optional && (facts_[tx].ops[branch].was_refused || is_used_up(tx, branch));
}

void Oracle::judge_decision(TxNo tx, const Save& save) {
  Facts& facts = facts_[tx];
  const Script& script = scripts_[tx];
  if (save.summary.decision == facts.decision) return;
  check(Check::kNoFlip, facts.decision == Decision::kNone, tx, "the stored decision was changed");
  const bool is_told_other = facts.told_decision != Decision::kNone && facts.told_decision != save.summary.decision;
  check(Check::kNoFlip, !is_told_other, tx, "the stored decision is not the one that a client was told");
  const bool is_commit = save.summary.decision == Decision::kCommit;
  if (script.pattern == Pattern::kMessage) {
    judge_message_decision(tx, is_commit);
    return;
  }
  if (!is_commit) {
    check(Check::kAbortValid, may_turn_back(tx), tx,
          "a transaction turned back although nothing was asked, refused, used up or expired");
    judge_point_of_no_return(tx);
    return;
  }
  if (!script.votes()) return;
  if (script.client_driven) {
    check(Check::kCommitValid, facts.submit_asked, tx, "committed without the client's word");
    return;
  }
  for (std::size_t i = 0; i < script.count; ++i) {
    if (!script.is_main(i)) continue;
    check(Check::kCommitValid, ledger_.row(tx, static_cast<std::int32_t>(i)).applied == 1, tx,
          "decided to commit before every branch had agreed");
  }
}

void Oracle::judge_message_decision(TxNo tx, bool is_commit) {
  const Script& script = scripts_[tx];
  const Facts& facts = facts_[tx];
  const bool turned = script.is_turnable() && !is_commit && (facts.refused || any_used_up(tx));
  if (!script.two_step) {
    check(Check::kAbortValid, is_commit || turned, tx, "a one-step message was aborted");
    return;
  }
  const bool was_said =
      is_commit ? facts.submit_asked || facts.check_committed : facts.abort_asked || facts.check_aborted;
  check(Check::kNotByTime, was_said || turned, tx, "a prepared message was decided although nobody said so");
  const bool is_done = ledger_.row(tx, -1).row == protocol::BarrierRow::kDone;
  check(Check::kVisible, is_done == is_commit || turned || script.fate == Fate::kFalseSubmit, tx,
        "a message's decision is not what its local transaction did");
}

bool Oracle::any_used_up(TxNo tx) const {
  for (std::size_t i = 0; i < scripts_[tx].count; ++i) {
    if (is_used_up(tx, i)) return true;
  }
  return false;
}

bool Oracle::may_turn_back(TxNo tx) const {
  const Facts& facts = facts_[tx];
  const Duration deadline = scripts_[tx].deadline;
  if (facts.abort_asked || facts.refused || any_used_up(tx)) return true;
  return deadline.count() > 0 && now_ + slack(deadline) >= facts.begun_at + deadline;
}

/// R2, and forward recovery.
void Oracle::judge_point_of_no_return(TxNo tx) {
  const Script& script = scripts_[tx];
  check(Check::kNoReturn, !script.forward_recovery, tx, "a saga with forward recovery turned back");
  const std::int32_t pivot = script.pivot();
  if (pivot == kNoBranch) return;
  const auto index = static_cast<std::size_t>(pivot);
  const OpFacts& op = facts_[tx].ops[index];
  const bool may_have_run = op.may_have_run || ledger_.row(tx, pivot).applied != 0;
  check(Check::kNoReturn, !may_have_run || (facts_[tx].pivot_refused && script.branches[index].has_back), tx,
        "a saga turned back though its pivot may have run and nothing can forbid it");
}

void Oracle::judge_outcome(TxNo tx, GlobalOutcome outcome) {
  const Facts& facts = facts_[tx];
  const bool is_told_other = facts.told_outcome != GlobalOutcome::kRunning && facts.told_outcome != outcome;
  check(Check::kNoFlip, !is_told_other, tx, "the stored outcome is not the one that a client was told");
  for (std::size_t i = 0; i < scripts_[tx].count; ++i) {
    if (!scripts_[tx].is_main(i)) continue;
    if (outcome == GlobalOutcome::kCommitted) {
      judge_committed_branch(tx, i);
    } else {
      judge_aborted_branch(tx, i);
    }
  }
}

void Oracle::judge_committed_branch(TxNo tx, std::size_t index) {
  using protocol::BarrierRow;
  const Script& script = scripts_[tx];
  const BranchScript& branch = script.branches[index];
  const LedgerRow& row = ledger_.row(tx, static_cast<std::int32_t>(index));
  if (branch.can_be_left()) {
    // Done, or left; then what may have run is undone if it can be.
    const bool is_gone = row.applied == row.undone || !branch.has_back || script.pattern == Pattern::kMessage;
    check(Check::kAtomic, row.row == BarrierRow::kDone || is_gone, tx, "ended as committed, and half a step is left");
    return;
  }
  const bool is_final = row.row == BarrierRow::kDone || (branch.reads_only && row.row == BarrierRow::kHeld);
  check(Check::kCommitValid, is_final && row.applied == 1, tx, "ended as committed, and a branch was not done");
  check(Check::kAtomic, row.undone == 0, tx, "ended as committed, and a branch was undone");
}

void Oracle::judge_aborted_branch(TxNo tx, std::size_t index) {
  using protocol::BarrierRow;
  const Script& script = scripts_[tx];
  const BranchScript& branch = script.branches[index];
  const LedgerRow& row = ledger_.row(tx, static_cast<std::int32_t>(index));
  if (script.pattern == Pattern::kMessage && !script.is_turnable()) {
    check(Check::kVisible, row.applied == 0, tx, "ended as aborted, and a target was delivered");
    return;
  }
  if (!branch.has_back || (branch.reads_only && row.row == BarrierRow::kHeld)) return;
  const bool ran = facts_[tx].ops[index].may_have_run || row.applied != 0;
  check(Check::kUndone, !ran || row.row == BarrierRow::kTombstone, tx,
        "ended as aborted, and a branch that may have run was not undone");
  check(Check::kAtomic, row.applied == row.undone, tx, "ended as aborted, and a branch's effect is still there");
}

/// What hangs on the outcome has been delivered, and nothing else.
void Oracle::judge_followers(TxNo tx) {
  using protocol::BarrierRow;
  const Script& script = scripts_[tx];
  const bool is_committed = facts_[tx].outcome == GlobalOutcome::kCommitted;
  for (std::size_t i = 0; i < script.count; ++i) {
    if (script.is_main(i)) continue;
    const LedgerRow& row = ledger_.row(tx, static_cast<std::int32_t>(i));
    bool wanted = script.branches[i].role == Role::kOnAbort ? !is_committed : is_committed;
    bool both_right = false;
    if (script.branches[i].role == Role::kDegrade) {
      for (std::size_t k = 0; k < script.count && wanted; ++k) {
        if (script.branches[k].degrade != static_cast<std::int32_t>(i)) continue;
        const LedgerRow& replaced = ledger_.row(tx, static_cast<std::int32_t>(k));
        // A target that was given up without an answer may have been done all the same; then both is right.
        both_right = script.pattern == Pattern::kMessage && replaced.applied == 1;
        wanted = replaced.row != BarrierRow::kDone;
      }
    }
    if (both_right) continue;
    const BarrierRow right = script.branches[i].role == Role::kOnAbort ? BarrierRow::kTombstone : BarrierRow::kDone;
    check(Check::kFollowed, wanted ? row.row == right : row.row == BarrierRow::kAbsent, tx,
          "what hangs on the outcome was not delivered, or without reason");
  }
}

void Oracle::saved(const Save& save, SaveStatus status, std::uint64_t change) {
  const Epoch newest = save.shard < epochs_.size() ? epochs_[save.shard] : 0;
  if (save.epoch != newest) {
    check(Check::kEpoch, status != SaveStatus::kSaved, find(save.gid, save.tid), "a stale owner's write was accepted");
  }
  if (status != SaveStatus::kSaved) return;
  TxNo tx = find(save.gid, save.tid);
  if (tx == kNoTx && save.plan) {
    const Result<OwnedPlan> plan = OwnedPlan::decode(*save.plan);
    if (plan.ok()) tx = find({}, {}, (**plan).branches[0].input);
  }
  if (!check(Check::kAsPlanned, tx != kNoTx, kNoTx, "a transaction was stored that nobody began")) return;
  Facts& facts = facts_[tx];
  check(Check::kVersion, save.expected == (facts.is_present ? facts.version : 0), tx,
        "a write on a stale version was accepted");
  check(Check::kVersion, save.version > save.expected, tx, "a version went back");
  check(Check::kVersion, !facts.is_present || facts.tid == save.tid, tx, "one name stands for two transactions");
  judge_record(tx, save);
  if (!facts.is_present) {
    facts.is_present = true;
    facts.tid = save.tid;
    facts.stored_at = now_;
    facts.begun_change = change;
    by_tid_.insert_or_assign(save.tid, tx);
  }
  judge_decision(tx, save);
  check(Check::kForward, facts.phase != Phase::kEnded || save.summary.phase == Phase::kEnded, tx,
        "an ended transaction was opened again");
  if (save.summary.decision != facts.decision) {
    facts.decision_change = change;
    facts.turned_at = now_;
  }
  if (save.summary.outcome != facts.outcome) {
    check(Check::kNoFlip, facts.outcome == GlobalOutcome::kRunning, tx, "the stored outcome was changed");
    judge_outcome(tx, save.summary.outcome);
    facts.outcome_change = change;
  }
  facts.version = save.version;
  facts.epoch = save.epoch;
  facts.phase = save.summary.phase;
  facts.decision = save.summary.decision;
  facts.outcome = save.summary.outcome;
  facts.has_incident = save.summary.has_incident;
  facts.is_behind = false;
  facts.state = save.state;
}

void Oracle::rolled_back(const Tid& tid, const StoredRecord* kept) {
  const auto at = by_tid_.find(tid);
  if (at == by_tid_.end()) return;
  const TxNo tx = at->second;
  Facts& facts = facts_[tx];
  if (kept == nullptr) {
    check(Check::kToldIsDurable, !facts.told_begun, tx, "an acknowledged begin was lost in a crash");
    facts.is_present = false;
    facts.version = 0;
    facts.phase = Phase::kNew;
    facts.decision = Decision::kNone;
    facts.outcome = GlobalOutcome::kRunning;
    facts.begun_change = facts.decision_change = facts.outcome_change = 0;
    return;
  }
  const bool keeps_decision = facts.told_decision == Decision::kNone || kept->summary.decision == facts.told_decision;
  const bool keeps_outcome =
      facts.told_outcome == GlobalOutcome::kRunning || kept->summary.outcome == facts.told_outcome;
  check(Check::kToldIsDurable, keeps_decision && keeps_outcome, tx, "what a client was told was lost in a crash");
  facts.version = kept->version;
  facts.phase = kept->summary.phase;
  facts.decision = kept->summary.decision;
  facts.outcome = kept->summary.outcome;
  facts.has_incident = kept->summary.has_incident;
  facts.is_behind = o_.is_shared;
  facts.state = kept->state;
  if (facts.decision == Decision::kNone) facts.decision_change = 0;
  if (facts.outcome == GlobalOutcome::kRunning) facts.outcome_change = 0;
}

void Oracle::queue_is(std::size_t waiting, std::size_t open, std::size_t left_behind) {
  // One save of each open transaction may wait beyond the bound on begins: that is work already admitted.
  check(Check::kQueue, waiting <= o_.limits.unsaved_max + open + left_behind, kNoTx,
        "more unsaved changes than allowed");
}

// --------------------------------------------------------------------------------------------------------- end

void Oracle::finish_one(TxNo tx) {
  using protocol::BarrierRow;
  const Facts& facts = facts_[tx];
  const Script& script = scripts_[tx];
  if (facts.told_begun) check(Check::kToldIsDurable, facts.is_present, tx, "an acknowledged begin is not in the store");
  if (facts.told_outcome != GlobalOutcome::kRunning) {
    check(Check::kNoFlip, facts.outcome == facts.told_outcome, tx, "the final outcome is not the one that was told");
  }
  if (!facts.is_present) {
    for (std::size_t i = 0; i < script.count; ++i) {
      const LedgerRow& row = ledger_.row(tx, static_cast<std::int32_t>(i));
      check(Check::kAtomic, row.applied == 0, tx, "a transaction that was never stored has an effect");
    }
    check(Check::kVisible, ledger_.row(tx, -1).applied == 0 || !script.two_step, tx,
          "a local transaction was committed, and its message is unknown");
    return;
  }
  if (!check(Check::kEnds, facts.phase == Phase::kEnded, tx, "still open after everything was healed")) return;
  // Late messages have arrived by now: what was true at the end must still be.
  judge_outcome(tx, facts.outcome);
  judge_followers(tx);
  if (script.two_step && script.fate != Fate::kFalseSubmit && !script.is_turnable()) {
    const bool is_committed = facts.outcome == GlobalOutcome::kCommitted;
    check(Check::kVisible, is_committed == (ledger_.row(tx, -1).row == BarrierRow::kDone), tx,
          "a message's outcome is not what its local transaction did");
  }
  for (std::size_t i = 0; i < script.count; ++i) {
    check(Check::kNothingLeft, !ledger_.row(tx, static_cast<std::int32_t>(i)).is_locked, tx, "a row is still locked");
  }
}

void Oracle::finish(bool is_quiet, std::size_t open_in_workers, std::size_t queued) {
  for (TxNo tx = 0; tx < facts_.size(); ++tx) finish_one(tx);
  check(Check::kEnds, is_quiet, kNoTx, "the cluster did not come to rest within the bound");
  check(Check::kMoney, ledger_.total() == 0, kNoTx, "money was made or lost");
  check(Check::kNothingLeft, open_in_workers == store_->open(), kNoTx, "workers and store disagree on what is open");
  check(Check::kNothingLeft, queued == 0, kNoTx, "saves are still queued");
}

void Oracle::left_unanswered(std::string_view what, TxNo tx) {
  check(Check::kAnswered, false, tx, std::string(what).c_str());
}

}  // namespace settle::sim
