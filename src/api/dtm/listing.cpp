#include "api/dtm/listing.h"

#include <algorithm>

#include "api/dtm/document.h"
#include "api/dtm/render.h"
#include "api/dtm/topics.h"
#include "api/http/limits.h"
#include "model/plan.h"
#include "model/state.h"
#include "wire/dtm_words.h"
#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

constexpr std::size_t kPage = 100;

/// A record of a DTM client, decoded.
struct Read {
  OwnedPlan plan;
  State state;
};

std::optional<Read> read(Store& store, StoredRecord& record) {
  if (record.plan.empty()) {
    auto whole = store.get(record.tid);
    if (!whole) return std::nullopt;  // pruned meanwhile
    record = std::move(*whole);
  }
  auto plan = OwnedPlan::decode(record.plan);
  auto state = decode_state(record.state);
  if (!plan || !state || (*plan)->dialect == Dialect::kSettle) return std::nullopt;
  return Read{std::move(*plan), std::move(*state)};
}

/// Visits what the filter finds, newest first, until `visit` says enough. Errors: those of the store.
template <typename Visit>
Result<void> walk(Store& store, ListFilter filter, Visit&& visit) {
  filter.limit = kPage;
  for (std::size_t seen = 0; seen < kListScannedMax; seen += kPage) {
    auto page = store.list(filter);
    if (!page) return page.error();
    for (StoredRecord& record : *page) {
      filter.before = record.tid;
      if (!visit(record)) return {};
    }
    if (page->size() < kPage) return {};
  }
  return {};
}

Rendered one(Store& store, const std::string& gid) {
  Rendered out = success();
  out.body = R"({"next_position":"","transactions":)";
  auto record = store.get(gid);
  std::optional<Read> found;
  if (record) found = read(store, *record);
  if (found) {
    out.body += '[';
    append_transaction(out.body, gid, *found->plan, found->state);
    out.body += "]}";
  } else {
    out.body += "null}";
  }
  return out;
}

ListFilter filter_of(const ListAsked& asked) {
  ListFilter filter;
  filter.pattern = wire::pattern_of_dtm(asked.trans_type);
  if (asked.from_ms > 0) filter.since = kNoInstant + milliseconds{asked.from_ms};
  if (asked.to_ms > 0) filter.until = kNoInstant + milliseconds{asked.to_ms + 1};
  if (!asked.position.empty()) filter.before = Tid::parse(asked.position);
  return filter;
}

}  // namespace

Rendered list(Store& store, const ListAsked& asked) {
  if (!asked.gid.empty()) return one(store, asked.gid);
  Rendered out = success();
  std::string transactions;
  std::string position;
  std::int64_t count = 0;
  wire::JsonWriter json(transactions);
  const auto visit = [&](StoredRecord& record) {
    const std::optional<Read> found = read(store, record);
    if (!found || (!asked.status.empty() && status_of(found->state) != asked.status)) return true;
    std::string text;
    append_transaction(text, record.gid, *found->plan, found->state);
    json.raw(text);
    if (++count < asked.limit) return true;
    position = record.tid.text();
    return false;
  };
  json.begin_array();
  if (asked.trans_type.empty() || wire::pattern_of_dtm(asked.trans_type)) {
    if (const auto walked = walk(store, filter_of(asked), visit); !walked) return trouble(walked.error().message);
  }
  json.end_array();
  out.body = R"({"next_position":")" + position + R"(","transactions":)" + transactions + "}";
  return out;
}

Result<Overdue> waiting_until(Store& store, Instant later_than, std::size_t limit) {
  Overdue out;
  ListFilter filter;
  filter.outcome = GlobalOutcome::kRunning;
  const auto visit = [&](StoredRecord& record) {
    const std::optional<Read> found = read(store, record);
    if (!found || found->state.stopped || found->state.clock.next_at <= later_than) return true;
    out.has_more = out.gids.size() == limit;
    if (!out.has_more) out.gids.push_back(record.gid);
    return !out.has_more;
  };
  if (const auto walked = walk(store, filter, visit); !walked) return walked.error();
  return out;
}

Rendered entries(Store& store, const std::string& category, const std::optional<std::string>& key,
                 const std::string& position, std::int64_t limit) {
  const auto topics = read_topics(store);
  if (!topics) return trouble(topics.error().message);
  std::string list;
  std::string next;
  std::int64_t count = 0;
  wire::JsonWriter json(list);
  json.begin_array();
  for (const Topic& topic : category == kTopicsCategory ? *topics : std::vector<Topic>()) {
    if ((key && topic.name != *key) || (!key && topic.name <= position)) continue;
    std::string text;
    append_entry(text, topic);
    json.raw(text);
    if (++count < limit) continue;
    next = topic.name;
    break;
  }
  json.end_array();
  Rendered out = success();
  out.body.clear();
  wire::JsonWriter body(out.body);
  body.begin_object();
  body.key("kv");
  body.raw(list);
  if (!key) body.member("next_position", next);
  body.end_object();
  return out;
}

}  // namespace settle::api::dtm
