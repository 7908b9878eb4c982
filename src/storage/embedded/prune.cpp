#include <rocksdb/iterator.h>
#include <rocksdb/snapshot.h>

#include <algorithm>

#include "storage/embedded/database.h"
#include "storage/embedded/embedded_store.h"
#include "storage/embedded/open_scan.h"
#include "storage/embedded/record.h"
#include "storage/embedded/write_state.h"

namespace settle {
namespace {

constexpr std::size_t kRecordsPerRound = 4096;  // how many are looked at between two pauses for other writers
constexpr std::size_t kRangeRecordsMin = 8;     // a shorter run is deleted one by one: a range costs every later reader

/// Neighbours in the history that are all to be forgotten.
struct Run {
  std::string first;
  std::string last;
  std::vector<std::string> keys;  // all of them, as long as they are few
};

struct Doomed {
  std::vector<Run> runs;
  std::vector<std::string> gids;  // as keys
  std::uint64_t count = 0;
};

/// The smallest key behind `key`.
std::string behind(std::string key) {
  key.push_back('\0');
  return key;
}

/// Looks at the next records from `from` on and moves it; what cannot be read is kept, as evidence.
Doomed look(rocksdb::Iterator& history, Instant before, std::string& from, bool& is_over) {
  Doomed out;
  bool is_in_run = false;
  std::size_t looked_at = 0;
  for (history.Seek(from); history.Valid() && looked_at < kRecordsPerRound; history.Next(), ++looked_at) {
    const std::string_view key = view_of(history.key());
    const Tid tid = key.size() == Tid::kBytes ? Tid::from_bytes(key) : Tid{};
    const Result<RecordView> record = decode_record(tid, view_of(history.value()));
    from = behind(std::string(key));
    if (!record || record->kind != RecordKind::kHistory || record->summary.updated_at >= before) {
      is_in_run = false;
      continue;
    }
    if (!is_in_run) out.runs.push_back({std::string(key), {}, {}});
    is_in_run = true;
    Run& run = out.runs.back();
    run.last = key;
    if (run.keys.size() < kRangeRecordsMin) run.keys.emplace_back(key);
    if (record->gid != tid.text()) out.gids.push_back(gid_key(record->gid));
    ++out.count;
  }
  is_over = !history.Valid();
  return out;
}

/// Deletes the run except for who came in between after the look: they are not old.
void add_range(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family, const Run& run,
               const std::vector<std::string>& newcomers) {
  std::string from = run.first;
  auto at = std::lower_bound(newcomers.begin(), newcomers.end(), from);
  for (; at != newcomers.end() && *at < run.last; ++at) {
    (void)batch.DeleteRange(family, from, *at);
    from = behind(*at);
  }
  (void)batch.DeleteRange(family, from, behind(run.last));
}

}  // namespace

Result<std::uint64_t> EmbeddedStore::prune(Instant before) {
  const std::lock_guard one_at_a_time(prune_mutex_);
  std::string from;
  std::uint64_t forgotten = 0;
  for (bool is_over = false; !is_over;) {
    const Result<std::uint64_t> some = prune_some(before, from, is_over);
    if (!some) return some;
    forgotten += *some;
  }
  return forgotten;
}

Result<std::uint64_t> EmbeddedStore::prune_some(Instant before, std::string& from, bool& is_over) {
  std::unique_ptr<rocksdb::ManagedSnapshot> snapshot;
  {
    const std::lock_guard lock(write_mutex_);
    if (const auto good = still_good(); !good) return good.error();
    state_->is_pruning = true;
    state_->ended_meanwhile.clear();
    snapshot = std::make_unique<rocksdb::ManagedSnapshot>(&**db_);
  }
  rocksdb::ReadOptions options;
  options.snapshot = snapshot->snapshot();
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> history((*db_)->NewIterator(options, db_->family(Family::kHistory)));
  const Doomed doomed = look(*history, before, from, is_over);

  const std::lock_guard lock(write_mutex_);
  state_->is_pruning = false;
  if (!history->status().ok()) return count_damage(error_of(history->status(), "cannot prune"));
  if (const auto good = still_good(); !good) return good.error();
  if (doomed.count == 0) return std::uint64_t{0};

  std::vector<std::string> newcomers;
  for (const Tid& tid : state_->ended_meanwhile) {
    const auto raw = tid.bytes();
    newcomers.emplace_back(raw.data(), raw.size());
  }
  std::sort(newcomers.begin(), newcomers.end());
  state_->start_batch();
  for (const Run& run : doomed.runs) {
    if (run.keys.size() == kRangeRecordsMin) {
      add_range(state_->batch, db_->family(Family::kHistory), run, newcomers);
    } else {
      for (const std::string& key : run.keys) (void)state_->batch.Delete(db_->family(Family::kHistory), key);
    }
  }
  for (const std::string& gid : doomed.gids) (void)state_->batch.Delete(db_->family(Family::kGid), gid);
  // Unsynced: what is lost in a power cut is pruned again.
  if (const auto written = write(false); !written) return written.error();
  return doomed.count;
}

}  // namespace settle
