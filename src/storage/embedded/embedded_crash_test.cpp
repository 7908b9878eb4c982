// The process dies at any instant: what was acknowledged is there afterwards, what was not is whole or absent.

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "base/random.h"
#include "storage/embedded/child.h"
#include "storage/embedded/embedded_store.h"
#include "storage/embedded/story_testing.h"
#include "storage/embedded/test_directory.h"

namespace settle {
namespace {

constexpr std::uint64_t kSeed = 20260101;
constexpr std::size_t kGroups = 20'000;
constexpr int kRounds = 40;  // fewer if a quick machine is through with the groups before
constexpr int kRoundsLeast = 8;

/// Acknowledged groups counted out of the pipe; the numbers come one after the other.
std::size_t acknowledged_in(const std::string& output, std::size_t from) {
  std::size_t next = from;
  for (std::size_t at = 0; at + 4 <= output.size(); at += 4) {
    std::uint32_t number = 0;
    std::memcpy(&number, output.data() + at, 4);
    EXPECT_EQ(number, next);
    ++next;
  }
  return next;
}

TEST(EmbeddedCrash, KilledInsideGroupsKeepsEveryAcknowledgedSaveAndNothingTorn) {
  // The page cache outlives the process, so the disk has no part in this: on a quick one kills land in more places.
  const TestDirectory directory(TestDirectory::Kind::kMemory);
  const std::string store = directory.sub("store");
  const Story story(kSeed, kGroups);
  Random random = Random::stream(kSeed, "kill");
  std::size_t done = 0;
  int landed_inside = 0;  // kills after which an unacknowledged group was found whole
  int rounds = 0;
  for (int round = 0; round < kRounds && done < kGroups; ++round) {
    ++rounds;
    Child victim({"commit", store, std::to_string(kSeed), std::to_string(kGroups), std::to_string(done)});
    std::string output = victim.read(4);  // the first group is acknowledged: now anything may happen
    ASSERT_EQ(output.size(), 4U) << "the victim ended by itself with " << victim.wait();
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(1000)));
    victim.kill();
    output += victim.read_all();
    (void)victim.wait();
    const std::size_t acknowledged = acknowledged_in(output, done);

    // Half of the rounds leave the recovered store without closing it: the next recovery starts from that.
    const auto [status, told] = run_child({"tell", store, random.chance_permille(500) ? "close" : "leave"});
    ASSERT_EQ(status, 0) << told;
    if (told == story.told_after(acknowledged)) {
      done = acknowledged;
    } else {
      ASSERT_LT(acknowledged, kGroups);
      ASSERT_EQ(told, story.told_after(acknowledged + 1)) << "round " << round << " after group " << acknowledged;
      done = acknowledged + 1;
      ++landed_inside;
    }
  }
  EXPECT_GE(rounds, kRoundsLeast);
  EXPECT_GT(done, static_cast<std::size_t>(rounds));
  RecordProperty("groups", static_cast<int>(done));
  RecordProperty("whole_but_unacknowledged", landed_inside);
}

TEST(EmbeddedCrash, FAIL_H9_SecondProcessOnTheDirectoryIsRefusedAndNamesTheFirst) {
  const TestDirectory directory;
  EmbeddedOptions options;
  options.directory = directory.sub("store");
  auto first = EmbeddedStore::open(options);
  ASSERT_TRUE(first.ok()) << first.error().message;

  const auto [status, told] = run_child({"tell", options.directory, "close"});
  EXPECT_EQ(status, 3);
  EXPECT_NE(told.find("(" + std::to_string(::getpid()) + ")"), std::string::npos) << told;
  const auto second = EmbeddedStore::open(options);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_TRUE((*first)->probe().ok());

  first->reset();
  EXPECT_EQ(run_child({"tell", options.directory, "close"}).first, 0);
}

TEST(EmbeddedCrash, FAIL_H9_LockOfAKilledProcessIsStale) {
  const TestDirectory directory;
  const std::string store = directory.sub("store");
  Child victim({"commit", store, "1", "50000", "0"});
  ASSERT_EQ(victim.read(4).size(), 4U);
  EXPECT_EQ(run_child({"tell", store, "close"}).first, 3);
  victim.kill();
  (void)victim.wait();
  EXPECT_EQ(run_child({"tell", store, "close"}).first, 0);
}

}  // namespace
}  // namespace settle
