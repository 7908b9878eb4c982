#include "api/admin/admin.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/http/problem.h"
#include "api/http/verb_json.h"
#include "base/log.h"
#include "wire/json_writer.h"

namespace settle::api {
namespace {

constexpr std::string_view kRetrySuffix = "/retry";
constexpr std::string_view kTransactions = "/v1/transactions/";

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

/// The gid of "/v1/transactions/{gid}/retry", or of "/v1/transactions/retry" with `?transaction=`: then it is empty.
std::optional<std::string_view> retried(std::string_view path) {
  if (!path.starts_with(kTransactions)) return std::nullopt;
  path.remove_prefix(kTransactions.size());
  if (path == kRetrySuffix.substr(1)) return std::string_view();
  if (!path.ends_with(kRetrySuffix)) return std::nullopt;
  path.remove_suffix(kRetrySuffix.size());
  if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
  return path;
}

}  // namespace

AdminFace::AdminFace(Ports& ports, AdminPorts& admin, Respond respond)
    : ports_(ports), admin_(admin), respond_(std::move(respond)) {}

void AdminFace::on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
  const std::string_view path = request.path;
  const std::optional<std::string_view> gid = retried(path);
  const bool known = path == "/healthz" || path == "/readyz" || path == "/metrics" || gid;
  if (!known) {
    return answer(slot, render_problem(ErrorName::kUnknownRoute,
                                       "there is no " + excerpt(path) +
                                           " on the admin listener; transactions are read on api.http"));
  }
  const std::string_view allowed = gid ? "POST" : "GET";
  if (request.method != allowed) {
    Rendered out = render_problem(ErrorName::kMethodNotAllowed, excerpt(path) + " takes " + std::string(allowed) +
                                                                    ", not " + excerpt(request.method, 16));
    out.extra_headers = "allow: " + std::string(allowed) + "\r\n";
    return answer(slot, out);
  }
  QueryString query(request.query);
  if (gid) return retry(*gid, query, request, slot);
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

void AdminFace::retry(std::string_view gid, QueryString& query, const net::HttpRequest& request,
                      net::ResponseSlot slot) {
  Refusal refusal;
  std::optional<std::string> name = transaction_name(gid, query, refusal);
  if (!name) return answer(slot, render_problem(refusal));
  if (!query.finish("transaction")) return answer(slot, render_problem(query.refusal()));
  engine::Request out;
  out.verb = engine::Verb::kRetryNow;
  out.gid = std::move(*name);
  if (!read_retry(body_, request.body, out)) return answer(slot, render_problem(body_.refusal()));
  log(LogLevel::kInfo, "operator asks for a retry", {{"gid", out.gid}, {"reason", out.reason}});
  const std::uint8_t flags = flags_with(kForAdmin, Asked::kRetry);
  const std::uint64_t number = pending_.add(slot, Route::kOther, flags, ports_.now(), out.gid);
  out.token = make_token(ports_.thread_index(), flags, number);
  ports_.send(std::move(out));
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
