#include "api/http/plan_json.h"

#include <algorithm>
#include <array>
#include <functional>

#include "api/http/forwarded_headers.h"
#include "api/http/limits.h"
#include "base/assert.h"
#include "settle/ids.h"

namespace settle::api {
namespace {

using wire::JsonType;

// In the order in which clients tend to write them.
enum Field : int {
  kGid,
  kPattern,
  kWaitMs,
  kWaitFor,
  kSteps,
  kTargets,
  kDeadlineMs,
  kRetry,
  kAttemptTimeoutMs,
  kHeaders,
  kLabels,
  kConcurrent,
  kOrdered,
  kDelayMs,
  kAt,
  kCheck,
  kCheckAfterMs,
  kFields,
};
constexpr std::array<std::string_view, kFields> kFieldNames{
    "gid",     "pattern",       "wait_ms", "wait_for",           "steps",
    "targets", "deadline_ms",   "retry",   "attempt_timeout_ms", "headers",
    "labels",  "concurrent",    "ordered", "delay_ms",           "at",
    "check",   "check_after_ms"};
static_assert(kFieldNames[kCheckAfterMs] == "check_after_ms" && kFieldNames[kHeaders] == "headers");

constexpr std::array kOfSaga{kSteps, kConcurrent};
constexpr std::array kOfMessage{kTargets, kOrdered, kDelayMs, kAt, kCheck, kCheckAfterMs};

enum BranchField : int { kId, kForward, kInput, kBranchRetry, kBranchTimeout, kBack, kBackInput, kAfter };
constexpr std::array<std::string_view, 8> kStepFields{
    "id", "action", "input", "retry", "attempt_timeout_ms", "compensate", "compensate_input", "after"};
constexpr std::array<std::string_view, 5> kTargetFields{"id", "url", "input", "retry", "attempt_timeout_ms"};

enum RetryField : int { kBaseMs, kFactor, kCapMs, kJitter, kAttempts, kForMs };
constexpr std::array<std::string_view, 6> kRetryFields{"base_ms", "factor", "cap_ms", "jitter", "attempts", "for_ms"};

/// What a branch has said by itself.
enum Own : std::uint8_t { kOwnRetry = 1, kOwnTimeout = 2 };

constexpr std::size_t kPairwiseMax = 16;

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
  concurrent_ = ordered_ = has_after_ = false;
  retry_ = {};
  attempt_timeout_ = BranchPlan{}.attempt_timeout;
  own_.clear();
  edges_.clear();
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
      return branches(true);
    case kTargets:
      return branches(false);
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
  if (text == name_of(Pattern::kSaga)) {
    plan_.pattern = Pattern::kSaga;
  } else if (text == name_of(Pattern::kMessage)) {
    plan_.pattern = Pattern::kMessage;
  } else {
    return body_.refuse("is \"" + excerpt(text) + "\"; this version knows the patterns saga and message");
  }
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

bool PlanReader::url(std::string_view& out) {
  if (!body_.string(out)) return false;
  std::string problem = urls_.check(out);
  return problem.empty() || body_.refuse(std::move(problem));
}

bool PlanReader::branches(bool saga) {
  if (!body_.enter_array()) return false;
  while (body_.next_element()) {
    if (plan_.branches.size() == kBranchesMax) {
      return body_.refuse_at(saga ? "/steps" : "/targets",
                             "more than " + std::to_string(kBranchesMax) + (saga ? " steps" : " targets") +
                                 "; split them into several transactions",
                             ErrorName::kTooMany);
    }
    if (!branch(saga)) return false;
  }
  return body_.ok();
}

bool PlanReader::branch(bool saga) {
  if (!body_.enter_object()) return false;
  BranchPlan& branch = plan_.branches.emplace_back();
  own_.push_back(0);
  unsigned seen = 0;
  while (true) {
    const int index = saga ? body_.next_field(kStepFields, "a step") : body_.next_field(kTargetFields, "a target");
    if (index < 0) break;
    seen |= 1U << static_cast<unsigned>(index);
    if (!branch_field(saga, index, branch)) return false;
  }
  if (!body_.ok()) return false;
  const auto missing = [&](BranchField field) { return (seen >> static_cast<unsigned>(field) & 1U) == 0; };
  const std::size_t number = plan_.branches.size() - 1;
  const auto place = [&] { return std::string(saga ? "/steps/" : "/targets/") + std::to_string(number); };
  if (missing(kId)) return body_.refuse_at(place(), "\"id\" is missing");
  if (missing(kForward)) return body_.refuse_at(place(), saga ? "\"action\" is missing" : "\"url\" is missing");
  if (branch.has_back_input && missing(kBack)) {
    return body_.refuse_at(place() + "/compensate_input", "there is no \"compensate\" that it could be sent to");
  }
  return true;
}

bool PlanReader::branch_field(bool saga, int index, BranchPlan& branch) {
  switch (static_cast<BranchField>(index)) {
    case kId:
      return id(branch);
    case kForward:
      return url(branch.forward);
    case kInput:
      return body_.raw(kPayloadBytesMax, branch.input);
    case kBranchRetry:
      own_.back() |= kOwnRetry;
      return retry(branch.retry);
    case kBranchTimeout:
      own_.back() |= kOwnTimeout;
      return body_.duration_ms(kTimeMsMin, kTimeMsMax, branch.attempt_timeout);
    case kBack:
      SETTLE_ASSERT(saga);
      return url(branch.back);
    case kBackInput:
      branch.has_back_input = true;
      return body_.raw(kPayloadBytesMax, branch.back_input);
    case kAfter:
      return after(static_cast<std::uint16_t>(plan_.branches.size() - 1));
  }
  return false;
}

bool PlanReader::id(BranchPlan& branch) {
  if (!body_.string(branch.id)) return false;
  if (!is_branch_id(branch.id)) {
    return body_.refuse("is no branch id: 1 to 64 characters of A-Z a-z 0-9 . _ - are");
  }
  if (branch.id == "00") return body_.refuse("is \"00\", which is reserved for the check-back");
  return true;
}

bool PlanReader::after(std::uint16_t index) {
  has_after_ = true;
  if (!body_.enter_array()) return false;
  for (std::uint16_t position = 0; body_.next_element(); ++position) {
    if (edges_.size() == kEdgesMax) {
      return body_.refuse_at("/steps", "more than " + std::to_string(kEdgesMax) + " entries of \"after\" in all",
                             ErrorName::kTooMany);
    }
    std::string_view before;
    if (!body_.string(before)) return false;
    edges_.push_back({index, position, before});
  }
  return body_.ok();
}

bool PlanReader::retry(RetryPolicy& out) {
  out = {};
  bool has_cap = false;
  if (!body_.enter_object()) return false;
  while (true) {
    std::int64_t attempts = 0;
    bool fine = false;
    switch (body_.next_field(kRetryFields, "\"retry\"")) {
      case kBaseMs:
        fine = body_.duration_ms(kRetryPauseMsMin, kTimeMsMax, out.base);
        break;
      case kFactor:
        fine = body_.permille(1, kRetryFactorMax, out.factor_permille);
        break;
      case kCapMs:
        has_cap = true;
        fine = body_.duration_ms(kRetryPauseMsMin, kTimeMsMax, out.cap);
        break;
      case kJitter:
        fine = body_.permille(0, 1, out.jitter_permille);
        break;
      case kAttempts:
        fine = body_.whole(1, kRetryAttemptsMax, attempts);
        out.attempts = static_cast<std::uint32_t>(attempts);
        break;
      case kForMs:
        fine = body_.duration_ms(kTimeMsMin, kTimeMsMax, out.lasting);
        break;
      default:
        if (!body_.ok()) return false;
        if (out.cap >= out.base) return true;
        if (has_cap) return body_.refuse("\"cap_ms\" is less than \"base_ms\"");
        out.cap = out.base;
        return true;
    }
    if (!fine) return false;
  }
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

// ------------------------------------------------------------------------------------------- the body as a whole

bool PlanReader::whole_sense() {
  if (!needs_of_pattern() || !unique_ids()) return false;
  const bool saga = plan_.pattern == Pattern::kSaga;
  if (saga) {
    plan_.order = has_after_ ? Order::kGraph : concurrent_ ? Order::kConcurrent : Order::kList;
  } else {
    plan_.order = ordered_ ? Order::kList : Order::kConcurrent;
  }
  // A policy of its own replaces that of the transaction as a whole, so that `{}` takes a bound away.
  for (std::size_t i = 0; i < plan_.branches.size(); ++i) {
    if ((own_[i] & kOwnRetry) == 0) plan_.branches[i].retry = retry_;
    if ((own_[i] & kOwnTimeout) == 0) plan_.branches[i].attempt_timeout = attempt_timeout_;
  }
  if (plan_.two_step) {
    plan_.retry = retry_;
    plan_.attempt_timeout = attempt_timeout_;
  }
  return plan_.order != Order::kGraph || graph();
}

bool PlanReader::needs_of_pattern() {
  if (!has(kPattern)) return body_.refuse_at({}, "\"pattern\" is missing; this version knows saga and message");
  const bool saga = plan_.pattern == Pattern::kSaga;
  const auto foreign = [this](const auto& fields, std::string_view holder) {
    for (const Field field : fields) {
      if (!has(field)) continue;
      return body_.refuse_at("/" + std::string(kFieldNames[static_cast<std::size_t>(field)]),
                             "is no field of a " + std::string(holder));
    }
    return true;
  };
  if (saga ? !foreign(kOfMessage, "saga") : !foreign(kOfSaga, "message")) return false;
  if (plan_.branches.empty()) {
    const std::string name = saga ? "steps" : "targets";
    if (!has(saga ? kSteps : kTargets)) return body_.refuse_at({}, "\"" + name + "\" is missing");
    return body_.refuse_at("/" + name, "is empty; at least one is needed");
  }
  if (has(kCheckAfterMs) && !has(kCheck)) {
    return body_.refuse_at("/check_after_ms", "there is no \"check\" that could be asked");
  }
  if (has(kDelayMs) && has(kAt)) return body_.refuse_at("/at", "stands beside \"delay_ms\"; one of them is enough");
  return true;
}

std::string PlanReader::pointer_of(std::size_t branch, std::string_view field) const {
  const std::string list = plan_.pattern == Pattern::kSaga ? "/steps/" : "/targets/";
  return list + std::to_string(branch) + "/" + std::string(field);
}

bool PlanReader::unique_ids() {
  const std::size_t count = plan_.branches.size();
  const auto twice = [this](std::size_t index) {
    return body_.refuse_at(pointer_of(index, "id"),
                           "\"" + std::string(plan_.branches[index].id) + "\" is the id of an earlier one");
  };
  if (count <= kPairwiseMax && !has_after_) {
    for (std::size_t i = 1; i < count; ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (plan_.branches[i].id == plan_.branches[k].id) return twice(i);
      }
    }
    return true;
  }
  by_id_.clear();
  for (std::size_t i = 0; i < count; ++i) by_id_.emplace_back(plan_.branches[i].id, static_cast<std::uint16_t>(i));
  std::sort(by_id_.begin(), by_id_.end());
  for (std::size_t i = 1; i < count; ++i) {
    if (by_id_[i].first == by_id_[i - 1].first) return twice(by_id_[i].second);
  }
  return true;
}

bool PlanReader::graph() {
  for (const Edge& edge : edges_) {
    const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), std::pair(edge.before, std::uint16_t{0}));
    const auto place = [&] { return pointer_of(edge.branch, "after/" + std::to_string(edge.position)); };
    if (at == by_id_.end() || at->first != edge.before) {
      return body_.refuse_at(place(), "\"" + excerpt(edge.before) + "\" is the id of no step");
    }
    std::vector<std::uint16_t>& after = plan_.branches[edge.branch].after;
    if (std::find(after.begin(), after.end(), at->second) != after.end()) {
      return body_.refuse_at(place(), "\"" + excerpt(edge.before) + "\" stands here twice");
    }
    after.push_back(at->second);
  }
  if (const Result<void> sound = check_plan(plan_); !sound) return body_.refuse_at("/steps", cycle_words());
  return true;
}

