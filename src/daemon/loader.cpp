#include "daemon/loader.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "base/assert.h"
#include "base/failpoint.h"
#include "base/log.h"

namespace settle::daemon {

Loader::Loader(std::size_t workers, Deliver deliver) : workers_(workers), deliver_(std::move(deliver)) {
  SETTLE_ASSERT(workers_ > 0);
}

Result<void> Loader::load(Store& store, std::span<const Lease> leases) {
  std::vector<ShardNo> shards;
  std::unordered_map<ShardNo, Epoch> epochs;
  for (const Lease& lease : leases) {
    shards.push_back(lease.shard);
    epochs[lease.shard] = lease.epoch;
  }
  std::vector<std::vector<engine::Input>> batches(workers_);
  const auto visit = [&](StoredRecord&& record) {
    SETTLE_FAILPOINT("load-record");
    const auto epoch = epochs.find(record.shard);
    SETTLE_ASSERT(epoch != epochs.end());
    const std::size_t worker = record.shard % workers_;
    loaded_.fetch_add(1, std::memory_order_relaxed);
    batches[worker].emplace_back(engine::Loaded{record.shard, epoch->second, std::move(record)});
    if (batches[worker].size() >= kBatchRecords) hand_over(worker, batches[worker]);
  };
  const auto damaged = [&](const Tid& tid, const Error& error) {
    damaged_.fetch_add(1, std::memory_order_relaxed);
    log(LogLevel::kError, "a stored transaction is damaged and left out",
        {{"tid", tid.text()}, {"why", error.message}});
  };
  if (const auto done = store.load_open(shards, visit, damaged); !done) return done.error();
  for (const Lease& lease : leases) {
    batches[lease.shard % workers_].emplace_back(engine::LoadEnded{lease.shard, lease.epoch});
  }
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    if (!batches[worker].empty()) hand_over(worker, batches[worker]);
  }
  return {};
}

void Loader::hand_over(std::size_t worker, std::vector<engine::Input>& batch) {
  {
    std::unique_lock held(lock_);
    wake_.wait(held, [this] { return stopped_ || under_way_ < kBatchesMax; });
    if (!stopped_) ++under_way_;
    if (stopped_) {
      batch.clear();
      return;
    }
  }
  deliver_(worker, std::exchange(batch, std::vector<engine::Input>()), [this] {
    {
      const std::lock_guard hold(lock_);
      --under_way_;
    }
    wake_.notify_one();
  });
}

void Loader::stop() {
  {
    const std::lock_guard hold(lock_);
    stopped_ = true;
  }
  wake_.notify_all();
}

}  // namespace settle::daemon
