// What clients and operators ask for in the middle of a transaction: enlist, resolve, stop, and verbs of closed epochs.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/desk_testing.h"
#include "engine/worker.h"
#include "model/ops.h"

namespace settle::engine {
namespace {

BranchPlan branch_of(std::string_view id) {
  BranchPlan branch;
  branch.id = id;
  branch.forward = "http://p/try";
  branch.confirm = "http://p/confirm";
  branch.back = "http://p/cancel";
  return branch;
}

Plan one_branch(Pattern pattern, BranchPlan branch) {
  Plan plan;
  plan.pattern = pattern;
  plan.client_driven = is_voted(pattern);
  plan.branches.push_back(std::move(branch));
  return plan;
}

Plan saga_of(std::string_view ids) {
  Plan plan;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    BranchPlan branch;
    branch.id = ids.substr(i, 1);
    branch.forward = "http://p/do";
    branch.back = "http://p/undo";
    plan.branches.push_back(branch);
  }
  return plan;
}

/// A tcc that its client drives, begun and durable, with branch "a".
struct Enlisting : Desk {
  explicit Enlisting(Limits limits = {}) : Desk(limits) {
    begin(1, "g", OwnedPlan::encode(one_branch(Pattern::kTcc, branch_of("a"))));
    sync();
    replies.clear();
  }
};

// ---------------------------------------------------------------------------------------------------------- enlist

TEST(Enlist, IsAnsweredWhenItIsDurable) {
  Enlisting desk;
  desk.enlist(2, "g", one_branch(Pattern::kTcc, branch_of("b")));
  EXPECT_TRUE(desk.replies.empty());
  ASSERT_EQ(desk.saves.size(), 1U);
  EXPECT_TRUE(desk.saves[0].forced) << "the client will call it";
  const Result<OwnedPlan> plan = OwnedPlan::decode(*desk.saves[0].plan);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ((*plan)->branches.size(), 2U);
  EXPECT_EQ((*plan)->enlisted, 1U);
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument);
  // What was enlisted is confirmed like the others.
  desk.ask(3, Verb::kSubmit, "g");
  desk.sync();
  std::string confirmed;
  while (!desk.calls.empty()) confirmed += desk.take_call().branch;
  EXPECT_EQ(confirmed, "ab");
}

TEST(Enlist, ARepeatChangesNothingAndAnotherBranchOfThatIdIsRefused) {
  Enlisting desk;
  desk.enlist(2, "g", one_branch(Pattern::kTcc, branch_of("b")));
  desk.enlist(3, "g", one_branch(Pattern::kTcc, branch_of("b")));
  EXPECT_EQ(desk.saves.size(), 1U);
  EXPECT_TRUE(desk.replies.empty()) << "a repeat is answered when what it repeats is durable";
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument);
  BranchPlan other = branch_of("b");
  other.confirm = "http://elsewhere/confirm";
  desk.enlist(4, "g", one_branch(Pattern::kTcc, other));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kBranchReused);
  EXPECT_TRUE(desk.saves.empty());
}

TEST(Enlist, HasABound) {
  Limits limits;
  limits.branches_max = 2;
  Enlisting desk(limits);
  desk.enlist(2, "g", one_branch(Pattern::kTcc, branch_of("b")));
  desk.sync();
  desk.replies.clear();
  desk.enlist(3, "g", one_branch(Pattern::kTcc, branch_of("c")));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kTooMany);
  desk.enlist(4, "g", one_branch(Pattern::kTcc, branch_of("b")));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument) << "a repeat needs no room";
}

TEST(Enlist, WantsTheSamePatternAndAnOpenFirstPhase) {
  Enlisting desk;
  desk.enlist(2, "g", one_branch(Pattern::kTwoPhase, branch_of("b")));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kWrongPhase);
  desk.ask(3, Verb::kSubmit, "g");
  desk.enlist(4, "g", one_branch(Pattern::kTcc, branch_of("b")));
  desk.sync();
  EXPECT_EQ(desk.take_reply().token, 3U);
  const Said late = desk.take_reply();
  EXPECT_EQ(late.token, 4U);
  EXPECT_EQ(late.kind, AnswerKind::kWrongPhase) << "a branch that comes after the decision would never be tried";
  desk.begin(5, "s", OwnedPlan::encode(saga_of("a")));
  desk.sync();
  desk.replies.clear();
  desk.enlist(6, "s", one_branch(Pattern::kSaga, branch_of("b")));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kWrongPhase) << "a saga is known in full at its begin";
}

