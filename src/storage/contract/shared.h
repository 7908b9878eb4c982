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

}  // namespace settle::contract
