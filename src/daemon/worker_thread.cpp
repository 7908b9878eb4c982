#include "daemon/worker_thread.h"

#include <sys/random.h>

#include <algorithm>
#include <string>
#include <utility>

#include "api/dtm/render.h"
#include "api/http/problem.h"
#include "api/http/render.h"
#include "base/assert.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "daemon/alerts.h"
#include "daemon/reader.h"
#include "daemon/writer.h"

namespace settle::daemon {
namespace {

std::uint64_t fresh_seed() {
  std::uint64_t seed = 0;
  SETTLE_ASSERT(::getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed));
  return seed;
}

// A limit of the whole daemon, shared out among its threads.
std::size_t share(std::size_t whole, std::size_t threads) { return std::max<std::size_t>(1, whole / threads); }

participant::HttpParticipantOptions participant_options(const Config& config) {
  participant::HttpParticipantOptions options;
  // The engine's gate holds calls back; in the client none should wait in line.
  options.client.connections_per_destination_max = share(config.calls_per_destination, config.workers);
  options.client.connections_max = std::max<std::size_t>(1024, options.client.connections_per_destination_max);
  options.seed = fresh_seed();
  return options;
}

engine::WorkerOptions worker_options(const Config& config) {
  engine::WorkerOptions options;
  options.cluster = config.cluster;
  options.shards = config.shards;
  options.limits.open_max = share(config.open_max, config.workers);
  options.limits.unsaved_max = share(config.unsaved_max, config.workers);
  options.limits.waiting_loads_max = share(config.held_while_loading_max, config.workers);
  options.limits.calls_per_destination = share(config.calls_per_destination, config.workers);
  options.limits.breaker = {config.breaker_failures, config.breaker_pause, config.breaker_pause_max};
  options.seed = fresh_seed();
  options.passes_on_demand = config.test_hooks;
  return options;
}

api::dtm::Settings dtm_settings(const Config& config) {
  return {.request_timeout = config.dtm_request_timeout,
          .retry_interval = config.dtm_retry_interval,
          .timeout_to_fail = config.dtm_timeout_to_fail,
          .has_jitter = !config.test_hooks};
}

net::HttpServerOptions server_options(const Config& config) {
  net::HttpServerOptions options;
  options.limits.body_bytes = static_cast<std::uint32_t>(config.body_bytes_max);
  options.connections_max = share(config.connections_max, config.workers);
  options.problem = [](int status, std::string_view detail) {
    api::Rendered rendered = api::render_transport_problem(status, detail);
    return net::HttpProblem{std::string(rendered.content_type), std::move(rendered.body)};
  };
  return options;
}

LogLevel log_level_of(engine::EventLevel level) {
  switch (level) {
    case engine::EventLevel::kDebug:
      return LogLevel::kDebug;
    case engine::EventLevel::kInfo:
      return LogLevel::kInfo;
    case engine::EventLevel::kWarn:
      return LogLevel::kWarn;
  }
  return LogLevel::kWarn;
}

// A gid that the server named is the text of its tid; a client may also have chosen a text that looks like one.
Result<StoredRecord> find_record(Store& store, const std::string& gid) {
  if (const auto tid = Tid::parse(gid)) {
    auto record = store.get(*tid);
    if (record || record.error().code != ErrorCode::kNotFound) return record;
  }
  return store.get(gid);
}

}  // namespace

