#include "daemon/balance.h"

#include <algorithm>
#include <set>

namespace settle::daemon {

Change balance(std::uint16_t shards, std::string_view self, const std::map<ShardNo, Epoch>& held,
               const std::vector<Node>& there) {
  const auto me = std::find_if(there.begin(), there.end(), [&](const Node& node) { return node.name == self; });
  const std::size_t daemons = me == there.end() ? 1 : there.size();
  const std::size_t place = me == there.end() ? 0 : static_cast<std::size_t>(me - there.begin());
  const std::size_t most = shards / daemons + (place < shards % daemons ? 1 : 0);

  Change out;
  auto surplus = held.rbegin();
  for (std::size_t count = held.size(); count > most; --count, ++surplus) {
    out.give.push_back({surplus->first, surplus->second});
  }
  if (held.size() >= most) return out;

  std::set<ShardNo> not_free;
  for (const Node& node : there) {
    if (node.name != self) not_free.insert(node.shards.begin(), node.shards.end());
  }
  // Each begins somewhere else, so that several who start together seldom want the same.
  const std::size_t first = place * shards / daemons;
  for (std::size_t i = 0; i < shards && held.size() + out.take.size() < most; ++i) {
    const auto shard = static_cast<ShardNo>((first + i) % shards);
    if (!held.contains(shard) && !not_free.contains(shard)) out.take.push_back(shard);
  }
  return out;
}

}  // namespace settle::daemon
