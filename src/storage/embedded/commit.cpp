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
  if (kind == RecordKind::kProgress) return out;
  out.gid = save.gid;
  if (save.plan) out.plan = *save.plan;
  return out;
}

}  // namespace

Result<std::vector<Receipt>> EmbeddedStore::commit(std::span<const Save> group) {
  const std::lock_guard lock(write_mutex_);
  if (const auto good = still_good(); !good) return Error{ErrorCode::kUnknownOutcome, good.error().message};
  std::vector<Receipt> receipts;
  receipts.reserve(group.size());
  state_->start_batch();
  state_->begun.clear();
  bool is_forced = false;
  for (const Save& save : group) {
    const Result<SaveStatus> status = judge_and_add(save);
    if (!status) {
      // The index already counts the saves before this one.
      fail(status.error().message);
      return Error{ErrorCode::kUnknownOutcome, status.error().message};
    }
    receipts.push_back({save.shard, save.epoch, save.tid, save.version, *status});
    is_forced = is_forced || save.forced;
  }
  if (state_->batch.Count() > 0 || is_forced) {
    if (const auto written = write(is_forced); !written) return written.error();
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
  const Result<bool> known = is_known(save, hash);
  if (!known) return known.error();
  if (*known) return SaveStatus::kGidTaken;

  state.begun.emplace_back(hash, save.gid);
  if (save.tid > state.newest) state.newest = save.tid;
  if (!is_text_of(save.gid, save.tid)) {
    const auto tid = save.tid.bytes();
    (void)state.batch.Put(db_->family(Family::kGid), save.gid, rocksdb::Slice(tid.data(), tid.size()));
  }
  if (save.summary.phase == Phase::kEnded) {
    add_history(save);
  } else {
    put_record(state.batch, db_->family(Family::kOpen), save.tid, view_of_save(save, RecordKind::kOpen));
    state.open.put(save.tid, OpenEntry{.version = save.version});
  }
  return SaveStatus::kSaved;
}

Result<SaveStatus> EmbeddedStore::add_change(const Save& save) {
  WriteState& state = *state_;
  OpenEntry* const entry = state.open.find(save.tid);
  if (entry == nullptr || entry->is_damaged || entry->version != save.expected) return SaveStatus::kConflict;

  if (save.summary.phase != Phase::kEnded) {
    put_record(state.batch, db_->family(Family::kProgress), save.tid, view_of_save(save, RecordKind::kProgress));
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

Result<bool> EmbeddedStore::is_known(const Save& save, std::size_t hash_of_gid) {
  WriteState& state = *state_;
  if (state.open.find(save.tid) != nullptr) return true;
  if (save.tid <= state.newest) {
    const Result<bool> has_ended = is_in_history(save.tid);
    if (!has_ended || *has_ended) return has_ended;
  }
  for (const auto& [hash, gid] : state.begun) {
    if (hash == hash_of_gid && gid == save.gid) return true;
  }
  rocksdb::PinnableSlice found;
  const rocksdb::Status status = (*db_)->Get(rocksdb::ReadOptions(), db_->family(Family::kGid), save.gid, &found);
  if (status.ok()) return true;
  if (!status.IsNotFound()) return error_of(status, "cannot look up a gid");
  return is_minted_gid_known(save);
}

/// A gid that reads like a tid belongs to that transaction if it was minted from it; such gids stand in no family.
Result<bool> EmbeddedStore::is_minted_gid_known(const Save& save) {
  const std::optional<Tid> tid = Tid::parse(save.gid);
  if (!tid || *tid == save.tid || *tid > state_->newest) return false;
  const Result<StoredRecord> record = get(*tid);
  if (record) return record->gid == save.gid;
  if (record.error().code == ErrorCode::kNotFound) return false;
  if (record.error().code == ErrorCode::kCorrupt) return true;  // it may have been this one
  return record.error();
}

Result<bool> EmbeddedStore::is_in_history(const Tid& tid) {
  const auto raw = tid.bytes();
  rocksdb::PinnableSlice found;
  const rocksdb::Status status = (*db_)->Get(rocksdb::ReadOptions(), db_->family(Family::kHistory),
                                             rocksdb::Slice(raw.data(), raw.size()), &found);
  if (status.ok()) return true;
  if (status.IsNotFound()) return false;
  return error_of(status, "cannot look up a tid");
}

}  // namespace settle
