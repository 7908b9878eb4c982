#include "resource/barrier/statement.h"

namespace settle::barrier {
namespace {

using protocol::BarrierRow;

BarrierRow entered_from(const Checked& call, BarrierRow row) {
  return entered(protocol::barrier_step(call.op, row), call.mode);
}

std::string column(const Names& names, std::string_view name) { return std::string(names.row) + std::string(name); }

}  // namespace

std::string state_of_new_row(const Checked& call) {
  return std::to_string(stored(entered_from(call, BarrierRow::kAbsent)));
}

std::string state_of_old_row(const Checked& call, const Names& names) {
  std::string text = "CASE " + column(names, "state");
  for (const BarrierRow row : kStoredRows) {
    if (row == BarrierRow::kAbsent) continue;
    const std::string before = std::to_string(stored(row));
    std::string after = std::to_string(stored(entered_from(call, row)));
    if (after != before && protocol::is_unsettled(row)) {
      after = "CASE WHEN " + column(names, "begun_until") + " > " + std::string(names.now) + " THEN " + before +
              " ELSE " + after + " END";
    }
    text += " WHEN " + before + " THEN " + after;
  }
  return text + " ELSE " + std::string(names.fresh) + " END";
}

std::string is_changed(const Checked& call, const Names& names) {
  std::string states;
  for (const BarrierRow row : kStoredRows) {
    if (entered_from(call, row) != row) states += (states.empty() ? "" : ", ") + std::to_string(stored(row));
  }
  return column(names, "state") + " IN (" + states + ")";
}

std::string quoted(std::string_view part) { return part.empty() ? std::string("NULL") : "'" + std::string(part) + "'"; }

std::string is_row_of(const Checked& call) {
  return "gid = " + quoted(call.gid) + " AND branch = " + quoted(call.branch);
}

}  // namespace settle::barrier
