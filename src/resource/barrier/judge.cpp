#include "resource/barrier/judge.h"

namespace settle::barrier {
namespace {

using protocol::BarrierAnswer;
using protocol::BarrierRow;
using protocol::BarrierStep;
using protocol::BarrierWork;

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
      break;
  }
  return Work::kNothing;
}

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
    case BarrierRow::kLocked:
      break;
  }
  return op + ": another transaction is at this branch";
}

}  // namespace

Result<Judged> judge(const Checked& call, Met met) {
  const bool known = met.found >= 0 && met.found < static_cast<int>(protocol::kBarrierRows) &&
                     met.found != stored(BarrierRow::kLocked);
  if (!known) return Error{ErrorCode::kCorrupt, "the barrier's row has the state " + std::to_string(met.found)};
  const auto row = static_cast<BarrierRow>(met.found);
  const BarrierStep& step = protocol::barrier_step(call.op, row);
  Judged judged{Verdict{work_of(step.work), answer_of(step.answer), {}, {}}, met.state != met.found};

  if (met.state != stored(step.next)) {
    // The statement keeps a new row absent when the transaction is older than the watermark.
    if (row != BarrierRow::kAbsent || met.state != stored(BarrierRow::kAbsent)) {
      return Error{ErrorCode::kCorrupt, "the barrier's row went to the state " + std::to_string(met.state)};
    }
    judged.verdict = Verdict{Work::kNothing,
                             Answer::kConflict,
                             {},
                             "the transaction began before the barrier's watermark: its row may have been pruned"};
    return judged;
  }
  if (judged.verdict.work != Work::kNothing) return judged;
  if (judged.verdict.answer == Answer::kDone) {
    judged.verdict.body = std::move(is_closing(call.op) ? met.closing : met.answer);
  } else {
    judged.verdict.reason = reason_of(call, row);
  }
  return judged;
}

Verdict verdict_when_locked() {
  return Verdict{Work::kNothing, Answer::kRunning, {}, "another transaction is at this branch"};
}

}  // namespace settle::barrier
