#include <settle/ids.h>

#include <atomic>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "barrier/effect_testing.h"

namespace settle::barrier::testing {
namespace {

using protocol::BarrierRow;
using protocol::BarrierStep;
using protocol::BarrierWork;
using std::chrono::milliseconds;

template <typename Database>
class BarrierEffect : public BarrierOutside<Database> {};
TYPED_TEST_SUITE(BarrierEffect, Databases, DatabaseNames);

constexpr Options kHasty{milliseconds{1}, 3};

TYPED_TEST(BarrierEffect, DoesWhatEveryLineOfTheOrderTableSays) {
  int lines = 0;
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked || !protocol::row_during(step.op)) continue;
    SCOPED_TRACE(line_text(step));
    const std::string gid = this->new_gid();
    this->put_row(gid, step.row);
    this->acts_ = this->finds_ = 0;
    const Reply reply = this->outside(gid, std::string(name_of(step.op)), this->well,
                                      [](const Attempt&) { return Found::done("found"); });
    const bool finds = step.work == BarrierWork::kFind;
    const bool acts = protocol::is_effect(step.work);
    EXPECT_EQ(text_of(reply.answer), finds ? "done" : answer_text(step)) << reply.reason;
    EXPECT_EQ(this->state(gid), stored(step.next));
    EXPECT_EQ(this->acts_, acts ? 1 : 0);
    EXPECT_EQ(this->finds_, finds ? 1 : 0);
    EXPECT_EQ(reply.body, acts ? "well" : finds ? "found" : "");
    if (acts) {
      EXPECT_EQ(text_of(this->last_.work), work_text(step));
    }
    ++lines;
  }
  EXPECT_EQ(lines, 63);
}

TYPED_TEST(BarrierEffect, FAIL_C5_ThatItBeginsIsDurableBeforeItAndThatItIsDoneAfterIt) {
  const std::string gid = this->new_gid();
  const auto other = this->connect();
  const Reply reply = this->outside(gid, "try", [&](const Attempt& attempt) {
    EXPECT_EQ(other.number("SELECT state FROM settle_barrier WHERE gid = '" + gid + "'"), stored(BarrierRow::kBegun));
    EXPECT_EQ(attempt.key, gid + "/b1/try");
    // Nobody else may touch the branch meanwhile, in either mode.
    for (const char* const op : {"try", "cancel", "confirm"}) {
      const Effect effect{this->well, {}};
      EXPECT_EQ(run_effect(other.get(), this->call(gid, op), effect, kHasty).answer, Answer::kRunning);
      EXPECT_EQ(barrier::run(other.get(), this->call(gid, op), this->effect(other, this->call(gid, op)), kHasty).answer,
                Answer::kRunning);
    }
    return Made::done("sent");
  });
  EXPECT_EQ(reply.answer, Answer::kDone) << reply.reason;
  EXPECT_EQ(reply.body, "sent");
  EXPECT_TRUE(this->stands(gid, BarrierRow::kHeld));
  EXPECT_EQ(this->outside(gid, "try", this->well).body, "sent");
  EXPECT_EQ(this->acts_, 1);
  EXPECT_EQ(this->effects(gid), 0);
}

TYPED_TEST(BarrierEffect, FAIL_C5_CancelOfATryThatFailedAfterItsEffectUndoesIt) {
  for (const auto& [forward, undo] :
       {std::pair{"try", "cancel"}, std::pair{"prepare", "rollback"}, std::pair{"action", "compensate"}}) {
    const std::string gid = this->new_gid();
    EXPECT_EQ(this->outside(gid, forward, this->lost).answer, Answer::kUnknown);
    // Something of it may still be on its way: an undo now might be overtaken.
    EXPECT_EQ(this->outside(gid, undo, this->well).answer, Answer::kRunning);
    this->time_passes(gid);
    this->acts_ = 0;
    EXPECT_EQ(this->outside(gid, undo, this->well).answer, Answer::kDone);
    EXPECT_EQ(this->acts_, 1) << "the undo runs: nobody knows that there is nothing to undo";
    EXPECT_EQ(this->last_.work, Work::kUndo);
    EXPECT_TRUE(this->stands(gid, BarrierRow::kTombstone));
    EXPECT_EQ(this->outside(gid, forward, this->well).answer, Answer::kRefused);
    EXPECT_EQ(this->outside(gid, undo, this->well).answer, Answer::kDone);
    EXPECT_EQ(this->acts_, 1);
  }
}