/// Follows `after` from step to step until one comes again.
std::string PlanReader::cycle_words() const {
  enum class Mark : std::uint8_t { kNew, kOnPath, kSound };
  std::vector<Mark> marks(plan_.branches.size(), Mark::kNew);
  std::vector<std::size_t> path;
  // Depth: at most kBranchesMax.
  const std::function<bool(std::size_t)> closes = [&](std::size_t step) {
    marks[step] = Mark::kOnPath;
    path.push_back(step);
    for (const std::uint16_t before : plan_.branches[step].after) {
      if (marks[before] == Mark::kOnPath) {
        path.erase(path.begin(), std::find(path.begin(), path.end(), std::size_t{before}));
        return true;
      }
      if (marks[before] == Mark::kNew && closes(before)) return true;
    }
    marks[step] = Mark::kSound;
    path.pop_back();
    return false;
  };
  for (std::size_t step = 0; step < plan_.branches.size(); ++step) {
    if (marks[step] == Mark::kNew && closes(step)) break;
  }
  std::string words = "the graph of a saga has no cycles, but ";
  constexpr std::size_t kShownMax = 8;
  for (std::size_t i = 0; i < path.size() && i < kShownMax; ++i) {
    words += "\"" + std::string(plan_.branches[path[i]].id) + "\" waits for ";
  }
  if (path.size() > kShownMax) words += "… which waits for ";
  return words + "\"" + std::string(plan_.branches[path.empty() ? 0 : path.front()].id) + "\"";
}

}  // namespace settle::api
