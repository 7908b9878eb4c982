#pragma once

#include <string_view>

#include "settle/participant.h"

namespace settle::client {

/// Who is called with it enlists itself before it tries.
inline constexpr std::string_view kEnlistHeader = "settle-enlist";
inline constexpr std::string_view kEnlistSelf = "self";

/// The headers of a try within a scope. kInvalid: `branch` is no branch id.
Result<HeaderList> try_headers(std::string_view gid, std::string_view tid, std::string_view branch,
                               std::string_view trace_parent);

}  // namespace settle::client
