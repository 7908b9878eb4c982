#include "storage/memory/memory_store.h"

#include "storage/store_contract.h"

namespace settle::contract {
namespace {

class MemoryWorld final : public StoreWorld {
 public:
  Store& store() override { return store_; }
  void reopen() override {}
  void pass(Duration time) override { now_ += time; }

 private:
  Instant now_ = instant_of(1'000'000'000);
  MemoryStore store_{[this] { return now_; }};
};

const auto kMemory =
    ::testing::Values(StoreCase{"memory", [] { return std::unique_ptr<StoreWorld>(std::make_unique<MemoryWorld>()); }});

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, kMemory, name_of_case);
INSTANTIATE_TEST_SUITE_P(Memory, SharedStoreContract, kMemory, name_of_case);

/// A disk below a content: what a simulated store does with it.
TEST(MemoryContent, CrashKeepsAPrefixOfTheUnsyncedSaves) {
  MemoryContent disk;
  const ShardNo shards[] = {kShard};
  const Epoch epoch = disk.acquire(shards, kOwner, kLasting, kNoInstant).front().epoch;
  MemoryContent seen = disk;
  std::vector<Save> unsynced;
  for (std::uint64_t n = 0; n < 5; ++n) {
    unsynced.push_back(begin_save(n, epoch));
    EXPECT_EQ(seen.apply(unsynced.back()), SaveStatus::kSaved);
  }
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(disk.apply(unsynced[i]), SaveStatus::kSaved);
  seen = disk;  // the crash
  EXPECT_EQ(seen.records().size(), 2U);
  EXPECT_EQ(seen.apply(unsynced[4]), SaveStatus::kSaved);
  EXPECT_EQ(disk.records().size(), 2U);
}

TEST(MemoryStore, ContentIsACopyThatAnotherStoreCanStartFrom) {
  MemoryStore store([] { return kNoInstant; });
  const ShardNo shards[] = {kShard};
  const Epoch epoch = store.acquire(shards, kOwner, kLasting)->front().epoch;
  const std::vector<Save> group{begin_save(1, epoch)};
  ASSERT_TRUE(store.commit(group).ok());
  MemoryStore other([] { return kNoInstant; }, store.content());
  EXPECT_TRUE(other.get(group[0].gid).ok());
  const std::vector<Save> more{begin_save(2, epoch)};
  ASSERT_TRUE(other.commit(more).ok());
  EXPECT_FALSE(store.get(more[0].gid).ok());
}

}  // namespace
}  // namespace settle::contract