WorkerThread::WorkerThread(std::uint8_t index, Surroundings& around)
    : index_(index),
      around_(around),
      participant_(loop_, participant_options(*around.config),
                   [this](CallEnded&& ended) { on_call_ended(std::move(ended)); }),
      worker_(worker_options(*around.config), *this),
      face_(*this, [this](net::ResponseSlot slot, int status, std::string_view type, std::string_view body,
                          std::string_view headers) { api_server_.respond(slot, status, type, body, headers); }),
      admin_face_(*this, *this,
                  [this](net::ResponseSlot slot, int status, std::string_view type, std::string_view body,
                         std::string_view headers) { admin_server_.respond(slot, status, type, body, headers); }),
      dtm_face_(*this, dtm_settings(*around.config), fresh_seed(), dtm_respond()),
      api_server_(loop_, api_server_options(),
                  [this](const net::HttpRequest& request, net::ResponseSlot slot) { on_api_request(request, slot); }),
      admin_server_(
          loop_, server_options(*around.config),
          [this](const net::HttpRequest& request, net::ResponseSlot slot) { admin_face_.on_request(request, slot); }),
      dtm_server_(
          loop_, dtm_server_options(),
          [this](const net::HttpRequest& request, net::ResponseSlot slot) { dtm_face_.on_request(request, slot); }),
      hooks_server_(
          loop_, hooks_server_options(),
          [this](const net::HttpRequest& request, net::ResponseSlot slot) { hooks_->on_request(request, slot); }),
      forwarder_(
          loop_, node_name(*around.config),
          [this](engine::Token token, api::Rendered&& rendered) { answers_.push_back({token, std::move(rendered)}); }),
      outbox_(around.config->workers),
      random_(fresh_seed()) {
  loop_.at_turn_end([this] { end_turn(); });
  if (around_.config->test_hooks) {
    api::Ports& ports = *this;
    api::dtm::HookPorts& hook_ports = *this;
    hooks_.emplace(ports, hook_ports,
                   [this](net::ResponseSlot slot, int status, std::string_view type, std::string_view body,
                          std::string_view headers) { hooks_server_.respond(slot, status, type, body, headers); });
  }
  // Behind the hooks of servers and client, which send what the turn has collected.
  (void)loop_.at_flush([this] {
    if (is_closing_) update_idle();
  });
  if (failpoints_armed()) {
    (void)loop_.at_flush([this] {
      if (std::exchange(call_left_, false)) SETTLE_FAILPOINT("call-sent");
      if (std::exchange(check_left_, false)) SETTLE_FAILPOINT("check-sent");
    });
  }
}

WorkerThread::~WorkerThread() { join(); }

net::HttpServerOptions WorkerThread::api_server_options() {
  net::HttpServerOptions options = server_options(*around_.config);
  // Not at once: a connection may end in the middle of anything.
  options.gone = [this](net::ResponseSlot slot) {
    loop_.post([this, slot] {
      face_.on_gone(slot);
      if (shares_listener(*around_.config)) dtm_face_.on_gone(slot);
    });
  };
  return options;
}

net::HttpServerOptions WorkerThread::dtm_server_options() {
  net::HttpServerOptions options = server_options(*around_.config);
  options.gone = [this](net::ResponseSlot slot) { loop_.post([this, slot] { dtm_face_.on_gone(slot); }); };
  return options;
}

net::HttpServerOptions WorkerThread::hooks_server_options() {
  net::HttpServerOptions options = server_options(*around_.config);
  options.gone = [this](net::ResponseSlot slot) { loop_.post([this, slot] { hooks_->on_gone(slot); }); };
  return options;
}

api::Respond WorkerThread::dtm_respond() {
  return [this](net::ResponseSlot slot, int status, std::string_view type, std::string_view body,
                std::string_view headers) {
    (shares_listener(*around_.config) ? api_server_ : dtm_server_).respond(slot, status, type, body, headers);
  };
}

Result<std::uint16_t> WorkerThread::listen_api(const Endpoint& endpoint) {
  return api_server_.listen(endpoint.host, endpoint.port);
}

Result<std::uint16_t> WorkerThread::listen_admin(const Endpoint& endpoint) {
  return admin_server_.listen(endpoint.host, endpoint.port);
}

Result<std::uint16_t> WorkerThread::listen_dtm(const Endpoint& endpoint) {
  return dtm_server_.listen(endpoint.host, endpoint.port);
}

Result<std::uint16_t> WorkerThread::listen_hooks(const Endpoint& endpoint) {
  return hooks_server_.listen(endpoint.host, endpoint.port);
}

void WorkerThread::give_now(std::vector<engine::Input>&& inputs) {
  for (engine::Input& input : inputs) feed(std::move(input));
}

