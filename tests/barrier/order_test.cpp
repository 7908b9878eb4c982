#include "barrier/world_testing.h"

namespace settle::barrier::testing {
namespace {

using protocol::BarrierRow;
using protocol::BarrierStep;

/// What a call in a local transaction leaves.
int state_after(const BarrierStep& step) { return stored(entered(step, Mode::kTransaction)); }

/// Every line of the table, as the database carries it out.
template <typename Database>
class BarrierOrder : public Barrier<Database> {};
TYPED_TEST_SUITE(BarrierOrder, Databases, DatabaseNames);

TYPED_TEST(BarrierOrder, RunDoesWhatEveryLineSays) {
  int lines = 0;
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked) continue;
    SCOPED_TRACE(line_text(step));
    const std::string gid = this->new_gid();
    this->put_row(gid, step.row);
    const Reply reply = this->run(this->call(gid, std::string(name_of(step.op))));
    EXPECT_EQ(text_of(reply.answer), answer_text(step)) << reply.reason;
    EXPECT_EQ(this->state(gid), state_after(step));
    const bool works = work_text(step) != "nothing";
    EXPECT_EQ(this->effects(gid), works ? 1 : 0);
    EXPECT_EQ(this->effects(gid, std::string(work_text(step))), works ? 1 : 0);
    EXPECT_EQ(this->rows(gid), state_after(step) == 0 ? 0 : 1);
    ++lines;
  }
  EXPECT_EQ(lines, 77);
}

TYPED_TEST(BarrierOrder, EnterInTheCallersTransactionSaysWhatEveryLineSays) {
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked) continue;
    SCOPED_TRACE(line_text(step));
    const std::string gid = this->new_gid();
    this->put_row(gid, step.row);
    this->link_.run(TypeParam::kBegin);
    const auto verdict = enter(this->link_.get(), this->call(gid, std::string(name_of(step.op))));
    this->link_.run("COMMIT");
    ASSERT_TRUE(verdict) << verdict.error().message;
    EXPECT_EQ(text_of(verdict->work), work_text(step));
    EXPECT_EQ(text_of(verdict->answer), answer_text(step));
    EXPECT_EQ(this->state(gid), state_after(step));
  }
}

TYPED_TEST(BarrierOrder, WhoMeetsAnOpenTransactionHearsRunningAndChangesNothing) {
  int lines = 0;
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row != BarrierRow::kLocked) continue;
    SCOPED_TRACE(line_text(step));
    const std::string gid = this->new_gid();
    const auto other = this->connect();
    other.run(TypeParam::kBegin);
    ASSERT_TRUE(enter(other.get(), this->call(gid, "try")));
    const Reply reply =
        barrier::run(this->link_.get(), this->call(gid, std::string(name_of(step.op))),
                     this->effect(this->link_, this->call(gid, "x")), Options{std::chrono::milliseconds{5}, 3});
    EXPECT_EQ(text_of(reply.answer), answer_text(step)) << reply.reason;
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
    SCOPED_TRACE(line_text(step));
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
    EXPECT_EQ(asked.work, work_text(step));
    EXPECT_EQ(asked.answer, answer_text(step));
    if (step.row != BarrierRow::kLocked) {
      EXPECT_EQ(this->state(gid), state_after(step));
    }
  }
}

TYPED_TEST(BarrierInSql, SchemaHoldsTheOrderTableLineByLine) {
  EXPECT_EQ(this->link_.number("SELECT COUNT(*) FROM settle_barrier_step"), 77);
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked) continue;
    const bool finds = step.work == protocol::BarrierWork::kFind;
    const std::string line = "op = '" + std::string(name_of(step.op)) +
                             "' AND found = " + std::to_string(stored(step.row)) + " AND work = '" +
                             (finds ? "find" : std::string(work_text(step))) +
                             "' AND next = " + std::to_string(stored(step.next)) +
                             " AND begins = " + std::to_string(stored(entered(step, Mode::kEffect))) +
                             " AND answer = '" + (finds ? "done" : std::string(answer_text(step))) + "'";
    EXPECT_EQ(this->link_.number("SELECT COUNT(*) FROM settle_barrier_step WHERE " + line), 1) << line;
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
