#include "daemon/pauses.h"

#include <algorithm>
#include <utility>

#include "wire/json_reader.h"
#include "wire/json_writer.h"

namespace settle::daemon {
namespace {

constexpr std::string_view kSpace = "destinations";
constexpr std::string_view kKey = "paused";

Error no_pauses() { return Error{ErrorCode::kCorrupt, "what the store holds as paused destinations cannot be read"}; }

bool has(const std::vector<api::Pause>& pauses, const std::string& name) {
  return std::any_of(pauses.begin(), pauses.end(), [&](const api::Pause& pause) { return pause.name == name; });
}

bool take_pause(wire::JsonReader& json, api::Pause& out) {
  std::string_view key;
  if (!json.enter_object()) return false;
  while (json.next_member(key)) {
    if (key == "name") {
      out.name = json.string();
    } else if (key == "reason") {
      out.reason = json.string();
    } else if (key == "who") {
      out.who = json.string();
    } else if (key == "since_us") {
      out.since = instant_of(wire::whole_number(json.number()).value_or(0));
    } else {
      (void)json.raw();  // of a later version
    }
  }
  return json.ok() && !out.name.empty();
}

Result<std::vector<api::Pause>> read(Store& store) {
  const auto stored = store.get_value(kSpace, kKey);
  if (!stored) return stored.error();
  const std::optional<std::string>& text = *stored;
  return text ? decode_pauses(*text) : std::vector<api::Pause>();
}

}  // namespace

std::string encode_pauses(const std::vector<api::Pause>& pauses) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_array();
  for (const api::Pause& pause : pauses) {
    json.begin_object();
    json.member("name", pause.name);
    json.member("reason", pause.reason);
    json.member("who", pause.who);
    json.key("since_us");
    json.number(micros(pause.since));
    json.end_object();
  }
  json.end_array();
  return out;
}

Result<std::vector<api::Pause>> decode_pauses(std::string_view text) {
  std::vector<api::Pause> out;
  wire::JsonReader json;
  json.open(text);
  if (!json.enter_array()) return no_pauses();
  while (json.next_element()) {
    if (!take_pause(json, out.emplace_back())) return no_pauses();
  }
  if (!json.finish()) return no_pauses();
  return out;
}

Result<void> Pauses::refresh(Store& store) {
  auto pauses = read(store);
  if (!pauses) return pauses.error();
  take(std::move(*pauses));
  return {};
}

api::PauseResult Pauses::change(Store& store, const api::Pause& pause, bool paused) {
  using Outcome = api::PauseResult::Outcome;
  auto read_now = read(store);
  if (!read_now) return {Outcome::kNotStored, read_now.error().message};
  std::vector<api::Pause>& pauses = *read_now;
  std::erase_if(pauses, [&](const api::Pause& other) { return other.name == pause.name; });
  if (paused) pauses.push_back(pause);
  if (pauses.size() > api::kPausesMax) {
    return {Outcome::kTooMany, "at most " + std::to_string(api::kPausesMax) + " destinations can be paused"};
  }
  const Result<void> kept = store.put_value(kSpace, kKey, pauses.empty() ? std::string() : encode_pauses(pauses));
  if (!kept) return {Outcome::kNotStored, kept.error().message};
  take(std::move(pauses));
  // Also one that is not paused: its breaker is asked to try at once.
  if (!paused) told_(pause.name, false);
  return {};
}

void Pauses::take(std::vector<api::Pause>&& pauses) {
  std::vector<api::Pause> before;
  {
    const std::lock_guard hold(lock_);
    before = std::exchange(pauses_, std::move(pauses));
    pauses = pauses_;
  }
  for (const api::Pause& pause : before) {
    if (!has(pauses, pause.name)) told_(pause.name, false);
  }
  for (const api::Pause& pause : pauses) {
    if (!has(before, pause.name)) told_(pause.name, true);
  }
}

std::vector<api::Pause> Pauses::all() const {
  const std::lock_guard hold(lock_);
  return pauses_;
}

}  // namespace settle::daemon
