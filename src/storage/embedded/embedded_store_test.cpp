#include "storage/embedded/embedded_store.h"

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "storage/contract/fixture.h"
#include "storage/embedded/test_directory.h"
#include "storage/store_contract.h"

namespace settle::contract {
namespace {

class EmbeddedWorld final : public StoreWorld {
 public:
  EmbeddedWorld() { open(); }

  Store& store() override { return *store_; }
  void pass(Duration) override {}
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = EmbeddedStore::open({.directory = directory_.path()});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
  }

  TestDirectory directory_{TestDirectory::Kind::kMemory};
  std::unique_ptr<EmbeddedStore> store_;
};

const auto kEmbedded = ::testing::Values(
    StoreCase{"embedded", [] { return std::unique_ptr<StoreWorld>(std::make_unique<EmbeddedWorld>()); }});

INSTANTIATE_TEST_SUITE_P(Embedded, StoreContract, kEmbedded, name_of_case);
INSTANTIATE_TEST_SUITE_P(Embedded, DurableStoreContract, kEmbedded, name_of_case);

class EmbeddedStart : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    store_.reset();
    auto opened = EmbeddedStore::open({.directory = directory_.path()});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
    const std::vector<ShardNo> shards{kShard};
    epoch_ = store_->acquire(shards, "test", kLasting)->front().epoch;
  }

  SaveStatus status_of(Save save) {
    save.epoch = epoch_;
    const auto receipts = store_->commit(std::span(&save, 1));
    EXPECT_TRUE(receipts.ok());
    return receipts.ok() ? receipts->front().status : SaveStatus::kConflict;
  }

  std::uint64_t load(const std::function<void()>& at_each = [] {}) {
    std::uint64_t found = 0;
    const std::vector<ShardNo> shards{kShard};
    const auto loaded = store_->load_open(
        shards,
        [&](StoredRecord&&) {
          ++found;
          at_each();
        },
        [](const Tid&, const Error&) {});
    EXPECT_TRUE(loaded.ok());
    return found;
  }

  TestDirectory directory_{TestDirectory::Kind::kMemory};
  std::unique_ptr<EmbeddedStore> store_;
  Epoch epoch_ = 0;
};

TEST_F(EmbeddedStart, ASaveIsJudgedByWhatIsStoredWhoeverReadsItFirst) {
  const Save first = begin_save(1, epoch_);
  const Save second = next_save(first, 1);
  ASSERT_EQ(status_of(first), SaveStatus::kSaved);
  reopen();  // nobody has read anything when the save comes
  EXPECT_EQ(status_of(first), SaveStatus::kGidTaken);
  EXPECT_EQ(status_of(second), SaveStatus::kSaved);
  reopen();  // the load comes first
  EXPECT_EQ(load(), 1U);
  EXPECT_EQ(status_of(second), SaveStatus::kConflict);
  EXPECT_EQ(status_of(next_save(second, 1)), SaveStatus::kSaved);
}

TEST_F(EmbeddedStart, ALoadDoesNotTakeBackWhatWasSavedMeanwhile) {
  const Save first = begin_save(1, epoch_);
  const Save second = next_save(first, 1);
  ASSERT_EQ(status_of(first), SaveStatus::kSaved);
  reopen();
  EXPECT_EQ(load([&] { EXPECT_EQ(status_of(second), SaveStatus::kSaved); }), 1U);
  EXPECT_EQ(status_of(second), SaveStatus::kConflict) << "the load has seen the version before";
  EXPECT_EQ(status_of(next_save(second, 1)), SaveStatus::kSaved);
}

}  // namespace
}  // namespace settle::contract
