#include <rocksdb/write_batch.h>

#include <array>
#include <functional>

#include "base/assert.h"
#include "storage/embedded/database.h"
#include "storage/embedded/embedded_store.h"
#include "storage/embedded/open_scan.h"
#include "storage/embedded/record.h"
#include "storage/embedded/write_state.h"

namespace settle {
namespace {

/// Is `gid` what `tid` looks like as text? Such a gid needs no entry in the gid family.
bool is_text_of(std::string_view gid, const Tid& tid) { return gid.size() == Tid::kTextChars && gid == tid.text(); }

/// The record goes into the batch part by part: plans and states are copied once, into the batch.
void put_record(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family, const Tid& tid,
                const RecordView& record) {
  RecordFrame frame;
  encode_record(tid, record, frame);
  const auto raw = tid.bytes();
  const rocksdb::Slice key(raw.data(), raw.size());
  const std::array<rocksdb::Slice, RecordFrame::kParts> parts{
      rocksdb::Slice(frame.head, RecordFrame::kHeadBytes), slice_of(record.gid), slice_of(record.plan),
      slice_of(record.state), rocksdb::Slice(frame.checksum, sizeof frame.checksum)};
  (void)batch.Put(family, rocksdb::SliceParts(&key, 1),
                  rocksdb::SliceParts(parts.data(), static_cast<int>(parts.size())));
}

RecordView view_of_save(const Save& save, RecordKind kind) {
  RecordView out;
  out.kind = kind;
  out.shard = save.shard;
  out.version = save.version;
  out.summary = save.summary;
  out.state = save.state;
  if (kind == RecordKind::kProgress) return out;  // but see add_change
  out.gid = save.gid;
  if (save.plan) out.plan = *save.plan;
  return out;
}

}  // namespace

Result<std::vector<Receipt>> EmbeddedStore::commit(std::span<const Save> group) {
  const std::lock_guard lock(write_mutex_);
  if (const auto good = still_good(); !good) return Error{ErrorCode::kUnknownOutcome, good.error().message};
  if (const auto filled = fill_index(); !filled) {
    fail(filled.error().message);
    return Error{ErrorCode::kUnknownOutcome, filled.error().message};
  }
  std::vector<Receipt> receipts;
  receipts.reserve(group.size());
  state_->start_batch();
  state_->begun.clear();
  for (const Save& save : group) {
    const Result<SaveStatus> status = judge_and_add(save);
    if (!status) {
      // The index already counts the saves before this one.
      fail(status.error().message);
      return Error{ErrorCode::kUnknownOutcome, status.error().message};
    }
    receipts.push_back({save.shard, save.epoch, save.tid, save.version, *status});
  }
  if (state_->batch.Count() > 0) {
    if (const auto written = write(true); !written) return written.error();
  }
  return receipts;
}

Result<SaveStatus> EmbeddedStore::judge_and_add(const Save& save) {
  SETTLE_ASSERT(save.version > save.expected);
  WriteState& state = *state_;
  if (save.epoch == 0 || save.epoch != state.epochs[save.shard]) return SaveStatus::kFenced;
  return save.expected == 0 ? add_begin(save) : add_change(save);
}

Result<SaveStatus> EmbeddedStore::add_begin(const Save& save) {
  WriteState& state = *state_;
  const std::size_t hash = std::hash<std::string_view>()(save.gid);
  const bool is_minted = is_text_of(save.gid, save.tid);
  for (const auto& [other, gid] : state.begun) {
    if (other == hash && gid == save.gid) return SaveStatus::kGidTaken;
  }
  const Result<bool> known = is_tid_known(save.tid);
  if (!known) return known.error();
  if (*known) return SaveStatus::kGidTaken;
  if (!is_minted) {
    std::string key = gid_key(save.gid);
    const Result<bool> taken = is_gid_known(save, key);
    if (!taken) return taken.error();
    if (*taken) return SaveStatus::kGidTaken;
    const auto tid = save.tid.bytes();
    (void)state.batch.Put(db_->family(Family::kGid), key, rocksdb::Slice(tid.data(), tid.size()));
    state.has_tid_like_gids = state.has_tid_like_gids || key.front() == kTidLikeGid;
  } else if (state.has_tid_like_gids) {
    const Result<bool> taken = is_in_family(Family::kGid, gid_key(save.gid));
    if (!taken) return taken.error();
    if (*taken) return SaveStatus::kGidTaken;
  }

  state.begun.emplace_back(hash, save.gid);
  if (save.tid > state.newest) state.newest = save.tid;
  if (save.summary.phase == Phase::kEnded) {
    add_history(save);
  } else {
    put_record(state.batch, db_->family(Family::kOpen), save.tid, view_of_save(save, RecordKind::kOpen));
    const auto plan_bytes = static_cast<std::uint32_t>(save.plan ? save.plan->size() : 0);
    state.open.put(save.tid, OpenEntry{.version = save.version, .plan_bytes = plan_bytes});
  }
  return SaveStatus::kSaved;
}

Result<SaveStatus> EmbeddedStore::add_change(const Save& save) {
  WriteState& state = *state_;
  OpenEntry* const entry = state.open.find(save.tid);
  if (entry == nullptr || entry->is_damaged || entry->version != save.expected) return SaveStatus::kConflict;

  if (save.summary.phase != Phase::kEnded) {
    RecordView progress = view_of_save(save, RecordKind::kProgress);
    // A plan is written once, unless branches were enlisted into it: then it stands in the progress from there on.
    if (save.plan && save.plan->size() != entry->plan_bytes) progress.plan = *save.plan;
    put_record(state.batch, db_->family(Family::kProgress), save.tid, progress);
    entry->version = save.version;
    entry->has_progress = true;
    return SaveStatus::kSaved;
  }
  const auto raw = save.tid.bytes();
  const rocksdb::Slice key(raw.data(), raw.size());
  // Written exactly once, so the two annihilate each other as soon as they meet; progress is overwritten at will.
  (void)state.batch.SingleDelete(db_->family(Family::kOpen), key);
  if (entry->has_progress) (void)state.batch.Delete(db_->family(Family::kProgress), key);
  add_history(save);
  state.open.erase(save.tid);
  return SaveStatus::kSaved;
}

void EmbeddedStore::add_history(const Save& save) {
  put_record(state_->batch, db_->family(Family::kHistory), save.tid, view_of_save(save, RecordKind::kHistory));
  if (state_->is_pruning) state_->ended_meanwhile.push_back(save.tid);
}

Result<bool> EmbeddedStore::is_tid_known(const Tid& tid) {
  if (tid > state_->newest) return false;
  if (state_->open.find(tid) != nullptr) return true;
  const auto raw = tid.bytes();
  return is_in_family(Family::kHistory, std::string_view(raw.data(), raw.size()));
}

Result<bool> EmbeddedStore::is_gid_known(const Save& save, std::string_view key) {
  Result<bool> is_named = is_in_family(Family::kGid, key);
  if (!is_named || *is_named || key.front() != kTidLikeGid) return is_named;
  // A gid that reads like a tid may be the minted one of that transaction, which stands in no family.
  const std::optional<Tid> tid = Tid::parse(save.gid);
  if (!tid || *tid > state_->newest) return false;
  const Result<StoredRecord> record = get(*tid);
  if (record) return record->gid == save.gid;
  if (record.error().code == ErrorCode::kNotFound) return false;
  if (record.error().code == ErrorCode::kCorrupt) return true;  // it may have been this one
  return record.error();
}

Result<bool> EmbeddedStore::is_in_family(Family family, std::string_view key) {
  rocksdb::PinnableSlice found;
  const rocksdb::Status status = (*db_)->Get(rocksdb::ReadOptions(), db_->family(family), slice_of(key), &found);
  if (status.ok()) return true;
  if (status.IsNotFound()) return false;
  return error_of(status, "cannot look up a transaction");
}

}  // namespace settle
