#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "audit/log.h"
#include "daemon/alerts.h"
#include "daemon/config.h"
#include "daemon/directory.h"
#include "daemon/keeper.h"
#include "daemon/loader.h"
#include "daemon/pauses.h"
#include "daemon/reader.h"
#include "daemon/worker_thread.h"
#include "daemon/writer.h"
#include "storage/store.h"

namespace settle::daemon {

/// All threads of a running `settled` around one store:
///
///   workers (N)   loop, listeners, shards, calls          → saves    → writer (1)   group commit
///                                                         → look-ups → reader (1)   blocking reads, loading, pruning
///   keeper (1)    takes and renews shards                 → records  → workers
class Daemon final : private Ownership {
 public:
  /// `store` outlives the daemon.
  Daemon(const Config& config, Store& store);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  struct Listeners {
    std::uint16_t api = 0;
    std::uint16_t admin = 0;
    std::uint16_t dtm = 0;    ///< 0: off, or that of the api
    std::uint16_t hooks = 0;  ///< 0: off
  };
  /// Takes the shards, begins to load them and to serve. Errors: an address that cannot be listened on; nothing runs
  /// then.
  Result<Listeners> start();

  [[nodiscard]] bool is_ready() const;
  /// Waits until is_ready() or shut_down() is called.
  void wait_until_ready();

  /// Takes no new work, lets what runs end within `config.drain`, saves everything and ends all threads. Any thread,
  /// once.
  void shut_down();

 private:
  // Ownership
  void acquired(const std::vector<Lease>& leases, Instant lease_end) override;
  void renewed(const std::vector<Lease>& leases, Instant lease_end) override;
  void lost(const std::vector<Lease>& leases, std::function<void()> then) override;
  void attended(const std::vector<Node>& there) override;

  Result<Listeners> listen();
  /// Hands each thread its inputs; `then` runs on the last one that has taken them.
  void give(std::vector<std::vector<engine::Input>>&& inputs, const std::function<void()>& then);
  template <typename What>
  void tell_owners(const std::vector<Lease>& leases, const What& what, const std::function<void()>& then = {});
  template <typename What>
  void tell_all(const What& what, const std::function<void()>& then = {});
  void load(const std::vector<Lease>& leases);
  void collect(net::Loop& loop, const std::function<void(const api::MetricsSnapshot&)>& then);
  void collect_destinations(net::Loop& loop, const std::function<void(api::DestinationsSnapshot&&)>& then);
  void tell_of_pause(const std::string& name, bool paused);
  void read_pauses();
  void refresh_pauses(Store& store);
  void every(Duration pause, const std::function<void(Store&)>& work);
  void prune(Store& store) const;
  void look_at_room(Store& store);
  void drain_workers();
  [[nodiscard]] bool all_idle() const;
  void changed();

  const Config config_;
  Store& store_;
  Surroundings around_;
  Writer writer_;
  Reader reader_;
  Loader loader_;
  Directory directory_;
  audit::Log audit_;  // on the reader's thread
  Pauses pauses_;
  std::unique_ptr<Alerts> alerts_;  // none: nobody wants any
  Keeper keeper_;
  std::vector<std::unique_ptr<WorkerThread>> threads_;

  std::atomic<std::uint64_t> free_bytes_{0};
  std::atomic<std::uint64_t> size_bytes_{0};  // 0: unknown
  bool has_room_ = true;                      // the reader's thread only
  bool is_roomy_ = true;                      // the reader's thread only

  std::atomic<bool> running_{false};

  mutable std::mutex lock_;
  std::condition_variable changed_;         // readiness, idleness
  std::atomic<bool> shutting_down_{false};  // changes under lock_
};

}  // namespace settle::daemon