TYPED_TEST(BarrierEffect, FAIL_C1_UndoOfWhatNeverBeganIsEmptyAndForbidsIt) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->outside(gid, "cancel", this->well).answer, Answer::kDone);
  EXPECT_EQ(this->outside(gid, "try", this->well).answer, Answer::kRefused);
  EXPECT_EQ(this->acts_, 0);
}

TYPED_TEST(BarrierEffect, FAIL_C5_UnknownEndIsNeitherRepeatedNorTakenForDone) {
  const std::string gid = this->new_gid();
  this->lose(gid, "action");
  for (int i = 0; i < 3; ++i) {
    const Reply reply = this->outside(gid, "action", this->well);
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);
    EXPECT_NE(reply.reason.find("nobody knows"), std::string::npos) << reply.reason;
  }
  // Nor does a handler that has forgotten that its effect is outside.
  const Reply inside = this->run(this->call(gid, "action"));
  EXPECT_EQ(inside.answer, Answer::kUnknown);
  ASSERT_TRUE(inside.error);
  EXPECT_EQ(inside.error->code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(this->acts_, 0);
  EXPECT_EQ(this->effects(gid), 0);
  EXPECT_TRUE(this->stands(gid, BarrierRow::kBegun));
}

TYPED_TEST(BarrierEffect, UnknownEndIsFoundOutByAskingNotBeforeItsTime) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->outside(gid, "action", this->lost).answer, Answer::kUnknown);
  const auto cannot_tell = [](const Attempt&) { return Found::unknown("the line is dead"); };
  EXPECT_EQ(this->outside(gid, "action", this->well, cannot_tell).answer, Answer::kRunning);
  EXPECT_EQ(this->finds_, 0);
  this->time_passes(gid);
  // Asked as often as it takes; nobody waits for a question that has ended.
  for (int i = 1; i <= 3; ++i) {
    const Reply reply = this->outside(gid, "action", this->well, cannot_tell);
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    EXPECT_EQ(reply.reason, "the line is dead");
    EXPECT_EQ(this->finds_, i);
  }
  EXPECT_EQ(this->last_.key, gid + "/b1/action");
  const auto it_happened = [](const Attempt&) { return Found::done("found"); };
  EXPECT_EQ(this->outside(gid, "action", this->well, it_happened).body, "found");
  EXPECT_EQ(this->outside(gid, "action", this->well, it_happened).body, "found");
  EXPECT_EQ(this->acts_, 1);
  EXPECT_EQ(this->finds_, 4);
}

TYPED_TEST(BarrierEffect, WhatIsFoundNeverToHaveHappenedIsDoneAnew) {
  const auto never = [](const Attempt&) { return Found::never(); };
  const std::string gid = this->new_gid();
  this->lose(gid, "action");
  EXPECT_EQ(this->outside(gid, "action", this->well, never).body, "well");
  EXPECT_EQ(this->acts_, 1);
  EXPECT_TRUE(this->stands(gid, BarrierRow::kDone));

  const std::string refused = this->new_gid();
  this->lose(refused, "action");
  EXPECT_EQ(this->outside(
                    refused, "action", [](const Attempt&) { return Made::refused("no"); }, never)
                .answer,
            Answer::kRefused);
  EXPECT_TRUE(this->stands(refused, BarrierRow::kAbsent));
}

