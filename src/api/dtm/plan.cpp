#include "api/dtm/plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <deque>

#include "api/http/limits.h"
#include "model/plan_graph.h"
#include "net/http_fields.h"
#include "settle/ids.h"
#include "wire/dtm_words.h"

namespace settle::api::dtm {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr Duration kIntervalMax = hours{1};
constexpr std::uint32_t kJitterPermille = 100;
constexpr std::string_view kTopicScheme = "topic://";

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

/// Two digits, as clients count their branches themselves.
std::string numbered(std::size_t number) {
  std::array<char, 24> text{};
  const int size = std::snprintf(text.data(), text.size(), "%02zu", number);
  return {text.data(), static_cast<std::size_t>(size)};
}

/// A plan under construction, and the texts that it needs and the request does not have.
struct Draft {
  Plan plan;
  std::deque<std::string> texts;

  std::string_view keep(std::string text) { return texts.emplace_back(std::move(text)); }
};

/// The base of the interval, as DTM chooses it.
Duration first_interval(const Options& options, const Settings& settings) {
  if (options.retry_interval > 0) return seconds{options.retry_interval};
  const Duration timeout = seconds{options.timeout_to_fail};
  return timeout > Duration{0} && timeout < settings.retry_interval ? timeout : settings.retry_interval;
}

void set_clock(Plan& plan, const Options& options, const Settings& settings) {
  const Duration base = first_interval(options, settings);
  plan.passes = {.on = true, .lock = settings.retry_interval};
  plan.passes.retry_limit = static_cast<std::uint32_t>(std::min<std::int64_t>(options.retry_limit, kRetryAttemptsMax));
  plan.retry = {.base = base,
                .cap = std::max(base, kIntervalMax),
                .factor_permille = 2000,
                .jitter_permille = settings.has_jitter ? kJitterPermille : 0};
  plan.attempt_timeout =
      options.request_timeout > 0 ? Duration{seconds{options.request_timeout}} : settings.request_timeout;
  plan.deadline = seconds{options.timeout_to_fail};
  // A saga is given up only if its client says when.
  if (plan.deadline == Duration{0} && plan.pattern != Pattern::kSaga) plan.deadline = settings.timeout_to_fail;
}

Result<void> set_headers(Draft& draft, const Options& options) {
  std::string lines;
  for (const auto& [name, value] : options.branch_headers) {
    if (!net::append_header(lines, name, value)) return invalid("branch_headers: \"" + name + "\" is no header");
    draft.plan.headers.emplace_back(name, value);
  }
  if (options.branch_headers.size() > kForwardedHeadersMax || lines.size() > kForwardedHeaderBytesMax)
    return invalid("branch_headers: more than 20, or more than 8 KiB");
  return {};
}

/// {"concurrent": true, "orders": {"2": [0, 1]}}: step 2 begins after 0 and 1.
Result<void> set_order(Draft& draft, std::string_view custom_data) {
  const Json custom = parse(custom_data);
  if (!custom.is_object()) return {};
  const Json* const concurrent = member(custom, "concurrent");
  if (concurrent == nullptr || !concurrent->is_boolean() || !concurrent->get<bool>()) return {};
  draft.plan.order = Order::kConcurrent;
  const Json* const orders = member(custom, "orders");
  if (orders == nullptr || !orders->is_object() || orders->empty()) return {};
  draft.plan.order = Order::kGraph;
  const std::size_t count = draft.plan.branches.size();
  for (const auto& [key, list] : orders->items()) {
    std::size_t step = 0;
    const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), step);
    if (problem != std::errc{} || end != key.data() + key.size() || step >= count ||
        !(list.is_array() || list.is_null()))
      return invalid("custom_data: orders: \"" + key + "\" is no step with a list of steps");
    for (const Json& before : list) {
      if (!before.is_number_unsigned() || before.get<std::uint64_t>() >= count)
        return invalid("custom_data: orders: step " + key + " comes after one that does not exist");
      draft.plan.branches[step].after.push_back(before.get<std::uint16_t>());
    }
  }
  Plan graph;
  graph.order = Order::kGraph;
  graph.branches = draft.plan.branches;
  if (!derive_graph(graph)) return invalid("custom_data: orders: some steps wait for each other");
  return {};
}

void add_steps(Draft& draft, const TransRequest& request) {
  for (std::size_t i = 0; i < request.steps.size(); ++i) {
    BranchPlan& branch = draft.plan.branches.emplace_back();
    branch.id = draft.keep(numbered(i + 1));
    branch.forward = request.steps[i].action;
    branch.back = request.steps[i].compensate;
    branch.input = request.payloads[i];
  }
}

