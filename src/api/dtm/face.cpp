#include "api/dtm/face.h"

#include <algorithm>
#include <utility>

#include "api/dtm/json_rpc.h"
#include "api/dtm/listing.h"
#include "api/dtm/short_uuid.h"
#include "api/dtm/topics.h"
#include "api/http/limits.h"
#include "api/http/query_string.h"
#include "wire/json_writer.h"

namespace settle::api::dtm {
namespace {

constexpr std::string_view kBase = "/api/dtmsvr/";
constexpr std::string_view kVersion = "v1.19.0";  ///< of DTM's server that this interface follows
constexpr Duration kAsLongAsItTakes = std::chrono::hours{24};
constexpr std::int64_t kTimeoutsBeforeReset = 3;

Rendered not_found() {
  Rendered out;
  out.status = 404;
  out.content_type = "text/plain";
  out.body = "404 page not found";
  return out;
}

Rendered object(std::string_view name, std::string_view text) {
  Rendered out = success();
  out.body.clear();
  wire::JsonWriter json(out.body);
  json.begin_object();
  json.member(name, text);
  json.end_object();
  return out;
}

/// Clients write a blank as `+`.
QueryString parameters(std::string_view query) {
  std::string text(query);
  std::replace(text.begin(), text.end(), '+', ' ');
  for (std::size_t at = text.find(' '); at != std::string::npos; at = text.find(' ', at)) text.replace(at, 1, "%20");
  return QueryString(text);
}

std::string text_of(QueryString& query, std::string_view name) { return query.take(name).value_or(""); }

/// A whole number between 1 and `most`; anything else: `otherwise`.
std::int64_t number_of(QueryString& query, std::string_view name, std::int64_t otherwise, std::int64_t most) {
  const std::string text = text_of(query, name);
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool fine = problem == std::errc{} && end == text.data() + text.size() && value >= 1;
  return fine ? std::min(value, most) : otherwise;
}

}  // namespace

Face::Face(Ports& ports, const Settings& settings, std::uint64_t seed, Respond respond)
    : ports_(ports), settings_(settings), respond_(std::move(respond)), random_(Random::stream(seed, "gids")) {}

// -------------------------------------------------------------------------------------------------------- requests

void Face::on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
  const Caller caller{slot, {}};
  if (request.path == "/api/ping") return answer(caller, object("msg", "pong"));
  if (request.path == "/api/json-rpc" && request.method == "POST") return json_rpc(request.body, slot);
  if (!request.path.starts_with(kBase)) return answer(caller, not_found());
  const std::string_view name = request.path.substr(kBase.size());
  constexpr std::string_view kTopic = "topic/";
  if (request.method == "GET") return get(name, request.query, caller);
  if (request.method == "DELETE" && name.starts_with(kTopic)) {
    const std::string topic = percent_decoded(name.substr(kTopic.size())).value_or("");
    return change_topic([topic](Store& store) { return remove_topic(store, topic); }, caller);
  }
  if (request.method != "POST" || !operate(name, parse(request.body), caller)) answer(caller, not_found());
}

void Face::get(std::string_view name, std::string_view query, const Caller& caller) {
  if (name == "version") return answer(caller, object("version", kVersion));
  if (name == "newGid") {
    Rendered out = success();
    out.body.insert(out.body.size() - 1, R"(,"gid":")" + short_uuid(random_.next(), random_.next()) + "\"");
    return answer(caller, std::move(out));
  }
  if (name == "query") return this->query(query, caller);
  if (name == "all") return list(query, caller);
  if (name == "resetCronTime") return reset_clocks(query, caller);
  if (!read_topics_request(name, query, caller)) answer(caller, not_found());
}

