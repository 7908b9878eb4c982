#include "api/dtm/document.h"

#include <chrono>
#include <vector>

#include "api/dtm/plan.h"
#include "api/dtm/request.h"
#include "model/ops.h"
#include "wire/dtm_words.h"
#include "wire/instant.h"
#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr std::string_view kFailure = "FAILURE";

void text_unless_empty(wire::JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.member(name, text);
}

void instant(wire::JsonWriter& json, std::string_view name, Instant at) {
  if (at == kNoInstant || at == kNever) return;
  json.plain_member(name, wire::instant_text(at));
}

/// Standard alphabet, padded (RFC 4648, section 4).
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= left ? kDigits[group >> (18 - 6 * k) & 63U] : '=');
  }
  return out;
}

void append_steps(wire::JsonWriter& json, const Plan& plan) {
  if (plan.pattern != Pattern::kSaga && plan.pattern != Pattern::kMessage) return;
  json.key("steps");
  json.begin_array();
  for (const BranchPlan& branch : plan.branches) {
    json.begin_object();
    json.member("action", branch.forward);
    if (plan.pattern == Pattern::kSaga) json.member("compensate", branch.back);
    json.end_object();
  }
  json.end_array();
  json.key("payloads");
  json.begin_array();
  for (const BranchPlan& branch : plan.branches) json.string(branch.input);
  json.end_array();
}

/// One of the operations that DTM keeps for each branch.
struct Row {
  Op op;
  std::string_view url;
};

/// In DTM's order.
std::vector<Row> rows_of(Pattern pattern, const BranchPlan& branch) {
  switch (pattern) {
    case Pattern::kSaga:
      return {{Op::kCompensate, branch.back}, {Op::kAction, branch.forward}};
    case Pattern::kMessage:
      return {{Op::kDeliver, branch.forward}};
    case Pattern::kTcc:
      return {{Op::kCancel, branch.back}, {Op::kConfirm, branch.confirm}};
    case Pattern::kTwoPhase:
      return {{Op::kRollback, branch.back}, {Op::kCommit, branch.confirm}};
  }
  return {};
}

std::string_view status_of(const State& state, std::size_t branch, const Row& row) {
  const BranchState& ops = state.branches[branch];
  if (is_forward(row.op)) {
    if (ops.forward.status == OpStatus::kDone) return "succeed";
    return ops.forward.status == OpStatus::kRefused ? "failed" : "prepared";
  }
  const bool is_wanted = is_confirm(row.op) ? state.decision == Decision::kCommit : state.decision == Decision::kAbort;
  if (!is_wanted) return "prepared";
  // Where there is nobody to call, it is done as soon as its turn has come.
  const bool needs_no_call = row.url.empty() && ops.forward.may_have_run() && state.has_ended();
  return ops.back.status == OpStatus::kDone || needs_no_call ? "succeed" : "prepared";
}

/// When that op was answered; kNoInstant: the timeline does not say.
Instant ended_at(const State& state, std::size_t branch, Op op, std::string_view status) {
  const Happening wanted = status == "succeed" ? Happening::kOpDone : Happening::kOpRefused;
  for (auto line = state.timeline.rbegin(); line != state.timeline.rend(); ++line) {
    const bool is_it = line->branch == static_cast<std::int32_t>(branch) && line->op == op && line->happening == wanted;
    if (is_it) return line->at;
  }
  return kNoInstant;
}

}  // namespace

std::string with_failure(std::string text) {
  if (text.ends_with(kFailure)) return text;
  return text.append(" ").append(kFailure);
}

std::string_view status_of(const State& state) {
  if (state.has_ended()) return state.outcome == GlobalOutcome::kCommitted ? "succeed" : "failed";
  if (state.stopped) return "failed";
  switch (state.phase) {
    case Phase::kPrepared:
    case Phase::kTrying:
    case Phase::kPreparing:
    case Phase::kNew:
      return "prepared";
    case Phase::kActing:
    case Phase::kDelivering:
    case Phase::kConfirming:
    case Phase::kCommitting:
      return "submitted";
    case Phase::kCompensating:
    case Phase::kCancelling:
    case Phase::kRollingBack:
      return "aborting";
    case Phase::kFollowing:
    case Phase::kEnded:
      break;
  }
  return state.outcome == GlobalOutcome::kCommitted ? "succeed" : "failed";
}

std::string rollback_reason_of(const Plan& plan, const State& state) {
  switch (state.cause) {
    case Cause::kRefused: {
      if (state.cause_branch < 0) return {};
      const auto branch = static_cast<std::size_t>(state.cause_branch);
      return with_failure("url:" + std::string(plan.branches[branch].forward) +
                          " return failed: " + state.branches[branch].forward.result);
    }
    case Cause::kExhausted:
      return "RetryCount is greater than RetryLimit, RetryLimit: " + std::to_string(plan.passes.retry_limit);
    case Cause::kDeadline:
      return "Timeout after " + std::to_string(options_of(label_of(plan, kOptionsLabel)).timeout_to_fail) + " seconds";
    default:
      return state.reason;
  }
}

void append_transaction(std::string& out, std::string_view gid, const Plan& plan, const State& state) {
  const std::string_view status = status_of(state);
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("id");
  json.number(0);
  instant(json, "create_time", state.created_at);
  instant(json, "update_time", state.updated_at);
  json.member("gid", gid);
  json.plain_member("trans_type", wire::dtm_word(plan.pattern));
  append_steps(json, plan);
  json.plain_member("status", status);
  text_unless_empty(json, "query_prepared", plan.check);
  text_unless_empty(json, "protocol", label_of(plan, kProtocolLabel));
  if (status == "succeed") instant(json, "finish_time", state.updated_at);
  if (status == "failed") instant(json, "rollback_time", state.updated_at);
  text_unless_empty(json, "rollback_reason", rollback_reason_of(plan, state));
  text_unless_empty(json, "options", label_of(plan, kOptionsLabel));
  text_unless_empty(json, "custom_data", label_of(plan, kCustomDataLabel));
  json.key("next_cron_interval");
  json.number(duration_cast<seconds>(state.clock.interval).count());
  instant(json, "next_cron_time", state.clock.next_at);
  json.key("concurrent");
  json.boolean(false);  // kept in `options` alone
  json.end_object();
}

void append_branches(std::string& out, std::string_view gid, const Plan& plan, const State& state) {
  wire::JsonWriter json(out);
  json.begin_array();
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    const BranchPlan& branch = plan.branches[i];
    for (const Row& row : rows_of(plan.pattern, branch)) {
      const std::string_view status = status_of(state, i, row);
      json.begin_object();
      json.key("id");
      json.number(0);
      instant(json, "create_time", state.created_at);
      instant(json, "update_time", state.updated_at);
      json.member("gid", gid);
      text_unless_empty(json, "url", row.url);
      if (!branch.input.empty()) json.plain_member("bin_data", base64(branch.input));
      json.member("branch_id", branch.id);
      json.plain_member("op", wire::dtm_word(row.op));
      json.plain_member("status", status);
      if (status != "prepared")
        instant(json, status == "succeed" ? "finish_time" : "rollback_time", ended_at(state, i, row.op, status));
      json.end_object();
    }
  }
  json.end_array();
}

}  // namespace settle::api::dtm
