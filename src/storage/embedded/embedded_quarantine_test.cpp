// One damaged record takes one transaction out of service, never the server, and is never taken for something else.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "storage/contract/fixture.h"
#include "storage/embedded/database.h"
#include "storage/embedded/embedded_store.h"
#include "storage/embedded/floor.h"
#include "storage/embedded/open_scan.h"
#include "storage/embedded/record.h"
#include "storage/embedded/seam.h"
#include "storage/embedded/test_directory.h"

namespace settle {
namespace {

using contract::begin_save;
using contract::end_save;
using contract::kLasting;
using contract::kShard;
using contract::next_save;

std::string key_of(const Tid& tid) {
  const auto raw = tid.bytes();
  return {raw.data(), raw.size()};
}

class EmbeddedQuarantine : public ::testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::kError);
    options_.directory = directory_.sub("store");
    reopen();
  }
  void TearDown() override { set_log_level(LogLevel::kInfo); }

  void reopen() {
    store_.reset();
    auto opened = EmbeddedStore::open(options_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
    const std::vector<ShardNo> shards{kShard};
    epoch_ = store_->acquire(shards, "test", kLasting)->front().epoch;
  }

  /// Changes what is stored behind the store's back and opens it again.
  void tamper(const std::function<void(Database&)>& change) {
    store_.reset();
    {
      const auto db = Database::open(options_.directory, nullptr, [](const std::string&) {});
      ASSERT_TRUE(db.ok()) << db.error().message;
      change(**db);
      ASSERT_TRUE((*db)->flush().ok());
    }
  }

  static void put(Database& db, Family family, const std::string& key, const std::string& value) {
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), db.family(family), key, value).ok());
  }

  static std::string read(Database& db, Family family, const std::string& key) {
    std::string out;
    EXPECT_TRUE(db->Get(rocksdb::ReadOptions(), db.family(family), key, &out).ok());
    return out;
  }

  /// Flips a bit in the middle of a stored value.
  static void damage(Database& db, Family family, const std::string& key) {
    std::string value = read(db, family, key);
    value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 1);
    put(db, family, key, value);
  }

  SaveStatus commit(Save save) {
    save.epoch = epoch_;
    const std::vector<Save> group{std::move(save)};
    const auto receipts = store_->commit(group);
    EXPECT_TRUE(receipts.ok());
    return receipts.ok() ? receipts->front().status : SaveStatus::kFenced;
  }

  struct Loaded {
    std::set<Tid> visited;
    std::map<Tid, ErrorCode> damaged;
  };
  Loaded load() {
    Loaded out;
    const std::vector<ShardNo> shards{kShard};
    EXPECT_TRUE(store_
                    ->load_open(
                        shards, [&](StoredRecord&& record) { out.visited.insert(record.tid); },
                        [&](const Tid& tid, const Error& error) { out.damaged[tid] = error.code; })
                    .ok());
    return out;
  }

  /// The transaction of `save` is known, unreadable, and can neither be changed nor begun again; the next one is well.
  void expect_quarantined(const Save& save, const Save& healthy, ErrorCode code = ErrorCode::kCorrupt) {
    const std::uint64_t before = store_->damaged();
    EXPECT_EQ(store_->get(save.tid).error().code, code);
    EXPECT_EQ(store_->get(save.gid).error().code, code);
    EXPECT_GE(store_->damaged(), before + 2);
    EXPECT_EQ(commit(next_save(save, 1)), SaveStatus::kConflict);
    EXPECT_EQ(commit(end_save(save, 1)), SaveStatus::kConflict);
    Save again = begin_save(50, epoch_);
    again.gid = save.gid;
    EXPECT_EQ(commit(again), SaveStatus::kGidTaken);
    again = begin_save(51, epoch_);
    again.tid = save.tid;
    EXPECT_EQ(commit(again), SaveStatus::kGidTaken);

    const auto listed = store_->list({});
    ASSERT_TRUE(listed.ok()) << listed.error().message;
    for (const StoredRecord& record : *listed) EXPECT_NE(record.tid, save.tid);
    const auto found = store_->get(healthy.gid);
    ASSERT_TRUE(found.ok()) << found.error().message;
    contract::expect_same(*found, healthy);
  }

  const TestDirectory directory_{TestDirectory::Kind::kMemory};
  EmbeddedOptions options_;
  std::unique_ptr<EmbeddedStore> store_;
  Epoch epoch_ = 0;
};