TYPED_TEST(BarrierEffect, UnknownEndIsDoneAgainUnderItsKeyIfTheOtherSideKnowsKeys) {
  Elsewhere bank;
  const auto pay_and_forget = [&](const Attempt& attempt) {
    (void)bank.act(attempt.key, "receipt 1", true);
    return Made::failed("no answer");
  };
  const auto pay = [&](const Attempt& attempt) { return Made::done(bank.act(attempt.key, "receipt 2", true)); };
  for (const bool asks_first : {false, true}) {
    const std::string gid = this->new_gid();
    EXPECT_EQ(this->outside(gid, "action", pay_and_forget, {}, true).answer, Answer::kUnknown);
    EXPECT_EQ(this->outside(gid, "action", pay, {}, true).answer, Answer::kRunning);
    this->time_passes(gid);
    typename TestFixture::Find find;
    if (asks_first) find = [](const Attempt&) { return Found::unknown("no list of keys"); };
    EXPECT_EQ(this->outside(gid, "action", pay, find, true).body, "receipt 1");
    EXPECT_EQ(bank.times(gid + "/b1/action"), 1);
    EXPECT_TRUE(this->stands(gid, BarrierRow::kDone));
  }
}

TYPED_TEST(BarrierEffect, RefusalIsAsIfItHadNotBegun) {
  const std::string gid = this->new_gid();
  const Reply reply = this->outside(gid, "try", [](const Attempt&) { return Made::refused("sold out"); });
  EXPECT_EQ(reply.answer, Answer::kRefused);
  EXPECT_EQ(reply.reason, "sold out");
  EXPECT_TRUE(this->stands(gid, BarrierRow::kAbsent));
  EXPECT_EQ(this->outside(gid, "try", this->well).answer, Answer::kDone);
  EXPECT_EQ(this->outside(gid, "cancel", this->well).answer, Answer::kDone);
  EXPECT_EQ(this->last_.work, Work::kUndo);

  const std::string undone = this->new_gid();
  EXPECT_EQ(this->outside(undone, "try", [](const Attempt&) { return Made::refused("sold out"); }).answer,
            Answer::kRefused);
  this->acts_ = 0;
  EXPECT_EQ(this->outside(undone, "cancel", this->well).answer, Answer::kDone);
  EXPECT_EQ(this->acts_, 0) << "it is known that there is nothing to undo";
}

TYPED_TEST(BarrierEffect, RULE_R1_RefusalAfterAnAttemptOfUnknownEndIsNoProofSoTheUndoStillRuns) {
  const std::string gid = this->new_gid();
  this->lose(gid, "try");
  EXPECT_EQ(this->outside(
                    gid, "try", [](const Attempt&) { return Made::refused("sold out"); }, {}, true)
                .answer,
            Answer::kRefused);
  EXPECT_TRUE(this->stands(gid, BarrierRow::kBegun));
  this->acts_ = 0;
  EXPECT_EQ(this->outside(gid, "cancel", this->well).answer, Answer::kDone);
  EXPECT_EQ(this->acts_, 1);
}

TYPED_TEST(BarrierEffect, WhatHasNotLeftTheProcessIsAsIfItHadNotBegun) {
  const auto no_line = [](const Attempt&) { return Made::again("no connection"); };
  const auto expect_back = [&](const std::string& gid, const char* op, BarrierRow row) {
    const Reply reply = this->outside(gid, op, no_line);
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kUnavailable) << "it has not happened";
    EXPECT_TRUE(this->stands(gid, row)) << op;
  };
  const std::string gid = this->new_gid();
  expect_back(gid, "try", BarrierRow::kAbsent);
  EXPECT_EQ(this->outside(gid, "try", this->well).answer, Answer::kDone);
  expect_back(gid, "confirm", BarrierRow::kHeld);
  expect_back(gid, "cancel", BarrierRow::kHeld);
  EXPECT_EQ(this->outside(gid, "confirm", this->well).answer, Answer::kDone);

  const std::string saga = this->new_gid();
  EXPECT_EQ(this->outside(saga, "action", this->well).answer, Answer::kDone);
  expect_back(saga, "compensate", BarrierRow::kDone);
  const std::string unsure = this->new_gid();
  this->lose(unsure, "action");
  expect_back(unsure, "compensate", BarrierRow::kBegun);
  // After an attempt of unknown end it is not as if nothing had begun.
  const Reply reply = this->outside(unsure, "action", no_line, {}, true);
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kUnknownOutcome);
  EXPECT_TRUE(this->stands(unsure, BarrierRow::kBegun));
}

