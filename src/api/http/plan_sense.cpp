#include <algorithm>
#include <array>
#include <functional>
#include <tuple>
#include <utility>

#include "api/http/limits.h"
#include "api/http/plan_fields.h"
#include "api/http/plan_json.h"
#include "model/ops.h"

namespace settle::api {
namespace {

/// A tcc or two_phase whose first phase the client calls must not stay open for ever if the client is gone (api.md).
constexpr Duration kDeadlineOfClientDriven = milliseconds{60'000};

constexpr std::size_t kPairwiseMax = 16;

constexpr std::array kOfSaga{kSteps, kConcurrent, kRecovery};
constexpr std::array kOfMessage{kTargets, kOrdered, kDelayMs, kAt, kCheck, kCheckAfterMs};
constexpr std::array kOfVoting{kBranches};

/// Field names of a branch by what they stand for.
struct VotingWords {
  BranchField first, confirm, cancel;
  std::string_view first_name, confirm_name, cancel_name;
};
constexpr VotingWords kTccWords{kTry, kConfirm, kCancel, "try", "confirm", "cancel"};
constexpr VotingWords kTwoPhaseWords{kPrepare, kCommit, kRollback, "prepare", "commit", "rollback"};

std::string_view list_of(Pattern pattern) {
  if (is_voted(pattern)) return "branches";
  return pattern == Pattern::kSaga ? "steps" : "targets";
}

Field list_field_of(Pattern pattern) {
  if (is_voted(pattern)) return kBranches;
  return pattern == Pattern::kSaga ? kSteps : kTargets;
}

}  // namespace

bool PlanReader::whole_sense() {
  if (!has(kPattern)) {
    return body_.refuse_at({}, "\"pattern\" is missing; this version knows saga, message, tcc and two_phase");
  }
  mains_ = plan_.branches.size();
  if (!needs_of_pattern()) return false;
  append_followers();
  if (!unique_ids()) return false;
  if (plan_.pattern == Pattern::kSaga) {
    plan_.order = has_after_ ? Order::kGraph : concurrent_ ? Order::kConcurrent : Order::kList;
  } else {
    plan_.order = ordered_ ? Order::kList : Order::kConcurrent;
  }
  inherit();
  if (plan_.order == Order::kGraph && !graph()) return false;
  if (!resolve_binds()) return false;
  if (!goes_beyond_) return true;
  const Result<void> sound = check_plan(plan_);
  return sound || body_.refuse_at("/" + std::string(list_of(plan_.pattern)), sound.error().message);
}

bool PlanReader::needs_of_pattern() {
  const Pattern pattern = plan_.pattern;
  const auto foreign = [this](const auto& fields) {
    for (const Field field : fields) {
      if (!has(field)) continue;
      return body_.refuse_at("/" + std::string(kFieldNames[static_cast<std::size_t>(field)]),
                             "is no field of a " + std::string(name_of(plan_.pattern)));
    }
    return true;
  };
  if (pattern != Pattern::kSaga && !foreign(kOfSaga)) return false;
  if (pattern != Pattern::kMessage && !foreign(kOfMessage)) return false;
  if (!is_voted(pattern) && !foreign(kOfVoting)) return false;
  const std::string list(list_of(pattern));
  if (!has(list_field_of(pattern))) return body_.refuse_at({}, "\"" + list + "\" is missing");
  // Without branches: the client enlists them; or a message is only the announcement of an undo.
  const bool may_be_empty = is_voted(pattern) || (pattern == Pattern::kMessage && !followers_.empty());
  if (plan_.branches.empty() && !may_be_empty) return body_.refuse_at("/" + list, "is empty; at least one is needed");
  if (is_voted(pattern)) return needs_of_voting();
  return pattern == Pattern::kSaga ? needs_of_saga() : needs_of_message();
}

bool PlanReader::needs_of_saga() {
  if (plan_.forward_recovery && has(kDeadlineMs)) {
    return body_.refuse_at("/deadline_ms", "a saga with forward recovery never turns back, so no deadline ends it");
  }
  std::size_t pivot = mains_;
  for (std::size_t i = 0; i < mains_; ++i) {
    const BranchPlan& step = plan_.branches[i];
    if (step.pivot && step.optional) {
      return body_.refuse_at(pointer_of(i, "optional"), "the pivot decides the saga and cannot be optional");
    }
    if (step.pivot && pivot != mains_) {
      return body_.refuse_at(pointer_of(i, "pivot"), "\"" + std::string(plan_.branches[pivot].id) +
                                                         "\" is the pivot already; a saga has one at most");
    }
    if (step.pivot) pivot = i;
    if (!branch_has(i, kDegrade)) continue;
    if (!step.optional) {
      return body_.refuse_at(pointer_of(i, "degrade"), "goes with \"optional\": true; only then the saga does without");
    }
    if (step.back.empty()) {
      return body_.refuse_at(pointer_of(i, "degrade"),
                             "needs a \"compensate\" of the step: an attempt that was lost is undone first");
    }
  }
  if (pivot != mains_) goes_beyond_ = true;
  return true;
}

bool PlanReader::needs_of_message() {
  if (has(kCheckAfterMs) && !has(kCheck)) {
    return body_.refuse_at("/check_after_ms", "there is no \"check\" that could be asked");
  }
  if (has(kDelayMs) && has(kAt)) return body_.refuse_at("/at", "stands beside \"delay_ms\"; one of them is enough");
  const bool turnable = plan_.is_turnable();
  for (std::size_t i = 0; i < mains_; ++i) {
    const BranchPlan& target = plan_.branches[i];
    const bool degrades = target.on_refused == Policy::kDegrade || target.on_exhausted == Policy::kDegrade;
    if (branch_has(i, kDegrade) && !degrades) {
      return body_.refuse_at(pointer_of(i, "degrade"),
                             "nothing leads to it; set \"on_refused\" or \"on_exhausted\" to \"degrade\"");
    }
    if (!target.back.empty() && !turnable) {
      return body_.refuse_at(pointer_of(i, "compensate"),
                             "nothing leads to it: no target turns the message back by \"on_refused\" or "
                             "\"on_exhausted\": \"compensate\"");
    }
  }
  return true;
}

/// The fields of one branch are those of the pattern, and none that it needs is missing.
bool PlanReader::words_of_voting(std::size_t branch) {
  const bool tcc = plan_.pattern == Pattern::kTcc;
  const VotingWords& own = tcc ? kTccWords : kTwoPhaseWords;
  const VotingWords& other = tcc ? kTwoPhaseWords : kTccWords;
  const std::string pattern(name_of(plan_.pattern));
  for (const auto& [field, name] :
       {std::pair{other.first, other.first_name}, std::pair{other.confirm, other.confirm_name},
        std::pair{other.cancel, other.cancel_name}}) {
    if (!branch_has(branch, field)) continue;
    return body_.refuse_at(pointer_of(branch, name),
                           "is no field of a branch of " + pattern + ", which has " + std::string(own.first_name) +
                               ", " + std::string(own.confirm_name) + " and " + std::string(own.cancel_name));
  }
  for (const auto& [field, name] : {std::pair{own.confirm, own.confirm_name}, std::pair{own.cancel, own.cancel_name}}) {
    if (!branch_has(branch, field)) {
      return body_.refuse_at(pointer_of(branch, {}), "\"" + std::string(name) + "\" is missing");
    }
  }
  return true;
}

bool PlanReader::needs_of_voting() {
  const VotingWords& words = plan_.pattern == Pattern::kTcc ? kTccWords : kTwoPhaseWords;
  std::size_t with_first = 0;
  for (std::size_t i = 0; i < mains_; ++i) {
    if (!words_of_voting(i)) return false;
    if (branch_has(i, words.first)) ++with_first;
  }
  plan_.client_driven = with_first == 0;
  for (std::size_t i = 0; i < mains_ && !plan_.client_driven; ++i) {
    if (branch_has(i, words.first)) continue;
    return body_.refuse_at(pointer_of(i, {}), "has no \"" + std::string(words.first_name) +
                                                  "\", but others have; either the daemon calls all of them, or the "
                                                  "client does");
  }
  if (plan_.client_driven && !has(kDeadlineMs)) plan_.deadline = kDeadlineOfClientDriven;
  return true;
}

/// In an order of its own, so that the order of keys in the body does not matter to the digest.
void PlanReader::append_followers() {
  appended_ = true;
  std::sort(followers_.begin(), followers_.end(), [](const Follower& a, const Follower& b) {
    return std::pair(a.place, a.position) < std::pair(b.place, b.position);
  });
  for (Follower& follower : followers_) {
    if (follower.place == Place::kDegrade) {
      plan_.branches[follower.position].degrade = static_cast<std::int32_t>(plan_.branches.size());
    }
    plan_.branches.push_back(follower.plan);
    seen_of_.push_back(follower.seen);
  }
}

/// A policy of its own replaces that of the transaction as a whole, so that `{}` takes a bound away.
void PlanReader::inherit() {
  for (std::size_t i = 0; i < plan_.branches.size(); ++i) {
    if (!branch_has(i, kBranchRetry)) plan_.branches[i].retry = retry_;
    if (!branch_has(i, kBranchTimeout)) plan_.branches[i].attempt_timeout = attempt_timeout_;
  }
  if (plan_.two_step) {
    plan_.retry = retry_;
    plan_.attempt_timeout = attempt_timeout_;
  }
}

std::string PlanReader::pointer_of(std::size_t branch, std::string_view field) const {
  std::string at;
  if (appended_ && branch >= mains_) {
    const Follower& follower = followers_[branch - mains_];
    if (follower.place == Place::kDegrade) {
      at = pointer_of(follower.position, "degrade");
    } else {
      at = (follower.place == Place::kOnCommit ? "/on_commit/" : "/on_abort/") + std::to_string(follower.position);
    }
  } else if (seen_ != 0) {  // otherwise an enlisted branch is all there is
    at = "/" + std::string(list_of(plan_.pattern)) + "/" + std::to_string(branch);
  }
  if (!field.empty()) at.append("/").append(field);
  return at;
}

bool PlanReader::unique_ids() {
  const std::size_t count = plan_.branches.size();
  const auto twice = [this](std::size_t index) {
    return body_.refuse_at(pointer_of(index, "id"),
                           "\"" + std::string(plan_.branches[index].id) + "\" is the id of an earlier one");
  };
  if (count <= kPairwiseMax && !has_after_ && binds_.empty()) {
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

/// Index of the main branch of that id; kNoBranch: there is none.
std::int32_t PlanReader::step_named(std::string_view name) const {
  const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), std::pair(name, std::uint16_t{0}));
  if (at == by_id_.end() || at->first != name || at->second >= mains_) return kNoBranch;
  return at->second;
}

bool PlanReader::graph() {
  for (const Edge& edge : edges_) {
    const std::int32_t before = step_named(edge.before);
    const auto place = [&] { return pointer_of(edge.branch, "after/" + std::to_string(edge.position)); };
    if (before == kNoBranch) {
      return body_.refuse_at(place(), "\"" + excerpt(edge.before) + "\" is the id of no step");
    }
    const auto index = static_cast<std::uint16_t>(before);
    std::vector<std::uint16_t>& after = plan_.branches[edge.branch].after;
    if (std::find(after.begin(), after.end(), index) != after.end()) {
      return body_.refuse_at(place(), "\"" + excerpt(edge.before) + "\" stands here twice");
    }
    after.push_back(index);
  }
  // Pivot and binds are judged later, when they are known; here it is about the graph alone.
  Plan bare;
  bare.order = Order::kGraph;
  bare.branches.assign(plan_.branches.begin(), plan_.branches.begin() + static_cast<std::ptrdiff_t>(mains_));
  for (BranchPlan& branch : bare.branches) {
    branch.pivot = branch.optional = false;
    branch.degrade = kNoBranch;
  }
  if (const Result<void> sound = check_plan(bare); !sound) return body_.refuse_at("/steps", cycle_words());
  return true;
}

bool PlanReader::resolve_binds() {
  if (binds_.empty()) return true;
  // Those of the action first, whichever key came first.
  std::sort(binds_.begin(), binds_.end(), [](const NamedBind& a, const NamedBind& b) {
    return std::tuple(a.branch, a.back, a.position) < std::tuple(b.branch, b.back, b.position);
  });
  for (const NamedBind& bind : binds_) {
    const std::int32_t source = step_named(bind.step);
    if (source == kNoBranch) {
      return body_.refuse_at(
          pointer_of(bind.branch, bind.back ? "compensate_bind/" : "bind/") + std::to_string(bind.position) + "/step",
          "\"" + excerpt(bind.step) + "\" is the id of no step");
    }
    plan_.binds.push_back({bind.branch, bind.back, static_cast<std::uint16_t>(source), bind.from, bind.into});
  }
  return sound_binds();
}

/// On refusal it names the first bind with which the plan is not sound any more.
bool PlanReader::sound_binds() {
  const Result<void> whole = check_plan(plan_);
  goes_beyond_ = false;
  if (whole) return true;
  const std::vector<Bind> all = std::exchange(plan_.binds, {});
  const auto refused_with = [&](std::size_t count) {
    plan_.binds.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
    return !check_plan(plan_);
  };
  if (refused_with(0)) return body_.refuse_at("/steps", whole.error().message);  // it is not about binds
  std::size_t fine = 0;
  std::size_t bad = all.size();
  while (bad - fine > 1) {
    const std::size_t middle = fine + (bad - fine) / 2;
    (refused_with(middle) ? bad : fine) = middle;
  }
  const NamedBind& bind = binds_[bad - 1];
  return body_.refuse_at(
      pointer_of(bind.branch, bind.back ? "compensate_bind/" : "bind/") + std::to_string(bind.position) + "/step",
      whole.error().message);
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
