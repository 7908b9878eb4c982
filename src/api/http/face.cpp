#include "api/http/face.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/http/limits.h"
#include "api/http/list.h"
#include "api/http/problem.h"
#include "api/http/verb_json.h"
#include "settle/ids.h"
#include "wire/json_writer.h"
#include "wire/trace_context.h"

namespace settle::api {
namespace {

/// Whether the query holds a parameter of that name; values are read later.
bool names_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.substr(0, pair.find('=')) == name) return true;
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  return false;
}

std::string_view trace_parent_of(const net::HttpRequest& request) {
  const std::optional<std::string_view> header = request.header("traceparent");
  return header && wire::parse_trace_parent(*header) ? *header : std::string_view();
}

engine::Verb verb_of(Route route) {
  switch (route) {
    case Route::kSubmit:
      return engine::Verb::kSubmit;
    case Route::kAbort:
      return engine::Verb::kAbort;
    case Route::kReport:
      return engine::Verb::kReport;
    case Route::kEnlist:
      return engine::Verb::kEnlist;
    default:
      return engine::Verb::kQuery;
  }
}

Asked asked_by(Route route) {
  switch (route) {
    case Route::kBegin:
      return Asked::kBegin;
    case Route::kSubmit:
      return Asked::kSubmit;
    case Route::kAbort:
      return Asked::kAbort;
    case Route::kReport:
      return Asked::kReport;
    case Route::kEnlist:
      return Asked::kEnlist;
    default:
      return Asked::kQuery;
  }
}

bool take_wait(QueryString& query, engine::Wait& out) {
  std::int64_t ms = 0;
  if (!query.take_whole("wait_ms", 0, kTimeMsMax, ErrorName::kInvalid, ms)) return false;
  out.lasting = milliseconds{ms};
  const std::optional<std::string> until = query.take("wait_for");
  if (!until) return true;
  if (*until != "end" && *until != "decision") {
    return query.refuse("wait_for", "is \"" + excerpt(*until) + "\"; end or decision is expected");
  }
  out.until = *until == "end" ? engine::WaitFor::kEnd : engine::WaitFor::kDecision;
  return true;
}

}  // namespace

std::optional<std::string> transaction_name(std::string_view gid_in_path, QueryString& query, Refusal& refusal) {
  std::optional<std::string> tid = query.take("transaction");
  if (!query.ok()) {
    refusal = query.refusal();
    return std::nullopt;
  }
  if (gid_in_path.empty() == !tid) {
    const std::string_view found = tid ? "named twice" : "not named";
    refusal = {
        ErrorName::kInvalid,
        {},
        "the transaction is " + std::string(found) + "; either a gid in the path, or ?transaction=TID, is expected"};
    return std::nullopt;
  }
  if (tid) {
    if (Tid::parse(*tid)) return tid;
    refusal = {
        ErrorName::kInvalid, {}, "query parameter \"transaction\" is no tid: 26 characters, as documents show it"};
    return std::nullopt;
  }
  std::optional<std::string> gid = percent_decoded(gid_in_path);
  if (gid && is_gid(*gid)) return gid;
  refusal = {ErrorName::kInvalid, {}, "the path holds no gid: 1 to 128 characters of A-Z a-z 0-9 . _ : - are"};
  return std::nullopt;
}

Face::Face(Ports& ports, Respond respond) : ports_(ports), respond_(std::move(respond)) {}

void Face::on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
  const bool has_transaction = !request.query.empty() && names_parameter(request.query, "transaction");
  const Place place = place_of(request.method, request.path, has_transaction);
  if (place.route == Route::kBegin && request.query.empty()) return begin(request, slot);
  if (place.route == Route::kOther) return no_such_place(place, request, slot);
  QueryString query(request.query);
  switch (place.route) {
    case Route::kBegin:
      (void)query.finish({});
      return answer(Route::kBegin, ports_.now(), slot, render_problem(query.refusal()));
    case Route::kList:
      return list(query, slot);
    case Route::kGids:
      return gids(query, slot);
    default:
      return verb(place, query, request, slot);
  }
}

void Face::begin(const net::HttpRequest& request, net::ResponseSlot slot) {
  const Instant now = ports_.now();
  if (!plan_.read(request.body, trace_parent_of(request), now)) {
    return answer(Route::kBegin, now, slot, render_problem(plan_.refusal()));
  }
  const std::uint8_t flags = flags_with(0, Asked::kBegin);
  const std::uint64_t number = pending_.add(slot, Route::kBegin, flags, now, plan_.gid());
  ports_.send(engine::Begin{.token = make_token(ports_.thread_index(), flags, number),
                            .gid = std::string(plan_.gid()),
                            .plan = OwnedPlan::encode(plan_.plan()),
                            .wait = plan_.wait()});
}

