#include "api/admin/admin.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "api/http/list.h"
#include "api/http/problem.h"
#include "api/http/verb_json.h"
#include "settle/ids.h"
#include "wire/json_writer.h"

namespace settle::api {
namespace {

constexpr std::string_view kTransactions = "/v1/transactions/";
constexpr std::size_t kOperatorBytesMax = 128;
constexpr std::int64_t kAuditPageDefault = 100;
constexpr std::int64_t kAuditPageMax = 1000;
constexpr std::int64_t kDestinationsDefault = 100;
constexpr std::int64_t kDestinationsMax = 10'000;

Rendered not_ready(std::string_view reason) {
  Rendered out;
  out.status = 503;
  out.extra_headers = "retry-after: 1\r\n";
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.plain_member("status", "not-ready");
  json.member("reason", reason);
  json.end_object();
  return out;
}

Rendered fine(std::string_view status) {
  Rendered out;
  out.status = 200;
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.plain_member("status", status);
  json.end_object();
  return out;
}

Asked asked_by(engine::Verb verb) {
  switch (verb) {
    case engine::Verb::kResolve:
      return Asked::kResolve;
    case engine::Verb::kStop:
      return Asked::kStop;
    default:
      return Asked::kRetry;
  }
}

bool read_body(BodyReader& body, std::string_view text, engine::Request& out) {
  switch (out.verb) {
    case engine::Verb::kResolve:
      return read_resolve(body, text, out);
    case engine::Verb::kStop:
      return read_stop(body, text, out);
    default:
      return read_retry(body, text, out);
  }
}

std::string_view name_of(engine::Verb verb) {
  if (verb == engine::Verb::kResolve) return "resolve";
  return verb == engine::Verb::kStop ? "stop" : "retry";
}

std::string_view name_of(engine::Resolution as) {
  if (as == engine::Resolution::kDone) return "done";
  return as == engine::Resolution::kSkipped ? "skipped" : "cancelled";
}

/// Whoever the request says it comes from; nothing proves it.
std::string who_of(const net::HttpRequest& request) {
  return excerpt(request.header("settle-operator").value_or(""), kOperatorBytesMax);
}

audit::Record record_of(const engine::Request& request, std::string who) {
  audit::Record record;
  record.who = std::move(who);
  record.verb = name_of(request.verb);
  record.gid = request.gid;
  record.branch = request.branch;
  if (request.verb == engine::Verb::kResolve) record.as = name_of(request.as);
  record.reason = request.reason;
  return record;
}

constexpr std::string_view kBusy = "too many reads of the store wait already; repeat it after Retry-After";

/// "retry", "stop", "branches/{id}/resolve".
std::optional<OperatorPlace> verb_place_of(std::string_view path) {
  constexpr std::string_view kBranches = "branches/";
  constexpr std::string_view kResolve = "/resolve";
  OperatorPlace place;
  if (path == "retry") return place;
  if (path == "stop") {
    place.verb = engine::Verb::kStop;
    return place;
  }
  if (!path.starts_with(kBranches) || !path.ends_with(kResolve) || path.size() <= kBranches.size() + kResolve.size()) {
    return std::nullopt;
  }
  place.verb = engine::Verb::kResolve;
  place.branch = path.substr(kBranches.size(), path.size() - kBranches.size() - kResolve.size());
  if (place.branch.find('/') != std::string_view::npos) return std::nullopt;
  return place;
}

}  // namespace

std::optional<OperatorPlace> operator_place_of(std::string_view path) {
  if (!path.starts_with(kTransactions)) return std::nullopt;
  path.remove_prefix(kTransactions.size());
  if (std::optional<OperatorPlace> place = verb_place_of(path)) return place;
  const std::size_t end = path.find('/');
  if (end == 0 || end == std::string_view::npos) return std::nullopt;
  std::optional<OperatorPlace> place = verb_place_of(path.substr(end + 1));
  if (place) place->gid = path.substr(0, end);
  return place;
}

AdminFace::AdminFace(Ports& ports, AdminPorts& admin, Respond respond)
    : ports_(ports), admin_(admin), respond_(std::move(respond)) {}

void AdminFace::on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
  const std::string_view path = request.path;
  const std::optional<OperatorPlace> place = operator_place_of(path);
  const std::optional<PausePlace> pausing = pause_place_of(path);
  const bool known = path == "/healthz" || path == "/readyz" || path == "/metrics" || path == "/v1/incidents" ||
                     path == "/v1/audit" || path == "/v1/destinations" || path == "/v1/nodes" || place || pausing;
  if (!known) {
    return answer(slot, render_problem(ErrorName::kUnknownRoute,
                                       "there is no " + excerpt(path) +
                                           " on the admin listener; transactions are read on api.http"));
  }
  const std::string_view allowed = place || pausing ? "POST" : "GET";
  if (request.method != allowed) {
    Rendered out = render_problem(ErrorName::kMethodNotAllowed, excerpt(path) + " takes " + std::string(allowed) +
                                                                    ", not " + excerpt(request.method, 16));
    out.extra_headers = "allow: " + std::string(allowed) + "\r\n";
    return answer(slot, out);
  }
  QueryString query(request.query);
  if (place) return operate(*place, query, request, slot);
  if (path == "/v1/incidents") return incidents(query, slot);
  if (pausing) return pause(*pausing, query, request, slot);
  if (path == "/v1/audit") return audit(query, slot);
  if (path == "/v1/nodes") return nodes(query, slot);
  if (path == "/v1/destinations") return destinations(query, slot);
  if (!query.finish({})) return answer(slot, render_problem(query.refusal()));
  if (path == "/healthz") return answer(slot, fine("ok"));
  return path == "/readyz" ? readyz(slot) : metrics(slot);
}

