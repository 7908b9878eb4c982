#include "kill/oracle.h"

#include <gtest/gtest.h>

#include "kill/books.h"
#include "kill/journal.h"

// Who guards the guards: each thing that can go wrong, planted by hand, and the check that must see it. And what is
// fine must be found fine, or every run would cry wolf.

namespace settle::kill {
namespace {

/// A list saga of two shares, acknowledged, done.
Case done_saga() {
  Case one;
  one.deal.gid = "g";
  one.deal.shape = Shape::kList;
  one.deal.shares = {{"a", 0, 5, false, false, 0, {}}, {"b", 1, 7, false, false, 0, {}}};
  one.heard.sends = 1;
  one.heard.acknowledged = true;
  one.found = {{{5}, 100, 0}, {{7}, 200, 0}};
  return one;
}

Case undone_saga() {
  Case one = done_saga();
  one.deal.shares[1].refuses = true;
  one.found = {{{5, -5}, 100, 400}, {{}, 0, 300}};
  return one;
}

Case delivered_message() {
  Case one = done_saga();
  one.deal.shape = Shape::kTwoStep;
  one.orders = 1;
  return one;
}

/// The names of the violated checks, each once.
std::string found_in(const Case& one) {
  Verdict verdict;
  judge(one, verdict);
  std::string names;
  for (std::size_t i = 0; i < kChecks; ++i) {
    if (verdict.has(static_cast<Check>(i))) names += std::string(name_of(static_cast<Check>(i))) + " ";
  }
  return names;
}

TEST(Oracle, FindsNothingWhereNothingIsWrong) {
  EXPECT_EQ(found_in(done_saga()), "");
  EXPECT_EQ(found_in(undone_saga()), "");
  EXPECT_EQ(found_in(delivered_message()), "");
}

TEST(Oracle, SeesAnEffectThatHappenedTwice) {
  Case one = done_saga();
  one.found[0].amounts = {5, 5};
  EXPECT_EQ(found_in(one), "once ");
}

TEST(Oracle, SeesAnUndoingThatHappenedTwice) {
  Case one = undone_saga();
  one.found[0].amounts = {5, -5, -5};
  EXPECT_NE(found_in(one).find("once "), std::string::npos);
}

TEST(Oracle, SeesAnUndoingBeforeItsAction) {
  Case one = undone_saga();
  one.found[0].amounts = {-5, 5};
  EXPECT_EQ(found_in(one), "once ");
}

TEST(Oracle, SeesAPayloadThatChanged) {
  Case one = done_saga();
  one.found[0].amounts = {6};
  EXPECT_EQ(found_in(one), "once ");
  one = undone_saga();
  one.found[0].amounts = {5, 0};
  EXPECT_NE(found_in(one).find("once "), std::string::npos);
}

TEST(Oracle, SeesHalfATransaction) {
  Case one = done_saga();
  one.heard.acknowledged = false;  // even if nobody was told anything
  one.found[1] = {{}, 0, 0};
  EXPECT_EQ(found_in(one), "one-outcome ");
}

TEST(Oracle, SeesAWordThatWasNotTrue) {
  Case one = done_saga();
  one.heard.verdicts = {"abort"};
  EXPECT_EQ(found_in(one), "told-truth ");
  one = undone_saga();
  one.heard.verdicts = {"commit"};
  EXPECT_EQ(found_in(one), "told-truth ");
}

TEST(Oracle, SeesTwoWords) {
  Case one = done_saga();
  one.heard.verdicts = {"abort", "commit"};
  EXPECT_NE(found_in(one).find("told-once "), std::string::npos);
}

TEST(Oracle, SeesWhatWasForgotten) {
  Case one = done_saga();
  one.heard.missing = true;
  EXPECT_EQ(found_in(one), "remembered ");
}

TEST(Oracle, SeesAnAcknowledgedSagaThatNeverHappened) {
  Case one = done_saga();
  one.found = {{}, {}};
  EXPECT_EQ(found_in(one), "carried-out ");
  one.heard.abort_asked = true;  // then it may have gone either way
  EXPECT_EQ(found_in(one), "");
  one.heard.abort_asked = false;
  one.heard.acknowledged = false;
  EXPECT_EQ(found_in(one), "");
}

TEST(Oracle, SeesARefusalThatWasOverruled) {
  Case one = done_saga();
  one.deal.shares[1].refuses = true;
  EXPECT_EQ(found_in(one), "turned-back ");
}

TEST(Oracle, SeesStepsInTheWrongOrder) {
  Case one = done_saga();
  one.found[1].acted_at = 50;
  EXPECT_EQ(found_in(one), "order ");
  one = undone_saga();
  one.found = {{{5, -5}, 100, 250}, {{7, -7}, 200, 300}};
  EXPECT_EQ(found_in(one), "order ");
  one.deal.shape = Shape::kConcurrent;
  EXPECT_EQ(found_in(one), "");
}

TEST(Oracle, AnEmptyUndoHasNoOrder) {
  Case one = undone_saga();
  one.found[0].undone_at = 250;  // before that of the second step, which never acted
  EXPECT_EQ(found_in(one), "");
}

TEST(Oracle, SeesEffectsOfWhatNeverArrived) {
  Case one = done_saga();
  one.heard = {};
  one.heard.sends = 2;
  one.heard.not_stored = 2;
  EXPECT_EQ(found_in(one), "not-invented ");
  one.heard.not_stored = 1;  // one of them may have arrived
  EXPECT_EQ(found_in(one), "");
}

TEST(Oracle, SeesAMessageThatDoesNotFollowItsBusiness) {
  Case one = delivered_message();
  one.orders = 0;
  EXPECT_EQ(found_in(one), "delivered ");
  one = delivered_message();
  one.found = {{}, {}};
  EXPECT_EQ(found_in(one), "delivered ");
  one = delivered_message();
  one.orders = 2;
  EXPECT_NE(found_in(one).find("delivered "), std::string::npos);
}

TEST(Oracle, SeesWhatHasNotEnded) {
  Case one = done_saga();
  one.heard.open = true;
  EXPECT_EQ(found_in(one), "at-rest ");
  one.heard.open = false;
  one.heard.incident = true;
  EXPECT_EQ(found_in(one), "at-rest ");
}

/// Journals and books as the processes leave them.
class OracleReads : public testing::Test {
 protected:
  OracleReads() : place_("oracle"), journal_(place_.path("client.journal")) {
    for (std::size_t i = 0; i < 2; ++i) books_.push_back(std::make_unique<Books>(place_.path(), i, Sabotage::kNone));
  }

