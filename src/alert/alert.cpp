#include "alert/alert.h"

#include "digest/sha256.h"
#include "wire/instant.h"
#include "wire/json_writer.h"

namespace settle::alert {
namespace {

void text_member(wire::JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.member(name, text);
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kIncidentOpened:
      return "incident-opened";
    case Kind::kIncidentClosed:
      return "incident-closed";
    case Kind::kOldestOverBound:
      return "oldest-over-bound";
    case Kind::kOldestBackBelow:
      return "oldest-back-below";
    case Kind::kDestinationDown:
      return "destination-down";
    case Kind::kDestinationBack:
      return "destination-back";
  }
  return "?";
}

std::string id_of(const Alert& alert) {
  std::string id(name_of(alert.kind));
  if (!alert.gid.empty()) id += ":" + alert.gid;
  if (!alert.destination.empty()) id += ":" + alert.node + ":" + alert.destination;
  if (alert.gid.empty() && alert.destination.empty()) id += ":" + alert.node;
  const Instant when = alert.kind == Kind::kIncidentOpened ? alert.since : alert.at;
  return id + ":" + std::to_string(micros(when));
}

std::string body_of(const Alert& alert) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object();
  json.member("id", id_of(alert));
  json.plain_member("kind", name_of(alert.kind));
  json.plain_member("at", wire::instant_text(alert.at));
  text_member(json, "node", alert.node);
  text_member(json, "gid", alert.gid);
  text_member(json, "branch", alert.branch);
  text_member(json, "cause", alert.cause);
  if (alert.since != kNoInstant) json.plain_member("since", wire::instant_text(alert.since));
  if (alert.again) {
    json.key("again");
    json.boolean(true);
  }
  text_member(json, "destination", alert.destination);
  text_member(json, "last_error", alert.last_error);
  if (alert.bound > Duration{0}) {
    json.key("bound_ms");
    json.number(std::chrono::duration_cast<milliseconds>(alert.bound).count());
  }
  json.end_object();
  return out;
}

std::string signature_of(std::string_view secret, std::string_view timestamp, std::string_view body) {
  return "v1=" + digest::hmac_sha256_hex(secret, {timestamp, ".", body});
}

}  // namespace settle::alert