TEST_F(EmbeddedQuarantine, FAIL_H7_DamagedBeginQuarantinesOneTransaction) {
  const Save bad = begin_save(1, epoch_);
  const Save good = begin_save(2, epoch_);
  commit(bad);
  commit(good);
  tamper([&](Database& db) { damage(db, Family::kOpen, key_of(bad.tid)); });
  reopen();
  const Loaded loaded = load();
  EXPECT_EQ(loaded.visited, std::set<Tid>{good.tid});
  EXPECT_EQ(loaded.damaged, (std::map<Tid, ErrorCode>{{bad.tid, ErrorCode::kCorrupt}}));
  expect_quarantined(bad, good);
  EXPECT_EQ(commit(next_save(good, 2)), SaveStatus::kSaved);
}

TEST_F(EmbeddedQuarantine, FAIL_H7_DamagedProgressNeverFallsBackToTheBegin) {
  const Save bad = next_save(begin_save(1, epoch_), 1);
  const Save good = begin_save(2, epoch_);
  commit(begin_save(1, epoch_));
  commit(bad);
  commit(good);
  tamper([&](Database& db) { damage(db, Family::kProgress, key_of(bad.tid)); });
  reopen();
  EXPECT_EQ(load().visited, std::set<Tid>{good.tid});
  EXPECT_EQ(load().damaged.count(bad.tid), 1U);
  expect_quarantined(bad, good);
}

TEST_F(EmbeddedQuarantine, FAIL_H7_ProgressWhoseBeginIsLostIsReported) {
  const Save bad = next_save(begin_save(1, epoch_), 1);
  const Save good = begin_save(2, epoch_);
  commit(begin_save(1, epoch_));
  commit(bad);
  commit(good);
  tamper([&](Database& db) {
    ASSERT_TRUE(db->SingleDelete(rocksdb::WriteOptions(), db.family(Family::kOpen), key_of(bad.tid)).ok());
  });
  reopen();
  EXPECT_EQ(load().visited, std::set<Tid>{good.tid});
  EXPECT_EQ(load().damaged.count(bad.tid), 1U);
  expect_quarantined(bad, good);
}

TEST_F(EmbeddedQuarantine, FAIL_H7_DamagedHistoryIsKeptAndTold) {
  const Save bad = end_save(begin_save(1, epoch_), 1);
  const Save good = end_save(begin_save(2, epoch_), 2);
  commit(begin_save(1, epoch_));
  commit(begin_save(2, epoch_));
  commit(bad);
  commit(good);
  tamper([&](Database& db) { damage(db, Family::kHistory, key_of(bad.tid)); });
  reopen();
  expect_quarantined(bad, good);
  EXPECT_EQ(*store_->prune(kNever), 1U);
  EXPECT_EQ(store_->get(bad.gid).error().code, ErrorCode::kCorrupt) << "evidence is not pruned";
  EXPECT_EQ(store_->get(good.gid).error().code, ErrorCode::kNotFound);
}

TEST_F(EmbeddedQuarantine, FAIL_H7_GidWhoseRecordIsLostIsNotFree) {
  const Save lost = end_save(begin_save(1, epoch_), 1);
  commit(begin_save(1, epoch_));
  commit(lost);
  tamper([&](Database& db) {
    ASSERT_TRUE(db->Delete(rocksdb::WriteOptions(), db.family(Family::kHistory), key_of(lost.tid)).ok());
  });
  reopen();
  EXPECT_EQ(store_->get(lost.gid).error().code, ErrorCode::kCorrupt);
  Save again = begin_save(2, epoch_);
  again.gid = lost.gid;
  EXPECT_EQ(commit(again), SaveStatus::kGidTaken);
}