bool Face::read_topics_request(std::string_view name, std::string_view query, const Caller& caller) {
  QueryString q = parameters(query);
  const Instant now = ports_.now();
  if (name == "subscribe") {
    change_topic([topic = text_of(q, "topic"), url = text_of(q, "url"), remark = text_of(q, "remark"),
                  now](Store& store) { return subscribe(store, topic, url, remark, now); },
                 caller);
  } else if (name == "unsubscribe") {
    change_topic([topic = text_of(q, "topic"), url = text_of(q, "url"),
                  now](Store& store) { return unsubscribe(store, topic, url, now); },
                 caller);
  } else if (name == "queryKV") {
    read([category = text_of(q, "cat"),
          key = text_of(q, "key")](Store& store) { return entries(store, category, key, {}, kListMax); },
         caller);
  } else if (name == "scanKV") {
    const std::int64_t limit = number_of(q, "limit", kPageDefault, kListMax);
    read([category = text_of(q, "cat"), position = text_of(q, "position"),
          limit](Store& store) { return entries(store, category, std::nullopt, position, limit); },
         caller);
  } else {
    return false;
  }
  return true;
}

/// False: there is no such operation.
bool Face::operate(std::string_view name, const Json& body, const Caller& caller) {
  if (name == "prepare" || name == "submit") {
    prepare_or_submit(body, name == "prepare", caller);
  } else if (name == "abort") {
    abort(body, caller);
  } else if (name == "registerBranch" || name == "registerTccBranch" || name == "registerXaBranch") {
    enlist(body, caller);
  } else if (name == "forceStop") {
    verb_of_gid(body, engine::Verb::kStop, Asked::kForceStop, caller);
  } else if (name == "resetNextCronTime") {
    verb_of_gid(body, engine::Verb::kPassDue, Asked::kPassDue, caller);
  } else {
    return false;
  }
  return true;
}

void Face::json_rpc(std::string_view body, net::ResponseSlot slot) {
  Rendered refusal;
  const std::optional<RpcCall> call = read_call(body, refusal);
  if (!call) return answer({slot, {}}, std::move(refusal));
  const Caller caller{slot, call->id};
  if (call->method == "newGid") return get("newGid", {}, caller);
  (void)operate(call->method, call->params, caller);
}

// ----------------------------------------------------------------------------------------------------------- verbs

void Face::prepare_or_submit(const Json& body, bool announced, const Caller& caller) {
  const Result<TransRequest> request = read_trans(body);
  if (!request) return answer(caller, trouble(request.error().message));
  if (!names_topic(*request)) return begin(*request, announced, {}, caller);
  struct Job {
    TransRequest request;
    Result<std::vector<Topic>> topics{std::vector<Topic>()};
  };
  auto job = std::make_shared<Job>(Job{*request});
  const auto go_on = [this, job, announced, caller] {
    if (!job->topics) return answer(caller, trouble(job->topics.error().message));
    const Topics subscribers = [&](const std::string& name) {
      std::vector<std::string> urls;
      for (const Topic& topic : *job->topics) {
        if (topic.name != name) continue;
        for (const Subscriber& one : topic.subscribers) urls.push_back(one.url);
      }
      return urls;
    };
    begin(job->request, announced, subscribers, caller);
  };
  if (!ports_.read_store([job](Store& store) { job->topics = read_topics(store); }, go_on))
    answer(caller, trouble("too many reads of the store wait already; ask again"));
}

void Face::begin(const TransRequest& request, bool announced, const Topics& topics, const Caller& caller) {
  Result<OwnedPlan> plan = make_plan(request, announced, settings_, topics);
  if (!plan) return answer(caller, trouble(plan.error().message));
  const bool waits = !announced && request.options.wait_result;
  const Asked asked = announced ? Asked::kPrepare : waits ? Asked::kSubmitAndWait : Asked::kSubmit;
  engine::Begin begin{
      .token = open(asked, request.gid, caller), .gid = request.gid, .plan = std::move(*plan), .wait = {}};
  if (waits) begin.wait = {kAsLongAsItTakes, engine::WaitFor::kPass};
  begin.if_known = announced ? engine::IfKnown::kShow : engine::IfKnown::kSubmit;
  if (request.trans_type == "msg") begin.delay = delay_of(request.custom_data);
  ports_.send(std::move(begin));
}

