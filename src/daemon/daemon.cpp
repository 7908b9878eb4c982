#include "daemon/daemon.h"

#include <algorithm>
#include <latch>
#include <map>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "daemon/exit_codes.h"
#include "net/socket.h"

namespace settle::daemon {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kPausesReadEvery = seconds{2};
constexpr Duration kRoomReadEvery = seconds{1};

// Where others reach a listener: one on all addresses is reached under the host's name.
std::string advertised(Endpoint listener, std::uint16_t port) {
  listener.port = port;
  if (listener.host == "0.0.0.0" || listener.host == "::") listener.host = node_name(Config{});
  return listener.text();
}

KeeperOptions keeper_options(const Config& config) {
  KeeperOptions options;
  options.node = node_name(config);
  options.shards = config.shards;
  options.lease = config.lease;
  // Memory belongs to one process by nature, embedded by its lock.
  options.exclusive = !config.store.is_shared();
  return options;
}

}  // namespace

Daemon::Daemon(const Config& config, Store& store)
    : config_(config),
      store_(store),
      writer_(store, config.workers,
              [this](std::size_t worker, std::vector<Receipt>&& receipts) {
                std::vector<engine::Input> inputs;
                inputs.emplace_back(engine::Receipts{std::move(receipts)});
                threads_[worker]->give(std::move(inputs));
              }),
      reader_(store, config.reads_waiting_max),
      loader_(config.workers,
              [this](std::size_t worker, std::vector<engine::Input>&& inputs, std::function<void()> done) {
                const bool last = std::holds_alternative<engine::LoadEnded>(inputs.back());
                threads_[worker]->give(std::move(inputs), [this, last, done = std::move(done)] {
                  done();
                  if (last) changed();
                });
              }),
      audit_(audit_path(config)),
      pauses_([this](const std::string& name, bool paused) { tell_of_pause(name, paused); }),
      keeper_(store, keeper_options(config), *this) {
  around_.config = &config_;
  around_.writer = &writer_;
  around_.reader = &reader_;
  around_.directory = &directory_;
  around_.audit = &audit_;
  around_.pauses = &pauses_;
  around_.dropped = [this](Lease lease) {
    if (keeper_options(config_).exclusive) {
      die(kExitLostOwnership, "the store says that somebody else owns a shard of a store that can only be ours",
          "shard " + std::to_string(lease.shard) + ", epoch " + std::to_string(lease.epoch));
    }
    keeper_.dropped(lease);
  };
  around_.idle_changed = [this] { changed(); };
  around_.collect = [this](net::Loop& loop, const std::function<void(const api::MetricsSnapshot&)>& then) {
    collect(loop, then);
  };
  around_.collect_destinations = [this](net::Loop& loop, const std::function<void(api::DestinationsSnapshot&&)>& then) {
    collect_destinations(loop, then);
  };
  if (!config_.alert_url.empty()) {
    Alerts::Options options;
    options.sender.url = config_.alert_url;
    options.sender.secret = config_.alert_secret;
    options.node = node_name(config_);
    options.oldest = config_.alert_oldest;
    alerts_ = std::make_unique<Alerts>(std::move(options), around_.collect);
    around_.alerts = alerts_.get();
  }
  for (std::size_t index = 0; index < config_.workers; ++index) {
    threads_.push_back(std::make_unique<WorkerThread>(static_cast<std::uint8_t>(index), around_));
    around_.threads.push_back(threads_.back().get());
  }
}

Daemon::~Daemon() {
  if (running_.load(std::memory_order_acquire)) shut_down();
}

void Daemon::changed() {
  {
    const std::lock_guard hold(lock_);
  }  // whoever waits is before its check, or asleep
  changed_.notify_all();
}

