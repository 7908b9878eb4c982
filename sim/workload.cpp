#include "workload.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/assert.h"

namespace settle::sim {
namespace {

RetryPolicy draw_retry(const Options& o, Random& random, bool may_be_bounded) {
  RetryPolicy retry;
  retry.base = o.retry_base.draw(random);
  retry.cap = o.retry_cap;
  retry.factor_permille = static_cast<std::uint32_t>(random.between(1000, 3000));
  retry.jitter_permille = static_cast<std::uint32_t>(random.between(0, 500));
  const bool is_bounded = random.chance_permille(o.bounded_permille);
  if (is_bounded && may_be_bounded) {
    if (random.below(2) == 0) {
      retry.attempts = static_cast<std::uint32_t>(random.between(1, 5));
    } else {
      retry.lasting = Span{milliseconds{100}, milliseconds{4000}}.draw(random);
    }
  }
  return retry;
}

void draw_graph(Script& script, Random& random) {
  // Edges go along a random order of the indices, so that a predecessor may stand behind its successor in the list.
  std::array<std::size_t, kBranchesMost> rank{};
  for (std::size_t i = 0; i < script.count; ++i) rank[i] = i;
  for (std::size_t i = script.count; i > 1; --i) std::swap(rank[i - 1], rank[random.below(i)]);
  const std::uint64_t density = 20 + random.below(70);
  for (std::size_t i = 0; i < script.count; ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (random.below(100) < density) script.branches[rank[i]].after |= bit(rank[k]);
    }
  }
}

void derive_before(Script& script) {
  for (std::size_t i = 0; i < script.count; ++i) {
    BranchScript& branch = script.branches[i];
    branch.before = script.order == Order::kList ? bit(i) - 1 : branch.after;
  }
  // Transitive closure; a handful of branches, so the plain way will do.
  for (std::size_t round = 0; round < script.count; ++round) {
    for (std::size_t i = 0; i < script.count; ++i) {
      for (std::size_t k = 0; k < script.count; ++k) {
        if ((script.branches[i].before & bit(k)) != 0) script.branches[i].before |= script.branches[k].before;
      }
    }
  }
}

void draw_money(Script& script, Random& random) {
  if (script.two_step && script.fate == Fate::kFalseSubmit) return;  // money for nothing
  if (script.is_turnable()) return;  // what the producer has done stays, and its undo is another one's business
  // What moves adds up to nothing: the last branch that can be undone balances the others.
  std::int32_t sum = 0;
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < script.count; ++i) {
    BranchScript& branch = script.branches[i];
    if (!script.is_main(i) || branch.is_optional || branch.reads_only || branch.degrade != kNoBranch) continue;
    if (script.pattern == Pattern::kSaga && !branch.has_back && !script.forward_recovery) continue;
    branch.amount = static_cast<std::int32_t>(random.between(-500, 500));
    sum += branch.amount;
    last = i;
  }
  if (script.two_step) {
    script.local_amount = -sum;
  } else if (last) {
    script.branches[*last].amount -= sum;
  }
}

Fate draw_fate(const Options& o, Random& random) {
  const bool fails = random.chance_permille(o.refusal_permille);
  const bool dies = chance(random, o.producer_dies);
  const bool is_unknown = chance(random, o.unknown_commit);
  const bool lies = chance(random, o.false_submit);
  const std::uint64_t where = random.below(4);
  if (lies) return Fate::kFalseSubmit;
  if (is_unknown) return Fate::kUnknownCommit;
  if (dies && where == 0) return Fate::kDiesBefore;
  if (dies && where == 1) return Fate::kDiesInside;
  if (dies && where == 2) return Fate::kSilentRollback;
  if (dies) return Fate::kDiesAfter;
  return fails ? Fate::kRollsBack : Fate::kHonest;
}

}  // namespace

