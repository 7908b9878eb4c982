#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "drivers/postgres/connection.h"
#include "storage/postgres/durability.h"
#include "storage/postgres/pool.h"
#include "storage/store.h"

namespace settle {

/// A tid's sequence is the time of the begin or later; clocks that were set back make it later by as much. Whoever
/// looks for times by tids looks so much further.
inline constexpr Duration kClockMargin = std::chrono::hours(1);

struct PostgresOptions {
  std::string url = {};  ///< postgres://USER@HOST:PORT/DATABASE; several hosts are fine, the one that writes is used
  std::uint16_t cluster = 0;  ///< stored at the first start; a database of another cluster is refused
  std::string node = {};  ///< held as long as the store is open: two daemons of one name are refused; empty: nobody's
  Duration answer_max = std::chrono::seconds{30};  ///< longest silence of the server
  /// How long a taker of shards waits for sessions that hold the ownership lock before it ends them.
  Duration lock_patience = std::chrono::seconds{5};
};

/// A store in PostgreSQL that several daemons share.
///
/// A group is one write: conditions on epoch and version stand in the statements themselves, and an advisory lock, held
/// shared until the COMMIT, keeps epochs still while they are looked at. Whoever takes a shard over waits for writes
/// under way, so it reads everything that will ever be written under an older epoch.
///
/// One connection writes groups. When it breaks, or the server is silent, the outcome of the group is unknown and
/// the store accepts nothing more; the process must exit, and the next one reads what is there. Leases have a
/// connection of their own, reads and small values a few; those reconnect.
class PostgresStore final : public Store {
 public:
  /// Connects, installs the tables if there are none, and looks at the server's settings.
  ///
  /// Errors
  ///   kConflict     another daemon of this name is there
  ///   kInvalid      made by a newer program, or for another cluster, or an older server than 12
  ///   kUnavailable  not reached, or a standby
  static Result<std::unique_ptr<PostgresStore>> open(const PostgresOptions& options);

  ~PostgresStore() override;

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
  Result<std::vector<Node>> attend(std::string_view name, std::string_view address, Duration lasting) override;
  Result<void> put_value(std::string_view space, std::string_view key, std::string_view value) override;
  Result<std::optional<std::string>> get_value(std::string_view space, std::string_view key) override;
  Result<std::uint64_t> prune(Instant before) override;

  /// Also looks at the server's settings again.
  Result<void> probe() override;

  [[nodiscard]] StorePromise promise() const override;
  [[nodiscard]] std::string description() const override;

  /// Writes that were committed, each with one sync of the server.
  [[nodiscard]] std::uint64_t syncs() const override { return syncs_.load(std::memory_order_relaxed); }

 private:
  explicit PostgresStore(PostgresOptions options);

  Result<void> start();
  Result<void> prepare_writer();
  Result<void> look_at_durability(postgres::Connection& connection);

  // With write_mutex_ held.
  Result<std::vector<postgres::Rows>> write_group(std::span<const postgres::Call> calls);
  Result<std::vector<Receipt>> judge(std::span<const Save> group, std::vector<std::string_view> written);
  Error fail(const Error& error);

  [[nodiscard]] Result<void> still_good() const;

  // With lease_mutex_ held.
  Result<postgres::Connection*> lease_connection();
  Result<postgres::Rows> write_leases(const std::string& sql, const postgres::Parameters& parameters,
                                      bool raises_epochs);

  /// Runs a read on a pooled connection, once more on a new one if the first broke.
  template <typename T>
  Result<T> read(const std::function<Result<T>(postgres::Connection&)>& with);
  Result<StoredRecord> get_where(const std::string& condition, const postgres::Parameters& parameters,
                                 std::string name);

  [[nodiscard]] postgres::ConnectOptions connect_options(const char* part) const;

  const PostgresOptions options_;

  std::mutex write_mutex_;
  std::unique_ptr<postgres::Connection> writer_;  // guarded by write_mutex_

  std::mutex lease_mutex_;
  std::unique_ptr<postgres::Connection> leases_;  // guarded by lease_mutex_
  int lease_session_ = 0;                         // guarded by lease_mutex_; of leases_, or of the one that broke

  Pool pool_;

  mutable std::mutex state_mutex_;
  Durability durability_;  // guarded by state_mutex_
  std::string place_;      // set at the start
  std::string failure_;    // guarded by state_mutex_
  std::atomic<bool> has_failed_{false};
  std::atomic<std::uint64_t> syncs_{0};
};

}  // namespace settle