TEST_F(EmbeddedQuarantine, FAIL_H7_GidThatLeadsToAnotherTransactionIsTold) {
  const Save first = begin_save(1, epoch_);
  const Save second = begin_save(2, epoch_);
  commit(first);
  commit(second);
  tamper([&](Database& db) { put(db, Family::kGid, gid_key(first.gid), key_of(second.tid)); });
  reopen();
  EXPECT_EQ(store_->get(first.gid).error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(store_->get(first.tid).ok());
}

TEST_F(EmbeddedQuarantine, FAIL_H7_RecordInTheWrongFamilyIsNotBelieved) {
  const Save open = begin_save(1, epoch_);
  const Save ended = end_save(begin_save(2, epoch_), 2);
  commit(open);
  commit(begin_save(2, epoch_));
  commit(ended);
  tamper([&](Database& db) {
    put(db, Family::kOpen, key_of(ended.tid), read(db, Family::kHistory, key_of(ended.tid)));
    put(db, Family::kProgress, key_of(open.tid), read(db, Family::kOpen, key_of(open.tid)));
  });
  reopen();
  const Loaded loaded = load();
  EXPECT_TRUE(loaded.visited.empty());
  EXPECT_EQ(loaded.damaged.size(), 2U);
}

TEST_F(EmbeddedQuarantine, FAIL_I14_RecordOfANewerProgramIsLeftAlone) {
  const Save newer = begin_save(1, epoch_);
  const Save good = begin_save(2, epoch_);
  commit(newer);
  commit(good);
  tamper([&](Database& db) {
    std::string bytes = read(db, Family::kOpen, key_of(newer.tid));
    bytes[0] = kFormatMajor + 1;
    bytes.resize(bytes.size() - 4);
    const std::string key = key_of(newer.tid);
    put(db, Family::kOpen, key, seal(key, bytes));  // the same checksum: over the key, then the bytes
  });
  reopen();
  EXPECT_EQ(load().damaged, (std::map<Tid, ErrorCode>{{newer.tid, ErrorCode::kInvalid}}));
  expect_quarantined(newer, good, ErrorCode::kInvalid);
}

TEST_F(EmbeddedQuarantine, StoreOfANewerProgramIsRefused) {
  tamper([](Database& db) { put(db, Family::kMeta, "format", seal("format", std::string{kFormatMajor + 1, 0})); });
  const auto opened = EmbeddedStore::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().message.find("use a newer one"), std::string::npos);
}

TEST_F(EmbeddedQuarantine, StoreWithAnUnknownFamilyIsRefused) {
  tamper([](Database& db) {
    rocksdb::ColumnFamilyHandle* family = nullptr;
    ASSERT_TRUE(db->CreateColumnFamily(rocksdb::ColumnFamilyOptions(), "future", &family).ok());
    ASSERT_TRUE(db->DestroyColumnFamilyHandle(family).ok());
  });
  const auto opened = EmbeddedStore::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().message.find("'future'"), std::string::npos);
}

TEST_F(EmbeddedQuarantine, StoreThatLostItsFormatIsRefused) {
  commit(begin_save(1, epoch_));
  tamper(
      [](Database& db) { ASSERT_TRUE(db->Delete(rocksdb::WriteOptions(), db.family(Family::kMeta), "format").ok()); });
  EXPECT_EQ(EmbeddedStore::open(options_).error().code, ErrorCode::kCorrupt);
}

TEST_F(EmbeddedQuarantine, FAIL_I16_StoreOfAnotherClusterIsRefused) {
  store_.reset();
  options_.cluster = 9;
  const auto opened = EmbeddedStore::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().message.find("belongs to cluster 0, not to 9"), std::string::npos) << opened.error().message;
}

TEST_F(EmbeddedQuarantine, INV_I14_DamagedEpochIsNotGuessed) {
  tamper([](Database& db) { damage(db, Family::kMeta, std::string("epoch/") + '\0' + static_cast<char>(kShard)); });
  EXPECT_EQ(EmbeddedStore::open(options_).error().code, ErrorCode::kCorrupt);
}

TEST_F(EmbeddedQuarantine, FAIL_H7_DamagedValueIsToldNotServed) {
  ASSERT_TRUE(store_->put_value("topics", "orders", "one").ok());
  tamper([](Database& db) { damage(db, Family::kMeta, std::string("value/\0\0\0\6topicsorders", 22)); });
  reopen();
  EXPECT_EQ(store_->get_value("topics", "orders").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(*store_->get_value("topics", "others"), std::nullopt);
}

TEST_F(EmbeddedQuarantine, StoreThatHasGoneBackIsRefused) {
  store_.reset();
  const Floor floor = read_floor(options_.directory);
  EXPECT_GT(floor.sequence, 0U);
  EXPECT_EQ(floor.log, 0U) << "closed in good order";
  ASSERT_TRUE(write_floor(options_.directory, {floor.sequence + 1, 0}).ok());
  EXPECT_EQ(EmbeddedStore::open(options_).error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(write_floor(options_.directory, floor).ok());
  reopen();
}

TEST_F(EmbeddedQuarantine, StoreClosedInGoodOrderNeedsNoLog) {
  const Save save = begin_save(1, epoch_);
  commit(save);
  store_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
    if (entry.path().extension() == ".log") std::filesystem::resize_file(entry.path(), 0);
  }
  reopen();
  EXPECT_TRUE(store_->get(save.gid).ok());
}

TEST_F(EmbeddedQuarantine, NameLikeATidIsRememberedOverAStart) {
  Save impostor = begin_save(1, epoch_);
  impostor.gid = contract::tid_of(2).text();
  EXPECT_EQ(commit(impostor), SaveStatus::kSaved);
  reopen();
  Save minted = begin_save(2, epoch_);
  minted.gid = minted.tid.text();
  EXPECT_EQ(commit(minted), SaveStatus::kGidTaken);
}

TEST_F(EmbeddedQuarantine, FAIL_H16_NetworkFileSystemIsRefusedUnlessAllowed) {
  store_.reset();
  options_.seam = std::make_shared<EmbeddedSeam>();
  options_.seam->file_system_type = 0x6969;  // NFS
  const auto opened = EmbeddedStore::open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().message.find("network file system"), std::string::npos);
  options_.allow_network_file_system = true;
  EXPECT_TRUE(EmbeddedStore::open(options_).ok());
}

