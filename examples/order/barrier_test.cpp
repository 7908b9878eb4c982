#include "barrier.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace settle::example {
namespace {

using std::chrono::milliseconds;

constexpr BranchKey kKey{"order-1", "stock"};

class Barrier : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "barrier-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ASSERT_TRUE(database().run(std::string(kBarrierSchema) + "CREATE TABLE shelf (pieces INTEGER);").ok());
    ASSERT_TRUE(database().run("INSERT INTO shelf VALUES (10)").ok());
  }
  void TearDown() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  Database& database() {
    if (!database_) database_ = std::make_unique<Database>(another());
    return *database_;
  }
  /// A connection of its own, as another process would have it.
  [[nodiscard]] Database another() const {
    Result<Database> opened = Database::open(folder_ + "/db", milliseconds(0));
    EXPECT_TRUE(opened.ok());
    return std::move(*opened);
  }
  [[nodiscard]] std::int64_t pieces() const {
    Database reader = another();
    return reader.query("SELECT pieces FROM shelf")->at(0).integer(0);
  }
  [[nodiscard]] std::string row(std::string_view gid, std::string_view branch) const {
    Database reader = another();
    const auto rows = reader.query("SELECT state FROM barrier WHERE gid = ? AND branch = ?", {gid, branch});
    return rows->empty() ? "none" : rows->at(0).text(0);
  }

  std::string folder_;
  std::unique_ptr<Database> database_;
};

Result<Answer> change(Database& on, std::int64_t by, const char* says) {
  const Result<int> changed = on.execute("UPDATE shelf SET pieces = pieces + ?", {by});
  if (!changed) return changed.error();
  return Answer{kDone, says};
}
const Work kTake = [](Database& on) { return change(on, -1, R"({"lot":7})"); };
const Work kPutBack = [](Database& on) { return change(on, +1, R"("back")"); };
const Work kSoldOut = [](Database& on) -> Result<Answer> {
  if (const auto changed = change(on, -1, ""); !changed) return changed;
  return Answer{kRefused, "sold out"};
};
const Work kBreaks = [](Database& on) -> Result<Answer> {
  if (const auto changed = change(on, -1, ""); !changed) return changed;
  return Error{ErrorCode::kCorrupt, "disk on fire"};
};

TEST_F(Barrier, AnActionRunsOnceAndItsDuplicateHearsTheSame) {
  for (int i = 0; i < 3; ++i) {
    const Answer answer = perform(database(), kKey, kTake);
    EXPECT_EQ(answer.status, kDone);
    EXPECT_EQ(answer.body, R"({"lot":7})");
  }
  EXPECT_EQ(pieces(), 9);
}

TEST_F(Barrier, BranchesAndTransactionsAreApart) {
  EXPECT_EQ(perform(database(), {"order-1", "stock"}, kTake).status, kDone);
  EXPECT_EQ(perform(database(), {"order-1", "more"}, kTake).status, kDone);
  EXPECT_EQ(perform(database(), {"order-10", "stock"}, kTake).status, kDone);
  EXPECT_EQ(pieces(), 7);
}

TEST_F(Barrier, ARefusalLeavesNothingBehindAndMayTurnIntoSuccess) {
  const Answer answer = perform(database(), kKey, kSoldOut);
  EXPECT_EQ(answer.status, kRefused);
  EXPECT_EQ(answer.body, "sold out");
  EXPECT_EQ(pieces(), 10);
  EXPECT_EQ(row("order-1", "stock"), "none");
  EXPECT_EQ(perform(database(), kKey, kTake).status, kDone);
}

TEST_F(Barrier, AFailureIsNeitherDoneNorRefused) {
  EXPECT_EQ(perform(database(), kKey, kBreaks).status, 500);
  EXPECT_EQ(pieces(), 10);
  EXPECT_EQ(row("order-1", "stock"), "none");
}

TEST_F(Barrier, ACompensationUndoesOnce) {
  ASSERT_EQ(perform(database(), kKey, kTake).status, kDone);
  EXPECT_EQ(compensate(database(), kKey, kPutBack).status, kDone);
  EXPECT_EQ(compensate(database(), kKey, kPutBack).status, kDone);
  EXPECT_EQ(pieces(), 10);
  EXPECT_EQ(row("order-1", "stock"), "undone");
}

