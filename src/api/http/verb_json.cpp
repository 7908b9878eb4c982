#include "api/http/verb_json.h"

#include <array>

#include "api/http/limits.h"

namespace settle::api {
namespace {

enum WaitField : int { kWaitMs, kWaitFor, kReason };
constexpr std::array<std::string_view, 2> kSubmitFields{"wait_ms", "wait_for"};
constexpr std::array<std::string_view, 3> kAbortFields{"wait_ms", "wait_for", "reason"};

enum ReportField : int { kOp, kOutcome, kResult, kWhy };
constexpr std::array<std::string_view, 4> kReportFields{"op", "outcome", "result", "reason"};

constexpr std::array<std::string_view, 1> kRetryFields{"reason"};

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

bool report_op(BodyReader& body, Op& out) {
  std::string_view text;
  if (!body.string(text)) return false;
  if (text == name_of(Op::kAction)) {
    out = Op::kAction;
  } else if (text == name_of(Op::kDeliver)) {
    out = Op::kDeliver;
  } else {
    return body.refuse("is \"" + excerpt(text) + "\"; \"action\" (saga) or \"deliver\" (message) is expected");
  }
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
  if (done && has(kWhy)) return body.refuse_at("/reason", "goes with \"refused\"; what was done has a \"result\"");
  if (!done && has(kResult)) return body.refuse_at("/result", "goes with \"done\"; a refusal has a \"reason\"");
  out.result = done ? std::string(result) : std::move(why);
  return true;
}

bool read_retry(BodyReader& body, std::string_view text, engine::Request& out) {
  body.open(text);
  bool fine = body.enter_object();
  while (fine && body.next_field(kRetryFields, "retry") >= 0) fine = reason(body, out.reason);
  if (!body.finish()) return false;
  if (out.reason.empty()) return body.refuse_at("/reason", "is missing or empty; operators say why they retry");
  return true;
}

}  // namespace settle::api