namespace {

Pattern draw_pattern(const Options& o, Random& random) {
  const bool is_message = random.chance_permille(o.messages_permille);
  const bool votes = random.chance_permille(o.votes_permille);
  const bool prepares = random.below(2) == 0;
  if (is_message) return Pattern::kMessage;
  return !votes ? Pattern::kSaga : prepares ? Pattern::kTwoPhase : Pattern::kTcc;
}

Order draw_order(Pattern pattern, Random& random) {
  const std::uint64_t order = random.below(3);
  if (pattern == Pattern::kTcc || pattern == Pattern::kTwoPhase) return Order::kConcurrent;
  if (order == 0) return Order::kList;
  return order == 1 || pattern == Pattern::kMessage ? Order::kConcurrent : Order::kGraph;
}

void draw_branch(Script& script, BranchScript& branch, const Options& o, Random& random) {
  const bool is_saga = script.pattern == Pattern::kSaga;
  branch.service = static_cast<std::uint8_t>(random.below(o.services));
  branch.has_back = (is_saga && random.below(8) != 0) || script.votes();
  branch.has_back_input = branch.has_back && random.below(3) == 0;
  branch.retry = draw_retry(o, random, true);
  branch.attempt_timeout = o.attempt_timeout.draw(random);
  if (script.pattern == Pattern::kTwoPhase) branch.reads_only = random.below(6) == 0;
}

/// What stands behind the main branches: one more, found by its index.
std::int32_t add_branch(Script& script, Role role, const Options& o, Random& random) {
  if (script.count + 1 >= kBranchesMost) return kNoBranch;
  BranchScript& branch = script.branches[script.count];
  branch.service = static_cast<std::uint8_t>(random.below(o.services));
  branch.role = role;
  branch.has_back = false;
  branch.retry = draw_retry(o, random, true);
  branch.attempt_timeout = o.attempt_timeout.draw(random);
  if (random.chance_permille(o.refusal_permille)) branch.temper = Temper::kFickle;
  return static_cast<std::int32_t>(script.count++);
}

void draw_saga_extras(Script& script, const Options& o, Random& random) {
  const std::size_t steps = script.count;
  script.forward_recovery = random.chance_permille(o.extras_permille / 3);
  const bool in_line = script.order == Order::kList || steps == 1;
  const bool has_pivot = random.chance_permille(o.extras_permille) && in_line && !script.forward_recovery;
  const std::size_t pivot = random.below(steps);
  if (has_pivot) script.branches[pivot].is_pivot = true;
  for (std::size_t i = 0; i < steps; ++i) {
    BranchScript& branch = script.branches[i];
    branch.is_optional = random.chance_permille(o.extras_permille) && !branch.is_pivot;
    const bool is_degraded = random.below(2) == 0;
    const auto attempts = static_cast<std::uint32_t>(random.between(1, 3));
    if (branch.is_optional) branch.retry.attempts = attempts;
    if (branch.is_optional && is_degraded && branch.has_back)
      branch.degrade = add_branch(script, Role::kDegrade, o, random);
  }
  for (std::size_t i = 1; i < steps && script.order == Order::kList; ++i) {
    const bool binds = random.chance_permille(o.extras_permille);
    if (binds && !script.branches[i - 1].is_optional) script.branches[i].bound_to = static_cast<std::int32_t>(i) - 1;
  }
}

Policy draw_policy(const Options& o, Random& random) {
  const bool is_extra = random.chance_permille(o.extras_permille);
  const bool turns = random.below(2) == 0;
  return !is_extra ? Policy::kPark : turns ? Policy::kCompensate : Policy::kDegrade;
}

void draw_message_extras(Script& script, const Options& o, Random& random) {
  const std::size_t targets = script.count;
  for (std::size_t i = 0; i < targets; ++i) {
    script.branches[i].on_refused = draw_policy(o, random);
    script.branches[i].on_exhausted = draw_policy(o, random);
  }
  const bool turns = script.is_turnable();
  for (std::size_t i = 0; i < targets; ++i) {
    BranchScript& branch = script.branches[i];
    branch.has_back = turns && random.below(6) != 0;
    const bool degrades = branch.on_refused == Policy::kDegrade || branch.on_exhausted == Policy::kDegrade;
    if (degrades) branch.degrade = add_branch(script, Role::kDegrade, o, random);
    if (degrades && branch.degrade == kNoBranch) branch.on_refused = branch.on_exhausted = Policy::kPark;
  }
}

/// The client says what it does with its branches itself: some it knows at begin, the others it adds.
void draw_client_drive(Script& script, const Options& o, Random& random) {
  script.client_driven = random.below(2) == 0;
  const std::size_t known = random.below(script.count + 1);
  if (script.deadline.count() == 0 && script.client_driven)
    script.deadline = Span{milliseconds{200}, milliseconds{6000}}.draw(random);
  for (std::size_t i = 0; i < script.count; ++i) script.branches[i].is_enlisted = script.client_driven && i >= known;
  if (script.client_driven && known == 0) script.is_named = true;  // nothing else would tell whose it is
  (void)o;
}

void draw_follow_ups(Script& script, const Options& o, Random& random) {
  const bool commits = random.chance_permille(o.extras_permille);
  const bool aborts = random.chance_permille(o.extras_permille);
  if (commits) (void)add_branch(script, Role::kOnCommit, o, random);
  if (aborts) (void)add_branch(script, Role::kOnAbort, o, random);
  // What is enlisted comes after what was known at begin.
  std::array<BranchScript, kBranchesMost> ordered{};
  std::size_t next = 0;
  for (const bool enlisted : {false, true}) {
    for (std::size_t i = 0; i < script.count; ++i) {
      if (script.branches[i].is_enlisted == enlisted) ordered[next++] = script.branches[i];
    }
  }
  script.branches = ordered;
}

}  // namespace

