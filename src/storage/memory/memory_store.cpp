#include "storage/memory/memory_store.h"

namespace settle {

Result<std::vector<Receipt>> MemoryStore::commit(std::span<const Save> group) {
  std::vector<Receipt> receipts;
  receipts.reserve(group.size());
  const std::lock_guard lock(mutex_);
  for (const Save& save : group) {
    receipts.push_back({save.shard, save.epoch, save.tid, save.version, content_.apply(save)});
  }
  return receipts;
}

Result<void> MemoryStore::load_open(std::span<const ShardNo> shards, const std::function<void(StoredRecord&&)>& visit,
                                    const std::function<void(const Tid&, const Error&)>& /*damaged*/) {
  std::vector<StoredRecord> open;
  {
    const std::lock_guard lock(mutex_);
    open = content_.open_of(shards);
  }
  for (StoredRecord& record : open) visit(std::move(record));  // without the lock: the visitor may call the store
  return {};
}

Result<StoredRecord> MemoryStore::get(std::string_view gid) {
  const std::lock_guard lock(mutex_);
  return content_.get(gid);
}

Result<StoredRecord> MemoryStore::get(const Tid& tid) {
  const std::lock_guard lock(mutex_);
  return content_.get(tid);
}

Result<std::vector<StoredRecord>> MemoryStore::list(const ListFilter& filter) {
  const std::lock_guard lock(mutex_);
  return content_.list(filter);
}

Result<std::vector<Lease>> MemoryStore::acquire(std::span<const ShardNo> shards, std::string_view owner,
                                                Duration lasting) {
  const Instant now = clock_();
  const std::lock_guard lock(mutex_);
  return content_.acquire(shards, owner, lasting, now);
}

Result<std::vector<Lease>> MemoryStore::renew(std::span<const Lease> leases, std::string_view owner, Duration lasting) {
  const Instant now = clock_();
  const std::lock_guard lock(mutex_);
  return content_.renew(leases, owner, lasting, now);
}

Result<void> MemoryStore::release(std::span<const Lease> leases, std::string_view owner) {
  const std::lock_guard lock(mutex_);
  content_.release(leases, owner);
  return {};
}

Result<std::vector<Node>> MemoryStore::attend(std::string_view name, std::string_view address, Duration lasting) {
  const Instant now = clock_();
  const std::lock_guard lock(mutex_);
  return content_.attend(name, address, lasting, now);
}

Result<void> MemoryStore::put_value(std::string_view space, std::string_view key, std::string_view value) {
  const std::lock_guard lock(mutex_);
  content_.put_value(space, key, value);
  return {};
}

Result<std::optional<std::string>> MemoryStore::get_value(std::string_view space, std::string_view key) {
  const std::lock_guard lock(mutex_);
  return content_.get_value(space, key);
}

Result<std::uint64_t> MemoryStore::prune(Instant before) {
  const std::lock_guard lock(mutex_);
  return content_.prune(before);
}

MemoryContent MemoryStore::content() const {
  const std::lock_guard lock(mutex_);
  return content_;
}

}  // namespace settle
