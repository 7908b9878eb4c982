#include "api/http/plan_json.h"

#include <algorithm>

#include "api/http/forwarded_headers.h"
#include "api/http/limits.h"
#include "api/http/plan_fields.h"
#include "base/assert.h"
#include "settle/ids.h"

namespace settle::api {
namespace {

bool same_header(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&lower](char x, char y) { return lower(x) == lower(y); });
}

bool is_label_key(std::string_view key) { return key.size() <= kLabelKeyBytesMax && is_branch_id(key); }

}  // namespace

bool PlanReader::read(std::string_view body, std::string_view trace_parent, Instant now) {
  start(body, trace_parent, now);
  if (body.size() > kBodyBytesMax) {
    return body_.refuse_at({}, "the body has more than " + std::to_string(kBodyBytesMax) + " bytes",
                           ErrorName::kTooLarge);
  }
  (void)fields();
  return body_.finish() && whole_sense();
}

bool PlanReader::read_enlisted(std::string_view body) {
  start(body, {}, kNoInstant);
  (void)main_branch(Place::kEnlisted);
  if (!body_.finish()) return false;
  mains_ = 1;
  plan_.pattern = (seen_of_[0] & (bit_of(kCommit) | bit_of(kRollback))) != 0 ? Pattern::kTwoPhase : Pattern::kTcc;
  plan_.order = Order::kConcurrent;
  plan_.client_driven = true;
  inherit();
  return words_of_voting(0);
}

void PlanReader::start(std::string_view body, std::string_view trace_parent, Instant now) {
  body_.open(body);
  // Everything but the memory starts anew.
  std::vector<BranchPlan> branches = std::move(plan_.branches);
  auto headers = std::move(plan_.headers);
  auto labels = std::move(plan_.labels);
  plan_ = Plan{};
  plan_.branches = std::move(branches);
  plan_.branches.clear();
  plan_.headers = std::move(headers);
  plan_.headers.clear();
  plan_.labels = std::move(labels);
  plan_.labels.clear();
  plan_.trace_parent = trace_parent;
  gid_ = {};
  wait_ = {};
  now_ = now;
  seen_ = 0;
  concurrent_ = ordered_ = has_after_ = goes_beyond_ = false;
  retry_ = {};
  attempt_timeout_ = BranchPlan{}.attempt_timeout;
  mains_ = 0;
  appended_ = false;
  seen_of_.clear();
  followers_.clear();
  edges_.clear();
  binds_.clear();
}

bool PlanReader::fields() {
  if (!body_.enter_object()) return false;
  while (true) {
    const int index = body_.next_field(kFieldNames, "a transaction");
    if (index < 0) return body_.ok();
    seen_ |= 1U << static_cast<unsigned>(index);
    if (!field(index)) return false;
  }
}

bool PlanReader::field(int index) {
  switch (static_cast<Field>(index)) {
    case kSteps:
      return branches(Place::kStep);
    case kTargets:
      return branches(Place::kTarget);
    case kBranches:
      return branches(Place::kVoter);
    case kOnCommit:
      return followers(Place::kOnCommit);
    case kOnAbort:
      return followers(Place::kOnAbort);
    case kRecovery:
      return recovery();
    case kConcurrent:
      return body_.boolean(concurrent_);
    case kOrdered:
      return body_.boolean(ordered_);
    case kDelayMs:
      return body_.duration_ms(0, kTimeMsMax, plan_.delay);
    case kAt:
      return deliver_at();
    case kCheck:
      plan_.two_step = true;
      return url(plan_.check);
    case kCheckAfterMs:
      return body_.duration_ms(kTimeMsMin, kTimeMsMax, plan_.check_after);
    default:
      return common(index);
  }
}

