#include "api/http/render.h"

#include "api/http/document.h"
#include "api/http/problem.h"

namespace settle::api {
namespace {

using engine::AnswerKind;
using engine::View;

std::string_view verb_words(Asked asked) {
  switch (asked) {
    case Asked::kBegin:
      return "begin";
    case Asked::kSubmit:
      return "submit";
    case Asked::kAbort:
      return "abort";
    case Asked::kQuery:
      return "query";
    case Asked::kRetry:
      return "retry";
    case Asked::kReport:
      return "this report";
    case Asked::kEnlist:
      return "enlist";
    case Asked::kResolve:
      return "resolve";
    case Asked::kStop:
      return "stop";
  }
  return "this";
}

std::string wrong_phase_words(Asked asked, const View* view) {
  std::string text(verb_words(asked));
  if (view == nullptr) return text + " is not possible here";
  text += " is not possible in " + std::string(name_of(view->phase));
  if (asked == Asked::kReport) {
    return text + ": that op was never called, or is over already; nothing was changed";
  }
  if (asked == Asked::kResolve) return text + ": this branch owes nothing now; nothing was changed";
  if (asked == Asked::kEnlist && view->decision == Decision::kNone) {
    return text +
           ": branches are enlisted in a tcc or two_phase whose first phase the client calls, as long as it is "
           "open";
  }
  if (view->decision != Decision::kNone) {
    return text + ": the decision is " + std::string(name_of(view->decision)) + " and final; read the transaction";
  }
  return text + "; read the transaction to see what it waits for";
}

Rendered document(engine::Token token, int status, const View& view) {
  Rendered out;
  out.status = status;
  append_document(out.body, view, (flags_of(token) & kWithTimeline) != 0);
  return out;
}

Rendered problem(engine::Token token, AnswerKind kind, const View* view) {
  const auto make = [&](ErrorName name, std::string_view detail) {
    Rendered out =
        view == nullptr ? render_problem(name, detail) : render_problem(name, detail, view->gid, name_of(view->phase));
    out.lacks_gid = view == nullptr;
    return out;
  };
  switch (kind) {
    case AnswerKind::kGidReused:
      return make(ErrorName::kGidReused,
                  "this gid began with another plan; begin under a new gid, or repeat the first body");
    case AnswerKind::kUnknownGid:
      return make(ErrorName::kUnknownGid, "no such transaction is known here; this says nothing about its outcome");
    case AnswerKind::kUnknownBranch:
      return make(ErrorName::kUnknownBranch,
                  "the transaction has no such branch, or that op of it is none that reports are taken for");
    case AnswerKind::kBranchReused:
      return make(ErrorName::kBranchReused,
                  "a branch of this id is part of the transaction already and differs from the one you sent; choose "
                  "another id, or repeat the first body");
    case AnswerKind::kTooMany:
      return make(ErrorName::kTooMany,
                  "the transaction has as many branches as it may have; begin another one for the rest");
    case AnswerKind::kEpochClosed:
      return make(ErrorName::kEpochClosed,
                  "the epoch of that tid is closed and has no such transaction: its begin was never remembered; begin "
                  "anew under a new gid");
    case AnswerKind::kWrongPhase:
      return make(ErrorName::kWrongPhase, wrong_phase_words(asked_of(token), view));
    case AnswerKind::kContradiction:
      return make(ErrorName::kContradiction,
                  "another outcome of this op was told before and counts; nothing was changed, an incident is open");
    case AnswerKind::kOverloaded:
      return make(ErrorName::kOverloaded,
                  "too much is open at the moment; nothing was stored, repeat the same request after Retry-After");
    case AnswerKind::kStoreFull:
      return make(ErrorName::kStoreFull, "less than the reserve is free for the store; begin again when there is room");
    case AnswerKind::kNotOwner:
      return make(
          ErrorName::kOverloaded,
          "the shard of this transaction is being taken over; nothing was stored by this request, repeat it after "
          "Retry-After");
    case AnswerKind::kStoreUnknown:
      return make(ErrorName::kStoreUnknown,
                  "whether this was stored is not known; query the gid, or repeat the same request");
    case AnswerKind::kDocument:
    case AnswerKind::kCreated:
      break;
  }
  return make(ErrorName::kStoreUnknown, "the answer was lost inside the daemon; query the gid");
}

}  // namespace

Rendered render(engine::Token token, AnswerKind kind, const View* view) {
  if (view != nullptr && kind == AnswerKind::kDocument) return document(token, 200, *view);
  if (view != nullptr && kind == AnswerKind::kCreated) {
    Rendered out = document(token, 201, *view);
    out.extra_headers.append("location: /v1/transactions/").append(view->gid).append("\r\n");
    return out;
  }
  return problem(token, kind, view);
}

}  // namespace settle::api
