#include <array>
#include <span>

#include "api/http/limits.h"
#include "api/http/plan_fields.h"
#include "api/http/plan_json.h"
#include "base/assert.h"
#include "settle/ids.h"
#include "wire/json_splice.h"

namespace settle::api {
namespace {

struct Named {
  std::string_view name;
  BranchField field;
};

/// The names alone, as the reader of objects wants them.
template <std::size_t N>
constexpr std::array<std::string_view, N> names_of(const std::array<Named, N>& fields) {
  std::array<std::string_view, N> names;
  for (std::size_t i = 0; i < N; ++i) names[i] = fields[i].name;
  return names;
}

constexpr std::array kStepFields{Named{"id", kId},
                                 Named{"action", kForward},
                                 Named{"input", kInput},
                                 Named{"retry", kBranchRetry},
                                 Named{"attempt_timeout_ms", kBranchTimeout},
                                 Named{"compensate", kBack},
                                 Named{"compensate_input", kBackInput},
                                 Named{"after", kAfter},
                                 Named{"pivot", kPivot},
                                 Named{"optional", kOptional},
                                 Named{"degrade", kDegrade},
                                 Named{"bind", kBind},
                                 Named{"compensate_bind", kBackBind}};
constexpr std::array kTargetFields{Named{"id", kId},
                                   Named{"url", kForward},
                                   Named{"input", kInput},
                                   Named{"retry", kBranchRetry},
                                   Named{"attempt_timeout_ms", kBranchTimeout},
                                   Named{"on_refused", kOnRefused},
                                   Named{"on_exhausted", kOnExhausted},
                                   Named{"compensate", kBack},
                                   Named{"degrade", kDegrade}};
constexpr std::array kVoterFields{Named{"id", kId},
                                  Named{"try", kTry},
                                  Named{"confirm", kConfirm},
                                  Named{"cancel", kCancel},
                                  Named{"prepare", kPrepare},
                                  Named{"commit", kCommit},
                                  Named{"rollback", kRollback},
                                  Named{"input", kInput},
                                  Named{"retry", kBranchRetry},
                                  Named{"attempt_timeout_ms", kBranchTimeout}};
constexpr std::array kEnlistedFields{Named{"id", kId},
                                     Named{"confirm", kConfirm},
                                     Named{"cancel", kCancel},
                                     Named{"commit", kCommit},
                                     Named{"rollback", kRollback},
                                     Named{"input", kInput},
                                     Named{"retry", kBranchRetry},
                                     Named{"attempt_timeout_ms", kBranchTimeout}};
constexpr std::array kFollowerFields{Named{"id", kId}, Named{"url", kForward}, Named{"input", kInput},
                                     Named{"retry", kBranchRetry}};

constexpr auto kStepNames = names_of(kStepFields);
constexpr auto kTargetNames = names_of(kTargetFields);
constexpr auto kVoterNames = names_of(kVoterFields);
constexpr auto kEnlistedNames = names_of(kEnlistedFields);
constexpr auto kFollowerNames = names_of(kFollowerFields);

enum RetryField : int { kBaseMs, kFactor, kCapMs, kJitter, kAttempts, kForMs };
constexpr std::array<std::string_view, 6> kRetryFields{"base_ms", "factor", "cap_ms", "jitter", "attempts", "for_ms"};

constexpr std::array<std::string_view, 3> kBindFields{"step", "from", "into"};

}  // namespace

/// What may stand in a branch object, and how errors speak of it.
struct PlanReader::Form {
  std::string_view holder;  ///< "a step"
  std::string_view list;    ///< where the list of them is, as a JSON pointer
  std::string_view plural;
  std::span<const std::string_view> names;
  std::span<const Named> fields;
};

const PlanReader::Form& PlanReader::form_of(Place place) {
  static const std::array<Form, 7> forms{{
      {"a step", "/steps", "steps", kStepNames, kStepFields},
      {"a target", "/targets", "targets", kTargetNames, kTargetFields},
      {"a branch", "/branches", "branches", kVoterNames, kVoterFields},
      {"a branch that is enlisted", "", "branches", kEnlistedNames, kEnlistedFields},
      {"\"degrade\"", "", "branches, what takes their place included", kFollowerNames, kFollowerFields},
      {"a follow-up", "/on_commit", "branches, follow-ups included", kFollowerNames, kFollowerFields},
      {"a follow-up", "/on_abort", "branches, follow-ups included", kFollowerNames, kFollowerFields},
  }};
  return forms[static_cast<std::size_t>(place)];
}

bool PlanReader::too_many(Place place) {
  if (plan_.branches.size() + followers_.size() < kBranchesMax) return false;
  const Form& form = form_of(place);
  body_.refuse_at(std::string(form.list),
                  "more than " + std::to_string(kBranchesMax) + " " + std::string(form.plural) +
                      "; split them into several transactions",
                  ErrorName::kTooMany);
  return true;
}

bool PlanReader::branches(Place place) {
  if (!body_.enter_array()) return false;
  while (body_.next_element()) {
    if (too_many(place) || !main_branch(place)) return false;
  }
  return body_.ok();
}

bool PlanReader::main_branch(Place place) {
  // A degrade inside of it does not move `plan_.branches`: followers are kept apart until the whole is read.
  BranchPlan& branch = plan_.branches.emplace_back();
  seen_of_.push_back(0);
  std::uint32_t seen = 0;
  if (!branch_object(place, branch, seen)) return false;
  seen_of_.back() = seen;
  std::string where;
  if (place != Place::kEnlisted) {
    where = std::string(form_of(place).list) + "/" + std::to_string(plan_.branches.size() - 1);
  }
  return needs_of_branch(place, seen, where);
}

bool PlanReader::followers(Place place) {
  if (!body_.enter_array()) return false;
  for (std::uint16_t position = 0; body_.next_element(); ++position) {
    const std::string where = std::string(form_of(place).list) + "/" + std::to_string(position);
    if (!follower(place, position, where)) return false;
  }
  return body_.ok();
}

bool PlanReader::degrade(Place holder) {
  const std::size_t replaced = plan_.branches.size() - 1;
  const std::string where = std::string(form_of(holder).list) + "/" + std::to_string(replaced) + "/degrade";
  return follower(Place::kDegrade, static_cast<std::uint16_t>(replaced), where);
}

bool PlanReader::follower(Place place, std::uint16_t position, const std::string& where) {
  if (too_many(place)) return false;
  Follower out{place, position, 0, {}};
  if (!branch_object(place, out.plan, out.seen) || !needs_of_branch(place, out.seen, where)) return false;
  out.plan.role = place == Place::kOnAbort    ? Role::kOnAbort
                  : place == Place::kOnCommit ? Role::kOnCommit
                                              : Role::kDegrade;
  if (place == Place::kOnAbort) std::swap(out.plan.forward, out.plan.back);
  followers_.push_back(std::move(out));
  return true;
}

bool PlanReader::branch_object(Place place, BranchPlan& branch, std::uint32_t& seen) {
  const Form& form = form_of(place);
  if (!body_.enter_object()) return false;
  while (true) {
    const int index = body_.next_field(form.names, form.holder);
    if (index < 0) return body_.ok();
    const BranchField field = form.fields[static_cast<std::size_t>(index)].field;
    seen |= bit_of(field);
    if (!branch_field(place, field, branch)) return false;
  }
}

bool PlanReader::needs_of_branch(Place place, std::uint32_t seen, const std::string& where) {
  const auto lacks = [seen](BranchField field) { return (seen & bit_of(field)) == 0; };
  if (lacks(kId)) return body_.refuse_at(where, "\"id\" is missing");
  if (place == Place::kVoter || place == Place::kEnlisted) return true;  // see words_of_voting
  if (lacks(kForward)) {
    return body_.refuse_at(where, place == Place::kStep ? "\"action\" is missing" : "\"url\" is missing");
  }
  for (const auto& [field, name] :
       {std::pair{kBackInput, "/compensate_input"}, std::pair{kBackBind, "/compensate_bind"}}) {
    if (lacks(field) || !lacks(kBack)) continue;
    return body_.refuse_at(where + name, "there is no \"compensate\" that it could be sent to");
  }
  return true;
}

bool PlanReader::branch_field(Place place, int field, BranchPlan& branch) {
  switch (static_cast<BranchField>(field)) {
    case kId:
      return id(branch);
    case kForward:
    case kTry:
    case kPrepare:
      return url(branch.forward);
    case kConfirm:
    case kCommit:
      return url(branch.confirm);
    case kBack:
    case kCancel:
    case kRollback:
      return url(branch.back);
    case kInput:
      return body_.raw(kPayloadBytesMax, branch.input);
    case kBackInput:
      branch.has_back_input = true;
      return body_.raw(kPayloadBytesMax, branch.back_input);
    case kBranchRetry:
      return retry(branch.retry);
    case kBranchTimeout:
      return body_.duration_ms(kTimeMsMin, kTimeMsMax, branch.attempt_timeout);
    case kOnRefused:
      return policy(branch.on_refused);
    case kOnExhausted:
      return policy(branch.on_exhausted);
    case kDegrade:
      return degrade(place);
    default:
      return step_field(field, branch);
  }
}

bool PlanReader::step_field(int field, BranchPlan& branch) {
  const auto index = static_cast<std::uint16_t>(plan_.branches.size() - 1);
  switch (field) {
    case kAfter:
      return after(index);
    case kPivot:
      return body_.boolean(branch.pivot);
    case kOptional:
      return body_.boolean(branch.optional);
    case kBind:
      return binds(index, false);
    case kBackBind:
      return binds(index, true);
    default:
      SETTLE_ASSERT(false);
  }
}

bool PlanReader::url(std::string_view& out) {
  if (!body_.string(out)) return false;
  std::string problem = urls_.check(out);
  return problem.empty() || body_.refuse(std::move(problem));
}

bool PlanReader::id(BranchPlan& branch) {
  if (!body_.string(branch.id)) return false;
  if (!is_branch_id(branch.id)) {
    return body_.refuse("is no branch id: 1 to 64 characters of A-Z a-z 0-9 . _ - are");
  }
  if (branch.id == "00") return body_.refuse("is \"00\", which is reserved for the check-back");
  return true;
}

bool PlanReader::policy(Policy& out) {
  std::string_view text;
  if (!body_.string(text)) return false;
  if (text == "park") {
    out = Policy::kPark;
  } else if (text == "compensate") {
    out = Policy::kCompensate;
  } else if (text == "degrade") {
    out = Policy::kDegrade;
  } else {
    return body_.refuse("is \"" + excerpt(text) + "\"; \"park\", \"compensate\" or \"degrade\" is expected");
  }
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

bool PlanReader::binds(std::uint16_t index, bool back) {
  if (!body_.enter_array()) return false;
  for (std::uint16_t position = 0; body_.next_element(); ++position) {
    const auto place = [&] { return pointer_of(index, back ? "compensate_bind" : "bind"); };
    if (position == kBindsMax) {
      return body_.refuse_at(place(), "more than " + std::to_string(kBindsMax) + " parts for one input",
                             ErrorName::kTooMany);
    }
    NamedBind out{index, back, position, {}, {}, {}};
    if (!bind(out)) return false;
    for (const NamedBind& other : binds_) {
      if (other.branch != index || other.back != back || other.into != out.into) continue;
      return body_.refuse_at(place() + "/" + std::to_string(position) + "/into",
                             "an earlier part goes to the same place; each needs one of its own");
    }
    binds_.push_back(out);
  }
  return body_.ok();
}

bool PlanReader::bind(NamedBind& out) {
  if (!body_.enter_object()) return false;
  unsigned seen = 0;
  while (true) {
    const int field = body_.next_field(kBindFields, "a part to bind");
    if (field < 0) break;
    seen |= bit_of(field);
    if (field == 0 ? !body_.string(out.step) : !json_pointer(field == 1 ? out.from : out.into)) return false;
  }
  if (!body_.ok()) return false;
  for (int field = 0; field < 3; ++field) {
    if ((seen & bit_of(field)) != 0) continue;
    const std::string list = pointer_of(out.branch, out.back ? "compensate_bind/" : "bind/");
    return body_.refuse_at(list + std::to_string(out.position),
                           "\"" + std::string(kBindFields[static_cast<std::size_t>(field)]) + "\" is missing");
  }
  return true;
}

bool PlanReader::json_pointer(std::string_view& out) {
  if (!body_.string(out)) return false;
  if (out.size() > kPointerBytesMax) {
    return body_.refuse("has more than " + std::to_string(kPointerBytesMax) + " bytes");
  }
  if (wire::is_json_pointer(out)) return true;
  return body_.refuse(
      "is no JSON pointer (RFC 6901): \"\" is the whole, \"/a/0\" the first element of member a; ~ is "
      "written ~0, and / inside a name ~1");
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

}  // namespace settle::api
