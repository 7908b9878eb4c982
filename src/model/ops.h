#pragma once

#include "model/plan.h"
#include "model/state.h"

namespace settle {

/// First all branches agree, then all are made final: such patterns have votes.
constexpr bool is_voted(Pattern pattern) { return pattern == Pattern::kTcc || pattern == Pattern::kTwoPhase; }

/// The op that a main branch begins with.
constexpr Op forward_op(Pattern pattern) {
  switch (pattern) {
    case Pattern::kSaga:
      return Op::kAction;
    case Pattern::kMessage:
      return Op::kDeliver;
    case Pattern::kTcc:
      return Op::kTry;
    case Pattern::kTwoPhase:
      return Op::kPrepare;
  }
  return Op::kAction;
}

/// The op that undoes it.
constexpr Op back_op(Pattern pattern) {
  switch (pattern) {
    case Pattern::kSaga:
    case Pattern::kMessage:
      return Op::kCompensate;
    case Pattern::kTcc:
      return Op::kCancel;
    case Pattern::kTwoPhase:
      return Op::kRollback;
  }
  return Op::kCompensate;
}

/// The op that makes it final; only tcc and two_phase have one.
constexpr Op confirm_op(Pattern pattern) { return pattern == Pattern::kTwoPhase ? Op::kCommit : Op::kConfirm; }

/// The ops that begin something. Only these may be refused.
constexpr bool is_forward(Op op) {
  return op == Op::kAction || op == Op::kDeliver || op == Op::kTry || op == Op::kPrepare;
}
constexpr bool is_confirm(Op op) { return op == Op::kConfirm || op == Op::kCommit; }
/// The ops that take something back.
constexpr bool is_undo(Op op) { return op == Op::kCompensate || op == Op::kCancel || op == Op::kRollback; }
/// The ops whose answers decide where the transaction goes; all others finish what is decided.
constexpr bool is_deciding(Op op) { return op == Op::kAction || op == Op::kTry || op == Op::kPrepare; }

/// The op that a branch's `forward` state is about.
inline Op forward_op(const Plan& plan, std::size_t branch) {
  return plan.is_main(branch) ? forward_op(plan.pattern) : Op::kDeliver;
}

/// The op that a branch's `back` state is about, as far as the decision says.
inline Op back_op(const Plan& plan, const State& state, std::size_t branch) {
  if (!plan.is_main(branch)) return Op::kCompensate;
  return is_voted(plan.pattern) && state.decision == Decision::kCommit ? confirm_op(plan.pattern)
                                                                       : back_op(plan.pattern);
}

}  // namespace settle
