#include <algorithm>
#include <set>
#include <string>

#include "model/plan_graph.h"
#include "settle/ids.h"

namespace settle {

bool derive_graph(Plan& plan) {
  const std::size_t count = plan.branches.size();
  plan.topological.clear();
  plan.successors.clear();
  plan.topological.reserve(count);
  plan.pivot = kNoBranch;
  for (std::size_t i = 0; i < count; ++i) {
    if (plan.branches[i].pivot) plan.pivot = static_cast<std::int32_t>(i);
    if (plan.branches[i].degrade >= static_cast<std::int32_t>(count)) return false;
  }
  if (plan.order != Order::kGraph) {
    for (std::size_t i = 0; i < count; ++i) plan.topological.push_back(static_cast<std::uint16_t>(i));
    return true;
  }
  plan.successors.resize(count);
  std::vector<std::size_t> missing(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (const std::uint16_t before : plan.branches[i].after) {
      if (before >= count) return false;
      plan.successors[before].push_back(static_cast<std::uint16_t>(i));
      ++missing[i];
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (missing[i] == 0) plan.topological.push_back(static_cast<std::uint16_t>(i));
  }
  for (std::size_t next = 0; next < plan.topological.size(); ++next) {
    for (const std::uint16_t after : plan.successors[plan.topological[next]]) {
      if (--missing[after] == 0) plan.topological.push_back(after);
    }
  }
  return plan.topological.size() == count;
}

bool Plan::is_bound(std::size_t branch) const {
  return std::any_of(binds.begin(), binds.end(), [branch](const Bind& bind) { return bind.source == branch; });
}

bool Plan::is_turnable() const {
  return std::any_of(branches.begin(), branches.end(), [](const BranchPlan& branch) {
    return branch.on_refused == Policy::kCompensate || branch.on_exhausted == Policy::kCompensate;
  });
}

namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

std::string quoted(const BranchPlan& branch) { return "branch '" + std::string(branch.id) + "'"; }

/// Reachability in the graph of steps: row i holds everything that must be done before i.
std::vector<std::vector<bool>> ancestors_of(const Plan& plan) {
  const std::size_t count = plan.branches.size();
  std::vector<std::vector<bool>> before(count, std::vector<bool>(count, false));
  for (const std::uint16_t index : plan.topological) {
    if (!plan.is_main(index)) continue;
    const auto take = [&](std::size_t from) {
      before[index][from] = true;
      for (std::size_t i = 0; i < count; ++i) before[index][i] = before[index][i] || before[from][i];
    };
    if (plan.order == Order::kGraph) {
      for (const std::uint16_t from : plan.branches[index].after) take(from);
    } else if (plan.order == Order::kList && index > 0) {
      take(index - 1U);
    }
  }
  return before;
}

Result<void> check_ids(const Plan& plan) {
  std::set<std::string_view> ids;
  for (const BranchPlan& branch : plan.branches) {
    if (!is_branch_id(branch.id))
      return invalid("branch id '" + std::string(branch.id) + "' is not [A-Za-z0-9._-]{1,64}");
    if (branch.id == "00") return invalid("branch id '00' is reserved for the check-back");
    if (!ids.insert(branch.id).second) return invalid("branch id '" + std::string(branch.id) + "' appears twice");
  }
  return {};
}

/// Every URL that the pattern will call.
Result<void> check_urls(const Plan& plan, const BranchPlan& branch) {
  const bool votes = plan.pattern == Pattern::kTcc || plan.pattern == Pattern::kTwoPhase;
  switch (branch.role) {
    case Role::kOnCommit:
    case Role::kDegrade:
      if (branch.forward.empty()) return invalid(quoted(branch) + " has no URL");
      return {};
    case Role::kOnAbort:
      if (branch.back.empty()) return invalid(quoted(branch) + " has no URL");
      return {};
    case Role::kMain:
      break;
  }
  if (votes) {
    const bool tcc = plan.pattern == Pattern::kTcc;
    if (branch.confirm.empty()) return invalid(quoted(branch) + " has no " + (tcc ? "confirm" : "commit") + " URL");
    if (branch.back.empty()) return invalid(quoted(branch) + " has no " + (tcc ? "cancel" : "rollback") + " URL");
    if (branch.forward.empty() != plan.client_driven) {
      return invalid(quoted(branch) + (plan.client_driven ? " has a first phase for the daemon to call, others have not"
                                                          : " has no first phase for the daemon to call"));
    }
  } else if (branch.forward.empty()) {
    return invalid(quoted(branch) + " has no URL");
  }
  return {};
}

Result<void> check_roles(const Plan& plan) {
  bool others = false;
  const std::size_t asked = plan.branches.size() - plan.enlisted;
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    const BranchPlan& branch = plan.branches[i];
    others = others || branch.role != Role::kMain;
    if (branch.role == Role::kMain && others && i < asked)
      return invalid(quoted(branch) + " stands behind a follow-up");
    if (branch.degrade == kNoBranch) continue;
    const auto target = static_cast<std::size_t>(branch.degrade);
    if (branch.degrade < 0 || target >= plan.branches.size() || plan.branches[target].role != Role::kDegrade) {
      return invalid(quoted(branch) + " is replaced by a branch that is not there for it");
    }
  }
  return {};
}

Result<void> check_saga(const Plan& plan) {
  for (const BranchPlan& branch : plan.branches) {
    if (branch.optional && branch.degrade != kNoBranch && branch.back.empty()) {
      return invalid(quoted(branch) + " is degraded but has no compensation: a lost attempt could not be undone first");
    }
  }
  if (plan.pivot == kNoBranch && plan.binds.empty()) return {};
  const std::vector<std::vector<bool>> before = ancestors_of(plan);
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    const BranchPlan& branch = plan.branches[i];
    if (branch.pivot && static_cast<std::int32_t>(i) != plan.pivot)
      return invalid(quoted(branch) + " is a second pivot; one at most");
    if (branch.pivot && branch.optional) return invalid(quoted(branch) + " cannot be pivot and optional");
    if (plan.pivot == kNoBranch || branch.optional || branch.pivot || branch.role != Role::kMain) continue;
    const auto pivot = static_cast<std::size_t>(plan.pivot);
    if (!before[i][pivot] && !before[pivot][i]) {
      return invalid(quoted(branch) + " runs beside the pivot; it must come before or after it");
    }
  }
  for (const Bind& bind : plan.binds) {
    const BranchPlan& branch = plan.branches[bind.branch];
    const BranchPlan& source = plan.branches[bind.source];
    const bool own = bind.back && bind.branch == bind.source;
    if (!own && !before[bind.branch][bind.source]) {
      return invalid(quoted(branch) + " takes a result of '" + std::string(source.id) +
                     "', which is not done before it");
    }
    if (source.optional && !own) {
      return invalid(quoted(branch) + " takes a result of '" + std::string(source.id) + "', which is optional");
    }
  }
  return {};
}

}  // namespace

