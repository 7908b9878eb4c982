// The disk refuses: the Nth write or sync fails, for every N until all goes well; the disk is full; the power goes.
// After each: the first failure is the last word of that store, and the next one on the same directory holds what was
// acknowledged, and of the rest whole groups or nothing.

#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <sys/mount.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "storage/embedded/embedded_store.h"
#include "storage/embedded/faulty_files_testing.h"
#include "storage/embedded/seam.h"
#include "storage/embedded/story_testing.h"
#include "storage/embedded/test_directory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
/// The library loses the memory table that it was about to write when the disk is full. Its process ends then anyway.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:rocksdb::DBImpl::SwitchMemtable\n"; }
#endif
#endif

namespace settle {
namespace {

constexpr std::size_t kGroups = 12;
constexpr int kWorkers = 8;

class EmbeddedFault : public ::testing::Test {
 protected:
  void SetUp() override {
    level_ = log_level();
    set_log_level(LogLevel::kError);  // hundreds of failures on purpose
    // The library's threads sleep a second after some failures; they are shared by all stores of a process.
    for (const auto pool : {rocksdb::Env::HIGH, rocksdb::Env::LOW}) {
      rocksdb::Env::Default()->SetBackgroundThreads(2 * kWorkers, pool);
    }
  }
  void TearDown() override { set_log_level(level_); }

  static Result<std::unique_ptr<EmbeddedStore>> open(const std::string& directory,
                                                     const std::shared_ptr<FaultyFiles>& files) {
    EmbeddedOptions options;
    options.directory = directory;
    options.seam = std::make_shared<EmbeddedSeam>();
    options.seam->files = files;
    return EmbeddedStore::open(options);
  }

  static std::optional<Epoch> own(EmbeddedStore& store) {
    const auto leases = store.acquire(Story::shards(), "test", Duration{1});
    if (!leases) return std::nullopt;
    return leases->front().epoch;
  }

  struct Course {
    std::size_t acknowledged = 0;  ///< groups
    bool has_failed = false;
  };

  /// Commits the story up to the first failure, with a start in good order in the middle of it.
  Course run(const Story& story, const std::string& directory, const std::shared_ptr<FaultyFiles>& files) {
    Course course;
    for (const std::size_t until : {story.size() / 2, story.size()}) {
      auto store = open(directory, files);
      if (!store) {
        course.has_failed = true;
        return course;
      }
      const std::optional<Epoch> epoch = own(**store);
      if (!epoch) {
        expect_stopped(**store);
        course.has_failed = true;
        return course;
      }
      for (std::size_t i = course.acknowledged; i < until; ++i) {
        const auto receipts = (*store)->commit(story.group(i, *epoch));
        if (!receipts) {
          EXPECT_EQ(receipts.error().code, ErrorCode::kUnknownOutcome);
          expect_stopped(**store);
          course.has_failed = true;
          return course;
        }
        for (const Receipt& receipt : *receipts) EXPECT_EQ(receipt.status, SaveStatus::kSaved);
        course.acknowledged = i + 1;
      }
    }
    return course;
  }

  /// Nothing is accepted, nothing is answered.
  static void expect_stopped(EmbeddedStore& store) {
    const std::vector<Save> nothing;
    EXPECT_EQ(store.commit(nothing).error().code, ErrorCode::kUnknownOutcome);
    EXPECT_FALSE(store.get("order-1").ok());
    EXPECT_NE(store.get("order-1").error().code, ErrorCode::kNotFound);
    EXPECT_FALSE(store.list({}).ok());
    EXPECT_FALSE(store.acquire(Story::shards(), "test", Duration{1}).ok());
    EXPECT_FALSE(store.put_value("a", "b", "c").ok());
    EXPECT_FALSE(store.probe().ok());
    EXPECT_FALSE(store.prune(kNever).ok());
  }

  /// What the directory holds on a healthy disk: `acknowledged` groups, or one more, whole. Then it takes new work.
  static void expect_whole(const Story& story, const std::string& directory, std::size_t acknowledged) {
    const auto store = open(directory, std::make_shared<FaultyFiles>());
    ASSERT_TRUE(store.ok()) << store.error().message;
    const std::string told = Story::tell(**store);
    std::size_t done = acknowledged;
    if (told != story.told_after(acknowledged) && acknowledged < story.size()) ++done;
    ASSERT_EQ(told, story.told_after(done)) << "after " << acknowledged << " acknowledged groups";
    const std::optional<Epoch> epoch = own(**store);
    ASSERT_TRUE(epoch);
    for (std::size_t i = done; i < story.size(); ++i) {
      const auto receipts = (*store)->commit(story.group(i, *epoch));
      ASSERT_TRUE(receipts.ok());
      for (const Receipt& receipt : *receipts) EXPECT_EQ(receipt.status, SaveStatus::kSaved);
    }
    EXPECT_EQ(Story::tell(**store), story.told_after(story.size()));
  }

