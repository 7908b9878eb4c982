#include "resource/barrier/judge.h"

namespace settle::barrier {
namespace {

using protocol::BarrierAnswer;
using protocol::BarrierRow;
using protocol::BarrierStep;
using protocol::BarrierWork;

Answer answer_of(BarrierAnswer answer) {
  switch (answer) {
    case BarrierAnswer::kSayDone:
      return Answer::kDone;
    case BarrierAnswer::kSayRefused:
      return Answer::kRefused;
    case BarrierAnswer::kSayRunning:
      return Answer::kRunning;
    case BarrierAnswer::kSayCommitted:
      return Answer::kCommitted;
    case BarrierAnswer::kSayAborted:
      return Answer::kAborted;
    case BarrierAnswer::kSayConflict:
      break;
  }
  return Answer::kConflict;
}

std::string reason_of(const Checked& call, BarrierRow row) {
  const std::string op(name_of(call.op));
  switch (row) {
    case BarrierRow::kAbsent:
      return op + ": nothing is held that it could end";
    case BarrierRow::kDone:
      return op + ": the branch is done for good";
    case BarrierRow::kTombstone:
      return op + ": the branch was undone or forbidden before";
    case BarrierRow::kHeld:
      return op + ": the branch belongs to another pattern";
    case BarrierRow::kBegun:
      return op + ": the branch's effect was begun, and nobody knows whether it happened";
    case BarrierRow::kFulfilling:
      return op + ": that the branch be made final was begun, and nobody knows whether it happened";
    case BarrierRow::kUndoing:
      return op + ": that the branch be undone was begun, and nobody knows whether it happened";
    case BarrierRow::kLocked:
      break;
  }
  return op + ": another transaction is at this branch";
}

Judged answered(Answer answer, std::string reason) {
  return Judged{Verdict{Work::kNothing, answer, {}, std::move(reason)}, BarrierWork::kNothing, false};
}

/// Whether the op was asked for before with another request. What it did then is not what is asked for now.
bool is_another_request(const Checked& call, const BarrierStep& step, const Met& met) {
  const bool repeats =
      step.answer == BarrierAnswer::kSayDone && (step.work == BarrierWork::kNothing || step.work == BarrierWork::kFind);
  return repeats && !call.digest.empty() && !met.digest.empty() && call.digest != met.digest;
}

std::string seconds(std::int64_t us) { return std::to_string((us + 999'999) / 1'000'000) + " s"; }

}  // namespace

Work work_of(BarrierWork work) {
  switch (work) {
    case BarrierWork::kApply:
      return Work::kApply;
    case BarrierWork::kFulfil:
      return Work::kFulfil;
    case BarrierWork::kUndo:
      return Work::kUndo;
    case BarrierWork::kNothing:
    case BarrierWork::kMark:  // the row is the whole work, and it is written
    case BarrierWork::kFind:  // nothing that a local transaction could do
      break;
  }
  return Work::kNothing;
}

Result<Judged> judge(const Checked& call, Met met) {
  const bool known = met.found >= 0 && met.found < static_cast<int>(protocol::kBarrierRows) &&
                     met.found != stored(BarrierRow::kLocked);
  if (!known) return Error{ErrorCode::kCorrupt, "the barrier's row has the state " + std::to_string(met.found)};
  const auto row = static_cast<BarrierRow>(met.found);
  if (protocol::is_unsettled(row) && met.lasts_us > 0) {
    return answered(Answer::kRunning,
                    "an effect of this branch is under way, for " + seconds(met.lasts_us) + " at most");
  }
  const BarrierStep& step = protocol::barrier_step(call.op, row);
  if (met.state != stored(entered(step, call.mode))) {
    // The statement keeps a new row absent when the transaction is older than the watermark.
    if (row != BarrierRow::kAbsent || met.state != stored(BarrierRow::kAbsent)) {
      return Error{ErrorCode::kCorrupt, "the barrier's row went to the state " + std::to_string(met.state)};
    }
    return answered(Answer::kConflict,
                    "the transaction began before the barrier's watermark: its row may have been pruned");
  }
  if (is_another_request(call, step, met)) {
    return answered(Answer::kConflict, std::string(name_of(call.op)) +
                                           ": this op was asked for before with another request body (SHA-256 " +
                                           met.digest.substr(0, 16) + "…, now " +
                                           std::string(call.digest.substr(0, 16)) + "…)");
  }
  Judged judged{Verdict{work_of(step.work), answer_of(step.answer), {}, {}}, step.work, met.state != met.found};
  if (step.work == BarrierWork::kFind) {
    judged.verdict.answer = Answer::kUnknown;
    judged.verdict.reason = reason_of(call, row);
  } else if (judged.verdict.work == Work::kNothing && judged.verdict.answer == Answer::kDone) {
    judged.verdict.body = std::move(met.answer);
  } else if (judged.verdict.work == Work::kNothing) {
    judged.verdict.reason = reason_of(call, row);
  }
  return judged;
}

Verdict verdict_when_locked() {
  return Verdict{Work::kNothing, Answer::kRunning, {}, "another transaction is at this branch"};
}

}  // namespace settle::barrier
