#include "daemon/keeper.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "daemon/balance.h"
#include "net/loop.h"

namespace settle::daemon {
namespace {

bool contains(const std::vector<Lease>& leases, const Lease& one) {
  return std::any_of(leases.begin(), leases.end(),
                     [&](const Lease& other) { return other.shard == one.shard && other.epoch == one.epoch; });
}

}  // namespace

Keeper::Keeper(Store& store, KeeperOptions options, Ownership& ownership)
    : store_(store), options_(std::move(options)), ownership_(ownership) {}

Keeper::~Keeper() { stop(); }

void Keeper::start() {
  look_around();
  thread_ = std::thread([this] { run(); });
}

void Keeper::dropped(Lease lease) {
  {
    const std::lock_guard hold(lock_);
    dropped_.push_back(lease);
  }
  wake_.notify_one();
}

void Keeper::stop() {
  {
    const std::lock_guard hold(lock_);
    if (stopped_) return;
    stopped_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  std::vector<Lease> leases = leaving_;
  for (const auto& [shard, epoch] : held_) leases.push_back({shard, epoch});
  release(leases);
  if (options_.exclusive) return;
  if (const auto left = store_.attend(options_.node, options_.address, Duration{0}); !left) {
    log(LogLevel::kWarn, "the others could not be told that this daemon ends", {{"why", left.error().message}});
  }
}

void Keeper::run() {
  Instant renew_at = net::engine_now() + options_.lease / 3;
  for (;;) {
    const bool all = held_.size() == options_.shards;

    std::unique_lock held(lock_);
    const auto due = [this] { return stopped_ || !dropped_.empty() || !left_.empty(); };
    if (options_.exclusive && all) {
      wake_.wait(held, due);
    } else {
      const Duration until_renewal = options_.exclusive ? options_.retry : renew_at - net::engine_now();
      (void)wake_.wait_for(held, std::min(until_renewal, options_.retry), due);
    }
    if (stopped_) return;
    for (const Lease& lease : std::exchange(dropped_, {})) {
      const auto found = held_.find(lease.shard);
      if (found != held_.end() && found->second == lease.epoch) held_.erase(found);
    }
    const std::vector<Lease> left = std::exchange(left_, {});
    held.unlock();

    if (!left.empty()) {
      std::erase_if(leaving_, [&](const Lease& lease) { return contains(left, lease); });
      release(left);
    }
    look_around();
    if (!options_.exclusive && net::engine_now() >= renew_at) {
      const Duration pause = renew_held() ? options_.lease / 3 : std::min(options_.lease / 3, options_.retry);
      renew_at = net::engine_now() + pause;
    }
  }
}

void Keeper::look_around() {
  std::vector<Node> there;
  if (!options_.exclusive) {
    auto attended = store_.attend(options_.node, options_.address, options_.lease);
    if (!attended) {
      log(LogLevel::kWarn, "the other daemons could not be asked for; asked again",
          {{"why", attended.error().message}});
      return;
    }
    there = std::move(*attended);
    ownership_.attended(there);
  }
  const Change change = balance(options_.shards, options_.node, held_, there);
  give_up(change.give);
  acquire(change.take);
}

// R5: the workers forget the shards before anybody else can have them. What they have handed over to the writer is
// written under our epoch, or refused.
void Keeper::give_up(const std::vector<Lease>& leases) {
  if (leases.empty()) return;
  log(LogLevel::kInfo, "shards are given to other daemons", {{"shards", std::to_string(leases.size())}});
  for (const Lease& lease : leases) held_.erase(lease.shard);
  leaving_.insert(leaving_.end(), leases.begin(), leases.end());
  ownership_.lost(leases, [this, leases] {
    {
      const std::lock_guard hold(lock_);
      left_.insert(left_.end(), leases.begin(), leases.end());
    }
    wake_.notify_one();
  });
}

void Keeper::release(const std::vector<Lease>& leases) {
  if (const auto done = store_.release(leases, options_.node); !done) {
    log(LogLevel::kWarn, "shards could not be released; others wait for the end of their lease",
        {{"why", done.error().message}});
  }
}

void Keeper::acquire(const std::vector<ShardNo>& shards) {
  if (shards.empty()) return;
  const Instant asked_at = net::engine_now();
  const auto leases = store_.acquire(shards, options_.node, options_.lease);
  if (!leases) {
    log(LogLevel::kWarn, "shards could not be acquired; asked again", {{"why", leases.error().message}});
    return;
  }
  if (leases->size() < shards.size()) {
    log(LogLevel::kInfo, "shards are held by another owner; asked again",
        {{"shards", std::to_string(shards.size() - leases->size())}});
  }
  if (leases->empty()) return;
  for (const Lease& lease : *leases) held_[lease.shard] = lease.epoch;
  ownership_.acquired(*leases, options_.exclusive ? kNever : asked_at + options_.lease);
}

bool Keeper::renew_held() {
  std::vector<Lease> leases;
  for (const auto& [shard, epoch] : held_) leases.push_back({shard, epoch});
  if (leases.empty()) return true;
  const Instant asked_at = net::engine_now();
  const auto renewed = store_.renew(leases, options_.node, options_.lease);
  if (!renewed) {
    // Not lost yet: the workers stop by themselves at the lease's end.
    log(LogLevel::kWarn, "leases could not be renewed; asked again", {{"why", renewed.error().message}});
    return false;
  }
  if (!renewed->empty()) ownership_.renewed(*renewed, asked_at + options_.lease);

  std::vector<Lease> lost;
  for (const Lease& lease : leases) {
    if (!contains(*renewed, lease)) lost.push_back(lease);
  }
  if (lost.empty()) return true;
  for (const Lease& lease : lost) held_.erase(lease.shard);
  ownership_.lost(lost, [] {});  // there is nothing to release
  return true;
}

}  // namespace settle::daemon