TYPED_TEST(BarrierEffect, FAIL_C9_ConfirmOutsideIsAskedOnAndNeverBecomesACancel) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->outside(gid, "try", this->well).answer, Answer::kDone);
  const Reply refused = this->outside(gid, "confirm", [](const Attempt&) { return Made::refused("not today"); });
  EXPECT_EQ(refused.answer, Answer::kUnknown);
  EXPECT_TRUE(this->stands(gid, BarrierRow::kHeld));
  this->lose(gid, "confirm");
  EXPECT_TRUE(this->stands(gid, BarrierRow::kFulfilling));
  EXPECT_EQ(this->outside(gid, "cancel", this->well).answer, Answer::kConflict);
  EXPECT_EQ(this->outside(gid, "try", this->well).body, "well");
  EXPECT_EQ(this->outside(gid, "confirm", this->well).answer, Answer::kUnknown);
  EXPECT_EQ(this->acts_, 0);
  EXPECT_EQ(this->outside(gid, "confirm", this->well, [](const Attempt&) { return Found::never(); }).answer,
            Answer::kDone);
  EXPECT_EQ(this->last_.work, Work::kFulfil);
  EXPECT_TRUE(this->stands(gid, BarrierRow::kDone));
}

TYPED_TEST(BarrierEffect, UndoOfUnknownEndIsFoundOutToo) {
  const std::string gid = this->new_gid();
  EXPECT_EQ(this->outside(gid, "try", this->well).answer, Answer::kDone);
  this->lose(gid, "cancel");
  EXPECT_TRUE(this->stands(gid, BarrierRow::kUndoing));
  EXPECT_EQ(this->outside(gid, "try", this->well).answer, Answer::kRefused);
  EXPECT_EQ(this->outside(gid, "confirm", this->well).answer, Answer::kConflict);
  EXPECT_EQ(this->outside(gid, "cancel", this->well).answer, Answer::kUnknown);
  EXPECT_EQ(this->outside(gid, "cancel", this->well, {}, true).body, "well");
  EXPECT_EQ(this->last_.key, gid + "/b1/cancel");
  EXPECT_EQ(this->outside(gid, "cancel", this->well).body, "well");
  EXPECT_TRUE(this->stands(gid, BarrierRow::kTombstone));
}

TYPED_TEST(BarrierEffect, UndoMayBeALocalTransactionWhateverTheDeedWas) {
  const std::string gid = this->new_gid();
  this->lose(gid, "try");
  EXPECT_EQ(this->run(this->call(gid, "cancel")).answer, Answer::kDone);
  EXPECT_EQ(this->effects(gid, "undo"), 1);
  EXPECT_TRUE(this->stands(gid, BarrierRow::kTombstone));
}

