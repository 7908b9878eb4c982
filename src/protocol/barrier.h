#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/kinds.h"

namespace settle::protocol {

// The participants' side of every pattern: one row per (gid, branch) beside the business data, written in the same
// local transaction. It absorbs what the network makes of an op: twice, late, before its time, at the same moment.
//
//                 absent             held               done               tombstone         locked
//   action        apply -> done      –                  repeat done        refuse            running
//   compensate    mark -> tombst.    –                  undo -> tombst.    repeat done       running
//   deliver       apply -> done      –                  repeat done        refuse            running
//   try, prepare  apply -> held      repeat done        repeat done        refuse            running
//   confirm, commit  conflict        confirm -> done    repeat done        conflict          running
//   cancel, rollback mark -> tombst. undo -> tombst.    conflict           repeat done       running
//   local         apply -> done      –                  repeat done        refuse            running
//   check         mark -> tombst.    –                  say committed      say aborted       running
//
// A branch id belongs to one pattern, so where a dash stands another pattern's row was met: conflict, nothing happens.
// `locked`: an open local transaction of somebody else holds the row.
//
// A refused action takes its row back with its local transaction: the row stays absent, and a later attempt may well
// succeed. That is why the coordinator undoes a branch with any unknown attempt (R1). A conflict is two truths: it
// changes nothing, somebody must look, and the coordinator opens an incident about it.
// `local` is the producer's own local transaction of a two-step message under the branch id "00"; the row is its first
// statement, so that a check-back either sees it, waits for it, or forbids it (R3).
//
// Effects outside of the database (a mail, a foreign service) share no local transaction with the row. That they begin
// is made durable before them, as one of three more rows; `next` of the line is written after them. In between `locked`
// is what others meet, for as long as the effect may take. Who finds such a row after that knows only that it began:
// it is found out, or done again under the same key, but never taken for done, and never for not begun (C5).
//
//                     begun              fulfilling         undoing
//   action, deliver   find -> done       –                  refuse
//   try, prepare      find -> held       repeat done        refuse
//   confirm, commit   conflict           find -> done       conflict
//   compensate        undo -> tombst.    –                  find -> tombst.
//   cancel, rollback  undo -> tombst.    conflict           find -> tombst.
//   local, check      –                  –                  –

enum class BarrierRow : std::uint8_t {
  kAbsent,      ///< nothing is known
  kDone,        ///< the effect is in the data, for good as far as this pattern goes
  kTombstone,   ///< undone or forbidden: no later op may have an effect
  kLocked,      ///< never stored: what somebody else sees while a local transaction is open or an effect under way
  kHeld,        ///< tried or prepared: reserved, and waits for its second phase
  kBegun,       ///< a forward op's effect was begun outside; whether it happened is not known
  kFulfilling,  ///< it is held, and that it be made final was begun outside
  kUndoing,     ///< decided to be undone, and the undo was begun outside
};
inline constexpr std::size_t kBarrierRows = 8;

enum class BarrierOp : std::uint8_t {
  kAction,
  kCompensate,
  kDeliver,
  kLocal,
  kCheck,
  kTry,
  kConfirm,
  kCancel,
  kPrepare,
  kCommit,
  kRollback
};
inline constexpr std::size_t kBarrierOps = 11;

/// What the participant does with its data.
enum class BarrierWork : std::uint8_t {
  kNothing,  ///< leave data and row alone
  kApply,    ///< the business change, and the row, in one local transaction; a business refusal takes both back
  kUndo,     ///< take the business change back, and change the row, in one local transaction
  kMark,     ///< the row alone: there is nothing to undo, and there must never be
  kFulfil,   ///< make what is held final, and change the row, in one local transaction
  kFind,     ///< the op's effect was begun outside before: find out what became of it, then change the row
};

enum class BarrierAnswer : std::uint8_t {
  kSayDone,
  kSayRefused,
  kSayRunning,    ///< ask again
  kSayCommitted,  ///< check: the local transaction is durable
  kSayAborted,    ///< check: it did not happen and never will
  kSayConflict,   ///< this op contradicts what was done: refused, and somebody must look
};

/// One line of the table.
struct BarrierStep {
  BarrierOp op;
  BarrierRow row;
  BarrierWork work;
  BarrierRow next;
  BarrierAnswer answer;  ///< for kApply: unless the business refuses; for kFind: once it is found to have happened
};

namespace barrier_detail {

using Lines = std::array<BarrierStep, kBarrierRows>;  // of an op, in the order of BarrierRow

/// What leaves the row alone.
constexpr BarrierStep say(BarrierOp op, BarrierRow row, BarrierAnswer answer) {
  return {op, row, BarrierWork::kNothing, row, answer};
}

constexpr Lines doing(BarrierOp op) {
  using enum BarrierRow;
  using enum BarrierWork;
  using enum BarrierAnswer;
  const bool is_local = op == BarrierOp::kLocal;  // never an effect outside
  return {BarrierStep{op, kAbsent, kApply, kDone, kSayDone},
          say(op, kDone, kSayDone),
          say(op, kTombstone, kSayRefused),  // it comes after its own undo, or after the check-back that forbade it
          say(op, kLocked, kSayRunning),
          say(op, kHeld, kSayConflict),
          is_local ? say(op, kBegun, kSayConflict) : BarrierStep{op, kBegun, kFind, kDone, kSayDone},
          say(op, kFulfilling, kSayConflict),
          say(op, kUndoing, is_local ? kSayConflict : kSayRefused)};
}

constexpr Lines holding(BarrierOp op) {
  using enum BarrierRow;
  using enum BarrierWork;
  using enum BarrierAnswer;
  return {BarrierStep{op, kAbsent, kApply, kHeld, kSayDone},
          say(op, kDone, kSayDone),
          say(op, kTombstone, kSayRefused),  // suspension
          say(op, kLocked, kSayRunning),
          say(op, kHeld, kSayDone),
          BarrierStep{op, kBegun, kFind, kHeld, kSayDone},
          say(op, kFulfilling, kSayDone),
          say(op, kUndoing, kSayRefused)};
}

constexpr Lines fulfilling(BarrierOp op) {
  using enum BarrierRow;
  using enum BarrierWork;
  using enum BarrierAnswer;
  return {say(op, kAbsent, kSayConflict),  // never tried: the coordinator is wrong
          say(op, kDone, kSayDone),
          say(op, kTombstone, kSayConflict),
          say(op, kLocked, kSayRunning),
          BarrierStep{op, kHeld, kFulfil, kDone, kSayDone},
          say(op, kBegun, kSayConflict),  // nobody here said that it was tried
          BarrierStep{op, kFulfilling, kFind, kDone, kSayDone},
          say(op, kUndoing, kSayConflict)};
}

constexpr Lines undoing(BarrierOp op) {
  using enum BarrierRow;
  using enum BarrierWork;
  using enum BarrierAnswer;
  // A compensation takes back what is done; a cancel only what is held: what was confirmed stays.
  const BarrierRow takes_back = op == BarrierOp::kCompensate ? kDone : kHeld;
  Lines lines{BarrierStep{op, kAbsent, kMark, kTombstone, kSayDone},  // empty: the forward op may still be on its way
              say(op, kDone, kSayConflict), say(op, kTombstone, kSayDone), say(op, kLocked, kSayRunning),
              say(op, kHeld, kSayConflict),
              // It may have happened, so its undo must run, and must cope with a deed that never was.
              BarrierStep{op, kBegun, kUndo, kTombstone, kSayDone}, say(op, kFulfilling, kSayConflict),
              BarrierStep{op, kUndoing, kFind, kTombstone, kSayDone}};
  lines[static_cast<std::size_t>(takes_back)] = BarrierStep{op, takes_back, kUndo, kTombstone, kSayDone};
  return lines;
}

constexpr Lines checking() {
  using enum BarrierRow;
  using enum BarrierWork;
  using enum BarrierAnswer;
  constexpr BarrierOp op = BarrierOp::kCheck;
  return {BarrierStep{op, kAbsent, kMark, kTombstone, kSayAborted},
          say(op, kDone, kSayCommitted),
          say(op, kTombstone, kSayAborted),
          say(op, kLocked, kSayRunning),  // undecided: the answer must wait for the commit
          say(op, kHeld, kSayConflict),
          say(op, kBegun, kSayConflict),
          say(op, kFulfilling, kSayConflict),
          say(op, kUndoing, kSayConflict)};
}

constexpr Lines lines_of(BarrierOp op) {
  switch (op) {
    case BarrierOp::kAction:
    case BarrierOp::kDeliver:
    case BarrierOp::kLocal:
      return doing(op);
    case BarrierOp::kTry:
    case BarrierOp::kPrepare:
      return holding(op);
    case BarrierOp::kConfirm:
    case BarrierOp::kCommit:
      return fulfilling(op);
    case BarrierOp::kCompensate:
    case BarrierOp::kCancel:
    case BarrierOp::kRollback:
      return undoing(op);
    case BarrierOp::kCheck:
      break;
  }
  return checking();
}

}  // namespace barrier_detail

/// All lines, by op, then by row: total.
inline constexpr auto kBarrier = [] {
  std::array<BarrierStep, kBarrierOps * kBarrierRows> all{};
  for (std::size_t op = 0; op < kBarrierOps; ++op) {
    const auto lines = barrier_detail::lines_of(static_cast<BarrierOp>(op));
    for (std::size_t row = 0; row < kBarrierRows; ++row) all[op * kBarrierRows + row] = lines[row];
  }
  return all;
}();

/// The line for `op` on a row.
constexpr const BarrierStep& barrier_step(BarrierOp op, BarrierRow row) {
  return kBarrier[static_cast<std::size_t>(op) * kBarrierRows + static_cast<std::size_t>(row)];
}

/// The row that stands while the effect of `op` is under way outside. Nothing: it has none there.
constexpr std::optional<BarrierRow> row_during(BarrierOp op) {
  switch (op) {
    case BarrierOp::kAction:
    case BarrierOp::kDeliver:
    case BarrierOp::kTry:
    case BarrierOp::kPrepare:
      return BarrierRow::kBegun;
    case BarrierOp::kConfirm:
    case BarrierOp::kCommit:
      return BarrierRow::kFulfilling;
    case BarrierOp::kCompensate:
    case BarrierOp::kCancel:
    case BarrierOp::kRollback:
      return BarrierRow::kUndoing;
    case BarrierOp::kLocal:
    case BarrierOp::kCheck:
      break;
  }
  return std::nullopt;
}

/// Whether an effect outside was begun and its end is not known.
constexpr bool is_unsettled(BarrierRow row) {
  return row == BarrierRow::kBegun || row == BarrierRow::kFulfilling || row == BarrierRow::kUndoing;
}

/// Whether somebody has to do something that `Work` names, rather than to answer.
constexpr bool is_effect(BarrierWork work) {
  return work == BarrierWork::kApply || work == BarrierWork::kFulfil || work == BarrierWork::kUndo;
}

namespace barrier_checks {

constexpr bool every_pair_stands_at_its_place() {
  for (std::size_t i = 0; i < kBarrier.size(); ++i) {
    if (static_cast<std::size_t>(kBarrier[i].op) != i / kBarrierRows) return false;
    if (static_cast<std::size_t>(kBarrier[i].row) != i % kBarrierRows) return false;
  }
  return true;
}

/// At most one effect, and none once a tombstone stands.
constexpr bool effects_are_single() {
  for (const BarrierStep& step : kBarrier) {
    if (step.work == BarrierWork::kApply && step.row != BarrierRow::kAbsent) return false;
    if (step.work == BarrierWork::kMark && step.row != BarrierRow::kAbsent) return false;
    if (step.work == BarrierWork::kFulfil && step.row != BarrierRow::kHeld) return false;
    const bool undoable =
        step.row == BarrierRow::kDone || step.row == BarrierRow::kHeld || step.row == BarrierRow::kBegun;
    if (step.work == BarrierWork::kUndo && !undoable) return false;
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

/// What was begun outside is found again by its own op and ends where it would have ended; nothing else ends it but the
/// undo of a deed, and nothing takes it for done or for not begun.
constexpr bool effects_outside_are_found() {
  for (const BarrierStep& step : kBarrier) {
    const std::optional<BarrierRow> during = row_during(step.op);
    if (is_effect(step.work) && during) {
      const BarrierStep& found = barrier_step(step.op, *during);
      if (found.work != BarrierWork::kFind || found.next != step.next || found.answer != step.answer) return false;
    }
    if (step.work == BarrierWork::kFind && step.row != during) return false;
    if (!is_unsettled(step.row) || step.work == BarrierWork::kFind) continue;
    const bool is_undone = step.row == BarrierRow::kBegun && step.work == BarrierWork::kUndo;
    if (!is_undone && (step.work != BarrierWork::kNothing || step.next != step.row)) return false;
  }
  return true;
}

constexpr bool undoes(BarrierOp op) {
  return op == BarrierOp::kCompensate || op == BarrierOp::kCancel || op == BarrierOp::kRollback;
}

/// What was refused, or promised never to happen, cannot happen later; what is said to be done is done.
constexpr bool answers_are_true() {
  for (const BarrierStep& step : kBarrier) {
    const bool leaves_tombstone = step.next == BarrierRow::kTombstone;
    const bool leaves_done = step.next == BarrierRow::kDone;
    const bool leads_to_tombstone = leaves_tombstone || step.next == BarrierRow::kUndoing;
    if (step.answer == BarrierAnswer::kSayRefused && !leads_to_tombstone) return false;
    if (step.answer == BarrierAnswer::kSayAborted && !leaves_tombstone) return false;
    if (step.answer == BarrierAnswer::kSayCommitted && !leaves_done) return false;
    if (step.answer == BarrierAnswer::kSayDone && leaves_tombstone != undoes(step.op)) return false;
    if (step.answer == BarrierAnswer::kSayConflict && step.work != BarrierWork::kNothing) return false;
  }
  return true;
}

}  // namespace barrier_checks

static_assert(barrier_checks::every_pair_stands_at_its_place());
static_assert(barrier_checks::effects_are_single());
static_assert(barrier_checks::repeats_are_silent());
static_assert(barrier_checks::locks_hold());
static_assert(barrier_checks::effects_outside_are_found());
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
    case Op::kTry:
      return BarrierOp::kTry;
    case Op::kConfirm:
      return BarrierOp::kConfirm;
    case Op::kCancel:
      return BarrierOp::kCancel;
    case Op::kPrepare:
      return BarrierOp::kPrepare;
    case Op::kCommit:
      return BarrierOp::kCommit;
    case Op::kRollback:
      return BarrierOp::kRollback;
  }
  return BarrierOp::kAction;
}

}  // namespace settle::protocol
