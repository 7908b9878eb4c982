#include "bank.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "account.h"
#include "books.h"
#include "order/client.h"
#include "order/ports.h"

namespace settle::example {
namespace {

/// A bank on a port of its own, called as settled calls it. Nobody is there to enlist at.
class BankExample : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "bank-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::set<std::uint16_t> taken;
    const Result<std::uint16_t> port = free_port(taken);
    const Result<std::uint16_t> nobody = free_port(taken);
    ASSERT_TRUE(port.ok() && nobody.ok());
    BankOptions options;
    options.database_path = folder_ + "/north.db";
    options.port = *port;
    options.coordinators = {address_of(*nobody)};
    options.account = "bob";
    options.coins = 100;
    options.limit = 60;
    bank_ = std::make_unique<Bank>(options);
    const Result<void> started = bank_->start();
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  void TearDown() override {
    bank_.reset();
    std::filesystem::remove_all(folder_);
  }

  int call(const char* path, const char* op, const char* gid, const std::string& body = {}) {
    const std::string headers = std::string("settle-gid: ") + gid + "\r\nsettle-branch: b\r\nsettle-op: " + op + "\r\n";
    const Result<Reply> reply = http_.call("POST", bank_->url(path), body, std::chrono::seconds(20), headers);
    said_ = reply ? reply->body : reply.error().message;
    return reply ? reply->status : -1;
  }
  int account(const char* op, const char* gid, std::int64_t amount = 0) {
    return call("/account", op, gid, amount == 0 ? "" : to_json({"bob", amount}));
  }
  void inject(BankFault fault) {
    Result<Database> database = Database::open(folder_ + "/north.db", std::chrono::seconds(5));
    ASSERT_TRUE(database.ok());
    ASSERT_TRUE(write_fault(*database, fault).ok());
  }
  /// Bob's free and frozen coins.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> bob() const {
    return {*ask_bank(folder_, "north", "SELECT balance FROM accounts WHERE name = 'bob'"),
            *ask_bank(folder_, "north", "SELECT frozen FROM accounts WHERE name = 'bob'")};
  }
  using Coins = std::pair<std::int64_t, std::int64_t>;

  std::string folder_;
  std::unique_ptr<Bank> bank_;
  Client http_;
  std::string said_;
};

TEST_F(BankExample, AHoldThatIsConfirmedOrCommittedLeaves) {
  for (const auto& [first, second, gid] : {std::tuple("try", "confirm", "t"), std::tuple("prepare", "commit", "p")}) {
    const auto [before, none] = bob();
    for (int repeat = 0; repeat < 2; ++repeat) {
      EXPECT_EQ(account(first, gid, -30), 200) << said_;
      EXPECT_EQ(bob(), (Coins{before - 30, 30})) << first;
    }
    for (int repeat = 0; repeat < 2; ++repeat) {
      EXPECT_EQ(account(second, gid), 200) << said_;
      EXPECT_EQ(bob(), (Coins{before - 30, 0})) << second;
    }
  }
}

TEST_F(BankExample, AHoldThatIsTakenBackIsFreeAgain) {
  for (const auto& [first, second, gid] : {std::tuple("try", "cancel", "t"), std::tuple("prepare", "rollback", "p")}) {
    EXPECT_EQ(account(first, gid, -30), 200) << said_;
    for (int repeat = 0; repeat < 2; ++repeat) {
      EXPECT_EQ(account(second, gid), 200) << said_;
      EXPECT_EQ(bob(), (Coins{100, 0})) << second;
    }
  }
}

// Two transactions of one account at a time: what the first has frozen, the second cannot spend, whichever ends first.
TEST_F(BankExample, FAIL_D12_WhatOneTransactionHoldsNoOtherCanUse) {
  EXPECT_EQ(account("try", "first", -70), 200) << said_;
  EXPECT_EQ(account("try", "second", -70), 409) << said_;
  EXPECT_EQ(account("try", "third", -30), 200) << said_;
  EXPECT_EQ(bob(), (Coins{0, 100}));
  EXPECT_EQ(account("cancel", "first"), 200) << said_;
  EXPECT_EQ(account("try", "fourth", -70), 200) << said_;
  EXPECT_EQ(account("confirm", "third"), 200) << said_;
  EXPECT_EQ(account("confirm", "fourth"), 200) << said_;
  EXPECT_EQ(bob(), (Coins{0, 0}));
}

