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

/// A call whose names are checked: they may stand in a statement as they are.
struct Checked {
  std::string_view gid;
  std::string_view branch;
  protocol::BarrierOp op = protocol::BarrierOp::kAction;
  std::optional<std::int64_t> began_us;  ///< of the transaction; nothing if the call has no tid

  [[nodiscard]] std::string_view answer_column() const { return is_closing(op) ? "closing" : "answer"; }
};

/// Views into `call`, which must outlive them. kInvalid says which part is wrong.
Result<Checked> check(const Call& call);

/// Row states as the tables hold them.
constexpr int stored(protocol::BarrierRow row) { return static_cast<int>(row); }

/// The state that `op` gives to a new row.
constexpr int state_of_new_row(protocol::BarrierOp op) {
  return stored(protocol::barrier_step(op, protocol::BarrierRow::kAbsent).next);
}

/// `CASE column WHEN 1 THEN … ELSE fresh END`: the state that `op` gives to a row that is there, from the order table.
/// A row that holds "absent" is as good as none; it takes what a new row would get.
std::string state_of_old_row(protocol::BarrierOp op, std::string_view column, std::string_view fresh);

}  // namespace settle::barrier