Result<Daemon::Listeners> Daemon::start() {
  Result<Listeners> listeners = listen();
  if (!listeners) return listeners.error();
  around_.address = advertised(config_.api_http, listeners->api);
  keeper_.set_address(around_.address);
  read_pauses();
  writer_.start();
  reader_.start();
  // The workers own their shards before their loops run, so no request meets a worker that owns nothing.
  keeper_.start();
  running_.store(true, std::memory_order_release);
  for (const auto& thread : threads_) thread->start();
  if (alerts_) alerts_->start();
  every(std::clamp<Duration>(config_.retention / 10, seconds{1}, minutes{10}), [this](Store& s) { prune(s); });
  if (config_.store_reserve > 0) {
    reader_.run_soon([this](Store& s) { look_at_room(s); });
    every(kRoomReadEvery, [this](Store& s) { look_at_room(s); });
  }
  if (config_.store.is_shared()) every(kPausesReadEvery, [this](Store& s) { refresh_pauses(s); });
  return listeners;
}

Result<Daemon::Listeners> Daemon::listen() {
  Endpoint dtm = shares_listener(config_) ? Endpoint{} : config_.api_dtm;
  const Endpoint hooks = config_.test_hooks ? config_.hooks : Endpoint{};
  for (const Endpoint* endpoint : {&config_.api_http, &config_.admin_http, &std::as_const(dtm), &hooks}) {
    if (!endpoint->on() || endpoint->port == 0) continue;
    if (const auto free = net::check_port_free(endpoint->host, endpoint->port); !free) {
      return Error{ErrorCode::kUnavailable, endpoint->text() + ": " + free.error().message};
    }
  }
  Listeners listeners;
  Endpoint api = config_.api_http;
  for (const auto& thread : threads_) {
    const auto port = thread->listen_api(api);
    if (!port) return Error{ErrorCode::kUnavailable, "api.http " + api.text() + ": " + port.error().message};
    api.port = *port;  // the others share what the first one got
  }
  listeners.api = api.port;
  const auto admin = threads_.front()->listen_admin(config_.admin_http);
  if (!admin) {
    return Error{ErrorCode::kUnavailable, "admin.http " + config_.admin_http.text() + ": " + admin.error().message};
  }
  listeners.admin = *admin;
  for (const auto& thread : threads_) {
    if (!dtm.on()) break;
    const auto port = thread->listen_dtm(dtm);
    if (!port) return Error{ErrorCode::kUnavailable, "api.dtm " + dtm.text() + ": " + port.error().message};
    listeners.dtm = dtm.port = *port;
  }
  if (hooks.on()) {
    const auto port = threads_.front()->listen_hooks(hooks);
    if (!port) return Error{ErrorCode::kUnavailable, "test.hooks " + hooks.text() + ": " + port.error().message};
    listeners.hooks = *port;
  }
  return listeners;
}

// ------------------------------------------------------------------------------------------------------- ownership

void Daemon::give(std::vector<std::vector<engine::Input>>&& inputs, const std::function<void()>& then) {
  if (!running_.load(std::memory_order_acquire)) {
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      threads_[thread]->give_now(std::move(inputs[thread]));
    }
    if (then) then();
    return;
  }
  const auto missing = std::make_shared<std::atomic<std::size_t>>(threads_.size());
  const auto taken = [missing, then] {
    if (missing->fetch_sub(1, std::memory_order_acq_rel) == 1 && then) then();
  };
  for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
    threads_[thread]->give(std::move(inputs[thread]), taken);
  }
}

template <typename What>
void Daemon::tell_owners(const std::vector<Lease>& leases, const What& what, const std::function<void()>& then) {
  std::vector<std::vector<engine::Input>> inputs(threads_.size());
  for (const Lease& lease : leases) inputs[lease.shard % threads_.size()].emplace_back(what(lease));
  give(std::move(inputs), then);
}

template <typename What>
void Daemon::tell_all(const What& what, const std::function<void()>& then) {
  std::vector<std::vector<engine::Input>> inputs(threads_.size());
  for (auto& one : inputs) one.emplace_back(what());
  give(std::move(inputs), then);
}

void Daemon::acquired(const std::vector<Lease>& leases, Instant lease_end) {
  tell_owners(leases, [=](const Lease& lease) { return engine::Acquired{lease.shard, lease.epoch, lease_end}; });
  reader_.run_soon([this, leases](Store&) { load(leases); });
}

