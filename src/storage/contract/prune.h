#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(StoreContract, PruneForgetsEndedTransactionsOlderThanTheInstant) {
  std::vector<Save> last;
  for (std::uint64_t n = 0; n < 30; ++n) {
    const Save first = begin_save(n, epoch_);
    Save end = end_save(first, n);
    // Every fifth one ended late although it began early: the last change counts, not the begin.
    end.summary.updated_at = n % 5 == 0 ? begin_of(5000) : begin_of(n + 1);
    if (n % 4 == 0) end.gid = end.tid.text();
    Save begin = first;
    begin.gid = end.gid;
    ASSERT_EQ(commit(begin), SaveStatus::kSaved);
    ASSERT_EQ(commit(end), SaveStatus::kSaved);
    last.push_back(end);
  }
  const Instant before = begin_of(20);
  std::uint64_t doomed = 0;
  for (const Save& save : last) doomed += save.summary.updated_at < before ? 1 : 0;
  const auto pruned = store().prune(before);
  ASSERT_TRUE(pruned.ok()) << pruned.error().message;
  EXPECT_EQ(*pruned, doomed);
  std::size_t kept = 0;
  for (const Save& save : last) {
    if (save.summary.updated_at < before) {
      expect_unknown(save);
    } else {
      expect_stored(save);
      ++kept;
    }
  }
  EXPECT_EQ(tids_of_list({}).size(), kept);
  EXPECT_EQ(*store().prune(before), 0U);
}

TEST_P(StoreContract, FAIL_H13_FAIL_I2_PruneNeverForgetsAnOpenTransaction) {
  const Save old_open = begin_save(1, epoch_);  // 400 days older than what ended last
  Save changed = next_save(begin_save(2, epoch_), 2);
  const Save recent = begin_save(3, epoch_);
  ASSERT_EQ(commit(old_open), SaveStatus::kSaved);
  ASSERT_EQ(commit(begin_save(2, epoch_)), SaveStatus::kSaved);
  ASSERT_EQ(commit(changed), SaveStatus::kSaved);
  ASSERT_EQ(commit(recent), SaveStatus::kSaved);
  ASSERT_EQ(commit(end_save(recent, 3)), SaveStatus::kSaved);
  const auto pruned = store().prune(begin_of(0) + std::chrono::hours(24 * 400));
  ASSERT_TRUE(pruned.ok());
  EXPECT_EQ(*pruned, 1U);
  expect_stored(old_open);
  expect_stored(changed);
  EXPECT_EQ(open_of({kShard}).size(), 2U);
  EXPECT_EQ(*store().prune(kNever), 0U);
  ASSERT_EQ(commit(end_save(old_open, 1)), SaveStatus::kSaved);
}

TEST_P(StoreContract, GidOfAPrunedTransactionIsFreeAgain) {
  const Save first = begin_save(1, epoch_);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  ASSERT_EQ(commit(end_save(first, 1)), SaveStatus::kSaved);
  ASSERT_EQ(*store().prune(kNever), 1U);
  expect_unknown(first);
  Save again = begin_save(2, epoch_);
  again.gid = first.gid;
  EXPECT_EQ(commit(again), SaveStatus::kSaved);
  expect_stored(again);
  EXPECT_EQ(*store().prune(kNever), 0U);
  expect_stored(again);
}

}  // namespace settle::contract
