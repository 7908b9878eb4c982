#include "daemon/directory.h"

namespace settle::daemon {

void Directory::update(const std::vector<Node>& there, std::string_view self) {
  std::vector<Owner> owners;
  for (const Node& node : there) {
    if (node.name == self) continue;
    for (const ShardNo shard : node.shards) {
      if (shard >= owners.size()) owners.resize(shard + std::size_t{1});
      owners[shard] = {node.name, node.address};
    }
  }
  const bool is_alone = owners.empty();
  {
    const std::lock_guard hold(lock_);
    owners_ = std::move(owners);
    nodes_ = there;
  }
  is_alone_.store(is_alone, std::memory_order_release);
}

std::vector<Node> Directory::nodes() const {
  const std::lock_guard hold(lock_);
  return nodes_;
}

std::optional<Directory::Owner> Directory::other_owner(ShardNo shard) const {
  if (is_alone_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard hold(lock_);
  if (shard >= owners_.size() || owners_[shard].name.empty()) return std::nullopt;
  return owners_[shard];
}

}  // namespace settle::daemon
