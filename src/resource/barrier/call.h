#pragma once

#include <settle/barrier.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/barrier.h"

namespace settle::barrier {

/// The ops as they stand on the wire and in the tables, in the order of BarrierOp.
inline constexpr std::array<std::string_view, protocol::kBarrierOps> kOpNames{
    "action", "compensate", "deliver", "local", "check", "try", "confirm", "cancel", "prepare", "commit", "rollback"};

constexpr std::string_view name_of(protocol::BarrierOp op) { return kOpNames[static_cast<std::size_t>(op)]; }

/// Whether an op ends what a forward op began. Both have an answer of their own to keep.
constexpr bool is_closing(protocol::BarrierOp op) {
  using enum protocol::BarrierOp;
  return op == kConfirm || op == kCommit || op == kCompensate || op == kCancel || op == kRollback;
}

/// Where the effect is: beside the row, or outside, where no local transaction reaches.
enum class Mode : std::uint8_t { kTransaction, kEffect };

/// A call whose parts are checked: they may stand in a statement as they are.
struct Checked {
  std::string_view gid;
  std::string_view branch;
  protocol::BarrierOp op = protocol::BarrierOp::kAction;
  std::optional<std::int64_t> began_us;  ///< of the transaction; nothing if the call has no tid
  std::string_view digest;               ///< empty: not to be compared
  Mode mode = Mode::kTransaction;

  // A forward op and the op that ends it have an answer and a request each.
  [[nodiscard]] std::string_view answer_column() const { return is_closing(op) ? "closing" : "answer"; }
  [[nodiscard]] std::string_view digest_column() const { return is_closing(op) ? "closing_digest" : "digest"; }
};

/// Views into `call`, which must outlive them. kInvalid says which part is wrong.
Result<Checked> check(const Call& call, Mode mode = Mode::kTransaction);

/// Row states as the tables hold them.
constexpr int stored(protocol::BarrierRow row) { return static_cast<int>(row); }
inline constexpr std::array kStoredRows{protocol::BarrierRow::kAbsent,    protocol::BarrierRow::kDone,
                                        protocol::BarrierRow::kTombstone, protocol::BarrierRow::kHeld,
                                        protocol::BarrierRow::kBegun,     protocol::BarrierRow::kFulfilling,
                                        protocol::BarrierRow::kUndoing};

/// The row that a call leaves when it enters: the table's, unless an effect outside comes in between.
constexpr protocol::BarrierRow entered(const protocol::BarrierStep& step, Mode mode) {
  if (step.work == protocol::BarrierWork::kFind) return step.row;
  if (mode == Mode::kEffect && protocol::is_effect(step.work)) {
    return protocol::row_during(step.op).value_or(step.next);
  }
  return step.next;
}

}  // namespace settle::barrier