bool AdminFace::take(std::vector<Waiting>& list, std::uint64_t number) {
  const auto at =
      std::find_if(list.begin(), list.end(), [number](const Waiting& waiting) { return waiting.number == number; });
  if (at == list.end()) return false;
  list.erase(at);
  return true;
}

// ----------------------------------------------------------------------------------------------------------- readyz

// One probe at a time: a store that hangs must not fill the queue of reads with probes.
void AdminFace::readyz(net::ResponseSlot slot) {
  const std::uint64_t number = ++numbers_;
  for_probe_.push_back({number, slot});
  admin_.after(kProbeTimeout, [this, number, slot] {
    if (take(for_probe_, number)) answer(slot, not_ready("the store did not answer within two seconds"));
  });
  if (!probing_) start_probe();
}

void AdminFace::start_probe() {
  probing_ = true;
  auto result = std::make_shared<Result<void>>();
  const bool taken =
      ports_.read_store([result](Store& store) { *result = store.probe(); }, [this, result] { probed(*result); });
  if (taken) return;
  probing_ = false;
  answer_ready(not_ready("too many reads of the store wait"));
}

void AdminFace::probed(const Result<void>& result) {
  probing_ = false;
  if (!result) return answer_ready(not_ready("the store cannot write: " + result.error().message));
  if (for_probe_.empty()) return;
  admin_.collect([this](const MetricsSnapshot& snapshot) {
    answer_ready(snapshot.is_ready ? fine("ready") : not_ready("shards are being loaded"));
  });
}

void AdminFace::answer_ready(const Rendered& rendered) {
  for (const Waiting& waiting : std::exchange(for_probe_, {})) answer(waiting.slot, rendered);
}

// ---------------------------------------------------------------------------------------------------------- metrics

void AdminFace::metrics(net::ResponseSlot slot) {
  const std::uint64_t number = ++numbers_;
  for_metrics_.push_back({number, slot});
  admin_.after(kProbeTimeout, [this, number, slot] {
    if (take(for_metrics_, number)) answer(slot, not_ready("a worker did not answer within two seconds"));
  });
  admin_.collect([this, number, slot](const MetricsSnapshot& snapshot) {
    if (!take(for_metrics_, number)) return;
    Rendered out;
    out.status = 200;
    out.content_type = "text/plain; version=0.0.4; charset=utf-8";
    out.body = metrics_text(snapshot, ports_.now());
    answer(slot, out);
  });
}

// ------------------------------------------------------------------------------------------------------------ verbs

