#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "storage/memory/content.h"
#include "storage/store.h"

namespace settle {

/// A random but repeatable course of transactions, and what a store must hold after each group of it.
///
/// The groups are the same for every epoch, so a test that restarts its store goes on where it stopped.
class Story {
 public:
  explicit Story(std::uint64_t seed, std::size_t groups, std::size_t saves_per_group_max = 6);

  static constexpr ShardNo kShards = 3;
  static std::vector<ShardNo> shards() { return {0, 1, 2}; }

  [[nodiscard]] std::size_t size() const { return groups_.size(); }

  /// Group `i` as an owner under `epoch` commits it.
  [[nodiscard]] std::vector<Save> group(std::size_t i, Epoch epoch) const;

  /// What a store holds after the first `groups` groups, as `tell` tells it.
  [[nodiscard]] std::string told_after(std::size_t groups) const;

  /// The same for the whole story, as a content to look things up in.
  [[nodiscard]] const MemoryContent& end() const { return end_; }

  /// The records as text, one a line; equal texts are equal contents.
  static std::string tell(const std::vector<StoredRecord>& newest_first, const std::set<Tid>& open);

  static std::string line_of(const StoredRecord& record, bool is_open);

  /// What the store holds, cross-checked over list, both ways of get, and load_open. A contradiction between these, or
  /// an error, becomes a line that no told_after() has.
  static std::string tell(Store& store);

 private:
  std::vector<std::vector<Save>> groups_;
  MemoryContent end_;
};

}  // namespace settle
