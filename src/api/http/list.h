#pragma once

#include <optional>
#include <string>
#include <utility>

#include "api/http/problem.h"
#include "api/http/query_string.h"
#include "storage/store.h"

namespace settle::api {

/// What `GET /v1/transactions` asks for.
struct ListRequest {
  ListFilter filter;
  std::optional<std::pair<std::string, std::optional<std::string>>> label;  ///< key, value
};

/// False: see `query.refusal()`.
bool read_list_request(QueryString& query, ListRequest& out);

/// Blocks: runs on the thread for store reads. Looks at kListScannedMax records at most; `next_cursor` goes on behind
/// the last one.
Rendered render_list(Store& store, const ListRequest& request);

}  // namespace settle::api
