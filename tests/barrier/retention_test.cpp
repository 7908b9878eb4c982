#include <settle/ids.h>

#include "barrier/world_testing.h"

namespace settle::barrier::testing {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::seconds;

constexpr seconds kAtOnce{0};
constexpr hours kHorizon{24};  // what databases.cpp installs

/// Each test has tables that were never pruned.
template <typename Database>
class BarrierRetention : public Barrier<Database> {
 protected:
  void SetUp() override { forget(); }
  void TearDown() override { forget(); }

  void forget() {
    this->link_.run("UPDATE settle_barrier_retention SET refused_below = 0, deletable_below = 0, raised_at = 0");
    this->link_.run("DELETE FROM settle_barrier");
  }

  static microseconds now() {
    return std::chrono::duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch());
  }
  static Call call_begun(microseconds when, const std::string& gid, const std::string& op) {
    return Call{gid, "b1", op, Tid{static_cast<std::uint64_t>(when.count()), 1, 2, 3}.text()};
  }
  microseconds watermark() {
    return microseconds{this->link_.number("SELECT refused_below FROM settle_barrier_retention")};
  }
};
TYPED_TEST_SUITE(BarrierRetention, Databases, DatabaseNames);

TYPED_TEST(BarrierRetention, FAIL_C8_RepeatFromBeforeTheWatermarkHasNoSecondEffectAfterItsRowIsGone) {
  const std::string gid = this->new_gid();
  const microseconds old = this->now() - hours{100};
  EXPECT_EQ(this->run(this->call_begun(old, gid, "action")).answer, Answer::kDone);
  const auto pruned = prune(this->link_.get(), this->now() - hours{50}, kAtOnce);
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->rows, 1);
  EXPECT_EQ(this->rows(gid), 0);
  // A repeat, its undo, and the undo of what never came: none may have an effect, none may leave a row.
  for (const char* const op : {"action", "compensate", "try", "cancel", "deliver", "local", "check"}) {
    const Reply reply = this->run(this->call_begun(old, gid, op));
    EXPECT_EQ(reply.answer, Answer::kConflict) << op;
    EXPECT_NE(reply.reason.find("watermark"), std::string::npos);
  }
  EXPECT_EQ(this->effects(gid), 1);
  EXPECT_EQ(this->rows(gid), 0);
  // And in the caller's own transaction, even if it commits in spite of the answer.
  this->link_.run(TypeParam::kBegin);
  const auto verdict = enter(this->link_.get(), this->call_begun(old, gid, "action"));
  this->link_.run("COMMIT");
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->answer, Answer::kConflict);
  EXPECT_EQ(this->state(gid), 0);
  EXPECT_EQ(this->run(this->call_begun(this->now(), this->new_gid(), "action")).answer, Answer::kDone);
}

TYPED_TEST(BarrierRetention, WatermarkNeverComesNearerToNowThanTheHorizon) {
  const std::string young = this->new_gid();
  EXPECT_EQ(this->run(this->call_begun(this->now() - hours{1}, young, "action")).answer, Answer::kDone);
  const microseconds before = this->now();
  const auto pruned = prune(this->link_.get(), this->now() + hours{1000}, kAtOnce);
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_GT(pruned->refused_below, before - kHorizon - hours{1});
  EXPECT_LE(pruned->refused_below, this->now() - kHorizon + seconds{1});
  EXPECT_EQ(pruned->rows, 0);
  EXPECT_EQ(this->run(this->call_begun(this->now() - hours{1}, young, "action")).answer, Answer::kDone);
  EXPECT_EQ(this->effects(young), 1);
}

TYPED_TEST(BarrierRetention, NeitherWatermarkNorHorizonFalls) {
  ASSERT_TRUE(prune(this->link_.get(), this->now() - hours{50}, kAtOnce));
  const microseconds high = this->watermark();
  const auto pruned = prune(this->link_.get(), this->now() - hours{500}, kAtOnce);
  ASSERT_TRUE(pruned);
  EXPECT_EQ(pruned->refused_below, high);
  EXPECT_EQ(this->watermark(), high);
  ASSERT_TRUE(install(this->link_.get(), hours{1}));
  EXPECT_EQ(microseconds{this->link_.number("SELECT horizon FROM settle_barrier_retention")}, microseconds{kHorizon});
}

TYPED_TEST(BarrierRetention, RowsAreDeletedOnlyWhenTheirWatermarkHasStoodForTheGrace) {
  const std::string gid = this->new_gid();
  const microseconds old = this->now() - hours{100};
  EXPECT_EQ(this->run(this->call_begun(old, gid, "action")).answer, Answer::kDone);
  for (int i = 0; i < 3; ++i) {
    const auto pruned = prune(this->link_.get(), this->now() - hours{50}, hours{1});
    ASSERT_TRUE(pruned);
    EXPECT_EQ(pruned->rows, 0);
  }
  EXPECT_EQ(this->rows(gid), 1);
  EXPECT_EQ(this->run(this->call_begun(old, gid, "action")).answer, Answer::kDone);  // its row still knows
  const auto later = prune(this->link_.get(), this->now() - hours{50}, kAtOnce);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->rows, 1);
}

TYPED_TEST(BarrierRetention, WhatIsHeldStaysUntilItsSecondPhase) {
  const std::string gid = this->new_gid();
  const microseconds old = this->now() - hours{100};
  EXPECT_EQ(this->run(this->call_begun(old, gid, "try")).answer, Answer::kDone);
  ASSERT_TRUE(prune(this->link_.get(), this->now() - hours{50}, kAtOnce));
  EXPECT_EQ(this->run(this->call_begun(old, gid, "confirm")).answer, Answer::kDone);
  EXPECT_EQ(this->effects(gid, "fulfil"), 1);
  ASSERT_TRUE(prune(this->link_.get(), this->now() - hours{50}, kAtOnce));
  EXPECT_EQ(this->rows(gid), 0);
}

TYPED_TEST(BarrierRetention, ManyRowsGoInSeveralSmallTransactions) {
  this->link_.run(TypeParam::kBegin);
  for (int i = 0; i < 2'300; ++i) {
    this->link_.run("INSERT INTO settle_barrier (gid, branch, state, found, op, last_op, began) VALUES ('many-" +
                    std::to_string(i) + "', 'b1', 1, 0, 'action', 'action', 5)");
  }
  this->link_.run("COMMIT");
  const auto pruned = prune(this->link_.get(), microseconds{6}, kAtOnce);
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->rows, 2'300);
}

TYPED_TEST(BarrierRetention, NothingIsPrunedBeforeSomebodySaidForHowLongCallsMayCome) {
  EXPECT_FALSE(install(this->link_.get(), microseconds{0}));
  this->link_.run("UPDATE settle_barrier_retention SET horizon = 0");
  const auto pruned = prune(this->link_.get(), this->now(), kAtOnce);
  ASSERT_TRUE(install(this->link_.get(), kHorizon));
  ASSERT_FALSE(pruned);
  EXPECT_EQ(pruned.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(this->watermark(), microseconds{0});
}

TYPED_TEST(BarrierRetention, PruningInsideATransactionIsRefused) {
  this->link_.run(TypeParam::kBegin);
  EXPECT_FALSE(prune(this->link_.get(), microseconds{1}, kAtOnce));
  EXPECT_FALSE(install(this->link_.get(), kHorizon));
  this->link_.run("ROLLBACK");
}

}  // namespace
}  // namespace settle::barrier::testing
