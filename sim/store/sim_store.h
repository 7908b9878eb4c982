#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "storage/store.h"

namespace settle::sim {

/// Hears of every change of the store, in its order. What an oracle needs and a daemon never sees.
class StoreWatcher {
 public:
  StoreWatcher() = default;
  StoreWatcher(const StoreWatcher&) = delete;
  StoreWatcher& operator=(const StoreWatcher&) = delete;
  virtual ~StoreWatcher() = default;

  /// `change` numbers the writes; it is durable once the store's `synced()` has reached it.
  virtual void saved(const Save& save, SaveStatus status, std::uint64_t change) = 0;
  /// A crash took the newest changes of a transaction back. `kept` is null if nothing of it is left.
  virtual void rolled_back(const Tid& tid, const StoredRecord* kept) = 0;
  virtual void granted(ShardNo shard, Epoch epoch) = 0;
};

/// The durable home of transactions in the simulator: the contract of Store plus what a crash does to it.
///
/// Own disk: `write` puts a group into the log and `sync` makes everything written so far durable; `crash` keeps a
/// random prefix of the groups in between. Shared: every write is durable at once.
class SimStore final : public Store {
 public:
  enum class Kind : std::uint8_t { kOwnDisk, kShared };

  /// `now` is the store's own clock; it must outlive the store.
  SimStore(Kind kind, const Instant& now, StoreWatcher* watcher = nullptr)
      : kind_(kind), now_(now), watcher_(watcher) {}

  std::vector<Receipt> write(std::span<const Save> group);
  void sync();
  /// The host is gone (`power_loss`) or the process alone, whose writes the kernel then still has.
  void crash(Random& random, bool power_loss);
  /// Shared: another machine of the store takes over a shard, and has not got the newest progress of some of its open
  /// transactions. Only what changes neither phase, decision, outcome nor incident is lost: who depends on more needs a
  /// store that promises more. Returns what was struck.
  std::vector<Tid> fail_over(ShardNo number, Random& random);
  /// The worst crash of all: nothing is left but what was synced.
  void lose_unsynced() { roll_back_to(0); }

  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  [[nodiscard]] std::uint64_t synced() const { return synced_; }
  [[nodiscard]] std::size_t open() const { return open_; }
  /// Owner and end of the lease of a shard; empty: free.
  [[nodiscard]] std::string_view owner_of(ShardNo shard) const;
  /// Tids of the open transactions, for reports.
  [[nodiscard]] std::vector<Tid> open_tids() const;

  Result<std::vector<Receipt>> commit(std::span<const Save> group) override;
  Result<void> load_open(std::span<const ShardNo> shards, const std::function<void(StoredRecord&&)>& visit,
                         const std::function<void(const Tid&, const Error&)>& damaged) override;
  Result<StoredRecord> get(std::string_view gid) override;
  Result<StoredRecord> get(const Tid& tid) override;
  Result<std::vector<StoredRecord>> list(const ListFilter& filter) override;
  Result<std::vector<Lease>> acquire(std::span<const ShardNo> shards, std::string_view owner,
                                     Duration lasting) override;
  Result<std::vector<Lease>> renew(std::span<const Lease> leases, std::string_view owner, Duration lasting) override;
  Result<void> release(std::span<const Lease> leases, std::string_view owner) override;
  Result<void> put_value(std::string_view space, std::string_view key, std::string_view value) override;
  Result<std::optional<std::string>> get_value(std::string_view space, std::string_view key) override;
  Result<std::uint64_t> prune(Instant before) override;
  Result<void> probe() override { return {}; }
  [[nodiscard]] StorePromise promise() const override { return StorePromise::kHostLoss; }
  [[nodiscard]] std::string description() const override { return "simulated"; }
  [[nodiscard]] std::uint64_t syncs() const override { return syncs_; }

 private:
  struct TidHash {
    std::size_t operator()(const Tid& tid) const {
      return static_cast<std::size_t>((tid.sequence * 0x9e3779b97f4a7c15ULL) ^ (std::uint64_t{tid.shard} << 32U) ^
                                      tid.epoch);
    }
  };
  struct Row {
    std::string gid;
    ShardNo shard = 0;
    Version version = 0;
    Summary summary;
    std::shared_ptr<const std::string> plan;
    std::string state;
    std::uint64_t change = 0;
    // Shared: the record before its newest change, if that was progress only.
    Version version_before = 0;  ///< 0: it was more
    std::string state_before;
  };
  struct Shard {
    Epoch epoch = 0;
    std::string owner;
    Instant until = kNoInstant;
    std::set<Tid> open;
  };
  /// How to take one save back.
  struct Undo {
    Tid tid;
    bool was_absent = false;
    Row before;
  };
  struct Group {
    std::uint64_t last_change = 0;
    std::vector<Undo> undo;
  };

  Shard& shard(ShardNo number);
  SaveStatus judge(const Save& save);
  void apply(const Save& save, Group* group);
  void put(const Tid& tid, Row&& row);
  void drop(const Tid& tid);
  StoredRecord record_of(const Tid& tid, const Row& row) const;
  void sync_up_to(std::uint64_t change);
  void roll_back_to(std::size_t groups_kept);

  Kind kind_;
  const Instant& now_;
  StoreWatcher* watcher_;
  std::uint64_t changes_ = 0;
  std::uint64_t synced_ = 0;
  std::uint64_t syncs_ = 0;
  std::size_t open_ = 0;
  // Never iterated: order comes from `history_` and the shards.
  std::unordered_map<Tid, Row, TidHash> rows_;
  std::unordered_map<std::string, Tid> gids_;
  std::set<Tid> history_;
  std::deque<Shard> shards_;
  std::deque<Group> unsynced_;
  std::set<std::pair<std::pair<std::string, std::string>, std::string>> values_;
};

}  // namespace settle::sim