TYPED_TEST(BarrierEffect, WhoTakesLongerThanItsLimitDoesNotOverwriteWhoWentOn) {
  const std::string gid = this->new_gid();
  Elsewhere bank;
  const auto other = this->connect();
  const Reply slow = this->outside(gid, "action", [&](const Attempt& attempt) {
    (void)bank.act(attempt.key, "slow", true);
    this->time_passes(gid);
    Effect effect;
    effect.is_keyed = true;
    effect.act = [&](const Attempt& again) { return Made::done("found " + bank.act(again.key, "quick", true)); };
    EXPECT_EQ(run_effect(other.get(), this->call(gid, "action"), effect).body, "found slow");
    return Made::done("slow");
  });
  EXPECT_EQ(slow.answer, Answer::kUnknown);
  ASSERT_TRUE(slow.error);
  EXPECT_EQ(slow.error->code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(this->outside(gid, "action", this->well).body, "found slow");
  EXPECT_EQ(bank.times(gid + "/b1/action"), 1);

  // And who is overtaken by its undo does not raise the dead.
  const std::string undone = this->new_gid();
  const Reply late = this->outside(undone, "action", [&](const Attempt&) {
    this->time_passes(undone);
    EXPECT_EQ(run_effect(other.get(), this->call(undone, "compensate"), Effect{this->well, {}}).answer, Answer::kDone);
    return Made::done();
  });
  EXPECT_EQ(late.answer, Answer::kUnknown);
  EXPECT_TRUE(this->stands(undone, BarrierRow::kTombstone));
}

TYPED_TEST(BarrierEffect, FAIL_C12_AnotherRequestUnderTheSameNameTakesNothingOver) {
  const std::string gid = this->new_gid();
  const auto run = [&](const std::string& body, bool well) {
    Effect effect{well ? this->well : this->lost, {}};
    effect.is_keyed = true;
    return run_effect(this->link_.get(), this->call_with(gid, "action", body), effect);
  };
  EXPECT_EQ(run("pay 30", false).answer, Answer::kUnknown);
  this->time_passes(gid);
  EXPECT_EQ(run("pay 40", true).answer, Answer::kConflict);
  EXPECT_EQ(this->link_.number("SELECT effects FROM settle_barrier WHERE gid = '" + gid + "'"), 1);
  EXPECT_EQ(run("pay 30", true).answer, Answer::kDone);
  EXPECT_EQ(run("pay 40", true).answer, Answer::kConflict);
}

TYPED_TEST(BarrierEffect, ThirtyTwoAtOnceDoItOnce) {
  const std::string gid = this->new_gid();
  Elsewhere bank;
  for (const char* const op : {"try", "confirm"}) {
    std::vector<std::jthread> threads;
    std::atomic<int> done{0};
    for (int i = 0; i < 32; ++i) {
      threads.emplace_back([&] {
        const auto link = this->connect();
        Effect effect;
        effect.act = [&](const Attempt& attempt) { return Made::done(bank.act(attempt.key, op, false)); };
        // Busy is an answer too; a coordinator asks again.
        EXPECT_TRUE(live::eventually(live::kPatience, [&] {
          const Reply reply = run_effect(link.get(), this->call(gid, op), effect);
          EXPECT_EQ(reply.body, reply.answer == Answer::kDone ? op : "");
          return reply.answer == Answer::kDone;
        }));
        ++done;
      });
    }
    threads.clear();
    EXPECT_EQ(done, 32);
    EXPECT_EQ(bank.times(gid + "/b1/" + op), 1);
  }
}

TYPED_TEST(BarrierEffect, HandlersThatThrowOrLeaveATransactionOpenAreUnknown) {
  const std::string thrown = this->new_gid();
  const Reply reply = this->outside(thrown, "action", [](const Attempt&) -> Made { throw std::runtime_error("boom"); });
  EXPECT_EQ(reply.answer, Answer::kUnknown);
  EXPECT_NE(reply.reason.find("boom"), std::string::npos);
  this->time_passes(thrown);
  const Reply asked = this->outside(thrown, "action", this->well, [](const Attempt&) -> Found { throw 7; });
  EXPECT_EQ(asked.answer, Answer::kUnknown);
  EXPECT_TRUE(this->stands(thrown, BarrierRow::kBegun));

  const std::string open = this->new_gid();
  const Reply left = this->outside(open, "action", [&](const Attempt&) {
    this->link_.run(TypeParam::kBegin);
    (void)this->effect(this->link_, this->call(open, "action"))(Work::kApply);
    return Made::done();
  });
  EXPECT_EQ(left.answer, Answer::kUnknown);
  EXPECT_NE(left.reason.find("transaction open"), std::string::npos) << left.reason;
  EXPECT_EQ(this->effects(open), 0);
}

TYPED_TEST(BarrierEffect, AnswerThatIsTooLongIsAnErrorThatSaysSo) {
  const std::string gid = this->new_gid();
  const Reply reply =
      this->outside(gid, "action", [](const Attempt&) { return Made::done(std::string(kAnswerBytesMax + 1, 'x')); });
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::kTooLarge);
  EXPECT_TRUE(this->stands(gid, BarrierRow::kBegun));
}