TEST_F(EmbeddedQuarantine, TenThousandOpenTransactionsAreLoaded) {
  constexpr std::uint64_t kMany = 10'000;
  for (std::uint64_t n = 0; n < kMany;) {
    std::vector<Save> group;
    for (int i = 0; i < 250; ++i) group.push_back(begin_save(n++, epoch_));
    ASSERT_TRUE(store_->commit(group).ok());
    for (Save& save : group) save = next_save(save, save.tid.sequence - 1'000'000);
    group.resize(125);
    const auto receipts = store_->commit(group);
    for (const Receipt& receipt : *receipts) ASSERT_EQ(receipt.status, SaveStatus::kSaved);
  }
  reopen();
  const Loaded loaded = load();
  EXPECT_EQ(loaded.visited.size(), kMany);
  EXPECT_TRUE(loaded.damaged.empty());
}

TEST(EmbeddedDirectory, IsCreatedWithWhatIsMissingAboveItForItsOwnerOnly) {
  const TestDirectory directory(TestDirectory::Kind::kMemory);
  const std::string deep = directory.sub("a/b//c/");
  ASSERT_TRUE(create_directory_synced(deep).ok());
  EXPECT_TRUE(std::filesystem::is_directory(deep));
  EXPECT_EQ(std::filesystem::status(deep).permissions(), std::filesystem::perms::owner_all);
  EXPECT_TRUE(create_directory_synced(deep).ok());
}

TEST(EmbeddedDirectory, FileInItsPlaceIsAClearError) {
  const TestDirectory directory(TestDirectory::Kind::kMemory);
  const std::string file = directory.sub("file");
  ASSERT_TRUE(write_floor(directory.path(), {1, 1}).ok());
  std::filesystem::rename(directory.sub("settle.floor"), file);
  EmbeddedOptions options;
  options.directory = file;
  EXPECT_EQ(EmbeddedStore::open(options).error().code, ErrorCode::kInvalid);
  options.directory = file + "/below";
  EXPECT_FALSE(EmbeddedStore::open(options).ok());
  options.directory.clear();
  EXPECT_EQ(EmbeddedStore::open(options).error().code, ErrorCode::kInvalid);
}

TEST(EmbeddedDirectory, FAIL_H16_KnowsNetworkFileSystemsByTheirNumbers) {
  for (const long type : {0x6969L, 0xff534d42L, 0xfe534d42L, 0x65735546L, 0x01021997L}) {
    EXPECT_TRUE(is_network_file_system(type)) << type;
  }
  for (const long type : {0xef53L, 0x58465342L, 0x9123683eL, 0x01021994L, 0x2fc12fc1L, 0x794c7630L}) {
    EXPECT_FALSE(is_network_file_system(type)) << type;  // ext4, XFS, Btrfs, tmpfs, ZFS, overlayfs
  }
}

TEST(EmbeddedFloor, IsReadBackAndDamageMakesItProveNothing) {
  const TestDirectory directory(TestDirectory::Kind::kMemory);
  EXPECT_EQ(read_floor(directory.path()).sequence, 0U);
  ASSERT_TRUE(write_floor(directory.path(), {123456789012ULL, 77}).ok());
  EXPECT_EQ(read_floor(directory.path()).sequence, 123456789012ULL);
  EXPECT_EQ(read_floor(directory.path()).log, 77U);
  std::filesystem::resize_file(directory.sub("settle.floor"), 9);
  EXPECT_EQ(read_floor(directory.path()).sequence, 0U);
  EXPECT_EQ(read_floor(directory.path()).log, 0U);
}

}  // namespace
}  // namespace settle
