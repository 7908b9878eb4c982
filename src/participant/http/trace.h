#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "settle/ids.h"

namespace settle::participant {

/// Appends the value of a W3C `traceparent` header for one attempt: a child of `parent` if that is well-formed
/// (version 00, no all-zero ids), otherwise of a trace whose id is the tid, so that all calls of a transaction stand in
/// one trace, also after a restart.
void append_traceparent(std::string& out, std::string_view parent, const Tid& tid, Random& random);

}  // namespace settle::participant
