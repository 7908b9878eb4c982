// The body of a begin: whatever it is, it is refused in words or becomes a plan that the model takes, survives its own
// encoding, and is understood in the same way a second time. The document of a transaction of that plan is sound JSON.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/http/document.h"
#include "api/http/plan_json.h"
#include "api/http/query_string.h"
#include "api/http/render.h"
#include "api/http/verb_json.h"
#include "model/plan.h"
#include "wire/instant.h"
#include "wire/json_reader.h"
#include "wire/trace_context.h"

namespace {

using namespace settle;  // NOLINT: one short program

constexpr Instant kNow = instant_of(1'767'323'045'000'000);

void require(bool condition) {
  if (!condition) std::abort();
}

void sound(const api::Rendered& rendered) { require(!wire::check_json(rendered.body)); }

Phase some_phase(const Plan& plan) {
  switch (plan.pattern) {
    case Pattern::kSaga:
      return Phase::kCompensating;
    case Pattern::kMessage:
      return plan.two_step ? Phase::kPrepared : Phase::kDelivering;
    case Pattern::kTcc:
      return Phase::kCancelling;
    case Pattern::kTwoPhase:
      return Phase::kRollingBack;
  }
  return Phase::kEnded;
}

State some_state(const Plan& plan, std::string_view body) {
  State state;
  state.phase = some_phase(plan);
  state.decision = Decision::kAbort;
  state.created_at = kNow;
  state.branches.resize(plan.branches.size());
  if (state.branches.empty()) return state;
  state.cause = Cause::kRefused;
  state.cause_branch = 0;
  state.branches[0].forward.status = OpStatus::kDone;
  state.branches[0].forward.result = std::string(body);
  state.incident = Incident{Cause::kExhausted, kNow, 0, Op::kCompensate};
  note(state, {.at = kNow, .happening = Happening::kOpUnknown, .branch = 0, .answer = 503});
  return state;
}

void accepted(const api::PlanReader& reader, std::string_view body) {
  require(check_plan(reader.plan()).ok());
  const OwnedPlan plan = OwnedPlan::encode(reader.plan());
  const Result<OwnedPlan> again = OwnedPlan::decode(plan.bytes());
  require(again.ok() && again->bytes() == plan.bytes() && again->digest() == plan.digest());
  for (const BranchPlan& branch : plan->branches) {
    if (!branch.input.empty()) require(!wire::check_json(branch.input));
    if (branch.has_back_input) require(!wire::check_json(branch.back_input));
  }
  for (const auto& [name, value] : plan->headers) {
    require(name.find_first_of("\r\n:") == name.npos && value.find_first_of("\r\n") == value.npos);
  }
  api::PlanReader second;
  require(second.read(body, {}, kNow));
  require(OwnedPlan::encode(second.plan()).digest() == plan.digest());

  const State state = some_state(*plan, body);
  const engine::View view{"gid", Tid{}, *plan, state, state.phase, state.decision, state.outcome, true};
  sound(api::render(api::make_token(0, api::kWithTimeline, 1), engine::AnswerKind::kCreated, &view));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  static api::PlanReader reader;
  if (reader.read(body, {}, kNow)) {
    accepted(reader, body);
  } else {
    require(!reader.refusal().text.empty());
    sound(api::render_problem(reader.refusal()));
  }

  if (reader.read_enlisted(body)) {
    require(check_plan(reader.plan()).ok());
    (void)OwnedPlan::encode(reader.plan());
  } else {
    sound(api::render_problem(reader.refusal()));
  }

  api::BodyReader verbs;
  engine::Request request;
  for (const auto read :
       {api::read_submit, api::read_abort, api::read_report, api::read_retry, api::read_stop, api::read_resolve}) {
    if (!read(verbs, body, request)) sound(api::render_problem(verbs.refusal()));
  }

  api::QueryString query(body);
  std::int64_t number = 0;
  (void)query.take_whole("limit", 1, 1000, api::ErrorName::kTooMany, number);
  if (!query.finish("limit")) sound(api::render_problem(query.refusal()));
  if (const auto trace = wire::parse_trace_parent(body))
    require(wire::parse_trace_parent(wire::child_trace_parent(*trace, 1)).has_value());
  if (const auto at = wire::parse_instant(body)) require(wire::parse_instant(wire::instant_text(*at)) == at);
  return 0;
}