// --------------------------------------------------------------------------------------------------------- resolve

TEST(Resolve, DoneEndsAStepWithTheResultThatLaterStepsTake) {
  Desk desk;
  Plan plan = saga_of("ab");
  plan.binds.push_back({.branch = 1, .back = false, .source = 0, .from = "/id", .into = "/order"});
  desk.begin(1, "g", OwnedPlan::encode(plan));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kUnknown, 500);
  desk.sync();
  desk.resolve(2, "g", "a", Resolution::kDone, R"({"id":7})");
  desk.sync();
  const Sent next = desk.take_call();
  EXPECT_EQ(next.branch, "b");
  ASSERT_EQ(next.bound.size(), 1U);
  EXPECT_EQ(next.bound[0].second, R"({"id":7})") << "not the operator's words";
}

TEST(Resolve, CancelledIsARefusalBeforeTheDecision) {
  Desk desk;
  desk.begin(1, "g", OwnedPlan::encode(saga_of("a")));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kUnknown, 500);
  desk.replies.clear();
  desk.resolve(2, "g", "a", Resolution::kCancelled);
  desk.sync();
  EXPECT_EQ(desk.take_reply().decision, Decision::kAbort);
}

TEST(Resolve, CancelledIsRefusedWhereThereIsNoWayBack) {
  Desk desk;
  Plan plan = saga_of("a");
  plan.forward_recovery = true;
  desk.begin(1, "g", OwnedPlan::encode(plan));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kUnknown, 500);
  desk.sync();
  desk.replies.clear();
  desk.resolve(2, "g", "a", Resolution::kCancelled);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kWrongPhase);
  desk.resolve(3, "g", "a", Resolution::kSkipped);
  desk.sync();
  EXPECT_EQ(desk.take_reply().outcome, GlobalOutcome::kCommitted);
}

TEST(Resolve, RULE_R8_WhatGoesAgainstTheDecisionIsHeuristicAndTheDecisionStays) {
  Enlisting desk;
  desk.ask(2, Verb::kSubmit, "g");
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kUnknown, 500);
  desk.replies.clear();
  desk.resolve(3, "g", "a", Resolution::kCancelled);
  ASSERT_FALSE(desk.saves.empty());
  const Result<State> state = decode_state(desk.saves.back().state);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(state->heuristic, Heuristic::kMixed);
  desk.sync();
  const Said said = desk.take_reply();
  EXPECT_EQ(said.decision, Decision::kCommit);
  EXPECT_EQ(said.outcome, GlobalOutcome::kCommitted);
}

TEST(Resolve, NeedsABranchThatOwesSomething) {
  Desk desk;
  desk.begin(1, "g", OwnedPlan::encode(saga_of("ab")));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  desk.replies.clear();
  desk.resolve(2, "g", "z", Resolution::kDone);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kUnknownBranch);
  desk.resolve(3, "g", "a", Resolution::kDone);
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kWrongPhase) << "it is done";
}

// ------------------------------------------------------------------------------------------------------------ stop

TEST(Stop, NothingIsCalledUntilSomebodyRetries) {
  Desk desk;
  desk.begin(1, "g", OwnedPlan::encode(saga_of("ab")));
  desk.sync();
  const Sent first = desk.take_call();
  desk.ask(2, Verb::kStop, "g");
  desk.sync();
  desk.answer(first, Outcome::kDone);  // what is under way may end
  desk.sync();
  desk.pass(std::chrono::hours{1});
  EXPECT_TRUE(desk.calls.empty());
  desk.ask(3, Verb::kRetryNow, "g");
  desk.sync();
  EXPECT_EQ(desk.take_call().branch, "b");
}

