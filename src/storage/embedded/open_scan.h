#pragma once

#include <functional>
#include <optional>

#include "storage/embedded/database.h"
#include "storage/embedded/open_index.h"
#include "storage/embedded/record.h"

namespace settle {

/// An open transaction as its two records give it. The views live during the visit.
struct OpenRecord {
  RecordView begin;
  std::optional<RecordView> progress;

  [[nodiscard]] const RecordView& newest() const { return progress ? *progress : begin; }
};

inline rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

/// Joins an open transaction's records and checks that they belong together.
Result<OpenRecord> join_open(const Tid& tid, std::string_view begin, std::optional<std::string_view> progress);

/// What conditions are judged by.
OpenEntry index_entry_of(const OpenRecord& record);

/// The whole that a reader gets. `with_plan` false leaves the plan empty.
StoredRecord stored_of(const Tid& tid, const OpenRecord& record, bool with_plan);
StoredRecord stored_of(const Tid& tid, const RecordView& history, bool with_plan);

/// About how many are open.
std::size_t estimate_open(Database& db);

/// Every open transaction at this moment, in the order of tids; the damaged ones go to `damaged`.
Result<void> scan_open(Database& db, const std::function<void(const Tid&, const OpenRecord&)>& visit,
                       const std::function<void(const Tid&, const Error&)>& damaged);

}  // namespace settle
