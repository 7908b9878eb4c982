#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace settle {

struct MemoryRecord {
  std::string gid;
  ShardNo shard = 0;
  Version version = 0;
  Summary summary;
  std::shared_ptr<const std::string> plan;  ///< shared, so that copies of a content stay cheap
  std::string state;
};

/// Who holds a shard. The epoch outlives the lease: it only grows.
struct MemoryLease {
  Epoch epoch = 0;
  std::string owner;  ///< empty: free
  Instant until = kNoInstant;
};

/// A daemon that has told that it is there.
struct MemoryNode {
  std::string address;
  Instant until = kNoInstant;
};

/// What a store holds, as a value: the store contract without thread, clock and durability.
///
/// Copies are independent. A simulated store keeps two of them, what readers see and what the disk has, and applies the
/// saves to the second one when they are "synced"; after a crash it goes on with a copy of the second one. Every answer
/// depends on the calls alone: all containers are ordered.
class MemoryContent {
 public:
  /// One save on its own condition, as `Store::commit` describes it.
  SaveStatus apply(const Save& save);

  [[nodiscard]] Result<StoredRecord> get(std::string_view gid) const;
  [[nodiscard]] Result<StoredRecord> get(const Tid& tid) const;
  [[nodiscard]] std::vector<StoredRecord> open_of(std::span<const ShardNo> shards) const;
  [[nodiscard]] std::vector<StoredRecord> list(const ListFilter& filter) const;

  std::vector<Lease> acquire(std::span<const ShardNo> shards, std::string_view owner, Duration lasting, Instant now);
  std::vector<Lease> renew(std::span<const Lease> leases, std::string_view owner, Duration lasting, Instant now);
  void release(std::span<const Lease> leases, std::string_view owner);

  std::vector<Node> attend(std::string_view name, std::string_view address, Duration lasting, Instant now);

  void put_value(std::string_view space, std::string_view key, std::string_view value);
  [[nodiscard]] std::optional<std::string> get_value(std::string_view space, std::string_view key) const;

  std::uint64_t prune(Instant before);

  /// Newest last. For checkers that look at everything.
  [[nodiscard]] const std::map<Tid, MemoryRecord>& records() const { return records_; }
  [[nodiscard]] Epoch epoch_of(ShardNo shard) const;

 private:
  std::map<Tid, MemoryRecord> records_;
  std::map<std::string, Tid, std::less<>> gids_;
  std::set<std::pair<ShardNo, Tid>> open_;
  std::map<ShardNo, MemoryLease> leases_;
  std::map<std::string, MemoryNode, std::less<>> nodes_;
  std::map<std::pair<std::string, std::string>, std::string> values_;
};

}  // namespace settle
