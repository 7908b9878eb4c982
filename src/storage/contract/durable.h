#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(DurableStoreContract, FAIL_H5_EveryGroupIsSyncedOnceForcedOrNot) {
  for (const bool forced : {true, false}) {
    const std::uint64_t before = store().syncs();
    std::vector<Save> group;
    for (std::uint64_t n = 1; n <= 3; ++n) {
      group.push_back(begin_save(n + (forced ? 0 : 10), epoch_));
      group.back().forced = forced;
    }
    ASSERT_EQ(commit(group), std::vector<SaveStatus>(3, SaveStatus::kSaved));
    EXPECT_EQ(store().syncs(), before + 1);
  }
}

TEST_P(DurableStoreContract, EverythingIsThereAfterReopening) {
  std::vector<Save> all;
  for (std::uint64_t n = 0; n < 20; ++n) {
    Save save = begin_save(n, epoch_);
    if (n % 6 == 0) save.gid = save.tid.text();
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    if (n % 2 == 0) {
      save = next_save(save, n);
      ASSERT_EQ(commit(save), SaveStatus::kSaved);
    }
    if (n % 5 == 0) {
      save = end_save(save, n);
      ASSERT_EQ(commit(save), SaveStatus::kSaved);
    }
    all.push_back(save);
  }
  ASSERT_TRUE(store().put_value("topics", "orders", "http://127.0.0.1:1/").ok());
  const auto listed = tids_of_list({});
  for (int round = 0; round < 2; ++round) {
    world().reopen();
    for (const Save& save : all) expect_stored(save);
    EXPECT_EQ(tids_of_list({}), listed);
    EXPECT_EQ(open_of({kShard}).size(), 16U);
    EXPECT_EQ(*store().get_value("topics", "orders"), "http://127.0.0.1:1/");
  }
}

TEST_P(DurableStoreContract, PlanThatWasReplacedIsThereAfterReopening) {
  Save save = begin_save(1, epoch_);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  for (const char* plan : {"one branch", "one branch, two branches"}) {
    save = next_save(save, 1);
    save.plan = std::make_shared<const std::string>(plan);
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    world().reopen();
    expect_stored(save);
    save = next_save(save, 1);  // the same plan, saved by who has only read it
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    world().reopen();
    expect_stored(save);
    expect_same(open_of({kShard}).at(save.tid), save);
  }
}

TEST_P(DurableStoreContract, ConditionsHoldAfterReopening) {
  const Save open = begin_save(1, epoch_);
  const Save changed = next_save(begin_save(2, epoch_), 2);
  const Save ended = end_save(begin_save(3, epoch_), 3);
  ASSERT_EQ(commit(std::vector<Save>{open, begin_save(2, epoch_), begin_save(3, epoch_)}).size(), 3U);
  ASSERT_EQ(commit(std::vector<Save>{changed, ended}), std::vector<SaveStatus>(2, SaveStatus::kSaved));
  world().reopen();

  EXPECT_EQ(commit(next_save(next_save(open, 1), 1)), SaveStatus::kConflict);
  EXPECT_EQ(commit(next_save(begin_save(2, epoch_), 2)), SaveStatus::kConflict);
  EXPECT_EQ(commit(next_save(ended, 3)), SaveStatus::kConflict);
  for (const Save& known : {open, changed, ended}) {
    Save other = begin_save(9, epoch_);
    other.gid = known.gid;
    EXPECT_EQ(commit(other), SaveStatus::kGidTaken);
    other = begin_save(9, epoch_);
    other.tid = known.tid;
    EXPECT_EQ(commit(other), SaveStatus::kGidTaken);
  }
  EXPECT_EQ(commit(std::vector<Save>{next_save(open, 1), end_save(changed, 2)}),
            std::vector<SaveStatus>(2, SaveStatus::kSaved));
  world().reopen();
  expect_stored(next_save(open, 1));
  expect_stored(end_save(changed, 2));
  expect_stored(ended);
}

TEST_P(DurableStoreContract, INV_I14_EpochsOutliveTheProcess) {
  const Epoch second = own(kShard);
  world().reopen();
  EXPECT_EQ(commit(begin_save(1, epoch_)), SaveStatus::kFenced);
  EXPECT_EQ(commit(begin_save(2, second)), SaveStatus::kSaved);
  EXPECT_GT(own(kShard), second);
  EXPECT_EQ(commit(begin_save(3, second)), SaveStatus::kFenced);
}

TEST_P(DurableStoreContract, PrunedStaysForgottenAfterReopening) {
  const Save first = begin_save(1, epoch_);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  ASSERT_EQ(commit(end_save(first, 1)), SaveStatus::kSaved);
  const Save kept = begin_save(2, epoch_);
  ASSERT_EQ(commit(kept), SaveStatus::kSaved);
  ASSERT_EQ(*store().prune(kNever), 1U);
  world().reopen();
  expect_unknown(first);
  expect_stored(kept);
}

}  // namespace settle::contract
