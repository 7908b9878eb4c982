#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(StoreContract, UnknownTransactionIsNotFound) {
  EXPECT_EQ(store().get("nobody").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().get(tid_of(77)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().get(tid_of(77).text()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store().get("").error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, LoadOpenGivesEveryOpenTransactionOfTheShardsOnceAndCanBeRepeated) {
  const Epoch other = own(kShard + 1);
  const Epoch third = own(kShard + 2);
  std::map<Tid, Save> expected;
  for (std::uint64_t n = 0; n < 40; ++n) {
    const ShardNo shard = static_cast<ShardNo>(kShard + n % 3);
    const Epoch epoch = n % 3 == 0 ? epoch_ : n % 3 == 1 ? other : third;
    Save save = begin_save(n, epoch, shard);
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    if (n % 2 == 0) {
      save = next_save(save, n);
      ASSERT_EQ(commit(save), SaveStatus::kSaved);
    }
    if (n % 5 == 0) {
      ASSERT_EQ(commit(end_save(save, n)), SaveStatus::kSaved);
    } else if (shard != kShard + 2) {
      expected.emplace(save.tid, save);
    }
  }
  for (int round = 0; round < 2; ++round) {
    const auto open = open_of({kShard, kShard + 1});
    ASSERT_EQ(open.size(), expected.size());
    for (const auto& [tid, save] : expected) expect_same(open.at(tid), save);
  }
  EXPECT_TRUE(open_of({}).empty());
  EXPECT_TRUE(open_of({kShard + 77}).empty());
}

TEST_P(StoreContract, EndedTransactionIsNoLongerLoaded) {
  const Save first = begin_save(1, epoch_);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  EXPECT_EQ(open_of({kShard}).size(), 1U);
  ASSERT_EQ(commit(end_save(first, 1)), SaveStatus::kSaved);
  EXPECT_TRUE(open_of({kShard}).empty());
}

TEST_P(StoreContract, VisitorOfLoadOpenMayUseTheStore) {
  ASSERT_EQ(commit(begin_save(1, epoch_)), SaveStatus::kSaved);
  const std::vector<ShardNo> shards{kShard};
  int visits = 0;
  const auto done = store().load_open(
      shards,
      [&](StoredRecord&& record) {
        ++visits;
        EXPECT_TRUE(store().get(record.gid).ok());
        EXPECT_TRUE(store().put_value("seen", record.gid, "yes").ok());
      },
      [](const Tid&, const Error&) {});
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(visits, 1);
}

TEST_P(StoreContract, ListIsNewestFirstOverOpenAndEndedWithACursor) {
  std::vector<Tid> newest_first;
  for (std::uint64_t n = 1; n <= 25; ++n) {
    const Save save = begin_save(n, epoch_);
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    if (n % 3 == 0) {
      ASSERT_EQ(commit(end_save(save, n)), SaveStatus::kSaved);
    } else if (n % 3 == 1) {
      ASSERT_EQ(commit(next_save(save, n)), SaveStatus::kSaved);
    }
    newest_first.insert(newest_first.begin(), save.tid);
  }
  EXPECT_EQ(tids_of_list({}), newest_first);

  std::vector<Tid> paged;
  ListFilter filter;
  filter.limit = 4;
  for (;;) {
    const auto page = tids_of_list(filter);
    ASSERT_LE(page.size(), 4U);
    if (page.empty()) break;
    paged.insert(paged.end(), page.begin(), page.end());
    filter.before = page.back();
  }
  EXPECT_EQ(paged, newest_first);
  filter.before = Tid{};
  EXPECT_TRUE(tids_of_list(filter).empty());
  filter.before.reset();
  filter.limit = 0;
  EXPECT_TRUE(tids_of_list(filter).empty());
}

TEST_P(StoreContract, ListGivesGidShardVersionSummaryAndState) {
  Save save = begin_save(1, epoch_);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  for (int step = 0; step < 3; ++step) {
    const auto listed = store().list({});
    ASSERT_TRUE(listed.ok());
    ASSERT_EQ(listed->size(), 1U);
    const StoredRecord& found = listed->front();
    EXPECT_EQ(found.tid, save.tid);
    EXPECT_EQ(found.gid, save.gid);
    EXPECT_EQ(found.shard, save.shard);
    EXPECT_EQ(found.version, save.version);
    EXPECT_EQ(found.summary, save.summary);
    EXPECT_EQ(found.state, save.state);
    EXPECT_TRUE(found.plan.empty() || found.plan == *save.plan);
    save = step == 0 ? next_save(save, 1) : end_save(save, 1);
    if (step < 2) {
      ASSERT_EQ(commit(save), SaveStatus::kSaved);
    }
  }
}

TEST_P(StoreContract, ListFiltersByEachFieldOfTheSummary) {
  std::vector<Save> all;
  for (std::uint64_t n = 1; n <= 24; ++n) {
    Save save = begin_save(n, epoch_);
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    if (n % 4 != 0) {
      save = n % 4 == 1 ? next_save(save, n)
                        : end_save(save, n, n % 4 == 2 ? GlobalOutcome::kCommitted : GlobalOutcome::kAborted);
      save.summary.has_incident = n % 3 == 0;
      ASSERT_EQ(commit(save), SaveStatus::kSaved);
    }
    all.insert(all.begin(), save);
  }
  const auto expect_list = [&](const ListFilter& filter, const std::function<bool(const Summary&)>& wanted) {
    std::vector<Tid> tids;
    for (const Save& save : all) {
      if (wanted(save.summary)) tids.push_back(save.tid);
    }
    EXPECT_FALSE(tids.empty());
    EXPECT_LT(tids.size(), all.size());
    EXPECT_EQ(tids_of_list(filter), tids);
  };
  expect_list(filter([](ListFilter& f) { f.pattern = Pattern::kMessage; }),
              [](const Summary& s) { return s.pattern == Pattern::kMessage; });
  for (const Phase phase : {Phase::kActing, Phase::kPrepared, Phase::kEnded}) {
    expect_list(filter([&](ListFilter& f) { f.phase = phase; }), [&](const Summary& s) { return s.phase == phase; });
  }
  for (const GlobalOutcome outcome : {GlobalOutcome::kRunning, GlobalOutcome::kCommitted, GlobalOutcome::kAborted}) {
    expect_list(filter([&](ListFilter& f) { f.outcome = outcome; }),
                [&](const Summary& s) { return s.outcome == outcome; });
  }
  for (const bool has : {true, false}) {
    expect_list(filter([&](ListFilter& f) { f.has_incident = has; }),
                [&](const Summary& s) { return s.has_incident == has; });
  }
  expect_list(filter([](ListFilter& f) { f.since = begin_of(10); }),
              [](const Summary& s) { return s.created_at >= begin_of(10); });
  expect_list(filter([](ListFilter& f) { f.until = begin_of(10); }),
              [](const Summary& s) { return s.created_at < begin_of(10); });
  expect_list(filter([](ListFilter& f) {
                f.phase = Phase::kEnded;
                f.has_incident = true;
                f.since = begin_of(5);
                f.until = begin_of(20);
              }),
              [](const Summary& s) {
                return s.phase == Phase::kEnded && s.has_incident && s.created_at >= begin_of(5) &&
                       s.created_at < begin_of(20);
              });
  ListFilter page;
  page.phase = Phase::kEnded;
  page.limit = 3;
  page.before = all[2].tid;
  std::vector<Tid> tids;
  for (std::size_t i = 3; i < all.size() && tids.size() < 3; ++i) {
    if (all[i].summary.phase == Phase::kEnded) tids.push_back(all[i].tid);
  }
  EXPECT_EQ(tids_of_list(page), tids);
}

TEST_P(StoreContract, ListOverSeveralShardsIsOrderedByTime) {
  const Epoch other = own(kShard - 1);
  std::vector<Tid> newest_first;
  for (std::uint64_t n = 1; n <= 10; ++n) {
    const Save save = n % 2 == 0 ? begin_save(n, epoch_) : begin_save(n, other, kShard - 1);
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    newest_first.insert(newest_first.begin(), save.tid);
  }
  EXPECT_EQ(tids_of_list({}), newest_first);
}

}  // namespace settle::contract
