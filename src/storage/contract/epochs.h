#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(StoreContract, INV_I14_StaleEpochIsRefusedWhileTheRestOfTheGroupIsWritten) {
  const Save mine = begin_save(1, epoch_);
  ASSERT_EQ(commit(mine), SaveStatus::kSaved);
  const Epoch other_epoch = own(kShard + 1);
  const Epoch newer = own(kShard);
  EXPECT_GT(newer, epoch_);

  const Save stale_change = next_save(mine, 1);
  const Save stale_begin = begin_save(2, epoch_);
  const Save other_shard = begin_save(3, other_epoch, kShard + 1);
  Save current = begin_save(4, newer);
  EXPECT_EQ(
      commit(std::vector<Save>{stale_change, other_shard, stale_begin, current}),
      (std::vector<SaveStatus>{SaveStatus::kFenced, SaveStatus::kSaved, SaveStatus::kFenced, SaveStatus::kSaved}));
  expect_stored(mine);
  expect_unknown(stale_begin);
  expect_stored(other_shard);
  expect_stored(current);

  Save taken_over = next_save(mine, 1);
  taken_over.epoch = newer;
  EXPECT_EQ(commit(taken_over), SaveStatus::kSaved);
  expect_stored(taken_over);
}

TEST_P(StoreContract, INV_I14_EpochThatWasNeverGivenIsRefused) {
  EXPECT_EQ(commit(begin_save(1, 0)), SaveStatus::kFenced);
  EXPECT_EQ(commit(begin_save(2, epoch_ + 1)), SaveStatus::kFenced);
  EXPECT_EQ(commit(begin_save(3, 0, kShard + 9)), SaveStatus::kFenced);  // a shard that nobody has ever owned
  EXPECT_EQ(commit(begin_save(4, 1, kShard + 9)), SaveStatus::kFenced);
  EXPECT_TRUE(tids_of_list({}).empty());
}

TEST_P(StoreContract, FencedIsToldBeforeConflictAndGidTaken) {
  const Save first = begin_save(1, epoch_);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  (void)own(kShard);
  EXPECT_EQ(commit(first), SaveStatus::kFenced);
  EXPECT_EQ(commit(next_save(next_save(first, 1), 1)), SaveStatus::kFenced);
}

TEST_P(StoreContract, EachAcquireOfTheSameOwnerRaisesTheEpoch) {
  Epoch last = epoch_;
  for (int i = 0; i < 3; ++i) {
    const Epoch next = own(kShard);
    EXPECT_GT(next, last);
    last = next;
  }
}

TEST_P(StoreContract, AcquireAnswersForEveryShardItGives) {
  const std::vector<ShardNo> shards{10, 0, 255, 11};
  const auto leases = store().acquire(shards, kOwner, kLasting);
  ASSERT_TRUE(leases.ok());
  std::set<ShardNo> given;
  for (const Lease& lease : *leases) {
    EXPECT_GT(lease.epoch, 0U);
    given.insert(lease.shard);
  }
  EXPECT_EQ(given, std::set<ShardNo>(shards.begin(), shards.end()));
}

TEST_P(StoreContract, RenewKeepsTheEpochAndMissesALostLease) {
  const Lease held{kShard, epoch_};
  const Lease wrong_epoch{kShard, epoch_ + 1};
  const Lease never_held{kShard + 5, 1};
  const auto kept = store().renew(std::vector<Lease>{held, never_held}, kOwner, kLasting);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 1U);
  EXPECT_EQ(kept->front().shard, kShard);
  EXPECT_EQ(kept->front().epoch, epoch_);
  EXPECT_TRUE(store().renew(std::vector<Lease>{wrong_epoch}, kOwner, kLasting)->empty());
  (void)own(kShard);
  EXPECT_TRUE(store().renew(std::vector<Lease>{held}, kOwner, kLasting)->empty());
}

TEST_P(StoreContract, ReleasedShardCanBeAcquiredAgainUnderAHigherEpoch) {
  ASSERT_TRUE(store().release(std::vector<Lease>{{kShard, epoch_}}, kOwner).ok());
  EXPECT_GT(own(kShard), epoch_);
}

}  // namespace settle::contract