TEST(Stop, ATransactionThatIsStoppedKeepsItsDecision) {
  Enlisting desk;
  desk.ask(2, Verb::kSubmit, "g");
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kUnknown, 500);
  desk.ask(3, Verb::kStop, "g");
  desk.sync();
  desk.replies.clear();
  desk.ask(4, Verb::kAbort, "g");
  const Said said = desk.take_reply();
  EXPECT_EQ(said.kind, AnswerKind::kWrongPhase);
  EXPECT_EQ(said.decision, Decision::kCommit);
}

// --------------------------------------------------------------------------------------------------- closed epochs

TEST(ClosedEpoch, RULE_R4_WhatAnEarlierOwnershipNeverMadeDurableCanOnlyBeBegunAnew) {
  Desk desk;
  const Tid old{static_cast<std::uint64_t>(micros(kT0)), 1, 0, 1};
  desk.worker.on(Lost{0, 1}, desk.now);
  desk.worker.on(Acquired{0, 2, kNever}, desk.now);
  desk.worker.on(LoadEnded{0, 2}, desk.now);
  const auto answer_to = [&](Token token, Verb verb) {
    desk.ask(token, verb, old.text());
    const Desk::Asked asked = desk.lookups.front();
    desk.lookups.pop_front();
    desk.worker.on(Found{asked.shard, asked.lookup, false, {}}, desk.now);
    return desk.take_reply().kind;
  };
  EXPECT_EQ(answer_to(1, Verb::kSubmit), AnswerKind::kEpochClosed);
  EXPECT_EQ(answer_to(2, Verb::kAbort), AnswerKind::kEpochClosed);
  EXPECT_EQ(answer_to(3, Verb::kQuery), AnswerKind::kUnknownGid);
}

// ----------------------------------------------------------------------------------------------------------- room

TEST(StoreRoom, FAIL_H3_NewWorkIsRefusedAndWhatIsOpenGoesOn) {
  Desk desk;
  desk.begin(1, "open", OwnedPlan::encode(saga_of("a")));
  desk.sync();
  desk.replies.clear();
  desk.worker.on(engine::StoreRoom{false}, desk.now);
  desk.begin(2, "new", OwnedPlan::encode(saga_of("a")));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kStoreFull);
  desk.begin(3, "open", OwnedPlan::encode(saga_of("a")));
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kDocument) << "a repeat is no new work";
  desk.answer(desk.take_call(), Outcome::kDone);
  desk.sync();
  EXPECT_EQ(desk.worker.open(), 0U);
  desk.worker.on(engine::StoreRoom{true}, desk.now);
  desk.begin(4, "new", OwnedPlan::encode(saga_of("a")));
  desk.sync();
  EXPECT_EQ(desk.take_reply().kind, AnswerKind::kCreated);
}

// ------------------------------------------------------------------------------------------------------- lease end

/// One shard with a lease of a second, and a saga in it that a caller waits for.
struct Leased : Desk {
  Leased() {
    for (ShardNo i = 0; i < kShards; ++i) {
      worker.on(Lost{i, 1}, now);
      worker.on(Acquired{i, 2, now + std::chrono::seconds{1}}, now);
      worker.on(LoadEnded{i, 2}, now);
    }
    begin(1, "g", saga({"http://p/a"}), std::chrono::minutes{1});
    sync();
  }
};

TEST(LeaseEnd, RULE_R5_WhoeverWaitsIsToldAndNotLeftWaiting) {
  Leased desk;
  EXPECT_TRUE(desk.replies.empty());
  EXPECT_LE(desk.worker.next_due(), desk.now + std::chrono::seconds{1});
  desk.pass(std::chrono::seconds{1});
  const Said said = desk.take_reply();
  EXPECT_EQ(said.token, 1U);
  EXPECT_EQ(said.kind, AnswerKind::kStoreUnknown);
}