void WorkerThread::start() {
  update_loaded();  // who owns nothing yet has nothing to load
  thread_ = std::thread([this] { loop_.run(); });
}

void WorkerThread::join() {
  if (thread_.joinable()) thread_.join();
}

// ------------------------------------------------------------------------------------------------------ any thread

void WorkerThread::give(std::vector<engine::Input>&& inputs, std::function<void()> taken) {
  // A task is copyable, inputs are not.
  auto shared = std::make_shared<std::vector<engine::Input>>(std::move(inputs));
  loop_.post([this, shared = std::move(shared), taken = std::move(taken)] {
    for (engine::Input& input : *shared) feed(std::move(input));
    if (taken) taken();
  });
}

void WorkerThread::stop_accepting() {
  loop_.post([this] {
    is_closing_ = true;
    api_server_.stop_accepting();
    admin_server_.stop_accepting();
    dtm_server_.stop_accepting();
    hooks_server_.stop_accepting();
  });
}

// -------------------------------------------------------------------------------------------------- around a worker

void WorkerThread::feed(engine::Input&& input) {
  SETTLE_ASSERT(!feeding_);
  feeding_ = true;
  const bool may_change_loaded = std::holds_alternative<engine::LoadEnded>(input) ||
                                 std::holds_alternative<engine::Acquired>(input) ||
                                 std::holds_alternative<engine::Lost>(input);
  worker_.on(std::move(input), loop_.now());
  feeding_ = false;
  if (may_change_loaded) update_loaded();
}

void WorkerThread::update_loaded() {
  bool loaded = worker_.is_ready();
  // Of a shared store every daemon has a part, which may be none at all while others hold everything.
  for (std::size_t shard = index_; !around_.config->store.is_shared() && shard < around_.config->shards && loaded;
       shard += around_.threads.size()) {
    loaded = worker_.owns(static_cast<ShardNo>(shard));
  }
  loaded_.store(loaded, std::memory_order_relaxed);
}

void WorkerThread::on_call_ended(CallEnded&& ended) {
  if (ended.op == Op::kCheck) {
    SETTLE_FAILPOINT("check-answered");
  } else {
    SETTLE_FAILPOINT("call-answered");
  }
  feed(std::move(ended));
}

// Answers can let a connection's next request in, and that may be answered at once: until nothing new comes.
void WorkerThread::end_turn() {
  while (!answers_.empty()) deliver_answers();
  around_.writer->hand_over(saves_);
  post_mail();
  arm_timer();
}

void WorkerThread::deliver_answers() {
  delivering_.swap(answers_);
  for (Answer& answer : delivering_) {
    if (api::is_for_admin(answer.token)) {
      admin_face_.on_reply(answer.token, std::move(answer.rendered));
    } else if (api::is_for_dtm(answer.token)) {
      deliver_to_dtm(std::move(answer));
    } else {
      face_.on_reply(answer.token, std::move(answer.rendered));
    }
  }
  delivering_.clear();
}

void WorkerThread::deliver_to_dtm(Answer&& answer) {
  if (api::dtm::asked_of(answer.token) == api::dtm::Asked::kHook) {
    hooks_->on_reply(answer.token, answer.rendered);
  } else {
    dtm_face_.on_reply(answer.token, std::move(answer.rendered));
  }
}

void WorkerThread::post_mail() {
  for (std::size_t thread = 0; thread < outbox_.size(); ++thread) {
    Mail& mail = outbox_[thread];
    if (mail.inputs.empty() && mail.answers.empty()) continue;
    WorkerThread& to = *around_.threads[thread];
    auto shared = std::make_shared<Mail>(std::exchange(mail, {}));
    to.loop_.post([&to, shared = std::move(shared)] {
      for (engine::Input& input : shared->inputs) to.feed(std::move(input));
      for (Answer& answer : shared->answers) to.answers_.push_back(std::move(answer));
    });
  }
}

void WorkerThread::arm_timer() {
  const Instant due = worker_.next_due();
  if (due >= armed_) return;  // a timer that fires too early costs an idle tick
  loop_.cancel(timer_);
  armed_ = due;
  timer_ = loop_.at(due, [this] {
    armed_ = kNever;
    SETTLE_FAILPOINT("timer-popped");
    feed(engine::Tick{});
  });
}