void Daemon::renewed(const std::vector<Lease>& leases, Instant lease_end) {
  tell_owners(leases, [=](const Lease& lease) { return engine::Renewed{lease.shard, lease.epoch, lease_end}; });
}

void Daemon::lost(const std::vector<Lease>& leases, std::function<void()> then) {
  tell_owners(leases, [](const Lease& lease) { return engine::Lost{lease.shard, lease.epoch}; }, then);
}

void Daemon::attended(const std::vector<Node>& there) { directory_.update(there, node_name(config_)); }

void Daemon::load(const std::vector<Lease>& leases) {
  const Instant begin = net::engine_now();
  if (const auto done = loader_.load(store_, leases); !done) {
    die(kExitStoreClosed, "open transactions cannot be read", done.error().message);
  }
  const auto took = std::chrono::duration_cast<milliseconds>(net::engine_now() - begin);
  log(LogLevel::kInfo, "open transactions are loaded",
      {{"transactions", std::to_string(loader_.loaded())},
       {"damaged", std::to_string(loader_.damaged())},
       {"ms", std::to_string(took.count())}});
}

// -------------------------------------------------------------------------------------------------- readiness, figures

bool Daemon::is_ready() const {
  return std::all_of(threads_.begin(), threads_.end(), [](const auto& thread) { return thread->is_loaded(); });
}

void Daemon::wait_until_ready() {
  std::unique_lock held(lock_);
  changed_.wait(held, [this] { return shutting_down_.load() || is_ready(); });
}

