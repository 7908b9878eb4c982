#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "settle/result.h"

namespace settle::api::dtm {

using Json = nlohmann::json;

/// One step as a client sends it. Absent and null are empty.
struct Step {
  std::string action;
  std::string compensate;
};

/// The options of a transaction, in seconds.
struct Options {
  bool wait_result = false;
  std::int64_t timeout_to_fail = 0;
  std::int64_t request_timeout = 0;
  std::int64_t retry_interval = 0;
  std::vector<std::pair<std::string, std::string>> branch_headers;
  bool concurrent = false;
  std::int64_t retry_limit = 0;
};

/// Body of prepare, submit, abort, forceStop, resetNextCronTime.
struct TransRequest {
  std::string gid;
  std::string trans_type;
  std::vector<Step> steps;
  std::vector<std::string> payloads;  ///< one for each step, if there are steps
  std::string query_prepared;
  std::string custom_data;
  std::string protocol;
  std::string rollback_reason;
  Options options;
};

/// Body of registerBranch: text by lower-case name.
using BranchRequest = std::map<std::string, std::string, std::less<>>;

inline constexpr std::size_t kGidBytesMax = 128;
inline constexpr std::size_t kStepsMax = 256;

/// Of two equal keys the last one counts. Discarded (`is_discarded()`) if `text` is no JSON.
Json parse(std::string_view text);

/// What `body` says, in any order and case, null like absent, unknown names ignored. It may be discarded.
///
/// Errors: kInvalid, in words for the client.
Result<TransRequest> read_trans(const Json& body);
Result<BranchRequest> read_branch(const Json& body);

/// The member of that lower-case name, whatever its case; null: there is none.
const Json* member(const Json& object, std::string_view name);

/// The options as a client reads them back: a JSON object that always holds `concurrent`.
std::string text_of(const Options& options);
/// Of a text that text_of() wrote.
Options options_of(std::string_view text);

}  // namespace settle::api::dtm