TEST(LeaseEnd, WhoeverWaitsForABeginToBecomeDurableIsToldToo) {
  Leased desk;
  desk.begin(2, "late", OwnedPlan::encode(saga_of("a")));
  desk.ask(3, Verb::kQuery, "late");  // held until that is durable
  EXPECT_TRUE(desk.replies.empty());
  desk.pass(std::chrono::seconds{1});
  std::vector<Token> told;
  for (const Said& said : desk.replies) {
    EXPECT_EQ(said.kind, AnswerKind::kStoreUnknown);
    told.push_back(said.token);
  }
  EXPECT_EQ(told, (std::vector<Token>{1, 2, 3}));
}

TEST(LeaseEnd, RULE_R5_AVerbIsRefusedAndChangesNothing) {
  Leased desk;
  desk.pass(std::chrono::seconds{2});
  desk.replies.clear();
  desk.ask(2, Verb::kAbort, "g");
  desk.ask(3, Verb::kQuery, "g");
  desk.begin(4, "other", Desk::saga({"http://p/a"}));
  for (Token token = 2; token <= 4; ++token) {
    const Said said = desk.take_reply();
    EXPECT_EQ(said.token, token);
    EXPECT_EQ(said.kind, AnswerKind::kNotOwner);
  }
  EXPECT_TRUE(desk.saves.empty());
}

TEST(LeaseEnd, ARenewalGoesOnWhereItStopped) {
  Leased desk;
  const Sent call = desk.take_call();
  desk.pass(std::chrono::seconds{2});
  for (ShardNo i = 0; i < kShards; ++i) desk.worker.on(Renewed{i, 2, desk.now + std::chrono::seconds{1}}, desk.now);
  desk.replies.clear();
  desk.answer(call, Outcome::kDone);
  desk.sync();
  desk.ask(2, Verb::kQuery, "g");
  EXPECT_FALSE(desk.lookups.empty()) << "it has ended, and the store knows it";
  EXPECT_LE(desk.worker.next_due(), desk.now + std::chrono::seconds{1}) << "the new lease has an end too";
}

// ------------------------------------------------------------------------------------------------------------ bind

TEST(Bind, ACompensationWithoutInputTakesThatOfItsStepAsItWasSentAndItsOwnPartsOnTop) {
  Desk desk;
  Plan plan = saga_of("abc");
  plan.branches[1].input = R"({"order":0})";
  plan.binds.push_back({.branch = 1, .back = false, .source = 0, .from = "/id", .into = "/order"});
  plan.binds.push_back({.branch = 1, .back = true, .source = 1, .from = "/ref", .into = "/ref"});
  desk.begin(1, "g", OwnedPlan::encode(plan));
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone, 200, R"({"id":7})");
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kDone, 200, R"({"ref":8})");
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kRefused, 409);
  desk.sync();
  const Sent undo = desk.take_call();
  EXPECT_EQ(undo.branch, "b");
  EXPECT_EQ(undo.op, Op::kCompensate);
  const std::vector<std::pair<std::string, std::string>> wanted = {{"/order", R"({"id":7})"}, {"/ref", R"({"ref":8})"}};
  EXPECT_EQ(undo.bound, wanted);
}

TEST(Bind, ACompensationWithItsOwnInputTakesItsOwnPartsOnly) {
  Desk desk;
  Plan plan = saga_of("abc");
  plan.branches[1].has_back_input = true;
  plan.branches[1].back_input = R"({"ref":0})";
  plan.binds.push_back({.branch = 1, .back = false, .source = 0, .from = "/id", .into = "/order"});
  plan.binds.push_back({.branch = 1, .back = true, .source = 1, .from = "/ref", .into = "/ref"});
  desk.begin(1, "g", OwnedPlan::encode(plan));
  for (const char* const result : {R"({"id":7})", R"({"ref":8})"}) {
    desk.sync();
    desk.answer(desk.take_call(), Outcome::kDone, 200, result);
  }
  desk.sync();
  desk.answer(desk.take_call(), Outcome::kRefused, 409);
  desk.sync();
  const std::vector<std::pair<std::string, std::string>> wanted = {{"/ref", R"({"ref":8})"}};
  EXPECT_EQ(desk.take_call().bound, wanted);
}

}  // namespace
}  // namespace settle::engine
