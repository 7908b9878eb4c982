#include "api/http/verb_json.h"

#include <algorithm>
#include <array>
#include <span>

#include "api/http/limits.h"
#include "model/ops.h"

namespace settle::api {
namespace {

enum WaitField : int { kWaitMs, kWaitFor, kReason };
constexpr std::array<std::string_view, 2> kSubmitFields{"wait_ms", "wait_for"};
constexpr std::array<std::string_view, 3> kAbortFields{"wait_ms", "wait_for", "reason"};

enum ReportField : int { kOp, kOutcome, kVote, kResult, kWhy };
constexpr std::array<std::string_view, 5> kReportFields{"op", "outcome", "vote", "result", "reason"};

constexpr std::array<std::string_view, 1> kReasonFields{"reason"};
constexpr std::array<std::string_view, 3> kResolveFields{"reason", "as", "result"};

bool reason(BodyReader& body, std::string& out) {
  std::string_view text;
  if (!body.string(text)) return false;
  if (text.size() > kReasonBytesMax) {
    return body.refuse("has more than " + std::to_string(kReasonBytesMax) + " bytes", ErrorName::kTooLarge);
  }
  out = text;
  return true;
}

bool until(BodyReader& body, engine::WaitFor& out) {
  std::string_view text;
  if (!body.string(text)) return false;
  if (text != "end" && text != "decision") {
    return body.refuse("is \"" + excerpt(text) + "\"; \"end\" or \"decision\" is expected");
  }
  out = text == "end" ? engine::WaitFor::kEnd : engine::WaitFor::kDecision;
  return true;
}

bool read_waiting(BodyReader& body, std::string_view text, std::span<const std::string_view> fields,
                  std::string_view holder, engine::Request& out) {
  if (text.empty()) return true;
  body.open(text);
  if (body.enter_object()) {
    bool fine = true;
    while (fine) {
      switch (body.next_field(fields, holder)) {
        case kWaitMs:
          fine = body.duration_ms(0, kTimeMsMax, out.wait.lasting);
          break;
        case kWaitFor:
          fine = until(body, out.wait.until);
          break;
        case kReason:
          fine = reason(body, out.reason);
          break;
        default:
          fine = false;
      }
    }
  }
  return body.finish();
}

constexpr std::array kReportable{Op::kAction,  Op::kDeliver, Op::kTry,    Op::kPrepare, Op::kCompensate,
                                 Op::kConfirm, Op::kCancel,  Op::kCommit, Op::kRollback};

bool report_op(BodyReader& body, Op& out) {
  std::string_view text;
  if (!body.string(text)) return false;
  const auto is_it = [&](Op op) {
    if (name_of(op) != text) return false;
    out = op;
    return true;
  };
  if (std::any_of(kReportable.begin(), kReportable.end(), is_it)) return true;
  return body.refuse("is \"" + excerpt(text) +
                     "\"; one of action, compensate, deliver, try, confirm, cancel, prepare, commit and rollback is "
                     "expected");
}

bool report_vote(BodyReader& body, bool& read_only) {
  std::string_view text;
  if (!body.string(text)) return false;
  if (text != "read-only") {
    return body.refuse("is \"" + excerpt(text) + "\"; \"read-only\" is expected, or leave the field out");
  }
  read_only = true;
  return true;
}

bool report_outcome(BodyReader& body, Outcome& out) {
  std::string_view text;
  if (!body.string(text)) return false;
  if (text != "done" && text != "refused") {
    return body.refuse("is \"" + excerpt(text) + "\"; \"done\" or \"refused\" is expected");
  }
  out = text == "done" ? Outcome::kDone : Outcome::kRefused;
  return true;
}

}  // namespace

bool read_submit(BodyReader& body, std::string_view text, engine::Request& out) {
  return read_waiting(body, text, kSubmitFields, "submit", out);
}

bool read_abort(BodyReader& body, std::string_view text, engine::Request& out) {
  return read_waiting(body, text, kAbortFields, "abort", out);
}

bool read_report(BodyReader& body, std::string_view text, engine::Request& out) {
  body.open(text);
  unsigned seen = 0;
  std::string_view result;
  std::string why;
  bool fine = body.enter_object();
  while (fine) {
    const int field = body.next_field(kReportFields, "a report");
    if (field < 0) break;
    seen |= 1U << static_cast<unsigned>(field);
    switch (static_cast<ReportField>(field)) {
      case kOp:
        fine = report_op(body, out.op);
        break;
      case kOutcome:
        fine = report_outcome(body, out.outcome);
        break;
      case kVote:
        fine = report_vote(body, out.read_only);
        break;
      case kResult:
        fine = body.raw(kResultBytesMax, result);
        break;
      case kWhy:
        fine = reason(body, why);
        break;
    }
  }
  if (!body.finish()) return false;
  const auto has = [seen](ReportField field) { return (seen >> static_cast<unsigned>(field) & 1U) != 0; };
  if (!has(kOp)) return body.refuse_at({}, "\"op\" is missing");
  if (!has(kOutcome)) return body.refuse_at({}, "\"outcome\" is missing");
  const bool done = out.outcome == Outcome::kDone;
  if (!done && !is_forward(out.op)) {
    return body.refuse_at("/outcome", "is \"refused\", but " + std::string(name_of(out.op)) +
                                          " cannot be refused; it is asked again until it is done");
  }
  if (has(kVote) && (out.op != Op::kPrepare || !done)) {
    return body.refuse_at("/vote", "goes with \"prepare\" and \"done\" only");
  }
  if (done && has(kWhy)) return body.refuse_at("/reason", "goes with \"refused\"; what was done has a \"result\"");
  if (!done && has(kResult)) return body.refuse_at("/result", "goes with \"done\"; a refusal has a \"reason\"");
  out.result = done ? std::string(result) : std::move(why);
  return true;
}

namespace {

bool resolution(BodyReader& body, engine::Resolution& out) {
  std::string_view text;
  if (!body.string(text)) return false;
  if (text == "done") {
    out = engine::Resolution::kDone;
  } else if (text == "skipped") {
    out = engine::Resolution::kSkipped;
  } else if (text == "cancelled") {
    out = engine::Resolution::kCancelled;
  } else {
    return body.refuse("is \"" + excerpt(text) + "\"; \"done\", \"skipped\" or \"cancelled\" is expected");
  }
  return true;
}

/// What an operator says: always why, and for a branch also `as` what.
bool read_operator(BodyReader& body, std::string_view text, std::span<const std::string_view> fields,
                   std::string_view verb, engine::Request& out) {
  body.open(text);
  bool has_as = false;
  std::string_view result;
  bool fine = body.enter_object();
  while (fine) {
    const int field = body.next_field(fields, verb);
    if (field < 0) break;
    has_as = has_as || field == 1;
    fine = field == 0   ? reason(body, out.reason)
           : field == 1 ? resolution(body, out.as)
                        : body.raw(kResultBytesMax, result);
  }
  if (!body.finish()) return false;
  out.result = result;
  if (fields.size() > 1 && !has_as) {
    return body.refuse_at({}, "\"as\" is missing; \"done\", \"skipped\" or \"cancelled\" says what is known");
  }
  if (!out.result.empty() && out.as != engine::Resolution::kDone) {
    return body.refuse_at("/result", "goes with \"done\"; what was not done has none");
  }
  if (out.reason.empty()) {
    return body.refuse_at("/reason", "is missing or empty; operators say why they " + std::string(verb));
  }
  return true;
}

}  // namespace

bool read_retry(BodyReader& body, std::string_view text, engine::Request& out) {
  return read_operator(body, text, kReasonFields, "retry", out);
}

bool read_stop(BodyReader& body, std::string_view text, engine::Request& out) {
  return read_operator(body, text, kReasonFields, "stop", out);
}

bool read_reason(BodyReader& body, std::string_view text, std::string_view verb, std::string& out) {
  engine::Request request;
  if (!read_operator(body, text, kReasonFields, verb, request)) return false;
  out = std::move(request.reason);
  return true;
}

bool read_resolve(BodyReader& body, std::string_view text, engine::Request& out) {
  return read_operator(body, text, kResolveFields, "resolve", out);
}

}  // namespace settle::api
