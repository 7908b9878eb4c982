#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(SharedStoreContract, ShardOfAnotherOwnerIsMissingFromTheAnswer) {
  const std::vector<ShardNo> shards{kShard, kShard + 1};
  const auto leases = store().acquire(shards, "daemon-b", kLasting);
  ASSERT_TRUE(leases.ok());
  ASSERT_EQ(leases->size(), 1U);
  EXPECT_EQ(leases->front().shard, kShard + 1);
  EXPECT_EQ(commit(begin_save(1, epoch_)), SaveStatus::kSaved);  // the refused acquire raised nothing
}

TEST_P(SharedStoreContract, INV_I14_ExpiredShardGoesToAnotherOwnerWhoFencesTheFirst) {
  const Save mine = begin_save(1, epoch_);
  ASSERT_EQ(commit(mine), SaveStatus::kSaved);
  world().pass(kLasting + Duration{1});
  const Epoch theirs = own(kShard, "daemon-b");
  EXPECT_GT(theirs, epoch_);
  EXPECT_EQ(commit(next_save(mine, 1)), SaveStatus::kFenced);
  EXPECT_TRUE(store().renew(std::vector<Lease>{{kShard, epoch_}}, kOwner, kLasting)->empty());
  Save taken_over = next_save(mine, 1);
  taken_over.epoch = theirs;
  EXPECT_EQ(commit(taken_over), SaveStatus::kSaved);
}

TEST_P(SharedStoreContract, RenewProlongsTheLease) {
  for (int i = 0; i < 4; ++i) {
    world().pass(kLasting / 2);
    const auto kept = store().renew(std::vector<Lease>{{kShard, epoch_}}, kOwner, kLasting);
    ASSERT_TRUE(kept.ok());
    ASSERT_EQ(kept->size(), 1U);
    EXPECT_EQ(kept->front().epoch, epoch_);
  }
  EXPECT_TRUE(store().acquire(std::vector<ShardNo>{kShard}, "daemon-b", kLasting)->empty());
  EXPECT_EQ(commit(begin_save(1, epoch_)), SaveStatus::kSaved);
}

TEST_P(SharedStoreContract, LeaseOfAnotherOwnerCanNeitherBeRenewedNorReleased) {
  const std::vector<Lease> held{{kShard, epoch_}};
  EXPECT_TRUE(store().renew(held, "daemon-b", kLasting)->empty());
  ASSERT_TRUE(store().release(held, "daemon-b").ok());
  EXPECT_TRUE(store().acquire(std::vector<ShardNo>{kShard}, "daemon-b", kLasting)->empty());
}

TEST_P(SharedStoreContract, ReleasedShardIsFreeForAnotherOwnerAtOnce) {
  ASSERT_TRUE(store().release(std::vector<Lease>{{kShard, epoch_}}, kOwner).ok());
  EXPECT_TRUE(store().renew(std::vector<Lease>{{kShard, epoch_}}, kOwner, kLasting)->empty());
  EXPECT_GT(own(kShard, "daemon-b"), epoch_);
}

TEST_P(SharedStoreContract, ReleaseOfAnOldLeaseDoesNotFreeTheNewOne) {
  const Epoch newer = own(kShard);
  ASSERT_TRUE(store().release(std::vector<Lease>{{kShard, epoch_}}, kOwner).ok());
  EXPECT_TRUE(store().acquire(std::vector<ShardNo>{kShard}, "daemon-b", kLasting)->empty());
  EXPECT_EQ(commit(begin_save(1, newer)), SaveStatus::kSaved);
}

TEST_P(SharedStoreContract, DaemonsThatAttendAreKnownToEachOtherWithAddressAndShards) {
  ASSERT_TRUE(store().attend("daemon-b", "10.0.0.2:1", kLasting).ok());
  (void)own(kShard + 2, "daemon-b");
  (void)own(kShard + 1, "daemon-b");
  const auto there = store().attend(kOwner, "10.0.0.1:1", kLasting);
  ASSERT_TRUE(there.ok()) << there.error().message;
  EXPECT_EQ(*there, (std::vector<Node>{{std::string(kOwner), "10.0.0.1:1", {kShard}},
                                       {"daemon-b", "10.0.0.2:1", {kShard + 1, kShard + 2}}}));
  const auto moved = store().attend("daemon-b", "10.0.0.2:2", kLasting);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(moved->back().address, "10.0.0.2:2");
}

TEST_P(SharedStoreContract, DaemonThatIsSilentOrLeavesIsNoLongerThere) {
  ASSERT_TRUE(store().attend("daemon-b", "b", kLasting).ok());
  ASSERT_TRUE(store().attend("daemon-c", "c", 4 * kLasting).ok());
  world().pass(2 * kLasting);
  auto there = store().attend(kOwner, "a", kLasting);
  ASSERT_TRUE(there.ok());
  EXPECT_EQ(*there, (std::vector<Node>{{std::string(kOwner), "a", {}}, {"daemon-c", "c", {}}}));  // its lease is over
  there = store().attend("daemon-c", "c", Duration{0});
  ASSERT_TRUE(there.ok());
  EXPECT_EQ(*there, (std::vector<Node>{{std::string(kOwner), "a", {}}}));
}

}  // namespace settle::contract
