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

/// Visits what the filter finds, newest first, until `visit` says enough or so many records have been looked at. The
/// record at which it ended, behind which there may be more; nothing: everything has been visited. Errors: those of the
/// store.
template <typename Visit>
Result<std::optional<Tid>> walk(Store& store, ListFilter filter, std::size_t scanned_max, Visit&& visit) {
  for (std::size_t seen = 0; seen < scanned_max;) {
    filter.limit = std::min(kPage, scanned_max - seen);
    auto page = store.list(filter);
    if (!page) return page.error();
    for (StoredRecord& record : *page) {
      filter.before = record.tid;
      if (!visit(record)) return filter.before;
    }
    if (page->size() < filter.limit) return std::optional<Tid>();
    seen += page->size();
  }
  return filter.before;
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
  std::optional<Tid> position;
  std::int64_t count = 0;
  wire::JsonWriter json(transactions);
  const auto visit = [&](StoredRecord& record) {
    const std::optional<Read> found = read(store, record);
    if (!found || (!asked.status.empty() && status_of(found->state) != asked.status)) return true;
    std::string text;
    append_transaction(text, record.gid, *found->plan, found->state);
    json.raw(text);
    return ++count < asked.limit;
  };
  json.begin_array();
  if (asked.trans_type.empty() || wire::pattern_of_dtm(asked.trans_type)) {
    auto walked = walk(store, filter_of(asked), asked.scanned_max, visit);
    if (!walked) return trouble(walked.error().message);
    position = *walked;
  }
  json.end_array();
  out.body = R"({"next_position":")" + (position ? position->text() : std::string()) + R"(","transactions":)" +
             transactions + "}";
  return out;
}

Result<Overdue> waiting_until(Store& store, Instant later_than, std::size_t limit, std::size_t scanned_max) {
  Overdue out;
  ListFilter filter;
  filter.outcome = GlobalOutcome::kRunning;
  const auto visit = [&](StoredRecord& record) {
    const std::optional<Read> found = read(store, record);
    if (!found || found->state.stopped || found->state.clock.next_at <= later_than) return true;
    if (out.gids.size() == limit) return false;
    out.gids.push_back(record.gid);
    return true;
  };
  const auto walked = walk(store, filter, scanned_max, visit);
  if (!walked) return walked.error();
  out.has_more = walked->has_value();
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
