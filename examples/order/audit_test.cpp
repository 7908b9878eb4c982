#include "audit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "role.h"

namespace settle::example {
namespace {

/// Three databases with an order that stands: one teapot, 30 coins, 3 points.
class Audit : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "audit-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const Role* role : {&kOrder, &kStock, &kPoints}) {
      Database database = open(*role);
      ASSERT_TRUE(database.run(role->schema).ok());
      ASSERT_EQ(role->act(database, "g", {"ann", "teapot", 1, 30, 3}).how(), barrier::Made::How::kDone);
    }
    ASSERT_TRUE(audit(folder_, kOpening).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Database open(const Role& role) const {
    return std::move(*Database::open(folder_ + "/" + std::string(role.name) + ".db", std::chrono::seconds(1)));
  }
  void spoil(const Role& role, const std::string& statement) const { ASSERT_TRUE(open(role).run(statement).ok()); }
  [[nodiscard]] std::string complaint() const {
    const Result<std::int64_t> orders = audit(folder_, kOpening);
    return orders ? "none" : orders.error().message;
  }

  static constexpr Balances kOpening{1000, 0, 20, 0, 500, 0};
  std::string folder_;
};

TEST_F(Audit, CountsTheOrdersThatStand) { EXPECT_EQ(*audit(folder_, kOpening), 1); }

TEST_F(Audit, MissesMoney) {
  spoil(kOrder, "UPDATE purse SET coins = coins + 1");
  EXPECT_EQ(complaint(), "there are 1001 coins and there were 1000");
}

TEST_F(Audit, MissesGoods) {
  spoil(kStock, "UPDATE shelf SET pieces = pieces - 1");
  EXPECT_EQ(complaint(), "there are 19 teapots and there were 20");
}

TEST_F(Audit, MissesPoints) {
  spoil(kPoints, "UPDATE accounts SET points = points + 3");
  EXPECT_EQ(complaint(), "there are 503 points and there were 500");
}

TEST_F(Audit, SeesAnOrderWithoutItsGoods) {
  spoil(kStock, "DELETE FROM shipments; UPDATE shelf SET pieces = pieces + 1");
  EXPECT_EQ(complaint(), "the order g stands without its teapots");
}

TEST_F(Audit, SeesPointsForAnOrderThatWasCancelled) {
  spoil(kOrder, "UPDATE orders SET state = 'cancelled'; UPDATE purse SET coins = coins + 30");
  spoil(kStock, "DELETE FROM shipments; UPDATE shelf SET pieces = pieces + 1");
  EXPECT_EQ(complaint(), "3 points went out for g, which is no order that stands");
}

TEST_F(Audit, SeesPointsGrantedTwice) {
  spoil(kPoints,
        "UPDATE fund SET points = points - 3; UPDATE accounts SET points = points + 3;"
        "UPDATE grants SET points = points + 3");
  EXPECT_EQ(complaint(), "the order g has 6 points instead of 3");
}

}  // namespace
}  // namespace settle::example
