#include "api/admin/destinations.h"

#include <algorithm>

#include "model/state.h"
#include "net/url.h"
#include "wire/instant.h"
#include "wire/json_writer.h"

namespace settle::api {
namespace {

constexpr std::string_view kDestinations = "/v1/destinations/";
constexpr std::string_view kPause = "/pause";
constexpr std::string_view kResume = "/resume";

std::string_view state_of(const engine::DestinationFigures& figures) {
  if (figures.paused) return "paused";
  switch (figures.breaker) {
    case engine::BreakerState::kClosed:
      return "closed";
    case engine::BreakerState::kOpen:
      return "open";
    case engine::BreakerState::kHalfOpen:
      return "half-open";
  }
  return "closed";
}

const Pause* pause_of(const DestinationsSnapshot& snapshot, std::string_view name) {
  const auto at = std::find_if(snapshot.pauses.begin(), snapshot.pauses.end(),
                               [&](const Pause& pause) { return pause.name == name; });
  return at == snapshot.pauses.end() ? nullptr : &*at;
}

void append(wire::JsonWriter& json, const engine::DestinationFigures& figures, const Pause* pause) {
  const auto count = [&json](std::string_view name, std::uint64_t value) {
    json.key(name);
    json.number(value);
  };
  json.begin_object();
  json.member("name", figures.name);
  json.plain_member("state", state_of(figures));
  count("calls", figures.calls);
  count("calls_open", figures.running);
  count("waiting", figures.waiting);
  count("failures", figures.failures);
  count("failures_in_a_row", figures.failures_in_a_row);
  if (figures.last_error != kNoAnswer) {
    json.member("last_error", answer_text(figures.last_error));
    json.plain_member("last_error_at", wire::instant_text(figures.last_error_at));
  }
  count("breaker_opened", figures.opened);
  const bool waits = !figures.paused && figures.breaker == engine::BreakerState::kOpen;
  if (waits) json.plain_member("probe_at", wire::instant_text(figures.probe_at));
  if (pause != nullptr) {
    json.key("pause");
    json.begin_object();
    json.plain_member("since", wire::instant_text(pause->since));
    json.member("reason", pause->reason);
    if (!pause->who.empty()) json.member("who", pause->who);
    json.end_object();
  }
  json.end_object();
}

int urgency(const engine::DestinationFigures& figures) {
  if (figures.breaker == engine::BreakerState::kOpen) return 0;
  if (figures.breaker == engine::BreakerState::kHalfOpen) return 1;
  if (figures.paused) return 2;
  return figures.waiting > 0 ? 3 : 4;
}

}  // namespace

std::optional<PausePlace> pause_place_of(std::string_view path) {
  if (!path.starts_with(kDestinations)) return std::nullopt;
  path.remove_prefix(kDestinations.size());
  PausePlace place;
  if (path.ends_with(kResume)) {
    place.pause = false;
    path.remove_suffix(kResume.size());
  } else if (path.ends_with(kPause)) {
    path.remove_suffix(kPause.size());
  } else {
    return std::nullopt;
  }
  if (path.empty()) return std::nullopt;
  place.name = path;
  return place;
}

bool is_destination(std::string_view name) { return net::parse_url(name).ok() && engine::destination_of(name) == name; }

Rendered render_destinations(DestinationsSnapshot&& snapshot, std::size_t limit) {
  auto& all = snapshot.figures;
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(urgency(a), std::string_view(a.name)) < std::pair(urgency(b), std::string_view(b.name));
  });
  Rendered out;
  out.status = 200;
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.key("known");
  json.number(all.size());
  json.key("destinations");
  json.begin_array();
  for (std::size_t i = 0; i < std::min(limit, all.size()); ++i) append(json, all[i], pause_of(snapshot, all[i].name));
  json.end_array();
  json.end_object();
  return out;
}

Rendered render_destination(const DestinationsSnapshot& snapshot, std::string_view name) {
  engine::DestinationFigures figures;
  figures.name = name;
  for (const engine::DestinationFigures& one : snapshot.figures) {
    if (one.name == name) figures = one;
  }
  Rendered out;
  out.status = 200;
  wire::JsonWriter json(out.body);
  append(json, figures, pause_of(snapshot, name));
  return out;
}

}  // namespace settle::api
