#pragma once

#include "client/line.h"
#include "settle/client.h"

namespace settle::client {

/// What a daemon said, as a transaction or as the error that a problem document stands for. `gid` is what was asked
/// for: of a pruned transaction nothing else is left.
Result<Transaction> transaction_of(const Heard& heard, std::string_view gid);

}  // namespace settle::client
