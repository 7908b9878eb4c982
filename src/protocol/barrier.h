#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "model/kinds.h"

namespace settle::protocol {

// The participants' side of saga and message: one row per (gid, branch) beside the business data, written in the same
// local transaction. It absorbs what the network makes of an op: twice, late, before its time, at the same moment.
//
//                 absent            done              tombstone       locked (an open local transaction holds the row)
//   action        apply -> done     repeat done       refuse          running
//   compensate    mark -> tombst.   undo -> tombst.   repeat done     running
//   deliver       apply -> done     repeat done       refuse          running
//   local         apply -> done     repeat done       refuse          running
//   check         mark -> tombst.   say committed     say aborted     running
//
// A refused action takes its row back with its local transaction: the row stays absent, and a later attempt may well
// succeed. That is why the coordinator compensates a branch with any unknown attempt (R1).
// `local` is the producer's own local transaction of a two-step message under the branch id "00"; the row is its first
// statement, so that a check-back either sees it, waits for it, or forbids it (R3).

enum class BarrierRow : std::uint8_t {
  kAbsent,     ///< nothing is known
  kDone,       ///< the effect is in the data
  kTombstone,  ///< undone or forbidden: no later op may have an effect
  kLocked,     ///< never stored: what somebody else sees while a local transaction is open
};
inline constexpr std::size_t kBarrierRows = 4;

enum class BarrierOp : std::uint8_t { kAction, kCompensate, kDeliver, kLocal, kCheck };
inline constexpr std::size_t kBarrierOps = 5;

/// What the participant does with its data.
enum class BarrierWork : std::uint8_t {
  kNothing,  ///< leave data and row alone
  kApply,    ///< the business change, and the row, in one local transaction; a business refusal takes both back
  kUndo,     ///< take the business change back, and change the row, in one local transaction
  kMark,     ///< the row alone: there is nothing to undo, and there must never be
};

enum class BarrierAnswer : std::uint8_t {
  kSayDone,
  kSayRefused,
  kSayRunning,    ///< ask again
  kSayCommitted,  ///< check: the local transaction is durable
  kSayAborted,    ///< check: it did not happen and never will
};

/// One line of the table.
struct BarrierStep {
  BarrierOp op;
  BarrierRow row;
  BarrierWork work;
  BarrierRow next;
  BarrierAnswer answer;  ///< for kApply: unless the business refuses
};

inline constexpr auto kBarrier = [] {
  using enum BarrierOp;
  using enum BarrierRow;
  using enum BarrierWork;
  using enum BarrierAnswer;
  return std::array{
      BarrierStep{kAction, kAbsent, kApply, kDone, kSayDone},
      BarrierStep{kAction, kDone, kNothing, kDone, kSayDone},
      BarrierStep{kAction, kTombstone, kNothing, kTombstone, kSayRefused},  // it comes after its own undo
      BarrierStep{kAction, kLocked, kNothing, kLocked, kSayRunning},

      BarrierStep{kCompensate, kAbsent, kMark, kTombstone, kSayDone},  // empty: the action may still be on its way
      BarrierStep{kCompensate, kDone, kUndo, kTombstone, kSayDone},
      BarrierStep{kCompensate, kTombstone, kNothing, kTombstone, kSayDone},
      BarrierStep{kCompensate, kLocked, kNothing, kLocked, kSayRunning},

      BarrierStep{kDeliver, kAbsent, kApply, kDone, kSayDone},
      BarrierStep{kDeliver, kDone, kNothing, kDone, kSayDone},
      BarrierStep{kDeliver, kTombstone, kNothing, kTombstone, kSayRefused},
      BarrierStep{kDeliver, kLocked, kNothing, kLocked, kSayRunning},

      BarrierStep{kLocal, kAbsent, kApply, kDone, kSayDone},
      BarrierStep{kLocal, kDone, kNothing, kDone, kSayDone},
      BarrierStep{kLocal, kTombstone, kNothing, kTombstone, kSayRefused},  // the check-back came first: roll back
      BarrierStep{kLocal, kLocked, kNothing, kLocked, kSayRunning},

      BarrierStep{kCheck, kAbsent, kMark, kTombstone, kSayAborted},
      BarrierStep{kCheck, kDone, kNothing, kDone, kSayCommitted},
      BarrierStep{kCheck, kTombstone, kNothing, kTombstone, kSayAborted},
      BarrierStep{kCheck, kLocked, kNothing, kLocked, kSayRunning},  // undecided: the answer must wait for the commit
  };
}();

/// The line for `op` on a row; total, because the table is (see below).
constexpr const BarrierStep& barrier_step(BarrierOp op, BarrierRow row) {
  for (const BarrierStep& step : kBarrier) {
    if (step.op == op && step.row == row) return step;
  }
  return kBarrier[0];
}

namespace barrier_checks {

constexpr bool every_pair_once() {
  if (kBarrier.size() != kBarrierOps * kBarrierRows) return false;
  for (std::size_t i = 0; i < kBarrier.size(); ++i) {
    for (std::size_t j = i + 1; j < kBarrier.size(); ++j) {
      if (kBarrier[i].op == kBarrier[j].op && kBarrier[i].row == kBarrier[j].row) return false;
    }
  }
  return true;
}

/// At most one effect, and none once a tombstone stands.
constexpr bool effects_are_single() {
  for (const BarrierStep& step : kBarrier) {
    if (step.work == BarrierWork::kApply && step.row != BarrierRow::kAbsent) return false;
    if (step.work == BarrierWork::kUndo && step.row != BarrierRow::kDone) return false;
    if (step.row == BarrierRow::kTombstone &&
        (step.work != BarrierWork::kNothing || step.next != BarrierRow::kTombstone)) {
      return false;
    }
  }
  return true;
}

/// A repeat of the same op changes nothing and is answered like the first.
constexpr bool repeats_are_silent() {
  for (const BarrierStep& step : kBarrier) {
    const BarrierStep& again = barrier_step(step.op, step.next);
    if (again.work != BarrierWork::kNothing || again.next != step.next || again.answer != step.answer) return false;
  }
  return true;
}

/// Who meets an open local transaction learns nothing and changes nothing; a locked row is never left behind.
constexpr bool locks_hold() {
  for (const BarrierStep& step : kBarrier) {
    const bool is_locked = step.row == BarrierRow::kLocked;
    if (is_locked != (step.answer == BarrierAnswer::kSayRunning)) return false;
    if (is_locked != (step.next == BarrierRow::kLocked)) return false;
    if (is_locked && step.work != BarrierWork::kNothing) return false;
  }
  return true;
}

/// What was refused, or promised never to happen, cannot happen later; what is said to be done is done.
constexpr bool answers_are_true() {
  for (const BarrierStep& step : kBarrier) {
    const bool leaves_tombstone = step.next == BarrierRow::kTombstone;
    const bool leaves_done = step.next == BarrierRow::kDone;
    if (step.answer == BarrierAnswer::kSayRefused && !leaves_tombstone) return false;
    if (step.answer == BarrierAnswer::kSayAborted && !leaves_tombstone) return false;
    if (step.answer == BarrierAnswer::kSayCommitted && !leaves_done) return false;
    if (step.answer == BarrierAnswer::kSayDone && leaves_tombstone != (step.op == BarrierOp::kCompensate)) return false;
  }
  return true;
}

}  // namespace barrier_checks

static_assert(barrier_checks::every_pair_once());
static_assert(barrier_checks::effects_are_single());
static_assert(barrier_checks::repeats_are_silent());
static_assert(barrier_checks::locks_hold());
static_assert(barrier_checks::answers_are_true());

/// The barrier's name of an op that a coordinator sends.
constexpr BarrierOp barrier_op(Op op) {
  switch (op) {
    case Op::kAction:
      return BarrierOp::kAction;
    case Op::kCompensate:
      return BarrierOp::kCompensate;
    case Op::kDeliver:
      return BarrierOp::kDeliver;
    case Op::kCheck:
      return BarrierOp::kCheck;
  }
  return BarrierOp::kAction;
}

}  // namespace settle::protocol
