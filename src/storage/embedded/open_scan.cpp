#include "storage/embedded/open_scan.h"

#include <rocksdb/iterator.h>
#include <rocksdb/snapshot.h>

#include <algorithm>
#include <memory>

namespace settle {
namespace {

/// An estimate may be far too high, and room takes memory: 64 MiB at most.
constexpr std::uint64_t kEstimateMost = 1'000'000;

Error contradiction(const Tid& tid, const char* what) {
  return Error{ErrorCode::kCorrupt, "records of " + tid.text() + ": " + what};
}

}  // namespace

Result<OpenRecord> join_open(const Tid& tid, std::string_view begin, std::optional<std::string_view> progress) {
  const Result<RecordView> first = decode_record(tid, begin);
  if (!first) return first.error();
  if (first->kind != RecordKind::kOpen) return contradiction(tid, "the one in 'open' is of another kind");
  OpenRecord out{*first, std::nullopt};
  if (!progress) return out;

  // Without the newest state there is no transaction: the state of the begin may be one that was left long ago.
  const Result<RecordView> later = decode_record(tid, *progress);
  if (!later) return later.error();
  if (later->kind != RecordKind::kProgress) return contradiction(tid, "the one in 'progress' is of another kind");
  if (later->shard != first->shard || later->version <= first->version) {
    return contradiction(tid, "progress does not follow the begin");
  }
  out.progress = *later;
  return out;
}

OpenEntry index_entry_of(const OpenRecord& record) {
  return {.version = record.newest().version,
          .plan_bytes = static_cast<std::uint32_t>(record.begin.plan.size()),
          .has_progress = record.progress.has_value()};
}

StoredRecord stored_of(const Tid& tid, const OpenRecord& record, bool with_plan) {
  StoredRecord out = stored_of(tid, record.begin, with_plan);
  if (record.progress) {
    out.version = record.progress->version;
    out.summary = record.progress->summary;
    out.state = record.progress->state;
    if (with_plan && !record.progress->plan.empty()) out.plan = std::string(record.progress->plan);
  }
  return out;
}

StoredRecord stored_of(const Tid& tid, const RecordView& history, bool with_plan) {
  return StoredRecord{.tid = tid,
                      .gid = std::string(history.gid),
                      .shard = history.shard,
                      .version = history.version,
                      .summary = history.summary,
                      .plan = with_plan ? std::string(history.plan) : std::string(),
                      .state = std::string(history.state)};
}

std::size_t estimate_open(Database& db) {
  std::uint64_t keys = 0;
  const bool known = db->GetIntProperty(db.family(Family::kOpen), rocksdb::DB::Properties::kEstimateNumKeys, &keys);
  return known ? std::min<std::uint64_t>(keys, kEstimateMost) : 0;
}

Result<void> scan_open(Database& db, const std::function<void(const Tid&, const OpenRecord&)>& visit,
                       const std::function<void(const Tid&, const Error&)>& damaged) {
  rocksdb::ManagedSnapshot snapshot(&*db);
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> begins(db->NewIterator(options, db.family(Family::kOpen)));
  const std::unique_ptr<rocksdb::Iterator> later(db->NewIterator(options, db.family(Family::kProgress)));

  const auto tid_at = [&](const rocksdb::Slice& key) {
    return key.size() == Tid::kBytes ? Tid::from_bytes(view_of(key)) : Tid{};
  };
  begins->SeekToFirst();
  later->SeekToFirst();
  // An iterator that meets damage ends early; what only the other one still has is no orphan then.
  while ((begins->Valid() || later->Valid()) && begins->status().ok() && later->status().ok()) {
    const int order = !later->Valid() ? -1 : !begins->Valid() ? 1 : begins->key().compare(later->key());
    if (order > 0) {
      const Tid tid = tid_at(later->key());
      damaged(tid, contradiction(tid, "there is progress of a transaction that never began"));
      later->Next();
      continue;
    }
    const Tid tid = tid_at(begins->key());
    const Result<OpenRecord> record =
        join_open(tid, view_of(begins->value()), order == 0 ? std::optional(view_of(later->value())) : std::nullopt);
    if (record) {
      visit(tid, *record);
    } else {
      damaged(tid, record.error());
    }
    begins->Next();
    if (order == 0) later->Next();
  }
  for (const auto* at : {begins.get(), later.get()}) {
    if (!at->status().ok()) return error_of(at->status(), "cannot read the open transactions");
  }
  return {};
}

}  // namespace settle
