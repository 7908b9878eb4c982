#include "base/flat_table.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace settle {
namespace {

struct Pair {
  std::uint64_t key = 0;
  int value = 0;
};
struct Spread {
  static std::uint64_t key(const Pair& pair) { return pair.key; }
  static std::size_t hash(std::uint64_t key) { return mix_bits(key); }
};
/// All in a few long runs, which wrap around the end.
struct Crowded {
  static std::uint64_t key(const Pair& pair) { return pair.key; }
  static std::size_t hash(std::uint64_t key) {
    return static_cast<std::size_t>(key % 7 == 0 ? ~std::uint64_t{0} : key % 5);
  }
};

template <typename Traits>
void compare_with_a_map(std::uint64_t seed, std::uint64_t keys) {
  Random random = Random::stream(seed, "flat-table");
  FlatTable<Pair, Traits> table;
  std::map<std::uint64_t, int> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t key = random.below(static_cast<std::uint32_t>(keys));
    const bool known = model.contains(key);
    switch (random.below(3)) {
      case 0:
        ASSERT_EQ(table.insert({key, i}), !known);
        model.emplace(key, i);
        break;
      case 1:
        ASSERT_EQ(table.erase(key), known);
        model.erase(key);
        break;
      default:
        const Pair* const found = table.find(key);
        ASSERT_EQ(found != nullptr, known);
        if (known) {
          ASSERT_EQ(found->value, model.at(key));
        }
    }
    ASSERT_EQ(table.size(), model.size());
  }
  std::map<std::uint64_t, int> seen;
  table.for_each([&](const Pair& pair) { seen.emplace(pair.key, pair.value); });
  EXPECT_EQ(seen, model);
}

TEST(FlatTable, DoesWhatAMapDoes) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) compare_with_a_map<Spread>(seed, 500);
}

TEST(FlatTable, DoesSoAlsoWhenAllKeysCollide) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) compare_with_a_map<Crowded>(seed, 40);
}

TEST(FlatTable, CanBeUsedAgainAfterClear) {
  FlatTable<Pair, Spread> table;
  table.clear();
  for (const std::uint64_t most : {10'000U, 3U, 0U, 5U}) {
    for (std::uint64_t key = 0; key < most; ++key) ASSERT_TRUE(table.insert({key, 1}));
    EXPECT_EQ(table.size(), most);
    table.clear();
    EXPECT_TRUE(table.empty());
    EXPECT_EQ(table.find(std::uint64_t{1}), nullptr);
    EXPECT_FALSE(table.erase(std::uint64_t{1}));
  }
}

}  // namespace
}  // namespace settle