// ------------------------------------------------------------------------------------------------- engine::Outputs

void WorkerThread::save(Save&& save) { saves_.add(save); }

void WorkerThread::call(const Call& call) {
  (call.op == Op::kCheck ? check_left_ : call_left_) = true;
  participant_.call(call);
}

void WorkerThread::reply(engine::Token token, engine::AnswerKind kind, const engine::View* view) {
  Answer answer{token, api::is_for_dtm(token) ? api::dtm::render(token, kind, view) : api::render(token, kind, view)};
  const std::size_t thread = api::thread_of(token);
  SETTLE_ASSERT(thread < outbox_.size());
  if (thread == index_) {
    answers_.push_back(std::move(answer));
  } else {
    outbox_[thread].answers.push_back(std::move(answer));
  }
}

void WorkerThread::look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) {
  struct Answered {
    engine::Found found;
  };
  auto answered = std::make_shared<Answered>();
  answered->found.shard = shard;
  answered->found.lookup = lookup;
  const auto then = [this, answered] { feed(std::move(answered->found)); };
  const auto read = [answered, name = std::string(gid)](Store& store) {
    auto record = find_record(store, name);
    if (record) {
      answered->found.record = std::move(*record);
    } else {
      answered->found.failed = record.error().code != ErrorCode::kNotFound;
    }
  };
  if (around_.reader->read(loop_, read, then)) return;
  answered->found.failed = true;
  loop_.post(then);
}

void WorkerThread::dropped(ShardNo shard, Epoch epoch) { around_.dropped({shard, epoch}); }

void WorkerThread::event(engine::EventLevel level, std::string_view what, std::string_view gid,
                         std::string_view branch_id, Op op) {
  if (branch_id.empty()) {
    log(log_level_of(level), what, {{"gid", gid}});
  } else {
    log(log_level_of(level), what, {{"gid", gid}, {"branch", branch_id}, {"op", name_of(op)}});
  }
}

void WorkerThread::incident(const engine::IncidentNotice& notice) {
  if (around_.alerts != nullptr) around_.alerts->incident(notice, loop_.now());
}

void WorkerThread::pass_ended(std::string_view gid) {
  if (hooks_) hooks_->on_pass_ended(gid);
}

void WorkerThread::destination_changed(const engine::DestinationFigures& figures, bool is_down) {
  if (is_down) {
    log(LogLevel::kWarn, "destination does not serve; its calls wait, one probes it now and then",
        {{"destination", figures.name},
         {"failures", std::to_string(figures.failures_in_a_row)},
         {"last", answer_text(figures.last_error)}});
  } else {
    log(LogLevel::kInfo, "destination serves again", {{"destination", figures.name}});
  }
  if (around_.alerts != nullptr) around_.alerts->destination(figures, is_down, loop_.now());
}

// ------------------------------------------------------------------------------------------------------ api::Ports

void WorkerThread::on_api_request(const net::HttpRequest& request, net::ResponseSlot slot) {
  request_ = Forwarder::is_forwarded(request) ? nullptr : &request;
  if (shares_listener(*around_.config) && api::dtm::Face::is_its_path(request.path)) {
    dtm_face_.on_request(request, slot);
  } else {
    face_.on_request(request, slot);
  }
  request_ = nullptr;
}

bool WorkerThread::forward(ShardNo shard, engine::Token token, Duration wait) {
  const bool is_order = api::is_for_admin(token);
  if (request_ == nullptr && !is_order) return false;
  const auto owner = around_.directory->other_owner(shard);
  if (!owner) return false;
  if (is_order) {
    name_owner(*owner, token);
  } else {
    forwarder_.forward(*request_, owner->address, token, wait);
  }
  return true;
}

