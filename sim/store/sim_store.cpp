#include "store/sim_store.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"

namespace settle::sim {

SimStore::Shard& SimStore::shard(ShardNo number) {
  while (shards_.size() <= number) shards_.emplace_back();
  return shards_[number];
}

SaveStatus SimStore::judge(const Save& save) {
  if (shard(save.shard).epoch != save.epoch && !planted(Bug::kStoreIgnoresEpoch)) return SaveStatus::kFenced;
  const auto row = rows_.find(save.tid);
  if (save.expected == 0) {
    return row != rows_.end() || gids_.contains(save.gid) ? SaveStatus::kGidTaken : SaveStatus::kSaved;
  }
  if (row == rows_.end()) return SaveStatus::kConflict;
  if (row->second.version != save.expected && !planted(Bug::kStoreIgnoresVersion)) return SaveStatus::kConflict;
  return SaveStatus::kSaved;
}

void SimStore::put(const Tid& tid, Row&& row) {
  const auto [at, is_new] = rows_.try_emplace(tid);
  const bool was_open = !is_new && at->second.summary.phase != Phase::kEnded;
  const bool is_open = row.summary.phase != Phase::kEnded;
  if (is_new) {
    gids_.emplace(row.gid, tid);
    history_.insert(tid);
  }
  if (was_open != is_open) {
    std::set<Tid>& open = shard(row.shard).open;
    if (is_open) open.insert(tid);
    if (!is_open) open.erase(tid);
    open_ = is_open ? open_ + 1 : open_ - 1;
  }
  at->second = std::move(row);
}

void SimStore::drop(const Tid& tid) {
  const auto at = rows_.find(tid);
  if (at == rows_.end()) return;
  if (at->second.summary.phase != Phase::kEnded) {
    shard(at->second.shard).open.erase(tid);
    --open_;
  }
  gids_.erase(at->second.gid);
  history_.erase(tid);
  rows_.erase(at);
}

void SimStore::apply(const Save& save, Group* group) {
  ++changes_;
  const auto before = rows_.find(save.tid);
  const bool was_absent = before == rows_.end();
  if (group != nullptr) group->undo.push_back(Undo{save.tid, was_absent, was_absent ? Row{} : before->second});
  Row row;
  row.gid = was_absent ? save.gid : before->second.gid;
  row.plan = save.plan ? save.plan : was_absent ? nullptr : before->second.plan;
  row.shard = save.shard;
  row.version = save.version;
  row.summary = save.summary;
  row.state = save.state;
  row.change = changes_;
  if (kind_ == Kind::kShared && !was_absent) {
    Summary same = before->second.summary;
    same.updated_at = save.summary.updated_at;
    if (same == save.summary && !save.forced) {
      row.version_before = before->second.version;
      row.state_before = std::move(before->second.state);
    }
  }
  put(save.tid, std::move(row));
}

std::vector<Receipt> SimStore::write(std::span<const Save> group) {
  std::vector<Receipt> receipts;
  receipts.reserve(group.size());
  Group undo;
  for (const Save& save : group) {
    const SaveStatus status = judge(save);
    if (status == SaveStatus::kSaved) apply(save, kind_ == Kind::kOwnDisk ? &undo : nullptr);
    receipts.push_back(Receipt{save.shard, save.epoch, save.tid, save.version, status});
    if (watcher_ != nullptr) watcher_->saved(save, status, changes_);
  }
  if (kind_ == Kind::kShared) {
    synced_ = changes_;
    ++syncs_;
  } else if (!undo.undo.empty()) {
    undo.last_change = changes_;
    unsynced_.push_back(std::move(undo));
  }
  return receipts;
}

void SimStore::sync() {
  synced_ = changes_;
  unsynced_.clear();
  ++syncs_;
}

void SimStore::sync_up_to(std::uint64_t change) {
  if (change > synced_) sync();
}

void SimStore::crash(Random& random, bool power_loss) {
  roll_back_to(power_loss ? random.below(unsynced_.size() + 1) : unsynced_.size());
}

void SimStore::roll_back_to(std::size_t groups_kept) {
  std::set<Tid> touched;
  while (unsynced_.size() > groups_kept) {
    Group& last = unsynced_.back();
    for (auto undo = last.undo.rbegin(); undo != last.undo.rend(); ++undo) {
      touched.insert(undo->tid);
      if (undo->was_absent) {
        drop(undo->tid);
      } else {
        put(undo->tid, std::move(undo->before));
      }
    }
    unsynced_.pop_back();
  }
  // The recovered tail is written and synced anew before anybody is answered (failures.md, H1).
  sync();
  if (watcher_ == nullptr) return;
  for (const Tid& tid : touched) {
    const auto at = rows_.find(tid);
    if (at == rows_.end()) {
      watcher_->rolled_back(tid, nullptr);
    } else {
      const StoredRecord record = record_of(tid, at->second);
      watcher_->rolled_back(tid, &record);
    }
  }
}

std::vector<Tid> SimStore::fail_over(ShardNo number, Random& random) {
  std::vector<Tid> struck;
  for (const Tid& tid : shard(number).open) {
    Row& row = rows_.find(tid)->second;
    if (row.version_before == 0 || random.below(2) == 0) continue;
    row.version = std::exchange(row.version_before, 0);
    row.state = std::move(row.state_before);
    struck.push_back(tid);
    if (watcher_ == nullptr) continue;
    const StoredRecord record = record_of(tid, row);
    watcher_->rolled_back(tid, &record);
  }
  return struck;
}

std::string_view SimStore::owner_of(ShardNo number) const {
  if (number >= shards_.size()) return {};
  const Shard& one = shards_[number];
  return one.until > now_ ? std::string_view(one.owner) : std::string_view();
}

std::vector<Tid> SimStore::open_tids() const {
  std::vector<Tid> out;
  for (const Shard& one : shards_) out.insert(out.end(), one.open.begin(), one.open.end());
  return out;
}

StoredRecord SimStore::record_of(const Tid& tid, const Row& row) const {
  return StoredRecord{tid,      row.gid, row.shard, row.version, row.summary, row.plan ? *row.plan : std::string(),
                      row.state};
}

Result<std::vector<Receipt>> SimStore::commit(std::span<const Save> group) {
  std::vector<Receipt> receipts = write(group);
  if (kind_ == Kind::kOwnDisk) sync();
  return receipts;
}

Result<void> SimStore::load_open(std::span<const ShardNo> shards, const std::function<void(StoredRecord&&)>& visit,
                                 const std::function<void(const Tid&, const Error&)>&) {
  for (const ShardNo number : shards) {
    for (const Tid& tid : shard(number).open) visit(record_of(tid, rows_.find(tid)->second));
  }
  return {};
}

Result<StoredRecord> SimStore::get(std::string_view gid) {
  const auto at = gids_.find(std::string(gid));
  if (at != gids_.end()) return get(at->second);
  if (const std::optional<Tid> tid = Tid::parse(gid)) return get(*tid);
  return Error{ErrorCode::kNotFound, "no transaction " + std::string(gid)};
}

Result<StoredRecord> SimStore::get(const Tid& tid) {
  const auto at = rows_.find(tid);
  if (at == rows_.end()) return Error{ErrorCode::kNotFound, "no transaction " + tid.text()};
  // Who reads may tell; what is told must not be lost with the power, also if its commit has not returned yet.
  sync_up_to(at->second.change);
  return record_of(tid, at->second);
}

Result<std::vector<StoredRecord>> SimStore::list(const ListFilter& filter) {
  std::vector<StoredRecord> out;
  for (auto at = history_.rbegin(); at != history_.rend() && out.size() < filter.limit; ++at) {
    if (filter.before && !(*at < *filter.before)) continue;
    const Row& row = rows_.find(*at)->second;
    const Summary& s = row.summary;
    if (filter.pattern && s.pattern != *filter.pattern) continue;
    if (filter.phase && s.phase != *filter.phase) continue;
    if (filter.outcome && s.outcome != *filter.outcome) continue;
    if (filter.has_incident && s.has_incident != *filter.has_incident) continue;
    if (s.created_at < filter.since || s.created_at >= filter.until) continue;
    out.push_back(record_of(*at, row));
  }
  return out;
}

Result<std::vector<Lease>> SimStore::acquire(std::span<const ShardNo> shards, std::string_view owner,
                                             Duration lasting) {
  std::vector<Lease> out;
  for (const ShardNo number : shards) {
    Shard& one = shard(number);
    if (!one.owner.empty() && one.owner != owner && one.until > now_) continue;
    one.owner = std::string(owner);
    one.until = saturating_add(now_, lasting);
    ++one.epoch;
    out.push_back(Lease{number, one.epoch});
    if (watcher_ != nullptr) watcher_->granted(number, one.epoch);
  }
  if (!out.empty() && kind_ == Kind::kOwnDisk) sync();
  return out;
}

Result<std::vector<Lease>> SimStore::renew(std::span<const Lease> leases, std::string_view owner, Duration lasting) {
  std::vector<Lease> out;
  for (const Lease& lease : leases) {
    Shard& one = shard(lease.shard);
    if (one.owner != owner || one.epoch != lease.epoch) continue;
    one.until = saturating_add(now_, lasting);
    out.push_back(lease);
  }
  return out;
}

Result<void> SimStore::release(std::span<const Lease> leases, std::string_view owner) {
  for (const Lease& lease : leases) {
    Shard& one = shard(lease.shard);
    if (one.owner != owner || one.epoch != lease.epoch) continue;
    one.owner.clear();
    one.until = kNoInstant;
  }
  return {};
}

Result<void> SimStore::put_value(std::string_view space, std::string_view key, std::string_view value) {
  const std::pair<std::string, std::string> name{space, key};
  std::erase_if(values_, [&](const auto& one) { return one.first == name; });
  if (!value.empty()) values_.emplace(name, std::string(value));
  return {};
}

Result<std::optional<std::string>> SimStore::get_value(std::string_view space, std::string_view key) {
  const std::pair<std::string, std::string> name{space, key};
  for (const auto& [known, value] : values_) {
    if (known == name) return std::optional<std::string>(value);
  }
  return std::optional<std::string>();
}

Result<std::uint64_t> SimStore::prune(Instant before) {
  std::vector<Tid> old;
  for (const Tid& tid : history_) {
    const Summary& summary = rows_.find(tid)->second.summary;
    if (summary.phase == Phase::kEnded && summary.updated_at < before) old.push_back(tid);
  }
  for (const Tid& tid : old) drop(tid);
  return static_cast<std::uint64_t>(old.size());
}

}  // namespace settle::sim