// Each thread adds its part on itself, the last one the rest: no lock is on anybody's way.
void Daemon::collect(net::Loop& loop, const std::function<void(const api::MetricsSnapshot&)>& then) {
  struct Gathering {
    std::mutex lock;  // among the few that gather
    std::size_t missing = 0;
    api::MetricsSnapshot sum;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->missing = threads_.size();
  for (const auto& thread : threads_) {
    thread->loop().post([this, &loop, gathering, then, asked = thread.get()] {
      const std::lock_guard hold(gathering->lock);
      api::MetricsSnapshot& sum = gathering->sum;
      asked->add_figures(sum);
      if (--gathering->missing > 0) return;
      const Writer::Counts writer = writer_.counts();
      sum.store_groups = writer.groups;
      sum.store_saves = writer.saves;
      sum.store_commit_us = writer.commit_us;
      sum.saves_waiting = writer.waiting;
      sum.store_syncs = store_.syncs();
      sum.reads_waiting = reader_.waiting();
      sum.store_free_bytes = free_bytes_;
      sum.store_size_bytes = size_bytes_;
      sum.records_loaded = loader_.loaded();
      sum.records_damaged = loader_.damaged();
      if (alerts_) alerts_->add_figures(sum);
      sum.is_ready = is_ready() && !shutting_down_;
      loop.post([gathering, then] { then(gathering->sum); });
    });
  }
}

// ------------------------------------------------------------------------------------------------------ destinations

void Daemon::collect_destinations(net::Loop& loop, const std::function<void(api::DestinationsSnapshot&&)>& then) {
  struct Gathering {
    std::mutex lock;  // among the few that gather
    std::size_t missing = 0;
    std::map<std::string, engine::DestinationFigures> sum;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->missing = threads_.size();
  for (const auto& thread : threads_) {
    thread->loop().post([this, &loop, gathering, then, asked = thread.get()] {
      const std::lock_guard hold(gathering->lock);
      for (engine::DestinationFigures& figures : asked->destinations()) {
        const auto [at, is_new] = gathering->sum.try_emplace(figures.name, figures);
        if (!is_new) at->second.add(figures);
      }
      if (--gathering->missing > 0) return;
      loop.post([this, gathering, then] {
        api::DestinationsSnapshot snapshot;
        for (auto& [name, figures] : gathering->sum) snapshot.figures.push_back(std::move(figures));
        snapshot.pauses = pauses_.all();
        then(std::move(snapshot));
      });
    });
  }
}

void Daemon::tell_of_pause(const std::string& name, bool paused) {
  tell_all([&] { return engine::PauseDestination{name, paused}; });
}

// Before the first call can leave.
void Daemon::read_pauses() {
  if (const auto read = pauses_.refresh(store_); !read) {
    die(kExitStoreClosed, "which destinations are paused cannot be read", read.error().message);
  }
}

// Another daemon of the store may have been told.
void Daemon::refresh_pauses(Store& store) {
  if (const auto done = pauses_.refresh(store); !done) {
    log(LogLevel::kWarn, "which destinations are paused could not be read", {{"why", done.error().message}});
  }
}

/// Again and again, on the reader's thread; while too many reads wait, not now.
void Daemon::every(Duration pause, const std::function<void(Store&)>& work) {
  net::Loop& loop = threads_.front()->loop();
  loop.post([this, &loop, pause, work] {
    loop.at(loop.now() + pause, [this, &loop, pause, work] {
      if (!reader_.read(loop, work, [this, pause, work] { every(pause, work); })) every(pause, work);
    });
  });
}

// New transactions are refused while there is still room to end those that are open (failures.md, H3). A write that
// fails for want of space ends the process, so this comes well before.
void Daemon::look_at_room(Store& store) {
  const auto looked = store.room();
  if (!looked) {
    log(LogLevel::kWarn, "the free space of the store's disk could not be read", {{"why", looked.error().message}});
    return;
  }
  const std::optional<Room>& room = *looked;
  if (!room || room->size_bytes == 0) return;
  free_bytes_ = room->free_bytes;
  size_bytes_ = room->size_bytes;
  const auto percent = static_cast<unsigned>(room->free_bytes / (room->size_bytes / 100 + 1));
  const bool is_roomy = percent >= 2 * config_.store_reserve;
  const bool has_room = percent >= config_.store_reserve;
  if (is_roomy_ != is_roomy || has_room_ != has_room) {
    log(is_roomy ? LogLevel::kInfo : LogLevel::kWarn,
        !has_room  ? "the store's disk is nearly full; new transactions are refused"
        : is_roomy ? "the store's disk has room"
                   : "the store's disk is filling up; new transactions will be refused at the reserve",
        {{"free_percent", std::to_string(percent)}, {"reserve_percent", std::to_string(config_.store_reserve)}});
  }
  is_roomy_ = is_roomy;
  if (std::exchange(has_room_, has_room) == has_room) return;
  tell_all([&] { return engine::StoreRoom{has_room}; });
}

void Daemon::prune(Store& store) const {
  const auto pruned = store.prune(net::engine_now() - config_.retention);
  if (!pruned) {
    log(LogLevel::kWarn, "ended transactions could not be pruned", {{"why", pruned.error().message}});
  } else if (*pruned > 0) {
    log(LogLevel::kInfo, "ended transactions are pruned", {{"transactions", std::to_string(*pruned)}});
  }
}

// ---------------------------------------------------------------------------------------------------------- the end

bool Daemon::all_idle() const {
  return std::all_of(threads_.begin(), threads_.end(), [](const auto& thread) { return thread->is_idle(); });
}

// Whoever finds a listener closed may rely on it that no call leaves any more.
void Daemon::drain_workers() {
  const auto drained = std::make_shared<std::latch>(1);
  tell_all([] { return engine::Drain{}; }, [drained] { drained->count_down(); });
  drained->wait();
}

void Daemon::shut_down() {
  {
    std::unique_lock held(lock_);
    shutting_down_ = true;
    changed_.notify_all();
  }
  drain_workers();
  for (const auto& thread : threads_) thread->stop_accepting();
  bool idle = false;
  {
    std::unique_lock held(lock_);
    idle = changed_.wait_for(held, config_.drain, [this] { return all_idle(); });
  }
  if (!idle) log(LogLevel::kWarn, "the drain's time is up; calls that have not ended are asked again after the start");
  for (const auto& thread : threads_) thread->stop();
  for (const auto& thread : threads_) thread->join();
  if (alerts_) alerts_->stop();
  // The last turns of the loops have handed over what they had; receipts find nobody any more.
  writer_.finish();
  loader_.stop();
  reader_.stop();
  keeper_.stop();
  running_.store(false, std::memory_order_release);
}

}  // namespace settle::daemon
