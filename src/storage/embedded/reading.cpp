#include <rocksdb/iterator.h>
#include <rocksdb/snapshot.h>

#include <set>

#include "base/log.h"
#include "storage/embedded/database.h"
#include "storage/embedded/embedded_store.h"
#include "storage/embedded/open_scan.h"
#include "storage/embedded/record.h"
#include "storage/embedded/write_state.h"
#include "storage/list_filter.h"

namespace settle {
namespace {

Error unknown(std::string name) {
  return Error{ErrorCode::kNotFound, "the store has no transaction " + std::move(name)};
}

/// What a look-up may have found; NotFound is no error here.
class Found {
 public:
  Found(Database& db, Family family, std::string_view key)
      : status_(db->Get(rocksdb::ReadOptions(), db.family(family), slice_of(key), &value_)) {}

  [[nodiscard]] bool is_there() const { return status_.ok(); }
  [[nodiscard]] bool is_error() const { return !status_.ok() && !status_.IsNotFound(); }
  [[nodiscard]] Error error() const { return error_of(status_, "cannot read a transaction"); }
  [[nodiscard]] std::string_view value() const { return view_of(value_); }

 private:
  rocksdb::PinnableSlice value_;
  rocksdb::Status status_;
};

}  // namespace

Error EmbeddedStore::count_damage(Error error) const {
  if (error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kInvalid) {
    damaged_.fetch_add(1, std::memory_order_relaxed);
    log(LogLevel::kError, "damaged record", {{"what", error.message}});
  }
  return error;
}

Result<StoredRecord> EmbeddedStore::get(const Tid& tid) {
  if (const auto good = still_good(); !good) return good.error();
  const auto raw = tid.bytes();
  const std::string_view key(raw.data(), raw.size());
  // In this order, without a snapshot, the answer is one that was true during the call: who is missing in `progress`
  // and then found in `open` had no progress at the first look-up; who has left `open` meanwhile is in `history`.
  const Found progress(*db_, Family::kProgress, key);
  if (progress.is_error()) return count_damage(progress.error());
  const Found begin(*db_, Family::kOpen, key);
  if (begin.is_error()) return count_damage(begin.error());
  if (begin.is_there()) {
    const Result<OpenRecord> record =
        join_open(tid, begin.value(), progress.is_there() ? std::optional(progress.value()) : std::nullopt);
    if (!record) return count_damage(record.error());
    return stored_of(tid, *record, true);
  }
  const Found history(*db_, Family::kHistory, key);
  if (history.is_error()) return count_damage(history.error());
  if (history.is_there()) {
    const Result<RecordView> record = decode_record(tid, history.value());
    if (!record) return count_damage(record.error());
    return stored_of(tid, *record, true);
  }
  if (progress.is_there() && Found(*db_, Family::kProgress, key).is_there()) {
    return count_damage(Error{ErrorCode::kCorrupt, "transaction " + tid.text() + " has progress but no begin"});
  }
  return unknown(tid.text());
}

Result<StoredRecord> EmbeddedStore::get(std::string_view gid) {
  if (const auto good = still_good(); !good) return good.error();
  const std::string key = gid_key(gid);
  const Found named(*db_, Family::kGid, key);
  if (named.is_error()) return count_damage(named.error());
  if (!named.is_there()) {
    const std::optional<Tid> minted = Tid::parse(gid);
    if (!minted) return unknown(std::string(gid));
    Result<StoredRecord> record = get(*minted);
    if (record && record->gid != gid) return unknown(std::string(gid));
    return record;
  }
  const Error lost{ErrorCode::kCorrupt, "gid " + std::string(gid) + " is known, but its record cannot be found"};
  if (named.value().size() != Tid::kBytes) return count_damage(lost);
  Result<StoredRecord> record = get(Tid::from_bytes(named.value()));
  if (record && record->gid != gid) return count_damage(lost);
  if (!record && record.error().code == ErrorCode::kNotFound) {
    // Pruned between the two look-ups: then the gid is gone, too.
    return Found(*db_, Family::kGid, key).is_there() ? count_damage(lost) : unknown(std::string(gid));
  }
  return record;
}

Result<void> EmbeddedStore::load_open(std::span<const ShardNo> shards, const std::function<void(StoredRecord&&)>& visit,
                                      const std::function<void(const Tid&, const Error&)>& damaged) {
  if (const auto good = still_good(); !good) return good;
  std::vector<bool> is_wanted(std::size_t{1} << 16U);
  for (const ShardNo shard : shards) is_wanted[shard] = true;
  OpenIndex index;
  const bool fills_index = !is_index_filled();
  if (fills_index) index.reserve(estimate_open(*db_));
  auto scanned = scan_open(
      *db_,
      [&](const Tid& tid, const OpenRecord& record) {
        if (fills_index) index.put(tid, index_entry_of(record));
        if (is_wanted[record.begin.shard]) visit(stored_of(tid, record, true));
      },
      // The shard in a damaged record cannot be trusted; the one in the tid is under the key's own protection.
      [&](const Tid& tid, const Error& error) {
        if (fills_index) index.put(tid, {.is_damaged = true});
        if (is_wanted[tid.shard]) damaged(tid, count_damage(error));
      });
  if (scanned && fills_index) take_index(std::move(index));
  return scanned;
}

bool EmbeddedStore::is_index_filled() {
  const std::lock_guard lock(write_mutex_);
  return state_->is_index_filled;
}

/// Of no use if there was a write meanwhile: then it has filled the index before, with what it found.
void EmbeddedStore::take_index(OpenIndex&& index) {
  const std::lock_guard lock(write_mutex_);
  if (state_->is_index_filled) return;
  state_->open = std::move(index);
  state_->is_index_filled = true;
}

Result<std::vector<StoredRecord>> EmbeddedStore::list(const ListFilter& filter) {
  if (const auto good = still_good(); !good) return good.error();
  std::vector<StoredRecord> out;
  rocksdb::ManagedSnapshot snapshot(&**db_);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  const auto iterate = [&](Family family) {
    return std::unique_ptr<rocksdb::Iterator>((*db_)->NewIterator(options, db_->family(family)));
  };
  const auto begins = iterate(Family::kOpen);
  const auto progress = iterate(Family::kProgress);
  const auto history = iterate(Family::kHistory);
  const bool wants_open = !filter.phase || *filter.phase != Phase::kEnded;
  const bool wants_ended = !filter.phase || *filter.phase == Phase::kEnded;

  const auto place = [&](rocksdb::Iterator& at) {
    if (!filter.before) return at.SeekToLast();
    const auto raw = filter.before->bytes();
    const rocksdb::Slice key(raw.data(), raw.size());
    at.SeekForPrev(key);
    if (at.Valid() && at.key() == key) at.Prev();
  };
  if (wants_open) place(*begins);
  if (wants_open) place(*progress);
  if (wants_ended) place(*history);

  while (out.size() < filter.limit && (begins->Valid() || history->Valid())) {
    const bool is_open = begins->Valid() && (!history->Valid() || begins->key().compare(history->key()) > 0);
    if (is_open) {
      while (progress->Valid() && progress->key().compare(begins->key()) > 0) progress->Prev();
      const bool has_progress = progress->Valid() && progress->key() == begins->key();
      const Tid tid = Tid::from_bytes(view_of(begins->key()));
      const Result<OpenRecord> record = join_open(
          tid, view_of(begins->value()), has_progress ? std::optional(view_of(progress->value())) : std::nullopt);
      if (!record) {
        (void)count_damage(record.error());
      } else if (matches(filter, record->newest().summary)) {
        out.push_back(stored_of(tid, *record, false));
      }
      begins->Prev();
    } else {
      const Tid tid = Tid::from_bytes(view_of(history->key()));
      const Result<RecordView> record = decode_record(tid, view_of(history->value()));
      if (!record) {
        (void)count_damage(record.error());
      } else if (matches(filter, record->summary)) {
        out.push_back(stored_of(tid, *record, false));
      }
      history->Prev();
    }
  }
  for (const auto* at : {begins.get(), progress.get(), history.get()}) {
    if (!at->status().ok()) return count_damage(error_of(at->status(), "cannot list transactions"));
  }
  return out;
}

}  // namespace settle
