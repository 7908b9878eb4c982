#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace settle::contract {

/// One store, empty at first, and what a test may do to it from outside.
class StoreWorld {
 public:
  StoreWorld() = default;
  StoreWorld(const StoreWorld&) = delete;
  StoreWorld& operator=(const StoreWorld&) = delete;
  virtual ~StoreWorld() = default;

  virtual Store& store() = 0;

  /// Closes the store in good order and opens what it left. Without effect on a store that keeps nothing.
  virtual void reopen() = 0;

  /// Lets this much time pass on the clock that judges leases. Without effect on a store with one owner.
  virtual void pass(Duration time) = 0;
};

struct StoreCase {
  std::string name;
  std::function<std::unique_ptr<StoreWorld>()> make;
};

inline std::string name_of_case(const ::testing::TestParamInfo<StoreCase>& info) { return info.param.name; }

inline constexpr ShardNo kShard = 3;
inline constexpr std::string_view kOwner = "daemon-a";
inline constexpr Duration kLasting = std::chrono::seconds(10);

inline ListFilter filter(const std::function<void(ListFilter&)>& set) {
  ListFilter out;
  set(out);
  return out;
}

inline Tid tid_of(std::uint64_t n, ShardNo shard = kShard) { return Tid{1'000'000 + n, 7, shard, 1}; }
inline Instant begin_of(std::uint64_t n) { return instant_of(static_cast<std::int64_t>(1'000'000 + n)); }

/// Records are functions of (n, version): a reader that meets one knows every byte it must have.
inline std::string plan_of(std::uint64_t n) {
  return "plan " + std::to_string(n) + std::string(n % 700, 'p') + '\0' + '\xff';
}
inline std::string state_of(std::uint64_t n, Version version) {
  return "state " + std::to_string(n) + "@" + std::to_string(version) + std::string((n * 7 + version) % 90, 's');
}

inline Save begin_save(std::uint64_t n, Epoch epoch, ShardNo shard = kShard) {
  Save save;
  save.shard = shard;
  save.epoch = epoch;
  save.tid = tid_of(n, shard);
  save.gid = "order-" + std::to_string(n);
  save.expected = 0;
  save.version = 1;
  save.forced = true;
  save.summary.pattern = n % 2 == 0 ? Pattern::kSaga : Pattern::kMessage;
  save.summary.phase = n % 2 == 0 ? Phase::kActing : Phase::kPrepared;
  save.summary.created_at = begin_of(n);
  save.summary.updated_at = begin_of(n);
  save.plan = std::make_shared<const std::string>(plan_of(n));
  save.state = state_of(n, 1);
  return save;
}

inline Save next_save(const Save& last, std::uint64_t n, Version step = 1) {
  Save save = last;
  save.expected = last.version;
  save.version = last.version + step;
  save.summary.updated_at = last.summary.updated_at + Duration{10};
  save.state = state_of(n, save.version);
  return save;
}

inline Save end_save(const Save& last, std::uint64_t n, GlobalOutcome outcome = GlobalOutcome::kCommitted) {
  Save save = next_save(last, n);
  save.summary.phase = Phase::kEnded;
  save.summary.decision = outcome == GlobalOutcome::kCommitted ? Decision::kCommit : Decision::kAbort;
  save.summary.outcome = outcome;
  return save;
}

/// `found` is what `save` wrote, in every field.
inline void expect_same(const StoredRecord& found, const Save& save) {
  EXPECT_EQ(found.tid, save.tid);
  EXPECT_EQ(found.gid, save.gid);
  EXPECT_EQ(found.shard, save.shard);
  EXPECT_EQ(found.version, save.version);
  EXPECT_EQ(found.summary, save.summary);
  EXPECT_EQ(found.plan, *save.plan);
  EXPECT_EQ(found.state, save.state);
}

class StoreContract : public ::testing::TestWithParam<StoreCase> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    ASSERT_NE(world_, nullptr);
    epoch_ = own(kShard);
  }

  Store& store() { return world_->store(); }

  Epoch own(ShardNo shard, std::string_view owner = kOwner) {
    const std::vector<ShardNo> shards{shard};
    const auto leases = store().acquire(shards, owner, kLasting);
    if (!leases.ok() || leases->size() != 1 || leases->front().shard != shard) {
      ADD_FAILURE() << "shard " << shard << " was not given to " << owner;
      return 0;
    }
    return leases->front().epoch;
  }

  std::vector<SaveStatus> commit(const std::vector<Save>& group) {
    const auto receipts = store().commit(group);
    std::vector<SaveStatus> out;
    if (!receipts.ok()) {
      ADD_FAILURE() << receipts.error().message;
      return out;
    }
    EXPECT_EQ(receipts->size(), group.size());
    for (std::size_t i = 0; i < receipts->size(); ++i) {
      const Receipt& receipt = (*receipts)[i];
      EXPECT_EQ(receipt.shard, group[i].shard);
      EXPECT_EQ(receipt.epoch, group[i].epoch);
      EXPECT_EQ(receipt.tid, group[i].tid);
      EXPECT_EQ(receipt.version, group[i].version);
      out.push_back(receipt.status);
    }
    return out;
  }

  SaveStatus commit(const Save& save) {
    const auto statuses = commit(std::vector<Save>{save});
    return statuses.size() == 1 ? statuses.front() : SaveStatus::kConflict;
  }

  /// The store holds exactly `save` under its tid and its gid.
  void expect_stored(const Save& save) {
    const auto by_tid = store().get(save.tid);
    ASSERT_TRUE(by_tid.ok()) << by_tid.error().message;
    expect_same(*by_tid, save);
    const auto by_gid = store().get(save.gid);
    ASSERT_TRUE(by_gid.ok()) << by_gid.error().message;
    expect_same(*by_gid, save);
  }

  void expect_unknown(const Save& save) {
    const auto by_tid = store().get(save.tid);
    ASSERT_FALSE(by_tid.ok());
    EXPECT_EQ(by_tid.error().code, ErrorCode::kNotFound);
    const auto by_gid = store().get(save.gid);
    ASSERT_FALSE(by_gid.ok());
    EXPECT_EQ(by_gid.error().code, ErrorCode::kNotFound);
  }

  /// Open transactions of the shards; fails when one comes twice or is damaged.
  std::map<Tid, StoredRecord> open_of(std::vector<ShardNo> shards) {
    std::map<Tid, StoredRecord> out;
    const auto done = store().load_open(
        shards,
        [&](StoredRecord&& record) {
          const Tid tid = record.tid;
          EXPECT_TRUE(out.emplace(tid, std::move(record)).second) << "loaded twice";
        },
        [](const Tid& tid, const Error& error) { ADD_FAILURE() << tid.text() << " damaged: " << error.message; });
    EXPECT_TRUE(done.ok()) << done.error().message;
    return out;
  }

  std::vector<Tid> tids_of_list(const ListFilter& filter) {
    const auto listed = store().list(filter);
    std::vector<Tid> out;
    if (!listed.ok()) {
      ADD_FAILURE() << listed.error().message;
      return out;
    }
    for (const StoredRecord& record : *listed) out.push_back(record.tid);
    return out;
  }

  StoreWorld& world() { return *world_; }

  std::unique_ptr<StoreWorld> world_;
  Epoch epoch_ = 0;
};

class DurableStoreContract : public StoreContract {};
class SharedStoreContract : public StoreContract {};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DurableStoreContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedStoreContract);

}  // namespace settle::contract