void AdminFace::operate(const OperatorPlace& place, QueryString& query, const net::HttpRequest& request,
                        net::ResponseSlot slot) {
  Refusal refusal;
  std::optional<std::string> name = transaction_name(place.gid, query, refusal);
  if (!name) return answer(slot, render_problem(refusal));
  if (!query.finish("transaction")) return answer(slot, render_problem(query.refusal()));
  engine::Request out;
  out.verb = place.verb;
  out.gid = std::move(*name);
  if (place.verb == engine::Verb::kResolve) {
    const std::optional<std::string> branch = percent_decoded(place.branch);
    if (!branch || !is_branch_id(*branch)) {
      return answer(slot, render_problem(ErrorName::kInvalid,
                                         "the path holds no branch id: 1 to 64 characters of A-Z a-z 0-9 . _ - are"));
    }
    out.branch = *branch;
  }
  if (!read_body(body_, request.body, out)) return answer(slot, render_problem(body_.refusal()));
  auto kept = std::make_shared<engine::Request>(std::move(out));
  const bool taken =
      admin_.audit(record_of(*kept, who_of(request)), [this, kept, slot](const Result<std::uint64_t>& written) {
        if (!written)
          return answer(slot, render_problem(ErrorName::kAuditUnavailable, written.error().message, kept->gid));
        audited(std::move(*kept), slot);
      });
  if (!taken) answer(slot, render_problem(ErrorName::kOverloaded, kBusy));
}

/// What an operator asks for happens only now that it cannot be forgotten who asked for it.
void AdminFace::audited(engine::Request&& out, net::ResponseSlot slot) {
  const std::uint8_t flags = flags_with(kForAdmin, asked_by(out.verb));
  const std::uint64_t number = pending_.add(slot, Route::kOther, flags, ports_.now(), out.gid);
  out.token = make_token(ports_.thread_index(), flags, number);
  ports_.send(std::move(out));
}

/// The list of the API, of those that wait for a person.
void AdminFace::incidents(QueryString& query, net::ResponseSlot slot) {
  struct Job {
    ListRequest request;
    Rendered answer;
  };
  auto job = std::make_shared<Job>();
  if (!read_list_request(query, job->request)) return answer(slot, render_problem(query.refusal()));
  job->request.filter.has_incident = true;
  const bool taken = ports_.read_store([job](Store& store) { job->answer = render_list(store, job->request); },
                                       [this, job, slot] { answer(slot, job->answer); });
  if (taken) return;
  answer(slot, render_problem(ErrorName::kOverloaded, kBusy));
}

/// The lines as they stand in the file, so that whoever gets them can check the chain.
void AdminFace::audit(QueryString& query, net::ResponseSlot slot) {
  std::int64_t from = 1;
  std::int64_t limit = kAuditPageDefault;
  if (!query.take_whole("from", 1, std::numeric_limits<std::int64_t>::max(), ErrorName::kInvalid, from) ||
      !query.take_whole("limit", 1, kAuditPageMax, ErrorName::kTooMany, limit) || !query.finish("from, limit")) {
    return answer(slot, render_problem(query.refusal()));
  }
  const auto then = [this, slot](const Result<std::string>& lines) {
    if (!lines) return answer(slot, render_problem(ErrorName::kAuditUnavailable, lines.error().message));
    Rendered out;
    out.status = 200;
    out.content_type = "text/plain; charset=utf-8";
    out.body = *lines;
    answer(slot, out);
  };
  if (admin_.read_audit(static_cast<std::uint64_t>(from), static_cast<std::size_t>(limit), then)) return;
  answer(slot, render_problem(ErrorName::kOverloaded, kBusy));
}