bool Script::is_turnable() const {
  return std::any_of(branches.begin(), branches.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const BranchScript& b) {
                       return b.on_refused == Policy::kCompensate || b.on_exhausted == Policy::kCompensate;
                     });
}

std::int32_t Script::pivot() const {
  for (std::size_t i = 0; i < count; ++i) {
    if (branches[i].is_pivot) return static_cast<std::int32_t>(i);
  }
  return kNoBranch;
}

bool Script::has_no_return(std::size_t branch) const {
  const std::int32_t at = pivot();
  return forward_recovery || (at != kNoBranch && static_cast<std::int32_t>(branch) >= at);
}

Script draw_script(TxNo no, const Options& o, Random& random) {
  Script script;
  script.no = no;
  script.pattern = draw_pattern(o, random);
  script.is_named = random.chance_permille(o.named_permille);
  script.order = draw_order(script.pattern, random);
  script.count = static_cast<std::size_t>(random.between(1, static_cast<std::int64_t>(o.branches_most)));
  const bool refuses = random.chance_permille(o.refusal_permille);
  const std::size_t refuser = random.below(script.count);
  for (std::size_t i = 0; i < script.count; ++i) {
    BranchScript& branch = script.branches[i];
    draw_branch(script, branch, o, random);
    const bool is_fickle = random.below(3) == 0;
    const bool refuses_too = random.below(4) == 0;
    if (refuses && (refuser == i || refuses_too)) branch.temper = is_fickle ? Temper::kFickle : Temper::kRefuses;
  }
  if (script.order == Order::kGraph) draw_graph(script, random);
  derive_before(script);
  if (random.chance_permille(o.deadline_permille)) {
    script.deadline = Span{milliseconds{50}, milliseconds{4000}}.draw(random);
  }
  if (script.pattern == Pattern::kMessage) {
    script.two_step = random.below(3) != 0;
    script.fate = draw_fate(o, random);
    script.producer = static_cast<std::uint8_t>(random.below(o.services));
    script.check_after = o.check_after.draw(random);
    script.check_retry = draw_retry(o, random, false);
    if (random.below(4) == 0) script.delay = Span{milliseconds{1}, milliseconds{3000}}.draw(random);
    draw_message_extras(script, o, random);
  } else if (script.pattern == Pattern::kSaga) {
    draw_saga_extras(script, o, random);
    if (script.forward_recovery) script.deadline = Duration{0};
  } else {
    draw_client_drive(script, o, random);
  }
  draw_follow_ups(script, o, random);
  draw_money(script, random);
  return script;
}

std::string gid_of(TxNo no) { return "g" + std::to_string(no); }

TxNo number_of_gid(std::string_view gid) {
  if (gid.size() < 2 || gid.size() > 9 || gid[0] != 'g') return kNoTx;
  TxNo no = 0;
  for (const char c : gid.substr(1)) {
    if (c < '0' || c > '9') return kNoTx;
    no = no * 10 + static_cast<TxNo>(c - '0');
  }
  return no;
}

