#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(StoreContract, ReadersDuringCommitsSeeWholeRecordsThatNeverGoBack) {
  constexpr std::uint64_t kTransactions = 8;
  constexpr Version kVersions = 60;
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> reads{0};
  std::vector<Save> current;
  for (std::uint64_t n = 0; n < kTransactions; ++n) current.push_back(begin_save(n, epoch_));
  ASSERT_EQ(commit(current), std::vector<SaveStatus>(kTransactions, SaveStatus::kSaved));

  const auto read = [&](std::uint64_t way) {
    std::vector<Version> seen(kTransactions, 0);
    while (!is_over.load()) {
      for (std::uint64_t n = 0; n < kTransactions; ++n) {
        const auto found = way == 0 ? store().get(tid_of(n)) : store().get("order-" + std::to_string(n));
        ASSERT_TRUE(found.ok()) << found.error().message;
        EXPECT_EQ(found->plan, plan_of(n));
        EXPECT_EQ(found->state, state_of(n, found->version));
        EXPECT_GE(found->version, seen[n]);
        seen[n] = found->version;
        reads.fetch_add(1);
      }
      const auto listed = store().list({});
      ASSERT_TRUE(listed.ok());
      EXPECT_EQ(listed->size(), kTransactions);
    }
  };
  std::vector<std::thread> readers;
  for (std::uint64_t way = 0; way < 2; ++way) readers.emplace_back(read, way);
  for (Version version = 2; (version <= kVersions || reads.load() < 100) && !HasFailure(); ++version) {
    for (std::uint64_t n = 0; n < kTransactions; ++n) {
      current[n] = next_save(current[n], n);
      current[n].forced = version % 8 == 0;
    }
    EXPECT_EQ(commit(current), std::vector<SaveStatus>(kTransactions, SaveStatus::kSaved));
  }
  for (std::uint64_t n = 0; n < kTransactions; ++n) current[n] = end_save(current[n], n);
  EXPECT_EQ(commit(current), std::vector<SaveStatus>(kTransactions, SaveStatus::kSaved));
  is_over.store(true);
  for (std::thread& reader : readers) reader.join();
  for (const Save& save : current) expect_stored(save);
}

TEST_P(StoreContract, PruneDuringCommitsForgetsOnlyWhatItShould) {
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> forgotten{0};
  const Instant before = begin_of(100'000);
  std::thread pruner([&] {
    while (!is_over.load()) {
      const auto pruned = store().prune(before);
      ASSERT_TRUE(pruned.ok());
      forgotten.fetch_add(*pruned);
    }
  });
  std::uint64_t doomed = 0;
  std::vector<Save> kept;
  for (std::uint64_t round = 0; (round < 60 || forgotten.load() == 0) && !HasFailure(); ++round) {
    std::vector<Save> begins;
    std::vector<Save> ends;
    for (std::uint64_t i = 0; i < 8; ++i) {
      const std::uint64_t n = round * 8 + i;
      begins.push_back(begin_save(n, epoch_));
      begins.back().forced = false;
      ends.push_back(end_save(begins.back(), n));
      // Neighbours in the order of tids with different fates, ended in the order opposite to their begin.
      ends.back().summary.updated_at = i % 2 == 0 ? begin_of(n) : before + Duration{1};
      if (i % 2 == 0) {
        ++doomed;
      } else {
        kept.push_back(ends.back());
      }
    }
    std::reverse(ends.begin(), ends.end());
    ASSERT_EQ(commit(begins), std::vector<SaveStatus>(8, SaveStatus::kSaved));
    ASSERT_EQ(commit(ends), std::vector<SaveStatus>(8, SaveStatus::kSaved));
  }
  is_over.store(true);
  pruner.join();
  const auto rest = store().prune(before);
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(forgotten.load() + *rest, doomed);
  for (const Save& save : kept) expect_stored(save);
}

TEST_P(StoreContract, DescribesItselfAndAnswersTheProbe) {
  EXPECT_FALSE(store().description().empty());
  EXPECT_TRUE(store().probe().ok());
}

}  // namespace settle::contract
