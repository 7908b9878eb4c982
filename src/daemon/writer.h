#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/save_batch.h"
#include "engine/save_queue.h"
#include "storage/store.h"

namespace settle::daemon {

/// The one thread that writes to a store. It gathers the saves of all workers and commits them as one group; while a
/// sync runs, the next group grows.
///
/// A commit that fails ends the process (kExitStoreUnknown): what became of the group is unknown, so nobody is
/// answered.
class Writer {
 public:
  /// Called on the writer's thread, once per worker and group.
  using Deliver = std::function<void(std::size_t worker, std::vector<Receipt>&& receipts)>;

  struct Counts {
    std::uint64_t groups = 0;
    std::uint64_t saves = 0;  ///< after merging
    std::uint64_t commit_us = 0;
    std::uint64_t waiting = 0;  ///< saves that the next groups are made of
  };

  /// Shard s belongs to worker s % workers. `store` outlives the writer.
  Writer(Store& store, std::size_t workers, Deliver deliver);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void start();

  /// Takes all of `saves` and leaves it empty, with the memory of earlier ones. Any thread; one lock and at most one
  /// wake per call.
  void hand_over(engine::SaveBatch& saves);

  /// Commits everything that was handed over, delivers its receipts and ends the thread. To be called once.
  void finish();

  [[nodiscard]] Counts counts() const;

 private:
  void run();
  bool gather(std::unique_lock<std::mutex>& held);
  void commit(std::span<const Save> group);
  void deliver(std::vector<Receipt>&& receipts);

  Store& store_;
  const std::size_t workers_;
  const Deliver deliver_;
  engine::SaveQueue queue_;    // the writer's thread only
  engine::SaveBatch arrived_;  // likewise
  engine::SaveBatch group_;    // likewise

  std::mutex lock_;
  std::condition_variable wake_;
  engine::SaveBatch inbox_;  // guarded by lock_
  bool finishing_ = false;   // guarded by lock_
  bool waits_ = false;       // guarded by lock_; the thread has nothing to do

  std::atomic<std::uint64_t> groups_{0};
  std::atomic<std::uint64_t> saves_{0};
  std::atomic<std::uint64_t> commit_us_{0};
  std::atomic<std::uint64_t> waiting_{0};
  std::thread thread_;
};

}  // namespace settle::daemon
