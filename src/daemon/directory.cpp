#include "daemon/directory.h"

namespace settle::daemon {

void Directory::update(const std::vector<Node>& there, std::string_view self) {
  std::vector<std::string> addresses;
  for (const Node& node : there) {
    if (node.name == self) continue;
    for (const ShardNo shard : node.shards) {
      if (shard >= addresses.size()) addresses.resize(shard + std::size_t{1});
      addresses[shard] = node.address;
    }
  }
  const bool is_alone = addresses.empty();
  {
    const std::lock_guard hold(lock_);
    addresses_ = std::move(addresses);
    nodes_ = there;
  }
  is_alone_.store(is_alone, std::memory_order_release);
}

std::vector<Node> Directory::nodes() const {
  const std::lock_guard hold(lock_);
  return nodes_;
}

std::optional<std::string> Directory::other_owner(ShardNo shard) const {
  if (is_alone_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard hold(lock_);
  if (shard >= addresses_.size() || addresses_[shard].empty()) return std::nullopt;
  return addresses_[shard];
}

}  // namespace settle::daemon