TYPED_TEST(BarrierEffect, WrongUseIsInvalidAndDoesNothing) {
  const auto expect_invalid = [](const Reply& reply) {
    EXPECT_EQ(reply.answer, Answer::kUnknown);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::kInvalid) << reply.reason;
  };
  const std::string gid = this->new_gid();
  expect_invalid(this->outside(gid, "check", this->well));
  expect_invalid(this->outside(gid, "local", this->well));
  expect_invalid(run_effect(this->link_.get(), this->call(gid, "action"), Effect{}));
  Effect endless{this->well, {}};
  endless.time_limit = milliseconds{0};
  expect_invalid(run_effect(this->link_.get(), this->call(gid, "action"), endless));
  this->link_.run(TypeParam::kBegin);
  expect_invalid(this->outside(gid, "action", this->well));
  this->link_.run("ROLLBACK");
  EXPECT_EQ(this->acts_, 0);
  EXPECT_EQ(this->rows(gid), 0);
}

TYPED_TEST(BarrierEffect, FAIL_C8_WhatNobodySawTheEndOfIsNotPruned) {
  std::vector<std::string> gids;
  for (const char* const op : {"action", "confirm", "cancel"}) {
    const std::string& gid = gids.emplace_back(this->new_gid());
    if (std::string(op) != "action") this->put_row(gid, BarrierRow::kHeld);
    this->lose(gid, op);
    this->link_.run("UPDATE settle_barrier SET began = 1 WHERE gid = '" + gid + "'");
  }
  const auto pruned = prune(this->link_.get(), std::chrono::microseconds{5}, std::chrono::seconds{0});
  ASSERT_TRUE(pruned) << pruned.error().message;
  for (const std::string& gid : gids) EXPECT_EQ(this->rows(gid), 1);

  // A call from before the watermark begins nothing.
  const std::string old = this->new_gid();
  const Call call{old, "b1", "action", Tid{2, 1, 2, 3}.text()};
  EXPECT_EQ(run_effect(this->link_.get(), call, Effect{this->well, {}}).answer, Answer::kConflict);
  this->link_.run("UPDATE settle_barrier_retention SET refused_below = 0, deletable_below = 0, raised_at = 0");
}

/// The functions for other languages.
template <typename Database>
class BarrierEffectInSql : public BarrierOutside<Database> {
 protected:
  Asked begin(const std::string& gid, const std::string& op, const std::string& body = "body") {
    this->link_.run(Database::kBegin);
    Asked asked = begin_in_sql(this->link_, this->call_with(gid, op, body));
    this->link_.run("COMMIT");
    return asked;
  }
  Made end(const std::string& gid, const std::string& op, const Asked& asked, const std::string& outcome,
           const std::string& body = {}) {
    return this->link_.try_to(end_in_sql(this->link_, this->call(gid, op), asked.attempt, outcome, body));
  }
  bool ends(const std::string& gid, const std::string& op, const Asked& asked, const std::string& outcome,
            const std::string& body = {}) {
    return end(gid, op, asked, outcome, body).how() == Made::How::kDone;
  }
};
using WithProcedures = ::testing::Types<PostgresServer, MariaDbServer>;
TYPED_TEST_SUITE(BarrierEffectInSql, WithProcedures, DatabaseNames);

