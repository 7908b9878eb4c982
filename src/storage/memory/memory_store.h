#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include "storage/memory/content.h"
#include "storage/store.h"

namespace settle {

/// A store that forgets everything at the end of the process: for tests, demonstrations and simulated clusters.
///
/// Several daemons of one process may share one: leases are kept for any number of owners and judged by `clock`.
class MemoryStore final : public Store {
 public:
  using Clock = std::function<Instant()>;

  explicit MemoryStore(Clock clock, MemoryContent content = {})
      : clock_(std::move(clock)), content_(std::move(content)) {}

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
  Result<void> probe() override { return {}; }

  [[nodiscard]] StorePromise promise() const override { return StorePromise::kNothing; }
  [[nodiscard]] std::string description() const override { return "memory (nothing survives the process)"; }
  [[nodiscard]] std::uint64_t syncs() const override { return 0; }

  /// A copy of everything it holds now.
  [[nodiscard]] MemoryContent content() const;

 private:
  Clock clock_;
  mutable std::mutex mutex_;
  MemoryContent content_;  // guarded by mutex_
};

}  // namespace settle
