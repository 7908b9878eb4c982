#include "api/dtm/hooks.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "api/dtm/render.h"
#include "api/dtm/topics.h"
#include "api/http/query_string.h"
#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

using std::chrono::seconds;

constexpr std::string_view kBase = "/test/";
constexpr std::int64_t kWaitMs = 10'000;
constexpr std::int64_t kNumberMax = 1'000'000'000;
constexpr Duration kSoonerAtFirst = seconds{180};
constexpr Duration kAsLongAsItTakes = std::chrono::hours{24};
constexpr Duration kLookAgain = milliseconds{2};

/// Absent: `otherwise`. Nothing: it is no whole number from 0 on.
std::optional<std::int64_t> whole(std::string_view query, std::string_view name,
                                  std::optional<std::int64_t> otherwise) {
  QueryString parameters(query);
  const std::optional<std::string> text = parameters.take(name);
  if (!text) return otherwise;
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool fine = problem == std::errc{} && end == text->data() + text->size() && value >= 0 && value <= kNumberMax;
  return fine ? std::optional(value) : std::nullopt;
}

Result<void> forget_all(Store& store) {
  if (const auto pruned = store.prune(kNever); !pruned) return pruned.error();
  const auto topics = read_topics(store);
  if (!topics) return topics.error();
  for (const Topic& topic : *topics) {
    if (const auto removed = remove_topic(store, topic.name); !removed) return removed;
  }
  return {};
}

}  // namespace

Hooks::Hooks(Ports& ports, HookPorts& hooks, Respond respond)
    : ports_(ports), hooks_(hooks), respond_(std::move(respond)) {
  shift(Duration{0}, kSoonerAtFirst);
}

void Hooks::on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
  if (!request.path.starts_with(kBase)) return answer_message(slot, 404, "there is no such hook");
  if (request.method != "POST") return answer_message(slot, 405, "hooks are POST");
  perform(request.path.substr(kBase.size()), request.query, slot);
}

void Hooks::perform(std::string_view name, std::string_view query, net::ResponseSlot slot) {
  if (name == "wait-processed") {
    const auto timeout = whole(query, "timeout_ms", kWaitMs);
    if (!timeout) return answer_message(slot, 400, "timeout_ms: a whole number from 0 on is expected");
    return wait_processed(*timeout, slot);
  }
  if (name == "cron-once") return cron_once(slot);
  if (name == "refresh-topics") return answer(slot, 200, "{}");  // they are read when a message is stored
  if (name == "reset") return reset(slot);
  const bool ages = name == "now-forward";
  if (!ages && name != "cron-forward") return answer_message(slot, 404, "there is no such hook");
  const auto given = whole(query, "seconds", std::nullopt);
  if (!given) return answer_message(slot, 400, "seconds: a whole number from 0 on is expected");
  shift(ages ? seconds{*given} : older_, ages ? sooner_ : seconds{*given});
  answer(slot, 200, "{\"seconds\":" + std::to_string(*given) + "}");
}

void Hooks::shift(Duration older, Duration sooner) {
  older_ = older;
  sooner_ = sooner;
  hooks_.feed_hook(engine::ShiftAges{older, sooner});
}

// ---------------------------------------------------------------------------------------------------------- events

void Hooks::wait_processed(std::int64_t timeout_ms, net::ResponseSlot slot) {
  if (!events_.empty()) {
    const std::string gid = std::move(events_.front());
    events_.pop_front();
    return answer_gid(slot, gid);
  }
  if (timeout_ms == 0) return answer_gid(slot, {});
  const std::uint64_t number = ++numbers_;
  waiting_.push_back({number, slot});
  hooks_.after(milliseconds{timeout_ms}, [this, number] {
    const auto at =
        std::find_if(waiting_.begin(), waiting_.end(), [number](const Waiting& one) { return one.number == number; });
    if (at == waiting_.end()) return;
    const net::ResponseSlot late = at->slot;
    waiting_.erase(at);
    answer_gid(late, {});
  });
}

void Hooks::on_pass_ended(std::string_view gid) {
  if (waiting_.empty()) {
    events_.emplace_back(gid);
    return;
  }
  const Waiting first = waiting_.front();
  waiting_.pop_front();
  answer_gid(first.slot, gid);
}

// ---------------------------------------------------------------------------------------------------------- passes

void Hooks::cron_once(net::ResponseSlot slot) {
  engine::Request request;
  request.gid = hooks_.first_pass_due(saturating_add(ports_.now(), sooner_));
  if (request.gid.empty()) return answer_gid(slot, {});
  request.verb = engine::Verb::kPass;
  request.of_dtm = true;
  request.wait = {kAsLongAsItTakes, engine::WaitFor::kPass};
  const std::uint8_t flags = flags_with(Asked::kHook);
  const std::uint64_t number = pending_.add(slot, Route::kOther, flags, ports_.now(), request.gid);
  request.token = make_token(ports_.thread_index(), flags, number);
  ports_.send(std::move(request));
}

void Hooks::on_reply(engine::Token token, const Rendered& /*rendered*/) {
  const PendingReplies::Entry* const entry = pending_.find(number_of(token));
  if (entry == nullptr) return;
  const net::ResponseSlot slot = entry->slot;
  const std::string gid = entry->gid;
  pending_.remove(number_of(token));
  answer_gid(slot, gid);
}

void Hooks::on_gone(net::ResponseSlot slot) {
  std::erase_if(waiting_, [&](const Waiting& one) {
    return one.slot.connection == slot.connection && one.slot.generation == slot.generation;
  });
  for (const std::uint64_t number : pending_.of_connection(slot)) pending_.remove(number);
}

// ----------------------------------------------------------------------------------------------------------- reset

void Hooks::reset(net::ResponseSlot slot) {
  hooks_.feed_hook(engine::EndAll{});
  shift(Duration{0}, kSoonerAtFirst);
  empty_store(slot);
}

/// The ends must be in the store before they can be pruned.
void Hooks::empty_store(net::ResponseSlot slot) {
  if (hooks_.open_transactions() != 0) {
    hooks_.after(kLookAgain, [this, slot] { empty_store(slot); });
    return;
  }
  auto done = std::make_shared<Result<void>>();
  const auto go_on = [this, done, slot] {
    events_.clear();
    if (!*done) return answer_message(slot, 500, done->error().message);
    answer(slot, 200, "{}");
  };
  if (!ports_.read_store([done](Store& store) { *done = forget_all(store); }, go_on))
    answer_message(slot, 500, "too many reads of the store wait already");
}

// --------------------------------------------------------------------------------------------------------- answers

void Hooks::answer(net::ResponseSlot slot, int status, std::string_view body) {
  respond_(slot, status, "application/json", body, {});
}

void Hooks::answer_gid(net::ResponseSlot slot, std::string_view gid) {
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  json.member("gid", gid);
  json.end_object();
  answer(slot, 200, body);
}

void Hooks::answer_message(net::ResponseSlot slot, int status, std::string_view message) {
  std::string body;
  wire::JsonWriter json(body);
  json.begin_object();
  json.member("message", message);
  json.end_object();
  answer(slot, status, body);
}

}  // namespace settle::api::dtm