std::string_view branch_id_of(std::size_t branch, Text& buffer) {
  const int size = std::snprintf(buffer.data(), buffer.size(), "b%zu", branch);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

std::string_view url_of(std::uint8_t service, Op op, Text& buffer) {
  const std::string_view name = name_of(op);
  const int size = std::snprintf(buffer.data(), buffer.size(), "http://s%u:80/%.*s", unsigned{service},
                                 static_cast<int>(name.size()), name.data());
  return {buffer.data(), static_cast<std::size_t>(size)};
}

std::uint8_t service_of(std::string_view url) {
  url.remove_prefix(std::string_view("http://s").size());
  return static_cast<std::uint8_t>(url.front() - '0');
}

Op forward_op_of(const Script& script, std::size_t branch) {
  if (!script.is_main(branch)) return Op::kDeliver;
  switch (script.pattern) {
    case Pattern::kSaga:
      return Op::kAction;
    case Pattern::kMessage:
      return Op::kDeliver;
    case Pattern::kTcc:
      return Op::kTry;
    case Pattern::kTwoPhase:
      return Op::kPrepare;
  }
  return Op::kAction;
}

Op back_op_of(const Script& script, std::size_t branch) {
  if (!script.votes() || !script.is_main(branch)) return Op::kCompensate;
  return script.pattern == Pattern::kTcc ? Op::kCancel : Op::kRollback;
}

Op confirm_op_of(const Script& script) { return script.pattern == Pattern::kTcc ? Op::kConfirm : Op::kCommit; }

std::string_view input_of(const Script& script, std::size_t branch, Op op, Text& buffer) {
  const BranchScript& one = script.branches[branch];
  const bool is_back = is_undo(op) && one.has_back_input;
  const int size = std::snprintf(buffer.data(), buffer.size(), "t%u b%zu %d%s", script.no, branch, one.amount,
                                 is_back ? " back" : "");
  return {buffer.data(), static_cast<std::size_t>(size)};
}

std::uint8_t service_of_url(std::string_view url) {
  SETTLE_ASSERT(url.size() > 8 && url[7] == 's');
  return static_cast<std::uint8_t>(url[8] - '0');
}

namespace {

struct Texts {
  Text id{}, forward{}, confirm{}, back{}, input{}, back_input{};
};

void fill_branch(const Script& script, std::size_t index, Texts& texts, BranchPlan& branch) {
  const BranchScript& from = script.branches[index];
  const Op forward = forward_op_of(script, index);
  branch.id = branch_id_of(index, texts.id);
  branch.role = from.role;
  const bool is_called = from.role != Role::kOnAbort && !(script.client_driven && from.role == Role::kMain);
  if (is_called) branch.forward = url_of(from.service, forward, texts.forward);
  branch.input = input_of(script, index, forward, texts.input);
  if (script.votes() && from.role == Role::kMain)
    branch.confirm = url_of(from.service, confirm_op_of(script), texts.confirm);
  if (from.has_back || from.role == Role::kOnAbort)
    branch.back = url_of(from.service, back_op_of(script, index), texts.back);
  branch.has_back_input = from.has_back_input;
  if (from.has_back_input) branch.back_input = input_of(script, index, back_op_of(script, index), texts.back_input);
  for (std::size_t k = 0; k < script.count; ++k) {
    if ((from.after & bit(k)) != 0) branch.after.push_back(static_cast<std::uint16_t>(k));
  }
  branch.pivot = from.is_pivot;
  branch.optional = from.is_optional;
  branch.on_refused = from.on_refused;
  branch.on_exhausted = from.on_exhausted;
  branch.degrade = from.degrade;
  branch.retry = from.retry;
  branch.attempt_timeout = from.attempt_timeout;
}

}  // namespace

OwnedPlan plan_of(const Script& script, std::uint32_t variant) {
  std::array<Texts, kBranchesMost> texts{};
  Text check{};
  Plan plan;
  plan.pattern = script.pattern;
  plan.order = script.order;
  plan.two_step = script.two_step;
  plan.client_driven = script.client_driven;
  plan.forward_recovery = script.forward_recovery;
  plan.deadline = script.deadline + Duration{variant};
  plan.delay = script.delay;
  plan.attempt_timeout = milliseconds{300};
  if (script.two_step) {
    plan.check = url_of(script.producer, Op::kCheck, check);
    plan.check_after = script.check_after;
    plan.retry = script.check_retry;
  }
  for (std::size_t i = 0; i < script.count; ++i) {
    if (script.branches[i].is_enlisted) continue;
    fill_branch(script, i, texts[i], plan.branches.emplace_back());
    const std::int32_t source = script.branches[i].bound_to;
    if (source == kNoBranch) continue;
    plan.binds.push_back({.branch = static_cast<std::uint16_t>(i),
                          .source = static_cast<std::uint16_t>(source),
                          .from = "",
                          .into = "/bound"});
  }
  return OwnedPlan::encode(plan);
}

OwnedPlan plan_of_enlisted(const Script& script, std::size_t branch) {
  Texts texts;
  Plan plan;
  plan.pattern = script.pattern;
  plan.client_driven = true;
  fill_branch(script, branch, texts, plan.branches.emplace_back());
  return OwnedPlan::encode(plan);
}

}  // namespace settle::sim
