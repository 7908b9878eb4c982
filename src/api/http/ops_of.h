#pragma once

#include <cstddef>

#include "model/plan.h"
#include "model/state.h"

namespace settle::api {

constexpr bool is_voted(Pattern pattern) { return pattern == Pattern::kTcc || pattern == Pattern::kTwoPhase; }

/// The op that undoes a main branch.
constexpr Op undo_op_of(Pattern pattern) {
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

/// The name of what a branch's `forward` state is about.
constexpr Op forward_op_of(Pattern pattern, Role role) {
  if (role != Role::kMain) return Op::kDeliver;
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

/// The name of what a branch's `back` state is about, as far as it is decided.
constexpr Op back_op_of(Pattern pattern, Role role, Decision decision) {
  if (role != Role::kMain) return Op::kCompensate;
  if (is_voted(pattern) && decision == Decision::kCommit) {
    return pattern == Pattern::kTcc ? Op::kConfirm : Op::kCommit;
  }
  return undo_op_of(pattern);
}

}  // namespace settle::api