void Face::abort(const Json& body, const Caller& caller) {
  const Result<TransRequest> request = read_trans(body);
  if (!request) return answer(caller, trouble(request.error().message));
  engine::Request out;
  out.verb = engine::Verb::kAbort;
  out.gid = request->gid;
  out.reason = request->rollback_reason;
  // Only a message may be aborted under another type's name.
  if (request->trans_type != "tcc" && request->trans_type != "xa") out.pattern = Pattern::kMessage;
  const bool waits = request->options.wait_result;
  if (waits) out.wait = {kAsLongAsItTakes, engine::WaitFor::kPass};
  ask(std::move(out), waits ? Asked::kAbortAndWait : Asked::kAbort, caller);
}

void Face::enlist(const Json& body, const Caller& caller) {
  const Result<BranchRequest> request = read_branch(body);
  if (!request) {
    Rendered out = trouble(request.error().message);
    out.status = 400;
    return answer(caller, std::move(out));
  }
  Result<OwnedPlan> branch = make_branch(*request);
  if (!branch) return answer(caller, trouble(branch.error().message));
  engine::Request out;
  out.verb = engine::Verb::kEnlist;
  out.gid = request->at("gid");
  out.enlisted = std::make_shared<const OwnedPlan>(std::move(*branch));
  ask(std::move(out), Asked::kRegister, caller);
}

void Face::verb_of_gid(const Json& body, engine::Verb verb, Asked asked, const Caller& caller) {
  const Result<TransRequest> request = read_trans(body);
  if (!request) return answer(caller, trouble(request.error().message));
  engine::Request out;
  out.verb = verb;
  out.gid = request->gid;
  out.reason = "forceStop";
  ask(std::move(out), asked, caller);
}

void Face::query(std::string_view query, const Caller& caller) {
  QueryString q = parameters(query);
  engine::Request out;
  out.gid = text_of(q, "gid");
  if (out.gid.empty()) return answer(caller, trouble("no gid specified"));
  out.newest = true;
  ask(std::move(out), Asked::kQuery, caller);
}

void Face::list(std::string_view query, const Caller& caller) {
  constexpr std::int64_t kMsMax = INT64_MAX / 1000 - 1;
  QueryString q = parameters(query);
  ListAsked asked;
  asked.gid = text_of(q, "gid");
  asked.position = text_of(q, "position");
  asked.status = text_of(q, "status");
  asked.trans_type = text_of(q, "transType");
  asked.limit = number_of(q, "limit", asked.limit, kListMax);
  asked.from_ms = number_of(q, "createTimeStart", 0, kMsMax);
  asked.to_ms = number_of(q, "createTimeEnd", 0, kMsMax);
  read([asked](Store& store) { return dtm::list(store, asked); }, caller);
}

/// What waits longer than that is due now. One verb for each, counted when all have been answered.
void Face::reset_clocks(std::string_view query, const Caller& caller) {
  using std::chrono::seconds;
  QueryString q = parameters(query);
  const std::int64_t usual =
      std::chrono::duration_cast<seconds>(kTimeoutsBeforeReset * settings_.timeout_to_fail).count();
  const Instant later_than = ports_.now() + seconds{number_of(q, "timeout", usual, kTimeMsMax / 1000)};
  const auto limit = static_cast<std::size_t>(number_of(q, "limit", kPageDefault, kListMax));
  auto found = std::make_shared<Result<Overdue>>(Overdue{});
  const auto go_on = [this, found, caller] {
    if (!*found) return answer(caller, trouble(found->error().message));
    auto batch = std::make_shared<Batch>(Batch{.caller = caller, .open = 1, .has_more = (*found)->has_more});
    for (const std::string& gid : (*found)->gids) {
      engine::Request out;
      out.verb = engine::Verb::kPassDue;
      out.gid = gid;
      out.of_dtm = true;
      out.token = open(Asked::kPassDue, gid, caller);
      ++batch->open;
      batches_[api::number_of(out.token)] = batch;
      ports_.send(std::move(out));
    }
    const std::uint64_t none = 0;
    batches_[none] = batch;
    count(none, false);
  };
  const auto look = [found, later_than, limit](Store& store) { *found = waiting_until(store, later_than, limit); };
  if (!ports_.read_store(look, go_on)) answer(caller, trouble("too many reads of the store wait already; ask again"));
}