TEST_F(Barrier, FAIL_C1_ACompensationWithoutItsActionUndoesNothing) {
  EXPECT_EQ(compensate(database(), kKey, kPutBack).status, kDone);
  EXPECT_EQ(compensate(database(), kKey, kPutBack).status, kDone);
  EXPECT_EQ(pieces(), 10);
  EXPECT_EQ(row("order-1", "stock"), "tombstone");
}

TEST_F(Barrier, FAIL_D1_AnActionAfterItsCompensationIsRefused) {
  ASSERT_EQ(compensate(database(), kKey, kPutBack).status, kDone);
  EXPECT_EQ(perform(database(), kKey, kTake).status, kRefused);
  EXPECT_EQ(pieces(), 10);
}

TEST_F(Barrier, FAIL_C7_AnActionThatWasUndoneIsRefusedToo) {
  ASSERT_EQ(perform(database(), kKey, kTake).status, kDone);
  ASSERT_EQ(compensate(database(), kKey, kPutBack).status, kDone);
  EXPECT_EQ(perform(database(), kKey, kTake).status, kRefused);
  EXPECT_EQ(pieces(), 10);
}

TEST_F(Barrier, AnOpThatMeetsAnotherWriterIsRunning) {
  Database other = another();
  const Result<LocalTransaction> open = LocalTransaction::begin(other);
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(perform(database(), kKey, kTake).status, kRunning);
  EXPECT_EQ(compensate(database(), kKey, kPutBack).status, kRunning);
}

TEST_F(Barrier, MSG_T3_CheckBackFindsTheCommittedRow) {
  ASSERT_EQ(perform(database(), {"m-1", kProducerBranch}, kTake).status, kDone);
  EXPECT_EQ(check_back(database(), "m-1").body, R"({"state":"committed"})");
  EXPECT_EQ(check_back(database(), "m-1").body, R"({"state":"committed"})");
}

TEST_F(Barrier, MSG_T2_CheckBackDecidesAndALateLocalTransactionFails) {
  EXPECT_EQ(check_back(database(), "m-1").body, R"({"state":"aborted"})");
  EXPECT_EQ(check_back(database(), "m-1").body, R"({"state":"aborted"})");
  const Answer late = perform(database(), {"m-1", kProducerBranch}, kTake);
  EXPECT_EQ(late.status, kRefused);
  EXPECT_EQ(pieces(), 10);
}

TEST_F(Barrier, MSG_T4_CheckBackDuringTheLocalTransactionDecidesNothing) {
  Database asking = another();
  const Answer placed = perform(database(), {"m-1", kProducerBranch}, [&](Database& on) {
    EXPECT_EQ(check_back(asking, "m-1").body, R"({"state":"running"})") << "the row is written and not committed";
    return kTake(on);
  });
  EXPECT_EQ(placed.status, kDone) << "the question must not have harmed the local transaction";
  EXPECT_EQ(check_back(asking, "m-1").body, R"({"state":"committed"})");
}

TEST_F(Barrier, MSG_T4_AWriterOfAnotherTransactionMakesTheCheckWaitToo) {
  Database other = another();
  {
    const Result<LocalTransaction> open = LocalTransaction::begin(other);
    ASSERT_TRUE(open.ok());
    EXPECT_EQ(check_back(database(), "m-1").body, R"({"state":"running"})");
    EXPECT_EQ(row("m-1", kProducerBranch), "none");
  }
  EXPECT_EQ(check_back(database(), "m-1").body, R"({"state":"aborted"})");
}

TEST_F(Barrier, ACommittedRowIsFoundWhileSomebodyElseWrites) {
  ASSERT_EQ(perform(database(), {"m-1", kProducerBranch}, kTake).status, kDone);
  Database other = another();
  const Result<LocalTransaction> open = LocalTransaction::begin(other);
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(check_back(database(), "m-1").body, R"({"state":"committed"})");
}

}  // namespace
}  // namespace settle::example