/// One branch for each step, or for each subscriber of the topic that it names.
Result<void> add_targets(Draft& draft, const TransRequest& request, const Topics& topics) {
  for (std::size_t i = 0; i < request.steps.size(); ++i) {
    const std::string& action = request.steps[i].action;
    const bool to_topic = action.starts_with(kTopicScheme);
    const std::vector<std::string> urls =
        to_topic ? topics(action.substr(kTopicScheme.size())) : std::vector<std::string>{action};
    if (urls.empty()) return invalid("topic not found");
    for (std::size_t k = 0; k < urls.size(); ++k) {
      BranchPlan& branch = draft.plan.branches.emplace_back();
      branch.id = draft.keep(urls.size() == 1 ? numbered(i + 1) : numbered(i + 1) + "-" + numbered(k + 1));
      branch.forward = draft.keep(urls[k]);
      branch.input = request.payloads[i];
    }
  }
  if (draft.plan.branches.size() > kBranchesMax) return invalid("steps: more than 256 subscribers in all");
  return {};
}

Result<void> fill(Draft& draft, const TransRequest& request, bool announced, const Topics& topics) {
  Plan& plan = draft.plan;
  switch (plan.pattern) {
    case Pattern::kSaga:
      if (announced) return invalid("a saga is not prepared; submit it");
      plan.undoes_refused = true;
      add_steps(draft, request);
      return set_order(draft, request.custom_data);
    case Pattern::kMessage:
      plan.two_step = announced;
      plan.check = request.query_prepared;
      plan.delay = delay_of(request.custom_data).value_or(Duration{0});
      if (request.options.concurrent) plan.order = Order::kConcurrent;
      return add_targets(draft, request, topics);
    case Pattern::kTcc:
    case Pattern::kTwoPhase:
      plan.client_driven = true;
      plan.order = Order::kConcurrent;
      plan.phase_two = plan.pattern == Pattern::kTcc ? PhaseTwo::kLastToFirst : PhaseTwo::kFirstToLast;
      return {};
  }
  return {};
}

}  // namespace

std::string_view label_of(const Plan& plan, std::string_view name) {
  for (const auto& [label, value] : plan.labels) {
    if (label == name) return value;
  }
  return {};
}

bool names_topic(const TransRequest& request) {
  return request.trans_type == "msg" && std::any_of(request.steps.begin(), request.steps.end(), [](const Step& step) {
           return step.action.starts_with(kTopicScheme);
         });
}

std::optional<Duration> delay_of(std::string_view custom_data) {
  const Json custom = parse(custom_data);
  if (!custom.is_object()) return std::nullopt;
  const Json* const delay = member(custom, "delay");
  if (delay == nullptr || !delay->is_number_unsigned()) return std::nullopt;
  const std::uint64_t asked = std::min<std::uint64_t>(delay->get<std::uint64_t>(), kTimeMsMax / 1000);
  return seconds{static_cast<std::int64_t>(asked)};
}

Result<OwnedPlan> make_plan(const TransRequest& request, bool announced, const Settings& settings,
                            const Topics& topics) {
  const std::optional<Pattern> pattern = wire::pattern_of_dtm(request.trans_type);
  if (!pattern) return invalid("unknow trans type: " + request.trans_type);
  Draft draft;
  Plan& plan = draft.plan;
  plan.pattern = *pattern;
  plan.dialect = request.protocol == "json-rpc" ? Dialect::kDtmJsonRpc : Dialect::kDtm;
  set_clock(plan, request.options, settings);
  if (const Result<void> fine = set_headers(draft, request.options); !fine) return fine.error();
  if (const Result<void> fine = fill(draft, request, announced, topics); !fine) return fine.error();
  plan.labels.emplace_back(kOptionsLabel, draft.keep(text_of(request.options)));
  if (!request.custom_data.empty()) plan.labels.emplace_back(kCustomDataLabel, request.custom_data);
  plan.labels.emplace_back(kProtocolLabel, request.protocol.empty() ? std::string_view("http") : request.protocol);
  return OwnedPlan::encode(plan);
}

Result<OwnedPlan> make_branch(const BranchRequest& request) {
  const auto text = [&](std::string_view name) {
    const auto at = request.find(name);
    return at == request.end() ? std::string_view() : std::string_view(at->second);
  };
  const std::optional<Pattern> pattern = wire::pattern_of_dtm(text("trans_type"));
  if (pattern != Pattern::kTcc && pattern != Pattern::kTwoPhase)
    return invalid("unknow trans type: " + std::string(text("trans_type")));
  if (!is_branch_id(text("branch_id")))
    return invalid("branch_id: 1 to 64 characters of A-Z a-z 0-9 . _ - are expected");
  const bool is_tcc = pattern == Pattern::kTcc;
  Plan plan;
  plan.pattern = *pattern;
  plan.client_driven = true;
  BranchPlan& branch = plan.branches.emplace_back();
  branch.id = text("branch_id");
  branch.confirm = text(is_tcc ? "confirm" : "url");
  branch.back = text(is_tcc ? "cancel" : "url");
  if (is_tcc) branch.input = text("data");
  return OwnedPlan::encode(plan);
}

}  // namespace settle::api::dtm
