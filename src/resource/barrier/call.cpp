#include "resource/barrier/call.h"

#include <settle/ids.h>

#include <algorithm>
#include <limits>

namespace settle::barrier {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

}  // namespace

Result<Checked> check(const Call& call) {
  if (!is_gid(call.gid)) return invalid("the gid must be 1 to 128 characters of [A-Za-z0-9._:-]");
  if (!is_branch_id(call.branch)) return invalid("the branch must be 1 to 64 characters of [A-Za-z0-9._-]");
  const auto* const name = std::find(kOpNames.begin(), kOpNames.end(), std::string_view(call.op));
  if (name == kOpNames.end()) return invalid("there is no op of this name; settle-op says which one it is");
  Checked checked{call.gid, call.branch, static_cast<protocol::BarrierOp>(name - kOpNames.begin()), std::nullopt};
  if (call.tid.empty()) return checked;
  const std::optional<Tid> tid = Tid::parse(call.tid);
  if (!tid || tid->sequence > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return invalid("the tid must be the 26 characters of settle-tid");
  }
  checked.began_us = static_cast<std::int64_t>(tid->sequence);
  return checked;
}

std::string state_of_old_row(protocol::BarrierOp op, std::string_view column, std::string_view fresh) {
  using enum protocol::BarrierRow;
  std::string text = "CASE " + std::string(column);
  for (const protocol::BarrierRow row : {kDone, kTombstone, kHeld}) {
    text += " WHEN " + std::to_string(stored(row)) + " THEN " +
            std::to_string(stored(protocol::barrier_step(op, row).next));
  }
  return text + " ELSE " + std::string(fresh) + " END";
}

}  // namespace settle::barrier
