#include "daemon/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace settle::daemon {

static bool operator==(const Change& left, const Change& right) {
  const auto same = [](const Lease& a, const Lease& b) { return a.shard == b.shard && a.epoch == b.epoch; };
  return left.take == right.take &&
         std::equal(left.give.begin(), left.give.end(), right.give.begin(), right.give.end(), same);
}

namespace {

std::map<ShardNo, Epoch> held_from(ShardNo first, ShardNo count) {
  std::map<ShardNo, Epoch> out;
  for (ShardNo i = 0; i < count; ++i) out[static_cast<ShardNo>(first + i)] = 7;
  return out;
}

TEST(Balance, WhoIsAloneTakesEverything) {
  EXPECT_EQ(balance(4, "a", {}, {}), (Change{{0, 1, 2, 3}, {}}));
  EXPECT_EQ(balance(4, "a", held_from(0, 4), {{"a", "", {0, 1, 2, 3}}}), Change{});
}

TEST(Balance, WhoHasTooManyGivesTheLastOnesWithTheirEpoch) {
  const std::vector<Node> there{{"a", "", {0, 1, 2, 3}}, {"b", "", {}}};
  EXPECT_EQ(balance(4, "a", held_from(0, 4), there), (Change{{}, {{3, 7}, {2, 7}}}));
}

TEST(Balance, NobodyTakesFromAnotherWhoIsThere) {
  const std::vector<Node> there{{"a", "", {0, 1, 2}}, {"b", "", {}}};
  EXPECT_EQ(balance(4, "b", {}, there), (Change{{3}, {}}));
}

TEST(Balance, SharesDifferByOneAtMost) {
  const std::vector<Node> there{{"a", "", {}}, {"b", "", {}}, {"c", "", {}}};
  std::set<ShardNo> taken;
  std::vector<std::size_t> sizes;
  for (const Node& node : there) {
    const Change change = balance(4, node.name, {}, there);
    sizes.push_back(change.take.size());
    taken.insert(change.take.begin(), change.take.end());
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 1, 1}));
}

/// Daemons that come and go, each acting by itself in turn on what the store holds: every shard gets an owner, and
/// nobody has more than its part.
TEST(Balance, EveryShardFindsAnOwnerWhoeverComesAndGoes) {
  constexpr std::uint16_t kShards = 32;
  std::map<std::string, std::map<ShardNo, Epoch>> daemons;
  const auto round = [&](const std::string& self) {
    std::vector<Node> there;
    std::set<ShardNo> owned;
    for (const auto& [name, held] : daemons) {
      there.push_back({name, "", {}});
      for (const auto& [shard, epoch] : held) {
        there.back().shards.push_back(shard);
        EXPECT_TRUE(owned.insert(shard).second) << "shard " << shard << " has two owners";
      }
    }
    const Change change = balance(kShards, self, daemons[self], there);
    for (const Lease& lease : change.give) daemons[self].erase(lease.shard);
    for (const ShardNo shard : change.take) {
      if (!owned.contains(shard)) daemons[self][shard] = 1;
    }
  };
  const auto settle_down = [&] {
    for (int i = 0; i < 3; ++i) {
      for (const auto& [name, held] : std::map(daemons)) round(name);
    }
    std::size_t owned = 0;
    for (const auto& [name, held] : daemons) {
      owned += held.size();
      EXPECT_LE(held.size(), kShards / daemons.size() + 1);
      EXPECT_GE(held.size(), kShards / daemons.size());
    }
    EXPECT_EQ(owned, kShards) << daemons.size() << " daemons";
  };
  for (const char* comes : {"m", "a", "z", "b", "k"}) {
    daemons[comes];
    settle_down();
  }
  for (const char* goes : {"a", "z", "m"}) {
    daemons.erase(goes);
    settle_down();
  }
}

}  // namespace
}  // namespace settle::daemon
