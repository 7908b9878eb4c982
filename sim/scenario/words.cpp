#include "scenario/words.h"

#include <algorithm>
#include <charconv>
#include <deque>

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

std::string PlanText::branch(std::string_view word) {
  Branch one;
  const std::size_t at = word.find('@');
  one.destination = at == std::string_view::npos ? "service" : std::string(word.substr(at + 1));
  word = word.substr(0, at);
  const std::size_t after = word.find('<');
  std::string_view before = after == std::string_view::npos ? std::string_view() : word.substr(after + 1);
  while (!before.empty()) {
    const std::size_t comma = std::min(before.find(','), before.size());
    one.after.emplace_back(before.substr(0, comma));
    before.remove_prefix(std::min(comma + 1, before.size()));
  }
  word = word.substr(0, after);
  if (word.ends_with('!')) {
    one.has_back = false;
    word.remove_suffix(1);
  }
  one.id = std::string(word);
  branches_.push_back(std::move(one));
  return {};
}

std::string PlanText::parse(const std::vector<std::string_view>& words, std::size_t from) {
  if (words.size() < from + 2) return "begin GID saga|message …";
  if (words[from] != "saga" && words[from] != "message") return "neither saga nor message";
  plan_.pattern = words[from] == "saga" ? Pattern::kSaga : Pattern::kMessage;
  for (std::size_t i = from + 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::size_t equals = word.find('=');
    std::string wrong;
    if (word == "concurrent") {
      plan_.order = Order::kConcurrent;
    } else if (word == "graph") {
      plan_.order = Order::kGraph;
    } else if (word == "two-step") {
      plan_.two_step = true;
    } else if (parse_wait(word, wait)) {
      continue;
    } else if (equals != std::string_view::npos) {
      wrong = option(word.substr(0, equals), word.substr(equals + 1));
    } else {
      wrong = branch(word);
    }
    if (!wrong.empty()) return wrong;
  }
  return branches_.empty() ? "a plan needs a branch" : "";
}

OwnedPlan PlanText::encode() const {
  Plan plan = plan_;
  const bool is_saga = plan.pattern == Pattern::kSaga;
  std::deque<std::string> texts;
  const auto keep = [&](std::string text) -> std::string_view { return texts.emplace_back(std::move(text)); };
  if (plan.two_step) plan.check = "http://producer/check";
  plan.retry = retry_;
  plan.attempt_timeout = timeout_;
  for (const Branch& from : branches_) {
    BranchPlan one;
    one.id = from.id;
    one.forward = keep("http://" + from.destination + "/" + from.id);
    if (is_saga && from.has_back) one.back = keep("http://" + from.destination + "/" + from.id + "/undo");
    for (const std::string& before : from.after) {
      for (std::size_t k = 0; k < branches_.size(); ++k) {
        if (branches_[k].id == before) one.after.push_back(static_cast<std::uint16_t>(k));
      }
    }
    one.retry = retry_;
    one.attempt_timeout = timeout_;
    plan.branches.push_back(std::move(one));
  }
  return OwnedPlan::encode(plan);
}

}  // namespace settle::sim
