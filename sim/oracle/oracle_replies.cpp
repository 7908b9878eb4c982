#include <algorithm>

#include "oracle/oracle.h"

// What clients are told, judged as it leaves the daemon.

namespace settle::sim {

using engine::AnswerKind;
using engine::Verb;
using engine::View;

void Oracle::replied(const Asked& asked, AnswerKind kind, const View* view) {
  const TxNo tx = asked.tx;
  check(Check::kAnswered, true, tx, "");
  Facts& facts = facts_[tx];
  if (!asked.is_begin && asked.verb == Verb::kRetryNow) {
    if (facts.retries_open > 0) --facts.retries_open;
    for (OpFacts& op : facts.ops) op.not_before = kNoInstant;
  }
  if (asked.was_durable && facts.is_present) {
    check(Check::kKnown, kind != AnswerKind::kUnknownGid, tx, "'unknown' was answered for a stored transaction");
  }
  if (kind == AnswerKind::kUnknownGid) return;
  const bool needs_view = kind == AnswerKind::kDocument || kind == AnswerKind::kCreated ||
                          kind == AnswerKind::kWrongPhase || kind == AnswerKind::kContradiction ||
                          kind == AnswerKind::kBranchReused || kind == AnswerKind::kTooMany;
  check(Check::kVerbs, !needs_view || view != nullptr, tx, "an answer has no document");
  judge_verb(asked, kind, view);
  if (view == nullptr || !needs_view) return;
  judge_view(asked, *view);
  if (kind == AnswerKind::kDocument || kind == AnswerKind::kCreated) judge_wait(asked, *view);
  judge_provisional(tx, *view);
  facts.told_begun = true;
  if (!asked.is_begin && asked.verb == Verb::kEnlist && kind == AnswerKind::kDocument)
    facts.told_branches = std::max(facts.told_branches, static_cast<std::size_t>(asked.branch) + 1);
  if (view->decision != Decision::kNone) facts.told_decision = view->decision;
  if (view->outcome != GlobalOutcome::kRunning) facts.told_outcome = view->outcome;
}

void Oracle::judge_view(const Asked& asked, const View& view) {
  const TxNo tx = asked.tx;
  const Facts& facts = facts_[tx];
  const Script& script = scripts_[tx];
  check(Check::kToldIsDurable, facts.is_present && is_synced(facts.begun_change), tx,
        "a document was shown that is not on disk");
  check(Check::kVersion, !facts.is_present || view.tid == facts.tid, tx, "a document shows another tid");
  check(Check::kAsPlanned, script.is_named ? view.gid == gid_of(tx) : view.gid == view.tid.text(), tx,
        "a document shows another gid");
  if (view.decision != Decision::kNone) {
    check(Check::kToldIsDurable, view.decision == facts.decision && is_synced(facts.decision_change), tx,
          "a decision was told that is not on disk");
    check(Check::kNoFlip, facts.told_decision == Decision::kNone || facts.told_decision == view.decision, tx,
          "two decisions were told");
  }
  if (view.outcome != GlobalOutcome::kRunning) {
    check(Check::kToldIsDurable, view.outcome == facts.outcome && is_synced(facts.outcome_change), tx,
          "an outcome was told that is not on disk");
    check(Check::kNoFlip, facts.told_outcome == GlobalOutcome::kRunning || facts.told_outcome == view.outcome, tx,
          "two outcomes were told");
    const bool fits = (view.outcome == GlobalOutcome::kCommitted) == (view.decision == Decision::kCommit);
    check(Check::kAtomic, fits, tx, "a document's decision and outcome contradict each other");
  }
  check(Check::kForward, asked.told_decision == Decision::kNone || view.decision == asked.told_decision, tx,
        "a decision that was told before was not shown again");
  check(Check::kForward, asked.told_outcome == GlobalOutcome::kRunning || view.outcome == asked.told_outcome, tx,
        "an outcome that was told before was not shown again");
}

void Oracle::judge_verb(const Asked& asked, AnswerKind kind, const View* view) {
  const TxNo tx = asked.tx;
  const Script& script = scripts_[tx];
  if (asked.is_begin) {
    check(Check::kVerbs, kind != AnswerKind::kGidReused || asked.is_other_plan, tx, "a repeated begin was refused");
    const bool is_fine = !asked.is_other_plan || (kind != AnswerKind::kDocument && kind != AnswerKind::kCreated);
    check(Check::kVerbs, is_fine, tx, "a gid was given to a second plan");
    if (kind == AnswerKind::kCreated) {
      check(Check::kVerbs, !facts_[tx].told_created, tx, "a transaction was created twice");
      facts_[tx].told_created = true;
    }
    check(Check::kVerbs, kind != AnswerKind::kWrongPhase && kind != AnswerKind::kContradiction, tx,
          "a begin was answered like another verb");
    return;
  }
  check(Check::kVerbs, kind != AnswerKind::kCreated && kind != AnswerKind::kGidReused, tx,
        "a verb was answered like a begin");
  if (view == nullptr) return;
  const bool is_document = kind == AnswerKind::kDocument;
  const bool is_wrong = kind == AnswerKind::kWrongPhase;
  if (asked.verb == Verb::kAbort) {
    check(Check::kVerbs, !is_document || view->decision == Decision::kAbort, tx, "an abort was accepted, not decided");
    const bool is_stuck = script.forward_recovery || script.pivot() != kNoBranch || script.is_turnable();
    // It may turn back by itself between the refusal and its receipt.
    const bool had_not_turned = view->decision == Decision::kNone || facts_[tx].turned_at >= asked.arrived;
    check(Check::kVerbs, !is_wrong || view->decision == Decision::kCommit || (is_stuck && had_not_turned), tx,
          "an abort was refused without commit");
  }
  if (asked.verb == Verb::kSubmit && script.pattern == Pattern::kMessage) {
    check(Check::kVerbs, !is_document || view->decision == Decision::kCommit || script.is_turnable(), tx,
          "a submit was accepted, not decided");
    check(Check::kVerbs, !is_wrong || view->decision == Decision::kAbort, tx, "a submit was refused without abort");
  }
  if (asked.verb == Verb::kSubmit && script.client_driven) {
    check(Check::kVerbs, !is_document || view->decision == Decision::kCommit, tx, "a submit was accepted, not decided");
    check(Check::kVerbs, !is_wrong || view->decision == Decision::kAbort, tx, "a submit was refused without abort");
  }
  if (asked.verb == Verb::kEnlist) {
    check(Check::kVerbs, is_document || (is_wrong && view->decision != Decision::kNone), tx,
          "a branch was refused before the decision");
  }
  if (asked.verb == Verb::kSubmit && script.pattern != Pattern::kMessage && !script.client_driven) {
    check(Check::kVerbs, is_document, tx, "submit of what the daemon drives has no effect and is no error");
  }
  if (asked.verb == Verb::kRetryNow) {
    check(Check::kRetryNow, !is_wrong || view->phase == Phase::kEnded, tx, "a retry was refused before the end");
  }
  if (asked.verb == Verb::kStop) {
    check(Check::kVerbs, !is_wrong || view->phase == Phase::kEnded, tx, "a stop was refused before the end");
  }
  if (asked.verb == Verb::kReport) judge_report(tx, kind, *view);
  if (asked.verb == Verb::kQuery) check(Check::kVerbs, is_document, tx, "a query was refused");
}

/// Participants report what they have been asked, so the only true refusal is that it is over.
void Oracle::judge_report(TxNo tx, AnswerKind kind, const View& view) {
  check(Check::kReports, kind != AnswerKind::kUnknownBranch, tx, "a reported branch is unknown");
  check(Check::kReports, kind != AnswerKind::kWrongPhase || view.outcome != GlobalOutcome::kRunning, tx,
        "a report was refused before the end");
  // An operator's retry says that somebody has looked, and closes it.
  if (kind != AnswerKind::kContradiction || facts_[tx].retry_asked) return;
  const bool is_open = view.state.incident && view.state.incident->cause == Cause::kContradiction;
  check(Check::kReports, is_open && facts_[tx].has_incident, tx, "a contradiction has opened no incident");
}

void Oracle::judge_wait(const Asked& asked, const View& view) {
  if (asked.wait.lasting.count() == 0) return;
  const bool is_reached = asked.wait.until == engine::WaitFor::kEnd ? view.outcome != GlobalOutcome::kRunning
                                                                    : view.decision != Decision::kNone;
  if (is_reached || view.state.incident) return;
  const Duration waited = now_ - asked.arrived;
  check(Check::kWaits, waited + drift(asked.wait.lasting) >= asked.wait.lasting, asked.tx,
        "a waiting caller was sent away early");
}

void Oracle::judge_provisional(TxNo tx, const View& view) {
  // The worker cannot know yet what its store has lost.
  if (view.provisional || !facts_[tx].is_present || facts_[tx].is_behind) return;
  const Result<State> stored = decode_state(facts_[tx].state);
  if (!stored.ok() || stored->branches.size() != view.state.branches.size()) return;
  // An ended transaction may be shown while its last, lazy, record is overtaken by nothing: compare what is shown.
  bool agrees = true;
  for (std::size_t i = 0; i < view.state.branches.size(); ++i) {
    const BranchState& shown = view.state.branches[i];
    const BranchState& kept = stored->branches[i];
    agrees = agrees && (shown.forward.status == OpStatus::kOpen || shown.forward.status == kept.forward.status);
    agrees = agrees && (shown.back.status == OpStatus::kOpen || shown.back.status == kept.back.status);
  }
  check(Check::kProvisional, agrees, tx, "progress was shown as durable that is not");
}

}  // namespace settle::sim
