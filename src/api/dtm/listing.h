#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/http/limits.h"
#include "api/http/ports.h"
#include "api/http/query_string.h"
#include "storage/store.h"

namespace settle::api::dtm {

// What is read from the store and not from the engine. On a thread that may block.

/// GET all.
struct ListAsked {
  std::string gid;
  std::string position;
  std::string status;
  std::string trans_type;
  std::int64_t limit = 100;
  std::int64_t from_ms = 0;                   ///< created at or after; 0: always
  std::int64_t to_ms = 0;                     ///< created at or before; 0: always
  std::size_t scanned_max = kListScannedMax;  ///< records that it looks at; the next page goes on behind them
};
inline constexpr std::int64_t kListMax = 1000;

/// Newest first. The position of the next page is the tid of the last record that was looked at, which need not be one
/// that is shown; empty: nothing is left. A page may be empty and have a next one.
Rendered list(Store& store, const ListAsked& asked);

/// Transactions that have not ended and whose next pass is due later than `later_than`: at most `limit` gids, and
/// whether there are, or may be, more.
struct Overdue {
  std::vector<std::string> gids;
  bool has_more = false;
};
Result<Overdue> waiting_until(Store& store, Instant later_than, std::size_t limit,
                              std::size_t scanned_max = kListScannedMax);

/// GET queryKV (with a key) and scanKV.
Rendered entries(Store& store, const std::string& category, const std::optional<std::string>& key,
                 const std::string& position, std::int64_t limit);

}  // namespace settle::api::dtm
