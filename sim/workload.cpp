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
  // What moves adds up to nothing: the last branch that can be undone balances the others.
  std::int32_t sum = 0;
  std::optional<std::size_t> last;
  for (std::size_t i = 0; i < script.count; ++i) {
    BranchScript& branch = script.branches[i];
    if (script.pattern == Pattern::kSaga && !branch.has_back) continue;
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

Script draw_script(TxNo no, const Options& o, Random& random) {
  Script script;
  script.no = no;
  script.pattern = random.chance_permille(o.messages_permille) ? Pattern::kMessage : Pattern::kSaga;
  script.is_named = random.chance_permille(o.named_permille);
  const bool is_saga = script.pattern == Pattern::kSaga;
  const std::uint64_t order = random.below(3);
  script.order = order == 0 ? Order::kList : order == 1 || !is_saga ? Order::kConcurrent : Order::kGraph;
  script.count = static_cast<std::size_t>(random.between(1, static_cast<std::int64_t>(o.branches_most)));
  const bool refuses = random.chance_permille(o.refusal_permille);
  const std::size_t refuser = random.below(script.count);
  for (std::size_t i = 0; i < script.count; ++i) {
    BranchScript& branch = script.branches[i];
    branch.service = static_cast<std::uint8_t>(random.below(o.services));
    branch.has_back = is_saga && random.below(8) != 0;
    branch.has_back_input = branch.has_back && random.below(3) == 0;
    branch.retry = draw_retry(o, random, true);
    branch.attempt_timeout = o.attempt_timeout.draw(random);
    const bool is_fickle = random.below(3) == 0;
    if (refuses && refuser == i) branch.temper = is_fickle ? Temper::kFickle : Temper::kRefuses;
  }
  if (script.order == Order::kGraph) draw_graph(script, random);
  derive_before(script);
  if (random.chance_permille(o.deadline_permille)) {
    script.deadline = Span{milliseconds{50}, milliseconds{4000}}.draw(random);
  }
  if (!is_saga) {
    script.two_step = random.below(3) != 0;
    script.fate = draw_fate(o, random);
    script.producer = static_cast<std::uint8_t>(random.below(o.services));
    script.check_after = o.check_after.draw(random);
    script.check_retry = draw_retry(o, random, false);
    if (random.below(4) == 0) script.delay = Span{milliseconds{1}, milliseconds{3000}}.draw(random);
  }
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

std::string_view input_of(const Script& script, std::size_t branch, Op op, Text& buffer) {
  const BranchScript& one = script.branches[branch];
  const bool is_back = op == Op::kCompensate && one.has_back_input;
  const int size = std::snprintf(buffer.data(), buffer.size(), "t%u b%zu %d%s", script.no, branch, one.amount,
                                 is_back ? " back" : "");
  return {buffer.data(), static_cast<std::size_t>(size)};
}

std::uint8_t service_of_url(std::string_view url) {
  SETTLE_ASSERT(url.size() > 8 && url[7] == 's');
  return static_cast<std::uint8_t>(url[8] - '0');
}

OwnedPlan plan_of(const Script& script, std::uint32_t variant) {
  struct Texts {
    Text id{}, forward{}, back{}, input{}, back_input{};
  };
  std::array<Texts, kBranchesMost> texts{};
  Text check{};
  Plan plan;
  plan.pattern = script.pattern;
  plan.order = script.order;
  plan.two_step = script.two_step;
  plan.deadline = script.deadline + Duration{variant};
  plan.delay = script.delay;
  plan.attempt_timeout = milliseconds{300};
  if (script.two_step) {
    plan.check = url_of(script.producer, Op::kCheck, check);
    plan.check_after = script.check_after;
    plan.retry = script.check_retry;
  }
  const Op forward = script.pattern == Pattern::kSaga ? Op::kAction : Op::kDeliver;
  plan.branches.resize(script.count);
  for (std::size_t i = 0; i < script.count; ++i) {
    const BranchScript& from = script.branches[i];
    BranchPlan& branch = plan.branches[i];
    branch.id = branch_id_of(i, texts[i].id);
    branch.forward = url_of(from.service, forward, texts[i].forward);
    branch.input = input_of(script, i, forward, texts[i].input);
    if (from.has_back) branch.back = url_of(from.service, Op::kCompensate, texts[i].back);
    branch.has_back_input = from.has_back_input;
    if (from.has_back_input) branch.back_input = input_of(script, i, Op::kCompensate, texts[i].back_input);
    for (std::size_t k = 0; k < script.count; ++k) {
      if ((from.after & bit(k)) != 0) branch.after.push_back(static_cast<std::uint16_t>(k));
    }
    branch.retry = from.retry;
    branch.attempt_timeout = from.attempt_timeout;
  }
  return OwnedPlan::encode(plan);
}

}  // namespace settle::sim