  /// Runs with the fault at 1, 2, 3 ... until nothing fails. Returns how many faults there were. Several at once,
  /// because the library sleeps after some of them.
  template <typename PlanOf>
  std::uint64_t for_every_n(const PlanOf& plan_of) {
    const Story story(11, kGroups);
    std::atomic<std::uint64_t> next{1};
    std::atomic<std::uint64_t> reached{0};
    const auto work = [&] {
      for (;;) {
        const std::uint64_t n = next.fetch_add(1);
        const TestDirectory directory(TestDirectory::Kind::kMemory);
        const auto files = std::make_shared<FaultyFiles>();
        files->set_plan(plan_of(n));
        const Course course = run(story, directory.path(), files);
        const bool was_reached = files->has_failed();
        expect_whole(story, directory.path(), course.acknowledged);
        if (HasFailure()) {
          ADD_FAILURE() << "with the fault at " << n << " or near it";
          return;
        }
        if (!was_reached) {
          EXPECT_FALSE(course.has_failed);
          EXPECT_EQ(course.acknowledged, kGroups);
          return;
        }
        reached.fetch_add(1);
      }
    };
    in_parallel(work);
    return reached.load();
  }

  static void in_parallel(const std::function<void()>& work) {
    std::vector<std::thread> workers;
    for (int i = 0; i < kWorkers; ++i) workers.emplace_back(work);
    for (std::thread& worker : workers) worker.join();
  }

  /// A store under a story loses its power again and again, until the story is told.
  static void lose_power(std::uint64_t seed) {
    const TestDirectory directory(TestDirectory::Kind::kMemory);
    Random random = Random::stream(seed, "power");
    const Story story(seed, kGroups);
    std::size_t acknowledged = 0;
    while (acknowledged < kGroups) {
      const auto files = std::make_shared<FaultyFiles>();
      auto store = open(directory.path(), files);
      ASSERT_TRUE(store.ok()) << "seed " << seed << ": " << store.error().message;
      const std::string told = Story::tell(**store);
      if (told != story.told_after(acknowledged)) ++acknowledged;  // the group that nobody was told of is there
      ASSERT_LE(acknowledged, kGroups) << told;
      ASSERT_EQ(told, story.told_after(acknowledged)) << "seed " << seed;
      const std::optional<Epoch> epoch = own(**store);
      ASSERT_TRUE(epoch);
      const std::size_t groups = 1 + random.below(4);
      for (std::size_t i = 0; i < groups && acknowledged < kGroups; ++i) {
        ASSERT_TRUE((*store)->commit(story.group(acknowledged, *epoch)).ok());
        ++acknowledged;
      }
      // Half of the time it goes between the write of a group and its sync.
      if (acknowledged < kGroups && random.chance_permille(500)) {
        files->set_plan({.failing_sync = files->syncs() + 1});
        // A sync of the library's own threads may be the one that fails; then the group is acknowledged after all.
        if ((*store)->commit(story.group(acknowledged, *epoch)).ok()) ++acknowledged;
      }
      files->lose_power();
      store->reset();
      files->power_cut(random);
    }
    expect_whole(story, directory.path(), acknowledged);
  }