bool Face::read_verb(const Place& place, QueryString& query, const net::HttpRequest& request, engine::Request& out,
                     std::uint8_t& flags, Refusal& refusal) {
  std::optional<std::string> gid = transaction_name(place.gid, query, refusal);
  if (!gid) return false;
  out.gid = std::move(*gid);
  std::optional<bool> timeline;
  // An enlist is answered as soon as it is durable; there is nothing to wait for.
  const bool may_wait = place.route != Route::kEnlist;
  if ((may_wait && !take_wait(query, out.wait)) || !query.take_flag("timeline", timeline) ||
      !query.finish(may_wait ? "wait_ms, wait_for, timeline and transaction" : "timeline and transaction")) {
    refusal = query.refusal();
    return false;
  }
  if (timeline.value_or(false)) flags |= kWithTimeline;
  if (place.route == Route::kEnlist) {
    if (!plan_.read_enlisted(request.body)) {
      refusal = plan_.refusal();
      return false;
    }
    out.enlisted = std::make_shared<const OwnedPlan>(OwnedPlan::encode(plan_.plan()));
    return true;
  }
  bool fine = true;
  if (place.route == Route::kSubmit) {
    fine = read_submit(body_, request.body, out);
  } else if (place.route == Route::kAbort) {
    fine = read_abort(body_, request.body, out);
  } else if (place.route == Route::kReport) {
    const std::optional<std::string> branch = percent_decoded(place.branch);
    if (!branch || !is_branch_id(*branch)) {
      refusal = {ErrorName::kInvalid, {}, "the path holds no branch id: 1 to 64 characters of A-Z a-z 0-9 . _ - are"};
      return false;
    }
    out.branch = *branch;
    fine = read_report(body_, request.body, out);
  }
  if (!fine) refusal = body_.refusal();
  return fine;
}

void Face::verb(const Place& place, QueryString& query, const net::HttpRequest& request, net::ResponseSlot slot) {
  engine::Request out;
  out.verb = verb_of(place.route);
  std::uint8_t flags = flags_with(0, asked_by(place.route));
  Refusal refusal;
  if (!read_verb(place, query, request, out, flags, refusal)) {
    return answer(place.route, ports_.now(), slot, render_problem(refusal));
  }
  const std::uint64_t number = pending_.add(slot, place.route, flags, ports_.now(), out.gid);
  out.token = make_token(ports_.thread_index(), flags, number);
  ports_.send(std::move(out));
}

void Face::list(QueryString& query, net::ResponseSlot slot) {
  const Instant now = ports_.now();
  struct Job {
    ListRequest request;
    Rendered answer;
  };
  auto job = std::make_shared<Job>();
  if (!read_list_request(query, job->request)) {
    return answer(Route::kList, now, slot, render_problem(query.refusal()));
  }
  const bool taken = ports_.read_store([job](Store& store) { job->answer = render_list(store, job->request); },
                                       [this, job, slot, now] { answer(Route::kList, now, slot, job->answer); });
  if (taken) return;
  answer(
      Route::kList, now, slot,
      render_problem(ErrorName::kOverloaded, "too many reads of the store wait already; repeat it after Retry-After"));
}

void Face::gids(QueryString& query, net::ResponseSlot slot) {
  std::int64_t count = 1;
  if (!query.take_whole("count", 1, kFreshGidsMax, ErrorName::kTooMany, count) || !query.finish("count")) {
    return answer(Route::kGids, ports_.now(), slot, render_problem(query.refusal()));
  }
  Rendered out;
  out.status = 200;
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.key("gids");
  json.begin_array();
  for (std::int64_t i = 0; i < count; ++i) json.plain(ports_.fresh_gid());
  json.end_array();
  json.end_object();
  answer(Route::kGids, ports_.now(), slot, out);
}

void Face::no_such_place(const Place& place, const net::HttpRequest& request, net::ResponseSlot slot) {
  const std::string path = excerpt(request.path);
  Rendered out;
  if (place.allow.empty()) {
    out =
        render_problem(ErrorName::kUnknownRoute, "there is no " + path + "; transactions live under /v1/transactions");
  } else {
    out = render_problem(ErrorName::kMethodNotAllowed,
                         path + " takes " + std::string(place.allow) + ", not " + excerpt(request.method, 16));
    out.extra_headers = "allow: " + std::string(place.allow) + "\r\n";
  }
  answer(Route::kOther, ports_.now(), slot, out);
}

void Face::on_reply(engine::Token token, Rendered&& rendered) {
  const PendingReplies::Entry* const entry = pending_.find(number_of(token));
  if (entry == nullptr) return;
  if (rendered.lacks_gid && !entry->gid.empty()) add_gid(rendered, entry->gid);
  answer(entry->route, entry->since, entry->slot, rendered);
  pending_.remove(number_of(token));
}

void Face::on_gone(net::ResponseSlot slot) {
  for (const std::uint64_t number : pending_.of_connection(slot)) {
    const PendingReplies::Entry* const entry = pending_.find(number);
    if (entry == nullptr) continue;
    ++figures_.of(entry->route).by_class[0];
    const engine::Token token = make_token(ports_.thread_index(), entry->flags, number);
    pending_.remove(number);
    ports_.send(engine::GaveUp{token});
  }
}

void Face::answer(Route route, Instant since, net::ResponseSlot slot, const Rendered& rendered) {
  HttpFigures::OfRoute& figures = figures_.of(route);
  ++figures.by_class[static_cast<std::size_t>(rendered.status / 100)];
  figures.duration.add(ports_.now() - since);
  respond_(slot, rendered.status, rendered.content_type, rendered.body, rendered.extra_headers);
}

}  // namespace settle::api