bool PlanReader::common(int index) {
  switch (static_cast<Field>(index)) {
    case kPattern:
      return pattern();
    case kGid:
      return gid_field();
    case kWaitMs:
      return body_.duration_ms(0, kTimeMsMax, wait_.lasting);
    case kWaitFor: {
      std::string_view text;
      if (!body_.string(text)) return false;
      if (text != "end" && text != "decision") {
        return body_.refuse("is \"" + excerpt(text) + "\"; \"end\" or \"decision\" is expected");
      }
      wait_.until = text == "end" ? engine::WaitFor::kEnd : engine::WaitFor::kDecision;
      return true;
    }
    case kDeadlineMs:
      return body_.duration_ms(kTimeMsMin, kTimeMsMax, plan_.deadline);
    case kRetry:
      return retry(retry_);
    case kAttemptTimeoutMs:
      return body_.duration_ms(kTimeMsMin, kTimeMsMax, attempt_timeout_);
    case kHeaders:
      return headers();
    case kLabels:
      return labels();
    default:
      SETTLE_ASSERT(false);
  }
}

bool PlanReader::pattern() {
  std::string_view text;
  if (!body_.string(text)) return false;
  for (const Pattern known : {Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase}) {
    if (text != name_of(known)) continue;
    plan_.pattern = known;
    return true;
  }
  return body_.refuse("is \"" + excerpt(text) + "\"; this version knows the patterns saga, message, tcc and two_phase");
}

bool PlanReader::recovery() {
  std::string_view text;
  if (!body_.string(text)) return false;
  if (text != "backward" && text != "forward") {
    return body_.refuse("is \"" + excerpt(text) + "\"; \"backward\" or \"forward\" is expected");
  }
  plan_.forward_recovery = text == "forward";
  return true;
}

bool PlanReader::gid_field() {
  if (!body_.string(gid_)) return false;
  if (is_gid(gid_)) return true;
  return body_.refuse(
      "is no gid: 1 to 128 characters of A-Z a-z 0-9 . _ : - are; without the field the server names it");
}

bool PlanReader::deliver_at() {
  if (!body_.instant(plan_.deliver_at)) return false;
  // An instant that has passed is fine: a begin may be repeated, and then it must still be the same plan.
  if (plan_.deliver_at <= saturating_add(now_, milliseconds{kTimeMsMax})) return true;
  return body_.refuse("is more than 400 days from now");
}

bool PlanReader::headers() {
  if (!body_.enter_object()) return false;
  std::size_t bytes = 0;
  std::string_view name;
  while (body_.next_member(name)) {
    if (!header(name, bytes)) return false;
  }
  return body_.ok();
}

bool PlanReader::header(std::string_view name, std::size_t& bytes) {
  const std::string_view problem = why_not_forwarded(name);
  if (!problem.empty()) return body_.refuse(std::string(problem));
  for (const auto& [known, value] : plan_.headers) {
    if (same_header(known, name)) return body_.refuse("this header stands twice, in upper and lower case");
  }
  std::string_view value;
  if (!body_.string(value)) return false;
  if (!is_forwardable_value(value)) {
    return body_.refuse("a header value is visible ASCII with blanks between, no line ends; percent-encode the rest");
  }
  bytes += name.size() + value.size();
  if (plan_.headers.size() == kForwardedHeadersMax || bytes > kForwardedHeaderBytesMax) {
    return body_.refuse_at("/headers",
                           "more than " + std::to_string(kForwardedHeadersMax) + " headers, or more than " +
                               std::to_string(kForwardedHeaderBytesMax) + " bytes of them",
                           ErrorName::kTooMany);
  }
  plan_.headers.emplace_back(name, value);
  return true;
}

bool PlanReader::labels() {
  if (!body_.enter_object()) return false;
  std::string_view key;
  while (body_.next_member(key)) {
    if (!is_label_key(key)) return body_.refuse("a label's key has 1 to 64 characters of A-Z a-z 0-9 . _ -");
    std::string_view value;
    if (!body_.string(value)) return false;
    if (value.size() > kLabelValueBytesMax) {
      return body_.refuse("a label has at most " + std::to_string(kLabelValueBytesMax) + " bytes");
    }
    if (plan_.labels.size() == kLabelsMax) {
      return body_.refuse_at("/labels", "more than " + std::to_string(kLabelsMax) + " labels", ErrorName::kTooMany);
    }
    plan_.labels.emplace_back(key, value);
  }
  return body_.ok();
}

}  // namespace settle::api