/// Orders are not handed over: only its own admin listener audits what a daemon is told.
void WorkerThread::name_owner(const Directory::Owner& owner, engine::Token token) {
  const std::string detail = "this transaction is driven by daemon " + owner.name + " (its clients reach it at " +
                             owner.address + "); nothing was done here, give the order to that daemon's admin listener";
  loop_.post([this, token, answer = api::render_problem(api::ErrorName::kOverloaded, detail)]() mutable {
    answer.lacks_gid = true;
    admin_face_.on_reply(token, std::move(answer));
  });
}

void WorkerThread::send(engine::Input&& input) {
  std::size_t thread = index_;
  if (std::holds_alternative<engine::GaveUp>(input)) {
    // Only the owner's worker knows the token; the others take no notice.
    for (std::size_t other = 0; other < outbox_.size(); ++other) {
      if (other != index_) outbox_[other].inputs.emplace_back(std::get<engine::GaveUp>(input));
    }
  } else if (const auto* begin = std::get_if<engine::Begin>(&input)) {
    if (!begin->gid.empty()) {
      const ShardNo shard = engine::shard_of(begin->gid, around_.config->shards);
      if (forward(shard, begin->token, begin->wait.lasting)) return;
      thread = thread_of_shard(shard);
    }
  } else {
    const auto& request = std::get<engine::Request>(input);
    const ShardNo shard = engine::shard_of(request.gid, around_.config->shards);
    if (forward(shard, request.token, request.wait.lasting)) return;
    thread = thread_of_shard(shard);
  }
  if (thread == index_) {
    feed(std::move(input));
  } else {
    outbox_[thread].inputs.push_back(std::move(input));
  }
}

bool WorkerThread::read_store(std::function<void(Store&)> read, std::function<void()> then) {
  return around_.reader->read(loop_, std::move(read), std::move(then));
}

// No tid of a transaction has such an epoch, so the text is nobody's; the random bits keep it fresh even if the clock
// was set back before the last start.
std::string WorkerThread::fresh_gid() {
  last_fresh_gid_ = std::max(last_fresh_gid_ + 1, static_cast<std::uint64_t>(micros(loop_.now())));
  const std::size_t threads = around_.threads.size();
  const std::size_t mine = (around_.config->shards - index_ + threads - 1) / threads;
  Tid tid;
  tid.sequence = last_fresh_gid_;
  tid.cluster = around_.config->cluster;
  for (std::size_t i = 0; i < mine; ++i) {
    tid.shard = static_cast<ShardNo>(index_ + threads * ((last_fresh_gid_ + i) % mine));
    if (worker_.owns(tid.shard)) break;  // otherwise the last one, and whoever owns it gets the request
  }
  tid.epoch = engine::kEpochsOfFreshGids | static_cast<std::uint32_t>(random_.next());
  return tid.text();
}

// --------------------------------------------------------------------------------------------------- drain, figures

// A request that another thread works on is open here until its answer is out, so when all threads are idle nothing is
// on its way between them either.
void WorkerThread::update_idle() {
  bool idle = false;
  if (participant_.open_calls() == 0 && forwarder_.open() == 0) {
    idle = true;
    for (net::HttpServer* server : {&api_server_, &admin_server_, &dtm_server_, &hooks_server_}) {
      server->close_idle();
      idle = idle && server->drained();
    }
  }
  if (idle_.exchange(idle, std::memory_order_acq_rel) != idle) around_.idle_changed();
}

void WorkerThread::collect(std::function<void(const api::MetricsSnapshot&)> then) {
  around_.collect(loop_, std::move(then));
}

void WorkerThread::after(Duration pause, std::function<void()> then) {
  (void)loop_.at(loop_.now() + pause, std::move(then));
}

// Where logs are collected elsewhere, the line is what a chain that was cut short is held against.
std::function<Result<std::uint64_t>()> WorkerThread::writing(audit::Record&& record) {
  record.at = loop_.now();
  record.node = node_name(*around_.config);
  return [log = around_.audit, record = std::move(record)] {
    const Result<std::uint64_t> written = log->append(record);
    if (written) {
      settle::log(LogLevel::kInfo, "operator's verb",
                  {{"verb", record.verb},
                   {"gid", record.gid},
                   {"branch", record.branch},
                   {"destination", record.destination},
                   {"who", record.who},
                   {"reason", record.reason},
                   {"audit", std::to_string(*written)},
                   {"head", log->place().head}});
    }
    return written;
  };
}

