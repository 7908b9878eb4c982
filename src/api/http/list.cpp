#include "api/http/list.h"

#include <algorithm>
#include <array>

#include "api/http/document.h"
#include "api/http/limits.h"
#include "model/plan.h"
#include "model/state.h"
#include "wire/instant.h"

namespace settle::api {
namespace {

constexpr std::string_view kParameters =
    "pattern, outcome, phase, incident, label, since, until, limit, cursor and transaction";

template <typename Kind, std::size_t N>
bool take_name(QueryString& query, std::string_view parameter, const std::array<Kind, N>& kinds,
               std::optional<Kind>& out) {
  const std::optional<std::string> text = query.take(parameter);
  if (!text) return true;
  std::string expected;
  for (const Kind kind : kinds) {
    if (name_of(kind) == *text) {
      out = kind;
      return true;
    }
    expected += (expected.empty() ? "" : ", ") + std::string(name_of(kind));
  }
  return query.refuse(parameter, "is \"" + excerpt(*text) + "\"; one of " + expected + " is expected");
}

bool take_instant(QueryString& query, std::string_view parameter, Instant& out) {
  const std::optional<std::string> text = query.take(parameter);
  if (!text) return true;
  const std::optional<Instant> at = wire::parse_instant(*text);
  if (!at) return query.refuse(parameter, "is no instant in UTC such as 2026-01-02T03:04:05Z");
  out = *at;
  return true;
}

bool take_cursor(QueryString& query, std::optional<Tid>& out) {
  const std::optional<std::string> text = query.take("cursor");
  if (!text) return true;
  out = Tid::parse(*text);
  return out.has_value() || query.refuse("cursor", "is none that an earlier list has given");
}

void take_label(QueryString& query, ListRequest& out) {
  const std::optional<std::string> text = query.take("label");
  if (!text) return;
  const std::size_t equals = text->find('=');
  out.label.emplace(text->substr(0, equals), std::nullopt);
  if (equals != std::string::npos) out.label->second = text->substr(equals + 1);
}

bool has_label(const Plan& plan, const ListRequest& request) {
  return std::any_of(plan.labels.begin(), plan.labels.end(), [&request](const auto& label) {
    return label.first == request.label->first && (!request.label->second || label.second == *request.label->second);
  });
}

/// A record that cannot be read still shows what is known of it (failures.md M11).
void append_damaged(std::string& out, const StoredRecord& record) {
  wire::JsonWriter json(out);
  json.begin_object();
  json.member("gid", record.gid);
  json.plain_member("tid", record.tid.text());
  json.plain_member("pattern", name_of(record.summary.pattern));
  json.plain_member("phase", name_of(record.summary.phase));
  json.plain_member("decision", name_of(record.summary.decision));
  json.plain_member("outcome", name_of(record.summary.outcome));
  json.plain_member("created_at", wire::instant_text(record.summary.created_at));
  json.plain_member("updated_at", wire::instant_text(record.summary.updated_at));
  json.key("damaged");
  json.boolean(true);
  json.end_object();
}

/// Adds the record if it is asked for. True: added.
bool append_record(Store& store, const ListRequest& request, StoredRecord& record, std::string& out) {
  if (record.plan.empty()) {
    Result<StoredRecord> whole = store.get(record.tid);
    if (whole) record = std::move(*whole);
  }
  const Result<OwnedPlan> plan = OwnedPlan::decode(record.plan);
  if (request.label && (!plan || !has_label(**plan, request))) return false;
  const Result<State> state = decode_state(record.state);
  if (!plan || !state || state->branches.size() != (*plan)->branches.size()) {
    append_damaged(out, record);
    return true;
  }
  append_summary(out, {record.gid, record.tid, **plan, *state, state->phase, state->decision, state->outcome});
  return true;
}

}  // namespace

bool read_list_request(QueryString& query, ListRequest& out) {
  constexpr std::array kKnownPatterns{Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase};
  constexpr std::array kKnownPhases{Phase::kActing,     Phase::kCompensating, Phase::kPrepared,   Phase::kDelivering,
                                    Phase::kTrying,     Phase::kConfirming,   Phase::kCancelling, Phase::kPreparing,
                                    Phase::kCommitting, Phase::kRollingBack,  Phase::kFollowing,  Phase::kEnded};
  constexpr std::array kOutcomes{GlobalOutcome::kRunning, GlobalOutcome::kCommitted, GlobalOutcome::kAborted};
  ListFilter& filter = out.filter;
  std::int64_t limit = kPageDefault;
  if (!take_name(query, "pattern", kKnownPatterns, filter.pattern) ||
      !take_name(query, "phase", kKnownPhases, filter.phase) ||
      !take_name(query, "outcome", kOutcomes, filter.outcome) || !query.take_flag("incident", filter.has_incident) ||
      !take_instant(query, "since", filter.since) || !take_instant(query, "until", filter.until) ||
      !query.take_whole("limit", 1, kPageMax, ErrorName::kTooMany, limit) || !take_cursor(query, filter.before)) {
    return false;
  }
  filter.limit = static_cast<std::size_t>(limit);
  take_label(query, out);
  return query.finish(kParameters);
}

Rendered render_list(Store& store, const ListRequest& request) {
  Rendered out;
  out.status = 200;
  out.body = R"({"transactions":[)";
  ListFilter page = request.filter;
  page.limit = request.label ? kPageMax : request.filter.limit + 1;
  std::size_t shown = 0;
  std::size_t scanned = 0;
  bool more = true;
  while (more && scanned < kListScannedMax) {
    Result<std::vector<StoredRecord>> records = store.list(page);
    if (!records) {
      return render_problem(ErrorName::kOverloaded, "the store could not be read: " + records.error().message);
    }
    more = records->size() >= page.limit;
    for (StoredRecord& record : *records) {
      if (shown == request.filter.limit) {
        more = true;
        scanned = kListScannedMax;
        break;
      }
      ++scanned;
      page.before = record.tid;
      if (append_record(store, request, record, out.body)) ++shown;
    }
  }
  out.body += ']';
  if (more && page.before) out.body += R"(,"next_cursor":")" + page.before->text() + "\"";
  out.body += '}';
  return out;
}

}  // namespace settle::api
