#include "storage/memory/content.h"

#include "base/assert.h"
#include "storage/list_filter.h"

namespace settle {
namespace {

StoredRecord stored(const Tid& tid, const MemoryRecord& record) {
  return StoredRecord{.tid = tid,
                      .gid = record.gid,
                      .shard = record.shard,
                      .version = record.version,
                      .summary = record.summary,
                      .plan = record.plan ? *record.plan : std::string(),
                      .state = record.state};
}

Error unknown(std::string name) {
  return Error{ErrorCode::kNotFound, "the store has no transaction " + std::move(name)};
}

}  // namespace

SaveStatus MemoryContent::apply(const Save& save) {
  SETTLE_ASSERT(save.version > save.expected);
  if (save.epoch == 0 || save.epoch != epoch_of(save.shard)) return SaveStatus::kFenced;

  const auto known = records_.find(save.tid);
  if (save.expected == 0) {
    if (known != records_.end() || gids_.contains(save.gid)) return SaveStatus::kGidTaken;
  } else if (known == records_.end() || known->second.version != save.expected ||
             known->second.summary.phase == Phase::kEnded) {
    return SaveStatus::kConflict;
  }

  MemoryRecord& record = records_[save.tid];
  if (save.expected == 0) {
    gids_.emplace(save.gid, save.tid);
    record.gid = save.gid;
    record.shard = save.shard;
  }
  record.plan = save.plan;
  record.version = save.version;
  record.summary = save.summary;
  record.state = save.state;
  if (save.summary.phase == Phase::kEnded) {
    open_.erase({record.shard, save.tid});
  } else {
    open_.emplace(record.shard, save.tid);
  }
  return SaveStatus::kSaved;
}

Result<StoredRecord> MemoryContent::get(std::string_view gid) const {
  const auto found = gids_.find(gid);
  if (found == gids_.end()) return unknown(std::string(gid));
  return get(found->second);
}

Result<StoredRecord> MemoryContent::get(const Tid& tid) const {
  const auto found = records_.find(tid);
  if (found == records_.end()) return unknown(tid.text());
  return stored(tid, found->second);
}

std::vector<StoredRecord> MemoryContent::open_of(std::span<const ShardNo> shards) const {
  std::vector<StoredRecord> out;
  for (const ShardNo shard : std::set<ShardNo>(shards.begin(), shards.end())) {
    for (auto at = open_.lower_bound({shard, Tid{}}); at != open_.end() && at->first == shard; ++at) {
      out.push_back(stored(at->second, records_.at(at->second)));
    }
  }
  return out;
}

std::vector<StoredRecord> MemoryContent::list(const ListFilter& filter) const {
  std::vector<StoredRecord> out;
  auto at = filter.before ? records_.lower_bound(*filter.before) : records_.end();
  while (at != records_.begin() && out.size() < filter.limit) {
    --at;
    if (matches(filter, at->second.summary)) out.push_back(stored(at->first, at->second));
  }
  return out;
}

std::vector<Lease> MemoryContent::acquire(std::span<const ShardNo> shards, std::string_view owner, Duration lasting,
                                          Instant now) {
  std::vector<Lease> out;
  for (const ShardNo shard : shards) {
    MemoryLease& lease = leases_[shard];
    const bool is_held = !lease.owner.empty() && lease.owner != owner && now < lease.until;
    if (is_held) continue;
    lease.owner = owner;
    lease.until = saturating_add(now, lasting);
    ++lease.epoch;
    out.push_back({shard, lease.epoch});
  }
  return out;
}

std::vector<Lease> MemoryContent::renew(std::span<const Lease> leases, std::string_view owner, Duration lasting,
                                        Instant now) {
  std::vector<Lease> out;
  for (const Lease& asked : leases) {
    const auto found = leases_.find(asked.shard);
    if (found == leases_.end() || found->second.owner != owner || found->second.epoch != asked.epoch) continue;
    found->second.until = saturating_add(now, lasting);
    out.push_back(asked);
  }
  return out;
}

void MemoryContent::release(std::span<const Lease> leases, std::string_view owner) {
  for (const Lease& given : leases) {
    const auto found = leases_.find(given.shard);
    if (found == leases_.end() || found->second.owner != owner || found->second.epoch != given.epoch) continue;
    found->second.owner.clear();
    found->second.until = kNoInstant;
  }
}

std::vector<Node> MemoryContent::attend(std::string_view name, std::string_view address, Duration lasting,
                                        Instant now) {
  nodes_[std::string(name)] = {std::string(address), saturating_add(now, lasting)};
  std::erase_if(nodes_, [now](const auto& node) { return node.second.until <= now; });
  std::vector<Node> out;
  for (const auto& [other, node] : nodes_) {
    out.push_back({other, node.address, {}});
    for (const auto& [shard, lease] : leases_) {
      if (lease.owner == other && now < lease.until) out.back().shards.push_back(shard);
    }
  }
  return out;
}

void MemoryContent::put_value(std::string_view space, std::string_view key, std::string_view value) {
  std::pair<std::string, std::string> name{space, key};
  if (value.empty()) {
    values_.erase(name);
  } else {
    values_[std::move(name)] = value;
  }
}

std::optional<std::string> MemoryContent::get_value(std::string_view space, std::string_view key) const {
  const auto found = values_.find({std::string(space), std::string(key)});
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t MemoryContent::prune(Instant before) {
  std::uint64_t forgotten = 0;
  for (auto at = records_.begin(); at != records_.end();) {
    const Summary& summary = at->second.summary;
    if (summary.phase != Phase::kEnded || summary.updated_at >= before) {
      ++at;
      continue;
    }
    gids_.erase(at->second.gid);
    at = records_.erase(at);
    ++forgotten;
  }
  return forgotten;
}

Epoch MemoryContent::epoch_of(ShardNo shard) const {
  const auto found = leases_.find(shard);
  return found == leases_.end() ? 0 : found->second.epoch;
}

}  // namespace settle