bool WorkerThread::audit(audit::Record&& record, std::function<void(const Result<std::uint64_t>&)> then) {
  auto written = std::make_shared<Result<std::uint64_t>>(std::uint64_t{0});
  const auto write = [write = writing(std::move(record)), written](Store&) { *written = write(); };
  return around_.reader->read(loop_, write, [written, then = std::move(then)] { then(*written); });
}

bool WorkerThread::set_paused(audit::Record&& record, bool paused, std::function<void(const api::PauseResult&)> then) {
  const api::Pause pause{record.destination, record.reason, record.who, loop_.now()};
  auto result = std::make_shared<api::PauseResult>();
  const auto change = [write = writing(std::move(record)), pauses = around_.pauses, pause, paused,
                       result](Store& store) {
    const Result<std::uint64_t> written = write();
    *result = written ? pauses->change(store, pause, paused)
                      : api::PauseResult{api::PauseResult::Outcome::kNotAudited, written.error().message};
  };
  return around_.reader->read(loop_, change, [result, then = std::move(then)] { then(*result); });
}

void WorkerThread::collect_destinations(std::function<void(api::DestinationsSnapshot&&)> then) {
  around_.collect_destinations(loop_, std::move(then));
}

api::NodesSnapshot WorkerThread::nodes() {
  const Config& config = *around_.config;
  api::NodesSnapshot out{around_.directory->nodes(), node_name(config), config.shards};
  if (!out.nodes.empty() || config.store.is_shared()) return out;
  Node alone{out.self, around_.address, {}};
  for (ShardNo shard = 0; shard < config.shards; ++shard) alone.shards.push_back(shard);
  out.nodes.push_back(std::move(alone));
  return out;
}

bool WorkerThread::read_audit(std::uint64_t from, std::size_t limit,
                              std::function<void(const Result<std::string>&)> then) {
  auto lines = std::make_shared<Result<std::string>>(std::string());
  const auto read = [log = around_.audit, from, limit, lines](Store&) { *lines = log->read(from, limit); };
  return around_.reader->read(loop_, read, [lines, then = std::move(then)] { then(*lines); });
}

void WorkerThread::add_figures(api::MetricsSnapshot& sum) const {
  const engine::Counters& counters = worker_.counters();
  sum.engine.begun += counters.begun;
  sum.engine.committed += counters.committed;
  sum.engine.aborted += counters.aborted;
  sum.engine.calls += counters.calls;
  sum.engine.saves_forced += counters.saves_forced;
  sum.engine.saves_lazy += counters.saves_lazy;
  sum.engine.retries += counters.retries;
  sum.engine.refused_overload += counters.refused_overload;
  sum.engine.incidents_opened += counters.incidents_opened;
  sum.engine.fenced += counters.fenced;
  sum.engine.recovered += counters.recovered;
  sum.open += worker_.open();
  sum.incidents += worker_.incidents();
  sum.oldest_open = std::min(sum.oldest_open, worker_.oldest_open());
  sum.http.add(face_.figures());
  for (const net::HttpServer* server : {&api_server_, &admin_server_, &dtm_server_, &hooks_server_}) {
    sum.server.accepted += server->stats().accepted;
    sum.server.turned_away += server->stats().turned_away;
    sum.server.requests += server->stats().requests;
    sum.server.refused += server->stats().refused;
    sum.server.timed_out += server->stats().timed_out;
    sum.client_connections += server->connections();
    sum.requests_open += server->open_requests();
  }
  sum.client.calls += participant_.stats().calls;
  sum.client.connections += participant_.stats().connections;
  sum.client.rescued += participant_.stats().rescued;
  sum.calls_open += participant_.open_calls();
  sum.engine.breakers_opened += counters.breakers_opened;
  sum.destinations.add(worker_.destination_totals());
}

}  // namespace settle::daemon
