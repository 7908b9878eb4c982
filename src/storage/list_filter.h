#pragma once

#include "storage/store.h"

namespace settle {

/// Whether a transaction with this summary belongs into the list; the cursor and the limit are the caller's.
inline bool matches(const ListFilter& filter, const Summary& summary) {
  return (!filter.pattern || *filter.pattern == summary.pattern) && (!filter.phase || *filter.phase == summary.phase) &&
         (!filter.outcome || *filter.outcome == summary.outcome) &&
         (!filter.has_incident || *filter.has_incident == summary.has_incident) && summary.created_at >= filter.since &&
         summary.created_at < filter.until;
}

}  // namespace settle
