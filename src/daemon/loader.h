#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "engine/worker.h"
#include "storage/store.h"

namespace settle::daemon {

/// Carries the open transactions of freshly acquired shards from the store to their workers, in batches; at most a few
/// batches are under way, so a million open transactions do not stand in memory twice.
class Loader {
 public:
  /// Called on the thread that loads. `done` must be called once the worker has taken the inputs.
  using Deliver =
      std::function<void(std::size_t worker, std::vector<engine::Input>&& inputs, std::function<void()> done)>;

  Loader(std::size_t workers, Deliver deliver);

  /// Blocks until every open record of `leases` was handed over, each shard closed with LoadEnded. A damaged record is
  /// logged and left out. Returns early after stop(). Errors: those of Store::load_open.
  Result<void> load(Store& store, std::span<const Lease> leases);

  /// Any thread: no worker takes anything any more.
  void stop();

  [[nodiscard]] std::uint64_t loaded() const { return loaded_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t damaged() const { return damaged_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kBatchRecords = 256;
  static constexpr std::size_t kBatchesMax = 8;

  void hand_over(std::size_t worker, std::vector<engine::Input>& batch);

  const std::size_t workers_;
  const Deliver deliver_;
  std::atomic<std::uint64_t> loaded_{0};
  std::atomic<std::uint64_t> damaged_{0};

  std::mutex lock_;
  std::condition_variable wake_;
  std::size_t under_way_ = 0;  // guarded by lock_
  bool stopped_ = false;       // guarded by lock_
};

}  // namespace settle::daemon
