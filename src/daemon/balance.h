#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "storage/store.h"

namespace settle::daemon {

/// What one daemon changes about its shards.
struct Change {
  std::vector<ShardNo> take;  ///< free ones to ask for
  std::vector<Lease> give;    ///< ours that others should have
};

/// Every daemon computes its own part from what the store tells all of them, and nobody leads: of N shards and n
/// daemons each may have N/n, and the first N mod n, by name, one more. Who has too many gives, who has too few takes
/// from what is free; nobody takes from another who is there. Pure.
///
/// `held`: ours. `there`: everybody, by name; without `self` in it this daemon counts as alone.
Change balance(std::uint16_t shards, std::string_view self, const std::map<ShardNo, Epoch>& held,
               const std::vector<Node>& there);

}  // namespace settle::daemon
