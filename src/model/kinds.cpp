#include "model/kinds.h"

#include "model/state.h"

namespace settle {

std::string_view name_of(Pattern pattern) {
  switch (pattern) {
    case Pattern::kSaga:
      return "saga";
    case Pattern::kMessage:
      return "message";
    case Pattern::kTcc:
      return "tcc";
    case Pattern::kTwoPhase:
      return "two_phase";
  }
  return "?";
}

std::string_view name_of(Op op) {
  switch (op) {
    case Op::kAction:
      return "action";
    case Op::kCompensate:
      return "compensate";
    case Op::kDeliver:
      return "deliver";
    case Op::kCheck:
      return "check";
    case Op::kTry:
      return "try";
    case Op::kConfirm:
      return "confirm";
    case Op::kCancel:
      return "cancel";
    case Op::kPrepare:
      return "prepare";
    case Op::kCommit:
      return "commit";
    case Op::kRollback:
      return "rollback";
  }
  return "?";
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDone:
      return "done";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kRunning:
      return "running";
    case Outcome::kUnknown:
      return "unknown";
  }
  return "?";
}

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::kNew:
      return "new";
    case Phase::kActing:
      return "acting";
    case Phase::kCompensating:
      return "compensating";
    case Phase::kPrepared:
      return "prepared";
    case Phase::kDelivering:
      return "delivering";
    case Phase::kEnded:
      return "ended";
    case Phase::kTrying:
      return "trying";
    case Phase::kConfirming:
      return "confirming";
    case Phase::kCancelling:
      return "cancelling";
    case Phase::kPreparing:
      return "preparing";
    case Phase::kCommitting:
      return "committing";
    case Phase::kRollingBack:
      return "rolling_back";
    case Phase::kFollowing:
      return "following";
  }
  return "?";
}

std::string_view name_of(Decision decision) {
  switch (decision) {
    case Decision::kNone:
      return "none";
    case Decision::kCommit:
      return "commit";
    case Decision::kAbort:
      return "abort";
  }
  return "?";
}

std::string_view name_of(GlobalOutcome outcome) {
  switch (outcome) {
    case GlobalOutcome::kRunning:
      return "running";
    case GlobalOutcome::kCommitted:
      return "committed";
    case GlobalOutcome::kAborted:
      return "aborted";
  }
  return "?";
}

std::string_view name_of(Cause cause) {
  switch (cause) {
    case Cause::kNone:
      return "none";
    case Cause::kRefused:
      return "refused";
    case Cause::kExhausted:
      return "exhausted";
    case Cause::kDeadline:
      return "deadline";
    case Cause::kRequested:
      return "requested";
    case Cause::kCheckedBack:
      return "checked-back";
    case Cause::kContradiction:
      return "contradiction";
    case Cause::kStopped:
      return "stopped";
    case Cause::kUndecided:
      return "undecided";
  }
  return "?";
}

std::string_view name_of(Happening happening) {
  switch (happening) {
    case Happening::kBegun:
      return "begun";
    case Happening::kSubmitted:
      return "submitted";
    case Happening::kTurnedBack:
      return "turned-back";
    case Happening::kEnded:
      return "ended";
    case Happening::kRecovered:
      return "recovered";
    case Happening::kOpDone:
      return "done";
    case Happening::kOpRefused:
      return "refused";
    case Happening::kOpRunning:
      return "running";
    case Happening::kOpUnknown:
      return "unknown";
    case Happening::kOpUnreached:
      return "unreached";
    case Happening::kIncidentOpened:
      return "incident-opened";
    case Happening::kIncidentClosed:
      return "incident-closed";
    case Happening::kRetryAsked:
      return "retry-asked";
    case Happening::kCheckDecided:
      return "check-decided";
    case Happening::kEnlisted:
      return "enlisted";
    case Happening::kPivotReleased:
      return "pivot-released";
    case Happening::kGivenUp:
      return "given-up";
    case Happening::kStopped:
      return "stopped";
    case Happening::kResolved:
      return "resolved";
    case Happening::kFollowedUp:
      return "followed-up";
  }
  return "?";
}

std::string_view name_of(Heuristic heuristic) {
  switch (heuristic) {
    case Heuristic::kNone:
      return "none";
    case Heuristic::kMixed:
      return "mixed";
    case Heuristic::kHazard:
      return "hazard";
  }
  return "?";
}

std::string answer_text(AnswerCode code) {
  switch (code) {
    case kNoAnswer:
      return "none";
    case kAnswerTimeout:
      return "timeout";
    case kAnswerReset:
      return "connection lost";
    case kAnswerRefused:
      return "not reached";
    case kAnswerGarbage:
      return "not understood";
    case kAnswerReported:
      return "reported";
    case kAnswerResolved:
      return "resolved by an operator";
    case kAnswerUnbound:
      return "bound result has no such part";
    case kAnswerUnresolved:
      return "unknown host";
    case kAnswerCancelled:
      return "not sent";
    default:
      return "HTTP " + std::to_string(code);
  }
}

}  // namespace settle
