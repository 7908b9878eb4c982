#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "storage/embedded/directory.h"
#include "storage/store.h"

namespace settle {

class Database;
class OpenIndex;
enum class Family : std::size_t;
struct EmbeddedSeam;
struct WriteState;

struct EmbeddedOptions {
  std::string directory = {};
  std::uint16_t cluster = 0;               ///< stored at the first start; a directory of another cluster is refused
  bool allow_network_file_system = false;  ///< its locks and syncs may not be what they seem (failures.md, H16)
  std::shared_ptr<EmbeddedSeam> seam = nullptr;  ///< tests only (seam.h): other files, other answers of the system
};

/// The store that needs no server: RocksDB in a directory that belongs to this process alone.
///
/// What is acknowledged survives the process and the host (fdatasync before the receipt). The first failed
/// write or sync is the last: nobody knows what reached the disk, so from then on everything is refused; the process
/// must exit, and the next one reads what is there. `open` writes the recovered tail to new synced files before it
/// answers, because the kernel may have dropped pages whose sync had failed.
///
/// One owner: leases never expire, `acquire` always succeeds and raises the epoch.
class EmbeddedStore final : public Store {
 public:
  /// Errors
  ///   kConflict     another process has the directory
  ///   kInvalid      written by a newer program, or for another cluster, or on a network file system
  ///   kCorrupt      damage that may hide acknowledged saves
  ///   kUnavailable  the system refused: rights, space, input or output
  static Result<std::unique_ptr<EmbeddedStore>> open(const EmbeddedOptions& options);

  /// Leaves table files only, so that the next start is quick; not after a failure.
  ~EmbeddedStore() override;

  Result<std::vector<Receipt>> commit(std::span<const Save> group) override;

  /// Reads over all open transactions once, whatever the shards: ask for all of them together.
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
  Result<void> probe() override;
  Result<std::optional<Room>> room() override;

  [[nodiscard]] StorePromise promise() const override { return StorePromise::kHostLoss; }
  [[nodiscard]] std::string description() const override;

  /// Synced writes to the log, without those of table files and manifests.
  [[nodiscard]] std::uint64_t syncs() const override { return syncs_.load(std::memory_order_relaxed); }

  /// Damaged records met since the start, counted each time.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_.load(std::memory_order_relaxed); }

 private:
  explicit EmbeddedStore(EmbeddedOptions options);

  Result<void> start();
  Result<void> check_identity();
  Result<void> load_epochs();
  Result<void> find_newest();

  // All with write_mutex_ held.
  Result<void> fill_index();
  Result<void> write(bool is_synced);
  Result<SaveStatus> judge_and_add(const Save& save);
  Result<SaveStatus> add_begin(const Save& save);
  Result<SaveStatus> add_change(const Save& save);
  void add_history(const Save& save);
  Result<bool> is_tid_known(const Tid& tid);
  Result<bool> is_gid_known(const Save& save, std::string_view key);
  Result<bool> is_in_family(Family family, std::string_view key);
  Result<void> put_meta(std::string_view key, std::string_view value);

  bool is_index_filled();
  void take_index(OpenIndex&& index);
  Result<std::uint64_t> prune_some(Instant before, std::string& from, bool& is_over);

  void fail(const std::string& what);
  [[nodiscard]] Result<void> still_good() const;
  [[nodiscard]] Error count_damage(Error error) const;

  EmbeddedOptions options_;
  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<Database> db_;

  bool is_open_ = false;  // start() went through

  std::mutex write_mutex_;  // one write at a time: the log holds one entry per write, in the order of their marks
  std::unique_ptr<WriteState> state_;  // guarded by write_mutex_
  std::mutex prune_mutex_;             // taken before write_mutex_

  std::atomic<bool> has_failed_{false};
  mutable std::mutex failure_mutex_;
  std::string failure_;  // guarded by failure_mutex_
  std::atomic<std::uint64_t> syncs_{0};
  mutable std::atomic<std::uint64_t> damaged_{0};
};

}  // namespace settle