void AdminFace::nodes(QueryString& query, net::ResponseSlot slot) {
  if (!query.finish({})) return answer(slot, render_problem(query.refusal()));
  const NodesSnapshot snapshot = admin_.nodes();
  std::size_t owned = 0;
  for (const Node& node : snapshot.nodes) owned += node.shards.size();
  Rendered out;
  out.status = 200;
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.key("shards");
  json.number(snapshot.shards);
  json.key("shards_owned");
  json.number(owned);
  json.key("nodes");
  json.begin_array();
  for (const Node& node : snapshot.nodes) {
    json.begin_object();
    json.member("name", node.name);
    json.member("address", node.address);
    json.key("shards");
    json.number(node.shards.size());
    json.key("self");
    json.boolean(node.name == snapshot.self);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  answer(slot, out);
}

// ------------------------------------------------------------------------------------------------------ destinations

void AdminFace::collect_destinations(net::ResponseSlot slot, std::function<Rendered(DestinationsSnapshot&&)> render) {
  const std::uint64_t number = ++numbers_;
  for_destinations_.push_back({number, slot});
  admin_.after(kProbeTimeout, [this, number, slot] {
    if (take(for_destinations_, number)) {
      answer(slot, render_problem(ErrorName::kOverloaded, "a worker did not answer within two seconds"));
    }
  });
  admin_.collect_destinations([this, number, slot, render = std::move(render)](DestinationsSnapshot&& snapshot) {
    if (take(for_destinations_, number)) answer(slot, render(std::move(snapshot)));
  });
}

void AdminFace::destinations(QueryString& query, net::ResponseSlot slot) {
  std::int64_t limit = kDestinationsDefault;
  if (!query.take_whole("limit", 1, kDestinationsMax, ErrorName::kTooMany, limit) || !query.finish("limit")) {
    return answer(slot, render_problem(query.refusal()));
  }
  collect_destinations(slot, [limit](DestinationsSnapshot&& snapshot) {
    return render_destinations(std::move(snapshot), static_cast<std::size_t>(limit));
  });
}

void AdminFace::pause(const PausePlace& place, QueryString& query, const net::HttpRequest& request,
                      net::ResponseSlot slot) {
  const std::optional<std::string> name = percent_decoded(place.name);
  if (!name || !is_destination(*name)) {
    return answer(slot, render_problem(ErrorName::kInvalid,
                                       "the path names no destination: scheme, host and port as in "
                                       "\"http://127.0.0.1:8080\", as /v1/destinations has it"));
  }
  if (!query.finish({})) return answer(slot, render_problem(query.refusal()));
  audit::Record record;
  record.verb = place.pause ? "pause" : "resume";
  record.destination = *name;
  record.who = who_of(request);
  if (!read_reason(body_, request.body, record.verb, record.reason)) {
    return answer(slot, render_problem(body_.refusal()));
  }
  const auto then = [this, slot, name = *name](const PauseResult& result) {
    switch (result.outcome) {
      case PauseResult::Outcome::kDone:
        return collect_destinations(
            slot, [name](DestinationsSnapshot&& snapshot) { return render_destination(snapshot, name); });
      case PauseResult::Outcome::kNotAudited:
        return answer(slot, render_problem(ErrorName::kAuditUnavailable, result.message));
      case PauseResult::Outcome::kNotStored:
        return answer(slot, render_problem(ErrorName::kStoreUnknown, result.message));
      case PauseResult::Outcome::kTooMany:
        return answer(slot, render_problem(ErrorName::kTooMany, result.message));
    }
  };
  if (!admin_.set_paused(std::move(record), place.pause, then))
    answer(slot, render_problem(ErrorName::kOverloaded, kBusy));
}

void AdminFace::on_reply(engine::Token token, Rendered&& rendered) {
  const PendingReplies::Entry* const entry = pending_.find(number_of(token));
  if (entry == nullptr) return;
  if (rendered.lacks_gid && !entry->gid.empty()) add_gid(rendered, entry->gid);
  answer(entry->slot, rendered);
  pending_.remove(number_of(token));
}

void AdminFace::on_gone(net::ResponseSlot slot) {
  for (const std::uint64_t number : pending_.of_connection(slot)) {
    const engine::Token token = make_token(ports_.thread_index(), pending_.find(number)->flags, number);
    pending_.remove(number);
    ports_.send(engine::GaveUp{token});
  }
}

void AdminFace::answer(net::ResponseSlot slot, const Rendered& rendered) {
  respond_(slot, rendered.status, rendered.content_type, rendered.body, rendered.extra_headers);
}

}  // namespace settle::api
