#include "api/http/document.h"

#include "engine/awaited.h"
#include "model/ops.h"
#include "wire/instant.h"
#include "wire/json_reader.h"

namespace settle::api {
namespace {

using wire::JsonWriter;

/// Objects and arrays of the document around a result: document, branches, branch, ops, op.
constexpr unsigned kDepthAroundResult = 5;

constexpr std::string_view kCheckBranch = "00";

void instant_member(std::string& out, JsonWriter& json, std::string_view name, Instant at) {
  json.key(name);
  out.push_back('"');
  wire::append_instant(out, at);
  out.push_back('"');
}

bool is_set(Instant at) { return at != kNoInstant && at != kNever; }

std::string_view branch_name(const Plan& plan, std::int32_t branch) {
  return branch < 0 ? kCheckBranch : plan.branches[static_cast<std::size_t>(branch)].id;
}

/// `last_answer`, without a string in between for the common one.
void answer_member(JsonWriter& json, AnswerCode code) {
  if (code == kNoAnswer) return;
  if (code == 200) {
    json.plain_member("last_answer", "HTTP 200");
  } else {
    json.plain_member("last_answer", answer_text(code));
  }
}

std::string_view outcome_of(const OpState& op) {
  switch (op.status) {
    case OpStatus::kDone:
      return "done";
    case OpStatus::kRefused:
      return "refused";
    case OpStatus::kOpen:
    case OpStatus::kGivenUp:
      break;
  }
  return op.last == Outcome::kRunning ? "running" : "unknown";
}

bool was_called(const OpState& op) {
  return !op.is_open() || op.may_have_run() || op.attempts != 0 || op.running != 0 || op.last_answer != kNoAnswer;
}

void op_member(JsonWriter& json, std::string_view name, const OpState& op) {
  if (!was_called(op)) return;
  json.key(name);
  json.begin_object();
  json.plain_member("outcome", outcome_of(op));
  json.key("attempts");
  json.number(op.attempts);
  if (op.read_only) json.plain_member("vote", "read-only");
  if (op.status == OpStatus::kGivenUp) {
    json.key("given_up");
    json.boolean(true);
  }
  if (!op.result.empty()) {
    json.key("result");
    append_result(json, op.result);
  }
  answer_member(json, op.last_answer);
  json.end_object();
}

void branches_member(JsonWriter& json, const Plan& plan, const State& state) {
  json.key("branches");
  json.begin_array();
  for (std::size_t i = 0; i < plan.branches.size() && i < state.branches.size(); ++i) {
    const Role role = plan.branches[i].role;
    json.begin_object();
    json.plain_member("id", plan.branches[i].id);
    if (role != Role::kMain) {
      json.key("follow_up");
      json.boolean(true);
    }
    json.key("ops");
    json.begin_object();
    op_member(json, name_of(forward_op(plan, i)), state.branches[i].forward);
    op_member(json, name_of(back_op(plan, state, i)), state.branches[i].back);
    json.end_object();
    json.end_object();
  }
  json.end_array();
}

void waiting_member(std::string& out, JsonWriter& json, const Plan& plan, const State& state) {
  json.key("waiting_for");
  json.begin_array();
  for (const engine::Awaited& awaited : engine::awaited(plan, state)) {
    json.begin_object();
    json.plain_member("branch", branch_name(plan, awaited.branch));
    json.plain_member("op", name_of(awaited.op));
    json.key("attempts");
    json.number(awaited.state->attempts);
    answer_member(json, awaited.state->last_answer);
    if (is_set(awaited.due)) instant_member(out, json, "next_due_at", awaited.due);
    json.end_object();
  }
  json.end_array();
}

std::string refused_words(const Plan& plan, const Incident& incident, const std::string& who) {
  const std::string op(name_of(incident.op));
  if (incident.op == Op::kDeliver) {
    const bool follows = incident.branch >= 0 && !plan.is_main(static_cast<std::size_t>(incident.branch));
    return who + " refused " + (follows ? "what follows the outcome" : "the message") +
           "; it rests until somebody retries";
  }
  if (is_forward(incident.op)) return who + " refuses " + op + ", and there is no way back; it is asked again";
  return who + " keeps refusing " + op + ", which cannot be refused; it is asked again";
}

std::string incident_words(const Plan& plan, const State& state, const Incident& incident) {
  const std::string who = "\"" + std::string(branch_name(plan, incident.branch)) + "\"";
  const std::string op(name_of(incident.op));
  switch (incident.cause) {
    case Cause::kRefused:
      return refused_words(plan, incident, who);
    case Cause::kExhausted:
      return who + " has used up the bound of its retries for " + op + "; it is asked again, slowly";
    case Cause::kContradiction:
      return who + " told two different outcomes of " + op +
             "; the first one counts, compare the participant's own records";
    case Cause::kUndecided:
      return "the deadline is over and the check-back does not know whether the local transaction happened; it is "
             "asked again";
    case Cause::kStopped:
      return "an operator has stopped all calls; nothing is asked until somebody retries";
    case Cause::kNone:
    case Cause::kDeadline:
    case Cause::kRequested:
    case Cause::kCheckedBack:
      break;
  }
  return state.reason;
}

/// Verbs with which somebody can help. `resolve` needs a branch to be about.
void suggestions(JsonWriter& json, const Incident& incident) {
  json.key("suggested");
  json.begin_array();
  if (incident.cause == Cause::kUndecided) {
    json.plain("submit");
    json.plain("abort");
  }
  if (incident.cause != Cause::kContradiction) json.plain("retry");
  if (incident.branch >= 0) json.plain("resolve");
  if (incident.cause == Cause::kRefused || incident.cause == Cause::kExhausted) json.plain("stop");
  json.end_array();
}

void incident_member(std::string& out, JsonWriter& json, const Plan& plan, const State& state) {
  if (!state.incident) return;
  json.key("incident");
  json.begin_object();
  json.plain_member("kind", name_of(state.incident->cause));
  instant_member(out, json, "since", state.incident->since);
  json.member("text", incident_words(plan, state, *state.incident));
  suggestions(json, *state.incident);
  json.end_object();
}

void timeline_member(std::string& out, JsonWriter& json, const Plan& plan, const State& state) {
  json.key("timeline");
  json.begin_array();
  for (const TimelineEntry& entry : state.timeline) {
    json.begin_object();
    instant_member(out, json, "at", entry.at);
    json.plain_member("event", name_of(entry.happening));
    const bool of_op = entry.branch >= 0 || entry.answer != kNoAnswer || entry.op == Op::kCheck;
    if (of_op) {
      json.plain_member("branch", branch_name(plan, entry.branch));
      json.plain_member("op", name_of(entry.op));
    }
    std::string detail = entry.answer != kNoAnswer ? answer_text(entry.answer) : std::string();
    if (entry.count > 1) detail += (detail.empty() ? "" : ", ") + std::to_string(entry.count) + " times";
    if (!detail.empty()) json.member("detail", detail);
    json.end_object();
  }
  json.end_array();
}

/// Everything before `branches`.
void head_members(std::string& out, JsonWriter& json, const engine::View& view) {
  const State& state = view.state;
  json.plain_member("gid", view.gid);
  json.plain_member("tid", view.tid.text());
  json.plain_member("pattern", name_of(view.plan.pattern));
  json.plain_member("phase", name_of(view.phase));
  json.plain_member("decision", name_of(view.decision));
  json.plain_member("outcome", name_of(view.outcome));
  incident_member(out, json, view.plan, state);
  json.plain_member("heuristic", name_of(state.heuristic));
  if (view.decision == Decision::kAbort) json.member("reason", reason_words(view.plan, state));
  instant_member(out, json, "created_at", state.created_at);
  instant_member(out, json, "updated_at", state.updated_at);
  if (is_set(state.deadline_at)) instant_member(out, json, "deadline_at", state.deadline_at);
  if (view.provisional) {
    json.key("provisional");
    json.boolean(true);
  }
  waiting_member(out, json, view.plan, state);
}

}  // namespace

void append_result(JsonWriter& json, std::string_view bytes) {
  const std::size_t start = bytes.find_first_not_of(" \t\r\n");
  const char first = start == std::string_view::npos ? '\0' : bytes[start];
  const bool may_be_json = first == '{' || first == '[' || first == '"' || first == '-' || first == 't' ||
                           first == 'f' || first == 'n' || (first >= '0' && first <= '9');
  // Documents are rendered on every worker thread; each keeps a reader with its memory.
  thread_local wire::JsonReader reader(wire::kJsonDepthMax - kDepthAroundResult);
  if (may_be_json) {
    reader.open(bytes);
    (void)reader.raw();
  }
  if (may_be_json && reader.finish()) {
    json.raw(bytes);
  } else {
    json.string(bytes);
  }
}

std::string reason_words(const Plan& plan, const State& state) {
  if (!state.reason.empty()) return state.reason;
  const auto who = [&] { return "\"" + std::string(branch_name(plan, state.cause_branch)) + "\""; };
  switch (state.cause) {
    case Cause::kRefused:
      return who() + " refused";
    case Cause::kExhausted:
      return who() + " used up the bound of its retries";
    case Cause::kDeadline:
      return "the deadline passed";
    case Cause::kRequested:
      return "requested, without a reason";
    case Cause::kCheckedBack:
      return "the check-back said that the local transaction did not happen";
    case Cause::kNone:
    case Cause::kContradiction:
    case Cause::kUndecided:
    case Cause::kStopped:
      break;
  }
  return {};
}

void append_document(std::string& out, const engine::View& view, bool with_timeline) {
  out.reserve(out.size() + 512);
  JsonWriter json(out);
  json.begin_object();
  head_members(out, json, view);
  branches_member(json, view.plan, view.state);
  if (with_timeline) timeline_member(out, json, view.plan, view.state);
  json.end_object();
}

void append_summary(std::string& out, const engine::View& view) {
  JsonWriter json(out);
  json.begin_object();
  head_members(out, json, view);
  json.end_object();
}

}  // namespace settle::api