  void acknowledge(const Deal& deal) {
    journal_.write(deal);
    journal_.write("send", deal.gid);
    journal_.write("ack", deal.gid);
  }
  std::string found() {
    books_.clear();
    const Verdict verdict = judge_all(place_.path(), 2);
    std::string names;
    for (std::size_t i = 0; i < kChecks; ++i) {
      const auto check = static_cast<Check>(i);
      if (check != Check::kRepresented && verdict.has(check)) names += std::string(name_of(check)) + " ";
    }
    return names;
  }

  live::Place place_;
  Journal journal_;
  std::vector<std::unique_ptr<Books>> books_;
};

TEST_F(OracleReads, WhatParticipantsWroteIntoTheirBooks) {
  const Deal deal = done_saga().deal;
  acknowledge(deal);
  EXPECT_EQ(books_[0]->act("g", "a", 5, false).status, 200);
  EXPECT_EQ(books_[0]->act("g", "a", 5, false).status, 200);  // the barrier absorbs it
  EXPECT_EQ(books_[1]->act("g", "b", 7, false).status, 200);
  EXPECT_EQ(found(), "");
}

TEST_F(OracleReads, HalfOfThem) {
  acknowledge(done_saga().deal);
  EXPECT_EQ(books_[0]->act("g", "a", 5, false).status, 200);
  EXPECT_EQ(found(), "one-outcome carried-out ");
}

TEST_F(OracleReads, ALateActionThatTheBarrierRefused) {
  Deal deal = undone_saga().deal;
  acknowledge(deal);
  EXPECT_EQ(books_[0]->undo("g", "a", 5).status, 200);
  EXPECT_EQ(books_[0]->act("g", "a", 5, false).status, 409);
  EXPECT_EQ(found(), "");
}

TEST_F(OracleReads, EffectsThatNobodyPlanned) {
  EXPECT_EQ(books_[0]->act("x", "a", 5, false).status, 200);
  EXPECT_EQ(found(), "not-invented ");
}

TEST_F(OracleReads, AMessageWithoutBusinessAndBusinessWithoutMessage) {
  Deal deal = delivered_message().deal;
  acknowledge(deal);
  EXPECT_EQ(books_[0]->local("g", true, [] {}).status, 200);
  EXPECT_EQ(books_[0]->local("g", true, [] {}).status, 200);  // once all the same
  EXPECT_TRUE(books_[1]->has_order(0, "g"));
  EXPECT_EQ(found(), "delivered ");
}

TEST_F(OracleReads, ACheckBackForbidsALaterLocalTransaction) {
  acknowledge(delivered_message().deal);
  EXPECT_NE(books_[0]->check("g").body.find("aborted"), std::string::npos);
  EXPECT_EQ(books_[0]->local("g", true, [] {}).status, 409);
  EXPECT_EQ(found(), "");
}

TEST_F(OracleReads, ACheckBackSeesAnOpenLocalTransactionAsRunning) {
  acknowledge(delivered_message().deal);
  const Answer local = books_[0]->local("g", true, [&] {
    EXPECT_NE(books_[0]->check("g").body.find("running"), std::string::npos);
    EXPECT_EQ(books_[0]->act("h", "a", 1, false).status, 425);
  });
  EXPECT_EQ(local.status, 200);
  EXPECT_NE(books_[0]->check("g").body.find("committed"), std::string::npos);
  EXPECT_EQ(found(), "delivered ");
}

TEST_F(OracleReads, AComplaint) {
  books_[1]->complain("g", "a", "delivered too early");
  EXPECT_EQ(found(), "no-complaint ");
}

TEST_F(OracleReads, BooksThatDoNotAddUp) {
  books_.clear();
  {
    Sqlite books(books_path(place_.path(), 0), 1000);
    ASSERT_TRUE(books.run("UPDATE account SET balance = 3"));
  }
  EXPECT_EQ(found(), "books-add-up ");
}

TEST_F(OracleReads, AJournalWhoseLastLineWasCutOff) {
  acknowledge(done_saga().deal);
  {
    std::FILE* const file = std::fopen(place_.path("client.journal").c_str(), "a");
    ASSERT_NE(file, nullptr);
    (void)std::fputs(R"({"what":"told","gid":"g","verd)", file);
    (void)std::fclose(file);
  }
  EXPECT_EQ(found(), "carried-out ");
}

TEST_F(OracleReads, NothingAtAllAndDoesNotCallThatAProof) {
  books_.clear();
  const Verdict verdict = judge_all(place_.path(), 2);
  EXPECT_TRUE(verdict.has(Check::kRepresented));
}

}  // namespace
}  // namespace settle::kill