TYPED_TEST(BarrierEffectInSql, BeginSaysWhatEveryLineSays) {
  int lines = 0;
  for (const BarrierStep& step : protocol::kBarrier) {
    if (step.row == BarrierRow::kLocked || !protocol::row_during(step.op)) continue;
    SCOPED_TRACE(line_text(step));
    const std::string gid = this->new_gid();
    const std::string op(name_of(step.op));
    this->put_row(gid, step.row);
    const Asked asked = this->begin(gid, op);
    const bool finds = step.work == BarrierWork::kFind;
    EXPECT_EQ(asked.work, finds ? "find" : work_text(step));
    EXPECT_EQ(asked.answer, finds ? "done" : answer_text(step));
    EXPECT_EQ(this->state(gid), stored(entered(step, Mode::kEffect)));
    EXPECT_EQ(asked.attempt.empty(), asked.work == "nothing");
    if (asked.work != "nothing") {
      EXPECT_EQ(this->begin(gid, op).answer, "running");
      EXPECT_TRUE(this->ends(gid, op, asked, "done", "answer"));
      EXPECT_EQ(this->state(gid), stored(step.next));
      EXPECT_EQ(this->begin(gid, op).stored, "answer");
    }
    ++lines;
  }
  EXPECT_EQ(lines, 63);
}

TYPED_TEST(BarrierEffectInSql, FAIL_C5_PlainSqlAndTheSdkFindEachOthersAttempts) {
  const std::string gid = this->new_gid();
  const Asked first = this->begin(gid, "action");
  EXPECT_EQ(first.work, "apply");
  EXPECT_EQ(this->outside(gid, "action", this->well).answer, Answer::kRunning);
  this->time_passes(gid);
  EXPECT_EQ(this->outside(gid, "action", this->well).answer, Answer::kUnknown);
  EXPECT_EQ(ask_in_sql(this->link_, this->call(gid, "action")).answer, "unknown");
  EXPECT_EQ(this->begin(gid, "action", "another body").answer, "conflict");
  const Asked second = this->begin(gid, "action");
  EXPECT_EQ(second.work, "find");
  EXPECT_FALSE(this->ends(gid, "action", first, "done", "late")) << "somebody else went on with it";
  EXPECT_TRUE(this->ends(gid, "action", second, "unknown"));
  const Asked third = this->begin(gid, "action");
  EXPECT_EQ(third.work, "find");
  EXPECT_TRUE(this->ends(gid, "action", third, "done", "found"));
  EXPECT_EQ(this->outside(gid, "action", this->well).body, "found");
  EXPECT_FALSE(this->ends(gid, "action", third, "done", "twice"));
  EXPECT_EQ(this->acts_, 0);
}

TYPED_TEST(BarrierEffectInSql, WhatNeverHappenedIsAsIfItHadNotBegun) {
  const std::string gid = this->new_gid();
  EXPECT_TRUE(this->ends(gid, "try", this->begin(gid, "try"), "never"));
  EXPECT_TRUE(this->stands(gid, BarrierRow::kAbsent));
  EXPECT_TRUE(this->ends(gid, "try", this->begin(gid, "try"), "done"));
  EXPECT_TRUE(this->ends(gid, "confirm", this->begin(gid, "confirm"), "never"));
  EXPECT_TRUE(this->stands(gid, BarrierRow::kHeld));
  EXPECT_TRUE(this->ends(gid, "cancel", this->begin(gid, "cancel"), "never"));
  EXPECT_TRUE(this->stands(gid, BarrierRow::kUndoing)) << "it stays decided";
  const Asked again = this->begin(gid, "cancel");
  EXPECT_EQ(again.work, "find");
  EXPECT_FALSE(this->ends(gid, "confirm", again, "done")) << "another op's attempt";
  EXPECT_FALSE(this->ends(gid, "cancel", again, "perhaps"));
  EXPECT_TRUE(this->ends(gid, "cancel", again, "done"));
  EXPECT_TRUE(this->stands(gid, BarrierRow::kTombstone));
  EXPECT_THROW(this->begin(gid, "check"), std::runtime_error);
  this->link_.run("ROLLBACK");
  EXPECT_THROW(this->begin(gid, "local"), std::runtime_error);
  this->link_.run("ROLLBACK");
}

}  // namespace
}  // namespace settle::barrier::testing
