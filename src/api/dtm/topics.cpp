#include "api/dtm/topics.h"

#include <algorithm>
#include <utility>

#include "api/dtm/request.h"
#include "wire/instant.h"
#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

constexpr std::string_view kSpace = "dtm";
constexpr std::string_view kKey = "topics";

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

std::string text_of(const std::vector<Subscriber>& subscribers) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_array();
  for (const Subscriber& one : subscribers) {
    json.begin_object();
    json.member("url", one.url);
    json.member("remark", one.remark);
    json.end_object();
  }
  json.end_array();
  return out;
}

std::string encode(const std::vector<Topic>& topics) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_array();
  for (const Topic& topic : topics) {
    json.begin_object();
    json.member("name", topic.name);
    json.key("subscribers");
    json.raw(text_of(topic.subscribers));
    json.key("version");
    json.number(topic.version);
    json.key("created_us");
    json.number(micros(topic.created_at));
    json.key("updated_us");
    json.number(micros(topic.updated_at));
    json.end_object();
  }
  json.end_array();
  return out;
}

bool take(const Json& one, Topic& out) {
  if (!one.is_object()) return false;
  out.name = one.value("name", "");
  out.version = one.value("version", std::uint64_t{1});
  out.created_at = instant_of(one.value("created_us", std::int64_t{0}));
  out.updated_at = instant_of(one.value("updated_us", std::int64_t{0}));
  for (const Json& subscriber : one.value("subscribers", Json::array())) {
    out.subscribers.push_back({subscriber.value("url", ""), subscriber.value("remark", "")});
  }
  return !out.name.empty();
}

Result<std::vector<Topic>> decode(std::string_view text) {
  std::vector<Topic> topics;
  const Json json = parse(text);
  bool fine = json.is_array();
  try {
    for (const Json& one : fine ? json : Json::array()) fine = fine && take(one, topics.emplace_back());
  } catch (const Json::exception&) {
    fine = false;  // a member of another type
  }
  if (!fine) return Error{ErrorCode::kCorrupt, "what the store holds as topics cannot be read"};
  return topics;
}

Result<void> write(Store& store, const std::vector<Topic>& topics) {
  return store.put_value(kSpace, kKey, topics.empty() ? std::string() : encode(topics));
}

auto place_of(std::vector<Topic>& topics, const std::string& name) {
  return std::lower_bound(topics.begin(), topics.end(), name,
                          [](const Topic& topic, const std::string& wanted) { return topic.name < wanted; });
}

}  // namespace

Result<std::vector<Topic>> read_topics(Store& store) {
  const auto stored = store.get_value(kSpace, kKey);
  if (!stored) return stored.error();
  return *stored ? decode(**stored) : std::vector<Topic>();
}

Result<void> subscribe(Store& store, const std::string& topic, const std::string& url, const std::string& remark,
                       Instant now) {
  if (topic.empty()) return invalid("empty topic");
  if (url.empty()) return invalid("empty url");
  auto topics = read_topics(store);
  if (!topics) return topics.error();
  auto at = place_of(*topics, topic);
  if (at == topics->end() || at->name != topic) {
    if (topics->size() >= kTopicsMax) return invalid("there are 10000 topics already");
    at = topics->insert(at, Topic{topic, {}, 0, now, now});
  }
  const bool known = std::any_of(at->subscribers.begin(), at->subscribers.end(),
                                 [&](const Subscriber& one) { return one.url == url; });
  if (known) return invalid("this url exists");
  if (at->subscribers.size() >= kSubscribersMax) return invalid("this topic has 256 subscribers already");
  at->subscribers.push_back({url, remark});
  ++at->version;
  at->updated_at = now;
  return write(store, *topics);
}

Result<void> unsubscribe(Store& store, const std::string& topic, const std::string& url, Instant now) {
  if (topic.empty()) return invalid("empty topic");
  if (url.empty()) return invalid("empty url");
  auto topics = read_topics(store);
  if (!topics) return topics.error();
  const auto at = place_of(*topics, topic);
  if (at == topics->end() || at->name != topic) return invalid("no such a topic");
  if (at->subscribers.empty()) return invalid("this topic is empty");
  if (std::erase_if(at->subscribers, [&](const Subscriber& one) { return one.url == url; }) == 0)
    return invalid("no such an url ");
  ++at->version;
  at->updated_at = now;
  return write(store, *topics);
}

Result<void> remove_topic(Store& store, const std::string& topic) {
  auto topics = read_topics(store);
  if (!topics) return topics.error();
  const auto at = place_of(*topics, topic);
  if (at == topics->end() || at->name != topic) return invalid("storage: NotFound");
  topics->erase(at);
  return write(store, *topics);
}

void append_entry(std::string& out, const Topic& topic) {
  wire::JsonWriter json(out);
  json.begin_object();
  json.key("id");
  json.number(0);
  json.plain_member("create_time", wire::instant_text(topic.created_at));
  json.plain_member("update_time", wire::instant_text(topic.updated_at));
  json.plain_member("cat", kTopicsCategory);
  json.member("k", topic.name);
  json.member("v", text_of(topic.subscribers));
  json.key("version");
  json.number(topic.version);
  json.end_object();
}

}  // namespace settle::api::dtm