 private:
  LogLevel level_ = LogLevel::kInfo;
};

TEST_F(EmbeddedFault, FAIL_A2_FailedWriteIsFinalAndItsOutcomeUnknownForEveryN) {
  EXPECT_GT(for_every_n([](std::uint64_t n) { return FaultyFiles::Plan{.failing_write = n}; }), kGroups);
}

TEST_F(EmbeddedFault, FAIL_H6_HalfWrittenEntryIsDroppedForEveryN) {
  EXPECT_GT(for_every_n([](std::uint64_t n) { return FaultyFiles::Plan{.failing_write = n, .is_torn = true}; }),
            kGroups);
}

TEST_F(EmbeddedFault, FAIL_H1_FailedSyncIsNeverTriedAgainForEveryN) {
  EXPECT_GT(for_every_n([](std::uint64_t n) { return FaultyFiles::Plan{.failing_sync = n}; }), kGroups);
}

TEST_F(EmbeddedFault, FAIL_H2_SyncThatFailsAfterItsWorkLeavesAWholeGroupForEveryN) {
  EXPECT_GT(for_every_n([](std::uint64_t n) { return FaultyFiles::Plan{.failing_sync = n, .is_data_on_disk = true}; }),
            kGroups);
}

TEST_F(EmbeddedFault, FAIL_H3_FullDiskIsAFailureLikeAnyOtherForEveryN) {
  EXPECT_GT(for_every_n([](std::uint64_t n) {
              return FaultyFiles::Plan{.failing_write = n, .is_torn = true, .is_disk_full = true};
            }),
            kGroups);
}

TEST_F(EmbeddedFault, FAIL_H1_NothingReachesTheDiskAfterAFailedSync) {
  const Story story(12, kGroups);
  const TestDirectory directory(TestDirectory::Kind::kMemory);
  const auto files = std::make_shared<FaultyFiles>();
  auto store = open(directory.path(), files);
  ASSERT_TRUE(store.ok()) << store.error().message;
  const std::optional<Epoch> epoch = own(**store);
  ASSERT_TRUE(epoch);
  ASSERT_TRUE((*store)->commit(story.group(0, *epoch)).ok());
  files->set_plan({.failing_sync = files->syncs() + 1});
  EXPECT_EQ((*store)->commit(story.group(1, *epoch)).error().code, ErrorCode::kUnknownOutcome);
  const std::uint64_t writes = files->writes();
  const std::uint64_t syncs = files->syncs();
  for (std::size_t i = 1; i < kGroups; ++i) {
    EXPECT_EQ((*store)->commit(story.group(i, *epoch)).error().code, ErrorCode::kUnknownOutcome);
  }
  EXPECT_EQ(files->writes(), writes);
  EXPECT_EQ(files->syncs(), syncs);
}

TEST_F(EmbeddedFault, FAIL_H5_FAIL_H8_PowerCutKeepsEveryAcknowledgedGroup) {
  std::atomic<std::uint64_t> next{1};
  in_parallel([&] {
    for (std::uint64_t seed = next.fetch_add(1); seed <= 40 && !HasFailure(); seed = next.fetch_add(1))
      lose_power(seed);
  });
}

/// A file system of a few megabytes that goes away with the test.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& where, const char* size) : where_(where) {
    is_mounted_ = ::mount("none", where.c_str(), "tmpfs", 0, size) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (is_mounted_) (void)::umount2(where_.c_str(), MNT_DETACH);
  }

  [[nodiscard]] bool is_mounted() const { return is_mounted_; }
  void grow(const char* size) { (void)::mount("none", where_.c_str(), "tmpfs", MS_REMOUNT, size); }

 private:
  std::string where_;
  bool is_mounted_ = false;
};

TEST_F(EmbeddedFault, FAIL_H3_DiskThatReallyFillsUpLosesNothingAcknowledged) {
  const TestDirectory directory(TestDirectory::Kind::kMemory);
  SmallDisk disk(directory.path(), "size=12m");
  // Without the right to mount, a disk that reports "no space" from some write on stands in for it.
  const auto files = std::make_shared<FaultyFiles>();
  if (!disk.is_mounted()) files->set_plan({.failing_write = 300, .is_disk_full = true});

  std::vector<Save> acknowledged;
  {
    auto store = open(directory.sub("store"), disk.is_mounted() ? nullptr : files);
    ASSERT_TRUE(store.ok()) << store.error().message;
    const std::optional<Epoch> epoch = own(**store);
    ASSERT_TRUE(epoch);
    const auto plan = std::make_shared<const std::string>(std::string(20'000, 'p'));
    for (std::uint64_t n = 1;; ++n) {
      Save save;
      save.shard = 0;
      save.epoch = *epoch;
      save.tid = Tid{n, 1, 0, 1};
      save.gid = "order-" + std::to_string(n);
      save.version = 1;
      save.summary.phase = Phase::kActing;
      save.plan = plan;
      const std::vector<Save> group{save};
      if (!(*store)->commit(group).ok()) break;
      acknowledged.push_back(save);
      ASSERT_LT(n, 100'000U) << "the disk never filled up";
    }
    expect_stopped(**store);
  }
  EXPECT_GT(acknowledged.size(), 100U);
  disk.grow("size=64m");  // somebody has made room
  auto store = open(directory.sub("store"), nullptr);
  ASSERT_TRUE(store.ok()) << store.error().message;
  for (const Save& save : acknowledged) {
    const auto found = (*store)->get(save.gid);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->plan, *save.plan);
  }
  EXPECT_TRUE((*store)->probe().ok());
  ListFilter everything;
  everything.limit = SIZE_MAX;
  EXPECT_LE((*store)->list(everything)->size(), acknowledged.size() + 1);
}

}  // namespace
}  // namespace settle
