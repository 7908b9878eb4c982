#include "scenario/words.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace settle::sim {

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

bool parse_count(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_span(std::string_view text, Duration& out) {
  const std::size_t unit_at = text.find_first_not_of("0123456789");
  std::uint64_t number = 0;
  if (unit_at == std::string_view::npos || !parse_count(text.substr(0, unit_at), number)) return false;
  const std::string_view unit = text.substr(unit_at);
  const auto value = static_cast<std::int64_t>(number);
  if (unit == "us") return out = Duration{value}, true;
  if (unit == "ms") return out = milliseconds{value}, true;
  if (unit == "s") return out = std::chrono::seconds{value}, true;
  if (unit == "min") return out = std::chrono::minutes{value}, true;
  return false;
}

bool parse_wait(std::string_view word, engine::Wait& out) {
  if (!word.starts_with("wait=")) return false;
  word.remove_prefix(5);
  if (word.ends_with(":decision")) {
    out.until = engine::WaitFor::kDecision;
    word.remove_suffix(9);
  } else if (word.ends_with(":pass")) {
    out.until = engine::WaitFor::kPass;
    word.remove_suffix(5);
  }
  return parse_span(word, out.lasting);
}

std::string PlanText::option(std::string_view key, std::string_view value) {
  std::uint64_t number = 0;
  bool is_fine = true;
  if (key == "deadline") {
    is_fine = parse_span(value, plan_.deadline);
  } else if (key == "timeout") {
    is_fine = parse_span(value, timeout_);
  } else if (key == "base") {
    is_fine = parse_span(value, retry_.base);
  } else if (key == "cap") {
    is_fine = parse_span(value, retry_.cap);
  } else if (key == "for") {
    is_fine = parse_span(value, retry_.lasting);
  } else if (key == "check-after") {
    is_fine = parse_span(value, plan_.check_after);
  } else if (key == "delay") {
    is_fine = parse_span(value, plan_.delay);
  } else if (key == "lock") {
    is_fine = parse_span(value, plan_.passes.lock);
  } else if (key == "retries" && parse_count(value, number)) {
    plan_.passes.retry_limit = static_cast<std::uint32_t>(number);
  } else if (key == "attempts" && parse_count(value, number)) {
    retry_.attempts = static_cast<std::uint32_t>(number);
  } else if (key == "factor" && parse_count(value, number)) {
    retry_.factor_permille = static_cast<std::uint32_t>(number);
  } else if (key == "jitter" && parse_count(value, number)) {
    retry_.jitter_permille = static_cast<std::uint32_t>(number);
  } else {
    is_fine = false;
  }
  return is_fine ? std::string() : "cannot read " + std::string(key) + "=" + std::string(value);
}

namespace {

/// What stands behind the last `mark`, which is cut off with it; empty: nothing does.
std::string_view cut_after(std::string_view& word, char mark) {
  const std::size_t at = word.find(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view behind = word.substr(at + 1);
  word = word.substr(0, at);
  return behind;
}

bool parse_policy(std::string_view word, Policy& out) {
  if (word == "park") return out = Policy::kPark, true;
  if (word == "compensate") return out = Policy::kCompensate, true;
  if (word == "degrade") return out = Policy::kDegrade, true;
  return false;
}

/// "STEP/POINTER" into its two halves; the pointer keeps its slash.
bool parse_place(std::string_view text, std::string& step, std::string& pointer) {
  const std::size_t slash = text.find('/');
  step = std::string(text.substr(0, slash));
  pointer = slash == std::string_view::npos ? std::string() : std::string(text.substr(slash));
  return !step.empty();
}

}  // namespace

std::optional<Op> op_named(std::string_view name) {
  for (const Op op : {Op::kAction, Op::kCompensate, Op::kDeliver, Op::kTry, Op::kConfirm, Op::kCancel, Op::kPrepare,
                      Op::kCommit, Op::kRollback}) {
    if (name_of(op) == name) return op;
  }
  return std::nullopt;
}

std::string PlanText::branch(std::string_view text) {
  Branch one;
  const std::string_view destination = cut_after(text, '@');
  one.destination = destination.empty() ? "service" : std::string(destination);
  std::string_view before = cut_after(text, '<');
  while (!before.empty()) {
    const std::size_t comma = std::min(before.find(','), before.size());
    one.after.emplace_back(before.substr(0, comma));
    before.remove_prefix(std::min(comma + 1, before.size()));
  }
  one.degrade = std::string(cut_after(text, '|'));
  std::string_view refused = cut_after(text, ':');
  const std::string_view exhausted = cut_after(refused, ',');
  if ((!refused.empty() && !parse_policy(refused, one.on_refused)) ||
      (!exhausted.empty() && !parse_policy(exhausted, one.on_exhausted))) {
    return "a policy is park, compensate or degrade";
  }
  if (text.starts_with('+')) one.role = Role::kOnCommit;
  if (text.starts_with('-')) one.role = Role::kOnAbort;
  if (one.role != Role::kMain) text.remove_prefix(1);
  for (; !text.empty(); text.remove_suffix(1)) {
    if (text.ends_with('!')) {
      one.has_back = false;
    } else if (text.ends_with('*')) {
      one.pivot = true;
    } else if (text.ends_with('?')) {
      one.optional = true;
    } else {
      break;
    }
  }
  one.id = std::string(text);
  branches_.push_back(std::move(one));
  return {};
}

std::string PlanText::part(std::string_view text, bool back) {
  Part one;
  one.back = back;
  const std::string_view into = cut_after(text, '>');
  if (!parse_place(text, one.source, one.from) || !parse_place(into, one.branch, one.into)) {
    return "bind:STEP/FROM>STEP/INTO";
  }
  parts_.push_back(std::move(one));
  return {};
}

bool PlanText::flag(std::string_view text) {
  if (text == "concurrent") return plan_.order = Order::kConcurrent, true;
  if (text == "graph") return plan_.order = Order::kGraph, true;
  if (text == "two-step") return plan_.two_step = true;
  if (text == "client") return plan_.client_driven = true;
  if (text == "forward") return plan_.forward_recovery = true;
  if (text == "passes") return plan_.passes.on = true;
  if (text == "undoes-refused") return plan_.undoes_refused = true;
  if (text == "first-to-last") return plan_.phase_two = PhaseTwo::kFirstToLast, true;
  if (text == "last-to-first") return plan_.phase_two = PhaseTwo::kLastToFirst, true;
  return false;
}

std::string PlanText::word(std::string_view text) {
  if (flag(text) || parse_wait(text, wait)) return {};
  if (text.starts_with("bind:")) return part(text.substr(5), false);
  if (text.starts_with("bind-back:")) return part(text.substr(10), true);
  const std::size_t equals = text.find('=');
  if (equals != std::string_view::npos) return option(text.substr(0, equals), text.substr(equals + 1));
  return branch(text);
}

std::string PlanText::pattern(std::string_view name) {
  for (const Pattern known : {Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase}) {
    if (name_of(known) != name) continue;
    plan_.pattern = known;
    if (known == Pattern::kTcc || known == Pattern::kTwoPhase) plan_.order = Order::kConcurrent;
    return {};
  }
  return "neither saga nor message nor tcc nor two_phase";
}

std::string PlanText::parse(const std::vector<std::string_view>& words, std::size_t from) {
  if (words.size() < from + 2) return "begin GID saga|message|tcc|two_phase …";
  if (std::string wrong = pattern(words[from]); !wrong.empty()) return wrong;
  for (std::size_t i = from + 1; i < words.size(); ++i) {
    if (std::string wrong = word(words[i]); !wrong.empty()) return wrong;
  }
  followers_last();
  for (const Part& one : parts_) {
    if (index_of(one.source) < 0 || index_of(one.branch) < 0) return "bind names a step that is not there";
  }
  std::vector<std::unique_ptr<std::string>> texts;
  const Result<void> sense = check_plan(built(texts));
  return sense ? std::string() : sense.error().message;
}

std::string PlanText::parse_enlisted(std::string_view pattern_name, const std::vector<std::string_view>& words,
                                     std::size_t from) {
  if (std::string wrong = pattern(pattern_name); !wrong.empty()) return wrong;
  plan_.client_driven = true;
  for (std::size_t i = from; i < words.size(); ++i) {
    if (std::string wrong = word(words[i]); !wrong.empty()) return wrong;
  }
  return branches_.size() == 1 ? "" : "one branch is enlisted at a time";
}

/// Plans hold the main branches first, then what follows a commit, an abort, and what takes a branch's place.
void PlanText::followers_last() {
  for (std::size_t i = 0, asked = branches_.size(); i < asked; ++i) {
    if (branches_[i].degrade.empty()) continue;
    Branch one;
    one.id = branches_[i].degrade;
    one.destination = branches_[i].destination;
    one.role = Role::kDegrade;
    branches_.push_back(std::move(one));
  }
  std::vector<Branch> sorted;
  for (const Role role : {Role::kMain, Role::kOnCommit, Role::kOnAbort, Role::kDegrade}) {
    for (Branch& one : branches_) {
      if (one.role == role) sorted.push_back(std::move(one));
    }
  }
  branches_ = std::move(sorted);
}

std::int32_t PlanText::index_of(std::string_view id) const {
  for (std::size_t k = 0; k < branches_.size(); ++k) {
    if (branches_[k].id == id) return static_cast<std::int32_t>(k);
  }
  return kNoBranch;
}

Plan PlanText::built(std::vector<std::unique_ptr<std::string>>& texts) const {
  Plan plan = plan_;
  const bool votes = plan.pattern == Pattern::kTcc || plan.pattern == Pattern::kTwoPhase;
  const auto keep = [&](std::string text) -> std::string_view {
    return *texts.emplace_back(std::make_unique<std::string>(std::move(text)));
  };
  if (plan.two_step) plan.check = "http://producer/check";
  plan.retry = retry_;
  plan.attempt_timeout = timeout_;
  for (const Branch& from : branches_) {
    BranchPlan one;
    const std::string url = "http://" + from.destination + "/" + from.id;
    const bool turns = from.on_refused == Policy::kCompensate || from.on_exhausted == Policy::kCompensate;
    one.id = from.id;
    one.role = from.role;
    one.pivot = from.pivot;
    one.optional = from.optional;
    one.on_refused = from.on_refused;
    one.on_exhausted = from.on_exhausted;
    if (!from.degrade.empty()) one.degrade = index_of(from.degrade);
    if (from.role == Role::kOnAbort) {
      one.back = keep(url);
    } else {
      if (!plan.client_driven || from.role != Role::kMain) one.forward = keep(url);
      if (votes && from.role == Role::kMain) one.confirm = keep(url + "/confirm");
      const bool undone = plan.pattern == Pattern::kMessage ? turns : from.has_back;
      if (undone && from.role == Role::kMain) one.back = keep(url + "/undo");
    }
    for (const std::string& before : from.after) {
      if (const std::int32_t k = index_of(before); k >= 0) one.after.push_back(static_cast<std::uint16_t>(k));
    }
    one.retry = retry_;
    one.attempt_timeout = timeout_;
    plan.branches.push_back(std::move(one));
  }
  for (const Part& from : parts_) {
    plan.binds.push_back({static_cast<std::uint16_t>(index_of(from.branch)), from.back,
                          static_cast<std::uint16_t>(index_of(from.source)), from.from, from.into});
  }
  return plan;
}

OwnedPlan PlanText::encode() const {
  std::vector<std::unique_ptr<std::string>> texts;
  return OwnedPlan::encode(built(texts));
}

}  // namespace settle::sim