Result<void> check_plan(const Plan& plan) {
  const auto mains = static_cast<std::size_t>(std::count_if(plan.branches.begin(), plan.branches.end(),
                                                            [](const BranchPlan& b) { return b.role == Role::kMain; }));
  const bool may_be_empty = plan.client_driven || (plan.pattern == Pattern::kMessage && mains < plan.branches.size());
  if (mains == 0 && !may_be_empty) return invalid("no branches; at least one is needed");
  if (plan.branches.size() > kBranchesMax) return invalid("more than 65535 branches");
  if (plan.two_step == plan.check.empty()) return invalid("a two-step message needs exactly one check URL");
  if (const Result<void> ids = check_ids(plan); !ids) return ids;
  for (const BranchPlan& branch : plan.branches) {
    if (const Result<void> urls = check_urls(plan, branch); !urls) return urls;
    for (const std::uint16_t before : branch.after) {
      if (before >= plan.branches.size()) return invalid(quoted(branch) + " comes after one that does not exist");
    }
  }
  if (const Result<void> roles = check_roles(plan); !roles) return roles;
  Plan graph;
  graph.pattern = plan.pattern;
  graph.order = plan.order;
  graph.branches = plan.branches;
  graph.binds = plan.binds;
  if (!derive_graph(graph)) {
    std::vector<bool> sorted(plan.branches.size(), false);
    for (const std::uint16_t index : graph.topological) sorted[index] = true;
    const auto stuck = static_cast<std::size_t>(std::find(sorted.begin(), sorted.end(), false) - sorted.begin());
    return invalid(quoted(plan.branches[stuck]) + " is on or behind a cycle of `after`");
  }
  return plan.pattern == Pattern::kSaga ? check_saga(graph) : Result<void>{};
}

Result<void> check_enlisted(const Plan& plan, const BranchPlan& branch) {
  if (plan.branches.size() >= kBranchesMax) return invalid("more than 65535 branches");
  if (!is_branch_id(branch.id))
    return invalid("branch id '" + std::string(branch.id) + "' is not [A-Za-z0-9._-]{1,64}");
  if (branch.id == "00") return invalid("branch id '00' is reserved for the check-back");
  return check_urls(plan, branch);
}

}  // namespace settle
