#pragma once

#include "storage/contract/fixture.h"

namespace settle::contract {

TEST_P(StoreContract, FirstSaveIsFoundByTidAndGid) {
  const Save save = begin_save(1, epoch_);
  EXPECT_EQ(commit(save), SaveStatus::kSaved);
  expect_stored(save);
}

TEST_P(StoreContract, EveryLaterSaveReplacesStateAndSummaryAndKeepsThePlan) {
  Save save = begin_save(1, epoch_);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  for (int i = 0; i < 5; ++i) {
    save = next_save(save, 1);
    save.summary.has_incident = i % 2 == 0;
    save.summary.phase = Phase::kCompensating;
    save.summary.decision = Decision::kAbort;
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    expect_stored(save);
  }
}

TEST_P(StoreContract, PlanOfALaterSaveReplacesTheEarlierOne) {
  // It grows with every enlisted branch; once it is large; and it may change without growing.
  const std::string large(5000, 'L');
  Save save = begin_save(1, epoch_);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  for (const std::string& plan : {plan_of(1) + " branch 1", plan_of(1) + " branch 1 branch 2", large, large + "b",
                                  large + "c", large + "c", std::string("small again")}) {
    save = next_save(save, 1);
    save.plan = std::make_shared<const std::string>(plan);
    ASSERT_EQ(commit(save), SaveStatus::kSaved);
    expect_stored(save);
    const auto open = open_of({kShard});
    ASSERT_EQ(open.size(), 1U);
    expect_same(open.begin()->second, save);
  }
  const Save same_plan = next_save(save, 1);
  ASSERT_EQ(commit(same_plan), SaveStatus::kSaved);
  expect_stored(same_plan);
  save = end_save(same_plan, 1);
  save.plan = std::make_shared<const std::string>(plan_of(1) + " at the end");
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  expect_stored(save);
}

TEST_P(StoreContract, VersionsMayJump) {
  Save save = begin_save(1, epoch_);
  save.version = 4;
  save.state = state_of(1, 4);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  expect_stored(save);
  save = next_save(save, 1, 5);
  EXPECT_EQ(save.version, 9U);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  expect_stored(save);
}

TEST_P(StoreContract, AnotherVersionThanExpectedIsAConflictAndWritesNothing) {
  const Save first = begin_save(1, epoch_);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  const Save second = next_save(first, 1);
  ASSERT_EQ(commit(second), SaveStatus::kSaved);

  EXPECT_EQ(commit(second), SaveStatus::kConflict);  // the same save again
  Save stale = next_save(first, 1, 7);
  EXPECT_EQ(commit(stale), SaveStatus::kConflict);
  Save early = next_save(second, 1);
  early.expected = 3;
  early.version = 4;
  EXPECT_EQ(commit(early), SaveStatus::kConflict);
  expect_stored(second);
}

TEST_P(StoreContract, LaterSaveOfAnUnknownTransactionIsAConflict) {
  const Save ghost = next_save(begin_save(1, epoch_), 1);
  EXPECT_EQ(commit(ghost), SaveStatus::kConflict);
  expect_unknown(ghost);
}

TEST_P(StoreContract, EndedTransactionIsNeverChanged) {
  const Save first = begin_save(1, epoch_);
  const Save last = end_save(first, 1);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  ASSERT_EQ(commit(last), SaveStatus::kSaved);
  Save again = next_save(last, 1);
  EXPECT_EQ(commit(again), SaveStatus::kConflict);
  again.summary.phase = Phase::kActing;
  EXPECT_EQ(commit(again), SaveStatus::kConflict);
  expect_stored(last);
  EXPECT_TRUE(open_of({kShard}).empty());
}

TEST_P(StoreContract, TransactionMayBeginAndEndInOneSave) {
  Save only = begin_save(1, epoch_);
  only.summary.phase = Phase::kEnded;
  only.summary.outcome = GlobalOutcome::kCommitted;
  ASSERT_EQ(commit(only), SaveStatus::kSaved);
  expect_stored(only);
  EXPECT_TRUE(open_of({kShard}).empty());
  EXPECT_EQ(commit(only), SaveStatus::kGidTaken);
}

TEST_P(StoreContract, GidOfAnOpenTransactionIsTaken) {
  const Save first = begin_save(1, epoch_);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  Save second = begin_save(2, epoch_);
  second.gid = first.gid;
  EXPECT_EQ(commit(second), SaveStatus::kGidTaken);
  expect_stored(first);
  EXPECT_EQ(store().get(second.tid).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, GidOfAnEndedTransactionIsTaken) {
  const Save first = begin_save(1, epoch_);
  const Save last = end_save(first, 1);
  ASSERT_EQ(commit(first), SaveStatus::kSaved);
  ASSERT_EQ(commit(last), SaveStatus::kSaved);
  Save second = begin_save(2, epoch_);
  second.gid = first.gid;
  EXPECT_EQ(commit(second), SaveStatus::kGidTaken);
  expect_stored(last);
}

TEST_P(StoreContract, TidThatIsOpenOrEndedIsTaken) {
  const Save open = begin_save(1, epoch_);
  const Save ended = end_save(begin_save(2, epoch_), 2);
  ASSERT_EQ(commit(std::vector<Save>{open, begin_save(2, epoch_)}), std::vector<SaveStatus>(2, SaveStatus::kSaved));
  ASSERT_EQ(commit(ended), SaveStatus::kSaved);
  for (const Save& known : {open, ended}) {
    Save other = begin_save(9, epoch_);
    other.tid = known.tid;
    EXPECT_EQ(commit(other), SaveStatus::kGidTaken);
    EXPECT_EQ(store().get(other.gid).error().code, ErrorCode::kNotFound);
    expect_stored(known);
  }
}

TEST_P(StoreContract, GidMayBeTheTextOfItsOwnTid) {
  Save save = begin_save(1, epoch_);
  save.gid = save.tid.text();
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  expect_stored(save);
  EXPECT_EQ(commit(save), SaveStatus::kGidTaken);
  save = end_save(save, 1);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  expect_stored(save);
  Save other = begin_save(2, epoch_);
  other.gid = save.gid;
  EXPECT_EQ(commit(other), SaveStatus::kGidTaken);
}

TEST_P(StoreContract, GidMayBeTheTextOfAnotherTid) {
  Save impostor = begin_save(1, epoch_);
  impostor.gid = tid_of(2).text();
  ASSERT_EQ(commit(impostor), SaveStatus::kSaved);
  expect_stored(impostor);

  Save minted = begin_save(2, epoch_);
  minted.gid = minted.tid.text();
  EXPECT_EQ(commit(minted), SaveStatus::kGidTaken);
  Save named = begin_save(2, epoch_);  // the tid itself is free
  EXPECT_EQ(commit(named), SaveStatus::kSaved);
  expect_stored(named);
  expect_stored(impostor);
}

TEST_P(StoreContract, TextOfATidIsNoGidUnlessItWasGiven) {
  const Save save = begin_save(1, epoch_);
  ASSERT_EQ(commit(save), SaveStatus::kSaved);
  EXPECT_EQ(store().get(save.tid.text()).error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, GidThatIsAPrefixOfAnotherIsAnother) {
  Save longer = begin_save(1, epoch_);
  longer.gid = "order-100";
  Save shorter = begin_save(2, epoch_);
  shorter.gid = "order-10";
  EXPECT_EQ(commit(longer), SaveStatus::kSaved);
  EXPECT_EQ(commit(shorter), SaveStatus::kSaved);
  expect_stored(longer);
  expect_stored(shorter);
  EXPECT_EQ(store().get("order-1").error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, LongestAndOddGidsAreKept) {
  Save save = begin_save(1, epoch_);
  save.gid = std::string(kGidBytesMax, 'Z');
  EXPECT_EQ(commit(save), SaveStatus::kSaved);
  expect_stored(save);
  Save odd = begin_save(2, epoch_);
  odd.gid = ":._-";
  EXPECT_EQ(commit(odd), SaveStatus::kSaved);
  expect_stored(odd);
}

TEST_P(StoreContract, EmptyAndLargeBodiesAreKept) {
  Save empty = begin_save(1, epoch_);
  empty.plan = std::make_shared<const std::string>();
  empty.state.clear();
  Save large = begin_save(2, epoch_);
  large.plan = std::make_shared<const std::string>(std::string(3'000'000, 'L'));
  large.state = std::string(200'000, '\0');
  EXPECT_EQ(commit(std::vector<Save>{empty, large}), std::vector<SaveStatus>(2, SaveStatus::kSaved));
  expect_stored(empty);
  expect_stored(large);
}

TEST_P(StoreContract, ReceiptsComeInTheOrderOfTheGroupEachOnItsOwnCondition) {
  const Save old = begin_save(1, epoch_);
  ASSERT_EQ(commit(old), SaveStatus::kSaved);
  Save taken = begin_save(2, epoch_);
  taken.gid = old.gid;
  Save stale = next_save(old, 1);
  stale.expected = 6;
  stale.version = 7;
  Save fenced = begin_save(3, epoch_ + 1);
  const std::vector<Save> group{begin_save(4, epoch_), taken, begin_save(5, epoch_), fenced, stale,
                                begin_save(6, epoch_)};
  EXPECT_EQ(commit(group), (std::vector<SaveStatus>{SaveStatus::kSaved, SaveStatus::kGidTaken, SaveStatus::kSaved,
                                                    SaveStatus::kFenced, SaveStatus::kConflict, SaveStatus::kSaved}));
  expect_stored(old);
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}, std::size_t{5}}) expect_stored(group[i]);
  EXPECT_EQ(store().get(taken.tid).error().code, ErrorCode::kNotFound);
  expect_unknown(fenced);
}

TEST_P(StoreContract, OneGidTwiceInAGroupGoesToTheFirst) {
  const Save first = begin_save(1, epoch_);
  Save second = begin_save(2, epoch_);
  second.gid = first.gid;
  EXPECT_EQ(commit(std::vector<Save>{first, second}),
            (std::vector<SaveStatus>{SaveStatus::kSaved, SaveStatus::kGidTaken}));
  expect_stored(first);
}

TEST_P(StoreContract, MintedGidTwiceInAGroupGoesToTheFirst) {
  Save impostor = begin_save(1, epoch_);
  impostor.gid = tid_of(2).text();
  Save minted = begin_save(2, epoch_);
  minted.gid = minted.tid.text();
  EXPECT_EQ(commit(std::vector<Save>{impostor, minted}),
            (std::vector<SaveStatus>{SaveStatus::kSaved, SaveStatus::kGidTaken}));
  expect_stored(impostor);

  Save named = begin_save(3, epoch_);
  named.gid = named.tid.text();
  Save late = begin_save(4, epoch_);
  late.gid = named.gid;
  EXPECT_EQ(commit(std::vector<Save>{named, late}),
            (std::vector<SaveStatus>{SaveStatus::kSaved, SaveStatus::kGidTaken}));
  expect_stored(named);
}

TEST_P(StoreContract, EmptyGroupIsFine) { EXPECT_TRUE(commit(std::vector<Save>{}).empty()); }

TEST_P(StoreContract, GroupsOfManySavesAreKept) {
  std::vector<Save> group;
  for (std::uint64_t n = 0; n < 500; ++n) group.push_back(begin_save(n, epoch_));
  EXPECT_EQ(commit(group), std::vector<SaveStatus>(500, SaveStatus::kSaved));
  std::vector<Save> later;
  for (std::uint64_t n = 0; n < 500; ++n) later.push_back(n % 3 == 0 ? end_save(group[n], n) : next_save(group[n], n));
  EXPECT_EQ(commit(later), std::vector<SaveStatus>(500, SaveStatus::kSaved));
  for (const Save& save : later) expect_stored(save);
}

TEST_P(StoreContract, LazySaveIsReadableAtOnce) {
  Save lazy = begin_save(1, epoch_);
  lazy.forced = false;
  EXPECT_EQ(commit(lazy), SaveStatus::kSaved);
  expect_stored(lazy);
}

}  // namespace settle::contract
