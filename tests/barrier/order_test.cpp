#include "barrier/world_testing.h"

namespace settle::barrier::testing {
namespace {

using protocol::BarrierAnswer;
using protocol::BarrierRow;
using protocol::BarrierStep;
using protocol::BarrierWork;

/// Every line of the table, as the database carries it out.
template <typename Database>
class BarrierOrder : public Barrier<Database> {};
TYPED_TEST_SUITE(BarrierOrder, Databases, DatabaseNames);

constexpr std::string_view work_text(BarrierWork work) {
  switch (work) {
    case BarrierWork::kApply:
      return "apply";
    case BarrierWork::kFulfil:
      return "fulfil";
    case BarrierWork::kUndo:
      return "undo";
    case BarrierWork::kMark:
    case BarrierWork::kNothing:
      break;
  }
  return "nothing";
}

constexpr std::string_view answer_text(BarrierAnswer answer) {
  constexpr std::string_view kTexts[] = {"done", "refused", "running", "committed", "aborted", "conflict"};
  return kTexts[static_cast<std::size_t>(answer)];
}

std::string line(const BarrierStep& step) {
  constexpr const char* kRows[] = {"absent", "done", "tombstone", "locked", "held"};
  return std::string(name_of(step.op)) + " on " + kRows[static_cast<std::size_t>(step.row)];
}

TYPED_TEST(BarrierOrder, RunDoesWhatEveryLineSays) {
  int lines = 0;
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked) continue;
    SCOPED_TRACE(line(step));
    const std::string gid = this->new_gid();
    this->put_row(gid, step.row);
    const Reply reply = this->run(this->call(gid, std::string(name_of(step.op))));
    EXPECT_EQ(text_of(reply.answer), answer_text(step.answer)) << reply.reason;
    EXPECT_EQ(this->state(gid), stored(step.next));
    const bool works = work_text(step.work) != "nothing";
    EXPECT_EQ(this->effects(gid), works ? 1 : 0);
    EXPECT_EQ(this->effects(gid, std::string(work_text(step.work))), works ? 1 : 0);
    EXPECT_EQ(this->rows(gid), stored(step.next) == 0 ? 0 : 1);
    ++lines;
  }
  EXPECT_EQ(lines, 44);
}

TYPED_TEST(BarrierOrder, EnterInTheCallersTransactionSaysWhatEveryLineSays) {
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked) continue;
    SCOPED_TRACE(line(step));
    const std::string gid = this->new_gid();
    this->put_row(gid, step.row);
    this->link_.run(TypeParam::kBegin);
    const auto verdict = enter(this->link_.get(), this->call(gid, std::string(name_of(step.op))));
    this->link_.run("COMMIT");
    ASSERT_TRUE(verdict) << verdict.error().message;
    EXPECT_EQ(text_of(verdict->work), work_text(step.work));
    EXPECT_EQ(text_of(verdict->answer), answer_text(step.answer));
    EXPECT_EQ(this->state(gid), stored(step.next));
  }
}

TYPED_TEST(BarrierOrder, WhoMeetsAnOpenTransactionHearsRunningAndChangesNothing) {
  int lines = 0;
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row != BarrierRow::kLocked) continue;
    SCOPED_TRACE(line(step));
    const std::string gid = this->new_gid();
    const auto other = this->connect();
    other.run(TypeParam::kBegin);
    ASSERT_TRUE(enter(other.get(), this->call(gid, "try")));
    const Reply reply =
        barrier::run(this->link_.get(), this->call(gid, std::string(name_of(step.op))),
                     this->effect(this->link_, this->call(gid, "x")), Options{std::chrono::milliseconds{5}, 3});
    EXPECT_EQ(text_of(reply.answer), answer_text(step.answer)) << reply.reason;
    other.run("ROLLBACK");
    EXPECT_EQ(this->rows(gid), 0);
    EXPECT_EQ(this->effects(gid), 0);
    ++lines;
  }
  EXPECT_EQ(lines, 11);
}

/// The functions for other languages; SQLite has none.
template <typename Database>
class BarrierInSql : public Barrier<Database> {};
using WithProcedures = ::testing::Types<PostgresServer, MariaDbServer>;
TYPED_TEST_SUITE(BarrierInSql, WithProcedures, DatabaseNames);

TYPED_TEST(BarrierInSql, PlainSqlSaysWhatEveryLineSays) {
  for (const BarrierStep& step : protocol::kBarrier) {
    SCOPED_TRACE(line(step));
    const std::string gid = this->new_gid();
    const Call call = this->call(gid, std::string(name_of(step.op)));
    const auto other = this->connect();
    if (step.row == BarrierRow::kLocked) {
      other.run(TypeParam::kBegin);
      ASSERT_TRUE(enter(other.get(), this->call(gid, "try")));
    } else {
      this->put_row(gid, step.row);
    }
    this->link_.run(TypeParam::kBegin);
    const Asked asked = ask_in_sql(this->link_, call);
    this->link_.run("COMMIT");
    EXPECT_EQ(asked.work, work_text(step.work));
    EXPECT_EQ(asked.answer, answer_text(step.answer));
    if (step.row != BarrierRow::kLocked) {
      EXPECT_EQ(this->state(gid), stored(step.next));
    }
  }
}

TYPED_TEST(BarrierInSql, SchemaHoldsTheOrderTableLineByLine) {
  EXPECT_EQ(this->link_.number("SELECT COUNT(*) FROM settle_barrier_step"), 44);
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked) continue;
    EXPECT_EQ(
        this->link_.number("SELECT COUNT(*) FROM settle_barrier_step WHERE op = '" + std::string(name_of(step.op)) +
                           "' AND found = " + std::to_string(stored(step.row)) + " AND work = '" +
                           std::string(work_text(step.work)) + "' AND next = " + std::to_string(stored(step.next)) +
                           " AND answer = '" + std::string(answer_text(step.answer)) + "'"),
        1)
        << line(step);
  }
}

TYPED_TEST(BarrierInSql, PlainSqlKeepsAnswersThatTheSdkRepeatsAndTheOtherWayRound) {
  const std::string gid = this->new_gid();
  this->link_.run(TypeParam::kBegin);
  EXPECT_EQ(ask_in_sql(this->link_, this->call(gid, "try")).work, "apply");
  this->link_.run(answer_in_sql(this->link_, this->call(gid, "try"), "tried"));
  this->link_.run("COMMIT");
  EXPECT_EQ(this->run(this->call(gid, "try")).body, "tried");
  EXPECT_EQ(this->run(this->call(gid, "confirm"), "confirmed").body, "confirmed");
  this->link_.run(TypeParam::kBegin);
  EXPECT_EQ(ask_in_sql(this->link_, this->call(gid, "confirm")).stored, "confirmed");
  EXPECT_EQ(ask_in_sql(this->link_, this->call(gid, "try")).stored, "tried");
  this->link_.run("COMMIT");
  EXPECT_NE(this->link_.try_to(answer_in_sql(this->link_, this->call("nobody", "try"), "x")).how(), Made::How::kDone);
}

}  // namespace
}  // namespace settle::barrier::testing
