#include "api/dtm/render.h"

#include <string>

#include "api/dtm/document.h"
#include "wire/dtm_words.h"
#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

using engine::AnswerKind;
using engine::View;

constexpr int kOk = 200, kConflict = 409, kTooEarly = 425, kInternal = 500;

Rendered answer(int status, std::string_view result, std::string_view message) {
  Rendered out;
  out.status = status;
  out.content_type = "application/json; charset=utf-8";
  wire::JsonWriter json(out.body);
  json.begin_object();
  if (!result.empty()) json.plain_member("dtm_result", result);
  if (!message.empty()) json.member("message", message);
  json.end_object();
  return out;
}

/// What a client that waits is told of an attempt that stays unknown.
std::string words_of(const PassProblem& problem) {
  return "your http/grpc result should be specified as in:\n"
         "HTTP 409 or gRPC ABORTED for failure, HTTP 425 or gRPC FAILED_PRECONDITION for ongoing\n"
         "unkown result will be retried: " +
         problem.words;
}

/// A saga tells its client of no attempt, only of its end.
Rendered after_pass(const View& view, bool submitted) {
  const PassProblem& problem = view.state.clock.problem;
  const std::string_view status = status_of(view.state);
  if (status == "succeed") return success();
  if (view.plan.pattern != Pattern::kSaga) {
    if (problem.outcome == Outcome::kRefused) return failure(words_of(problem));
    if (problem.outcome == Outcome::kRunning) return answer(kTooEarly, "ONGOING", "ONGOING");
    if (problem.outcome == Outcome::kUnknown) return trouble(words_of(problem));
  }
  if (!submitted) return success();
  const std::string reason = rollback_reason_of(view.plan, view.state);
  return failure(reason.empty() ? "wait result not return success: FAILURE" : reason);
}

Rendered document(const View& view) {
  Rendered out;
  out.status = kOk;
  out.content_type = "application/json; charset=utf-8";
  out.body = "{\"branches\":";
  append_branches(out.body, view.gid, view.plan, view.state);
  out.body += ",\"transaction\":";
  append_transaction(out.body, view.gid, view.plan, view.state);
  out.body += '}';
  return out;
}

Rendered taken(Asked asked, AnswerKind kind, const View& view) {
  const std::string_view status = status_of(view.state);
  switch (asked) {
    case Asked::kPrepare:
      if (kind == AnswerKind::kCreated || status == "prepared") return success();
      return failure("current status '" + std::string(status) + "', cannot prepare.");
    case Asked::kSubmitAndWait:
      return after_pass(view, true);
    case Asked::kAbortAndWait:
      return after_pass(view, false);
    case Asked::kQuery:
      return document(view);
    default:
      return success();
  }
}

Rendered refused(Asked asked, const View& view) {
  const std::string status(status_of(view.state));
  switch (asked) {
    case Asked::kSubmit:
    case Asked::kSubmitAndWait:
      return failure("current status '" + status + "', cannot sumbmit.");
    case Asked::kAbort:
    case Asked::kAbortAndWait:
      return failure("trans type: '" + std::string(wire::dtm_word(view.plan.pattern)) + "' current status '" + status +
                     "', cannot abort.");
    case Asked::kRegister:
      return absent(asked, view.gid);
    case Asked::kForceStop:
      return failure("global transaction force stop error. status: " + status + ". error:");
    case Asked::kPassDue:
      return success();  // it is finished: nothing is due
    default:
      return trouble("not possible in status '" + status + "'");
  }
}

}  // namespace

Rendered success() { return answer(kOk, "SUCCESS", {}); }
Rendered trouble(std::string_view message) { return answer(kInternal, {}, message); }
Rendered failure(std::string_view message) { return answer(kConflict, "FAILURE", with_failure(std::string(message))); }

Rendered absent(Asked asked, std::string_view gid) {
  switch (asked) {
    case Asked::kQuery: {
      Rendered out = success();
      out.body = R"({"branches":[],"transaction":null})";
      return out;
    }
    case Asked::kRegister:
      return failure("no trans with gid: " + std::string(gid) + " status: prepared found");
    default:
      return trouble("no TransGlobal with gid: " + std::string(gid) + " found");
  }
}

Rendered render(engine::Token token, AnswerKind kind, const View* view) {
  const Asked asked = asked_of(token);
  switch (kind) {
    case AnswerKind::kDocument:
    case AnswerKind::kCreated:
      return view != nullptr ? taken(asked, kind, *view) : trouble("the answer was lost inside the daemon; query");
    case AnswerKind::kWrongPhase:
    case AnswerKind::kGidReused:
      if (view != nullptr) return refused(asked, *view);
      break;
    case AnswerKind::kBranchReused:
      return trouble("storage: UniqueKeyConflict");
    case AnswerKind::kTooMany:
      return trouble("the transaction has as many branches as it may have");
    case AnswerKind::kUnknownGid:
    case AnswerKind::kEpochClosed: {
      Rendered out = trouble("not found");
      out.lacks_gid = true;
      return out;
    }
    case AnswerKind::kOverloaded:
      return trouble("too much is open at the moment; nothing was stored, ask again");
    case AnswerKind::kStoreFull:
      return trouble("the store's disk is nearly full; nothing was stored");
    case AnswerKind::kNotOwner:
      return trouble("the transaction is being taken over by another daemon; nothing was stored, ask again");
    case AnswerKind::kUnknownBranch:
    case AnswerKind::kContradiction:
    case AnswerKind::kStoreUnknown:
      break;
  }
  return trouble("whether this was stored is not known; query the gid, or ask again");
}

}  // namespace settle::api::dtm
