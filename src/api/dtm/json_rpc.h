#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/dtm/request.h"
#include "api/http/ports.h"

namespace settle::api::dtm {

/// One call of DTM's JSON-RPC 2.0 interface.
struct RpcCall {
  std::string id;  ///< as JSON text: a string, or a number
  std::string method;
  Json params;
};

/// Nothing: `answer` says why, in the order of DTM's checks: text that is no JSON, an envelope that is none, a method
/// that nobody knows.
std::optional<RpcCall> read_call(std::string_view text, Rendered& answer);

/// The answer to `id` that says what `rendered`, the answer by HTTP, says.
Rendered as_rpc(const std::string& id, Rendered&& rendered);

}  // namespace settle::api::dtm
