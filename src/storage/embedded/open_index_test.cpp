#include "storage/embedded/open_index.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"

namespace settle {
namespace {

TEST(OpenIndex, BehavesLikeAMapOverManyRandomSteps) {
  Random random(3);
  OpenIndex index;
  std::map<Tid, Version> model;
  for (int step = 0; step < 200'000; ++step) {
    // Few shards, epochs and instants, so that homes collide and erased entries have followers.
    const Tid tid{random.below(40) * 1000, 1, static_cast<std::uint16_t>(random.below(4)),
                  static_cast<std::uint32_t>(random.below(12))};
    const auto version = static_cast<Version>(1 + random.below(1000));
    if (random.chance_permille(500)) {
      index.put(tid, {.version = version});
      model[tid] = version;
    } else {
      EXPECT_EQ(index.erase(tid), model.erase(tid) == 1);
    }
    if (step % 100 == 0) {
      ASSERT_EQ(index.size(), model.size());
      for (const auto& [known, expected] : model) {
        OpenEntry* const entry = index.find(known);
        ASSERT_NE(entry, nullptr);
        EXPECT_EQ(entry->version, expected);
      }
    }
    EXPECT_EQ(index.find(tid) != nullptr, model.contains(tid));
  }
}

TEST(OpenIndex, RoomThatIsMadeLaterKeepsWhatItHas) {
  OpenIndex index;
  for (std::uint64_t i = 0; i < 40; ++i) index.put(Tid{i, 1, 2, 3}, {.version = static_cast<Version>(i + 1)});
  index.reserve(10'000);
  index.reserve(1);
  EXPECT_EQ(index.size(), 40U);
  for (std::uint64_t i = 0; i < 40; ++i) {
    ASSERT_NE(index.find(Tid{i, 1, 2, 3}), nullptr);
    EXPECT_EQ(index.find(Tid{i, 1, 2, 3})->version, i + 1);
  }
}

TEST(OpenIndex, GrowsAndKeepsWhatItHas) {
  OpenIndex index;
  constexpr std::uint64_t kMany = 100'000;
  for (std::uint64_t n = 0; n < kMany; ++n) {
    index.put(Tid{n, 1, static_cast<std::uint16_t>(n % 256), 1},
              {.version = static_cast<Version>(n + 1), .has_progress = n % 2 == 0});
  }
  EXPECT_EQ(index.size(), kMany);
  for (std::uint64_t n = 0; n < kMany; ++n) {
    const OpenEntry* const entry = index.find(Tid{n, 1, static_cast<std::uint16_t>(n % 256), 1});
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->version, n + 1);
    EXPECT_EQ(entry->has_progress, n % 2 == 0);
    EXPECT_FALSE(entry->is_damaged);
  }
  EXPECT_EQ(index.find(Tid{kMany, 1, 0, 1}), nullptr);
}

}  // namespace
}  // namespace settle