void Face::count(std::uint64_t number, bool succeeded) {
  const auto at = batches_.find(number);
  const std::shared_ptr<Batch> batch = at->second;
  batches_.erase(at);
  if (succeeded) ++batch->succeeded;
  if (--batch->open > 0) return;
  Rendered out = success();
  out.body = std::string(R"({"has_remaining":)") + (batch->has_more ? "true" : "false") + R"(,"succeed_count":)" +
             std::to_string(batch->succeeded) + "}";
  answer(batch->caller, std::move(out));
}

void Face::change_topic(std::function<Result<void>(Store&)> change, const Caller& caller) {
  read(
      [change = std::move(change)](Store& store) {
        const Result<void> done = change(store);
        return done ? success() : trouble(done.error().message);
      },
      caller);
}

// --------------------------------------------------------------------------------------------------------- answers

engine::Token Face::open(Asked asked, const std::string& gid, const Caller& caller) {
  const std::uint8_t flags = dtm::flags_with(asked);
  const std::uint64_t number = pending_.add(caller.slot, Route::kOther, flags, ports_.now(), gid);
  if (!caller.rpc_id.empty()) rpc_ids_[number] = caller.rpc_id;
  return make_token(ports_.thread_index(), flags, number);
}

void Face::ask(engine::Request&& request, Asked asked, const Caller& caller) {
  request.of_dtm = true;
  request.token = open(asked, request.gid, caller);
  ports_.send(std::move(request));
}

void Face::read(std::function<Rendered(Store&)> read, const Caller& caller) {
  auto rendered = std::make_shared<Rendered>();
  const auto go_on = [this, rendered, caller] { answer(caller, std::move(*rendered)); };
  if (!ports_.read_store([rendered, read = std::move(read)](Store& store) { *rendered = read(store); }, go_on))
    answer(caller, trouble("too many reads of the store wait already; ask again"));
}

void Face::on_reply(engine::Token token, Rendered&& rendered) {
  const std::uint64_t number = api::number_of(token);
  const PendingReplies::Entry* const entry = pending_.find(number);
  if (entry == nullptr) return;
  Caller caller{entry->slot, {}};
  if (rendered.lacks_gid) rendered = absent(dtm::asked_of(token), entry->gid);
  pending_.remove(number);
  if (batches_.contains(number)) return count(number, rendered.status == 200);
  if (const auto id = rpc_ids_.find(number); id != rpc_ids_.end()) {
    caller.rpc_id = std::move(id->second);
    rpc_ids_.erase(id);
  }
  answer(caller, std::move(rendered));
}

void Face::on_gone(net::ResponseSlot slot) {
  for (const std::uint64_t number : pending_.of_connection(slot)) {
    const PendingReplies::Entry* const entry = pending_.find(number);
    if (entry == nullptr || batches_.contains(number)) continue;
    const engine::Token token = make_token(ports_.thread_index(), entry->flags, number);
    pending_.remove(number);
    rpc_ids_.erase(number);
    ports_.send(engine::GaveUp{token});
  }
}

void Face::answer(const Caller& caller, Rendered&& rendered) {
  const Rendered out = caller.rpc_id.empty() ? std::move(rendered) : as_rpc(caller.rpc_id, std::move(rendered));
  respond_(caller.slot, out.status, out.content_type, out.body, out.extra_headers);
}

}  // namespace settle::api::dtm