TEST_F(BankExample, ComingCoinsAreAnnouncedFirst) {
  EXPECT_EQ(account("try", "g", 30), 200);
  EXPECT_EQ(bob(), (Coins{100, 0})) << "nobody may spend what is not decided";
  EXPECT_EQ(account("confirm", "g"), 200);
  EXPECT_EQ(bob(), (Coins{130, 0}));
  EXPECT_EQ(account("try", "h", 30), 200);
  EXPECT_EQ(account("cancel", "h"), 200);
  EXPECT_EQ(bob(), (Coins{130, 0}));
}

TEST_F(BankExample, AnActionMovesAtOnceAndItsCompensationMovesBack) {
  for (const std::int64_t amount : {-30, 30}) {
    const std::string gid = amount < 0 ? "out" : "in";
    EXPECT_EQ(account("action", gid.c_str(), amount), 200);
    EXPECT_EQ(bob(), (Coins{100 + amount, 0}));
    EXPECT_EQ(account("compensate", gid.c_str()), 200);
    EXPECT_EQ(bob(), (Coins{100, 0}));
  }
}

TEST_F(BankExample, FAIL_D1_WhatComesAfterItsUndoIsRefused) {
  for (const auto& [first, second] :
       {std::pair("try", "cancel"), std::pair("prepare", "rollback"), std::pair("action", "compensate")}) {
    EXPECT_EQ(account(second, first), 200) << "there is nothing to undo";
    EXPECT_EQ(account(first, first, -30), 409) << first;
    EXPECT_EQ(bob(), (Coins{100, 0}));
  }
}

TEST_F(BankExample, WhatTheStaffHasUndoneIsNotUndoneAgain) {
  EXPECT_EQ(account("action", "g", -30), 200);
  Result<Database> staff = Database::open(folder_ + "/north.db", std::chrono::seconds(5));
  ASSERT_TRUE(staff.ok());
  ASSERT_TRUE(staff
                  ->run("BEGIN; UPDATE accounts SET balance = balance + 30; UPDATE movements SET state = 'undone';"
                        "COMMIT")
                  .ok());
  EXPECT_EQ(account("compensate", "g"), 200);
  EXPECT_EQ(bob(), (Coins{100, 0}));
}

TEST_F(BankExample, RefusesWhatItCannotDo) {
  EXPECT_EQ(account("try", "g", -101), 409);
  EXPECT_EQ(said_, "bob has no 101 coins");
  EXPECT_EQ(call("/account", "try", "g", to_json({"smyth", 1})), 409);
  EXPECT_EQ(said_, "there is no account 'smyth' here");
  for (const char* odd : {"", "[]", "nonsense", R"({"account":"bob"})", R"({"account":"bob","amount":0})",
                          R"({"account":"bob","amount":1.5})", R"({"account":"bob","amount":1000001})",
                          R"({"account":"bob","amount":-1000001})", R"({"account":7,"amount":1})",
                          R"({"account":"bob","amount":18446744073709551615})"}) {
    EXPECT_EQ(call("/account", "try", "g", odd), 409) << odd;
  }
  EXPECT_EQ(bob(), (Coins{100, 0}));
}

TEST_F(BankExample, TheLimitOnlyReads) {
  EXPECT_EQ(call("/limit", "prepare", "g", to_json({"bob", -60})), 200);
  EXPECT_EQ(said_, R"({"vote":"read-only"})");
  EXPECT_EQ(call("/limit", "prepare", "g", to_json({"bob", -61})), 409);
  EXPECT_EQ(call("/limit", "rollback", "g"), 200);
  EXPECT_EQ(bob(), (Coins{100, 0}));
}

TEST_F(BankExample, AVoucherIsMadeOnce) {
  EXPECT_EQ(call("/voucher", "deliver", "g"), 200);
  EXPECT_EQ(call("/voucher", "deliver", "g"), 200);
  EXPECT_EQ(*ask_bank(folder_, "north", "SELECT COUNT(*) FROM vouchers"), 1);
}

TEST_F(BankExample, FaultsAreUnknownNeverRefused) {
  EXPECT_EQ(account("action", "g", -30), 200);
  inject(BankFault::kClosed);
  EXPECT_EQ(account("action", "h", -30), 500);
  EXPECT_EQ(account("compensate", "g"), 500);
  inject(BankFault::kStuckUndo);
  EXPECT_EQ(account("compensate", "g"), 500);
  EXPECT_EQ(bob(), (Coins{70, 0}));
  inject(BankFault::kNone);
  EXPECT_EQ(account("compensate", "g"), 200);
  EXPECT_EQ(bob(), (Coins{100, 0}));
}

}  // namespace
}  // namespace settle::example
