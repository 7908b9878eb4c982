#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/store.h"

namespace settle::daemon {

/// Which daemon owns a shard, as the store said last: at most a second ago while it answers. Wrong for a moment after a
/// change, so whoever is asked in error must say so, and not ask further. Any thread.
class Directory {
 public:
  /// `self`: shards of this daemon are nobody else's.
  void update(const std::vector<Node>& there, std::string_view self);

  /// Everybody, this daemon included; empty: the store has one owner.
  [[nodiscard]] std::vector<Node> nodes() const;

  /// Another daemon that owns the shard.
  struct Owner {
    std::string name;
    std::string address;  ///< where its clients, and the other daemons, reach it
  };
  [[nodiscard]] std::optional<Owner> other_owner(ShardNo shard) const;

 private:
  std::atomic<bool> is_alone_{true};  // who shares nothing pays nothing
  mutable std::mutex lock_;
  std::vector<Node> nodes_;    // guarded by lock_
  std::vector<Owner> owners_;  // guarded by lock_; by shard, without a name: ours or nobody's
};

}  // namespace settle::daemon
