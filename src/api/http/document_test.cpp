#include "api/http/document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/http/render.h"
#include "model/plan.h"

namespace settle::api {
namespace {

constexpr Instant kBegun = instant_of(1'767'323'045'000'000);  // 2026-01-02T03:04:05Z

Plan saga() {
  Plan plan;
  plan.branches.resize(2);
  plan.branches[0].id = "stock";
  plan.branches[0].forward = "http://a/lock";
  plan.branches[0].back = "http://a/unlock";
  plan.branches[1].id = "points";
  plan.branches[1].forward = "http://b/add";
  plan.branches[1].back = "http://b/take";
  return plan;
}

State state_of(const OwnedPlan& plan, Phase phase) {
  State state;
  state.phase = phase;
  state.created_at = kBegun;
  state.updated_at = kBegun + milliseconds{1500};
  state.branches.resize(plan->branches.size());
  return state;
}

void set_done(OpState& op, std::string result) {
  op.status = OpStatus::kDone;
  op.last = Outcome::kDone;
  op.attempts = 1;
  op.last_answer = 200;
  op.result = std::move(result);
}

std::string document_of(const OwnedPlan& plan, const State& state, bool timeline = false, bool provisional = false) {
  std::string out;
  append_document(out,
                  {"order-1", Tid{1, 2, 3, 4}, *plan, state, state.phase, state.decision, state.outcome, provisional},
                  timeline);
  EXPECT_TRUE(nlohmann::json::accept(out)) << out;
  return out;
}

TEST(Document, OfACommittedSaga) {
  const OwnedPlan plan = OwnedPlan::encode(saga());
  State state = state_of(plan, Phase::kEnded);
  state.decision = Decision::kCommit;
  state.outcome = GlobalOutcome::kCommitted;
  set_done(state.branches[0].forward, R"({"lot": 7.50})");
  set_done(state.branches[1].forward, "");
  EXPECT_EQ(
      document_of(plan, state),
      R"({"gid":"order-1","tid":"0000000000000G00G00C000004","pattern":"saga","phase":"ended",)"
      R"("decision":"commit","outcome":"committed","heuristic":"none",)"
      R"("created_at":"2026-01-02T03:04:05.000000Z","updated_at":"2026-01-02T03:04:06.500000Z",)"
      R"("waiting_for":[],"branches":[)"
      R"({"id":"stock","ops":{"action":{"outcome":"done","attempts":1,"result":{"lot": 7.50},"last_answer":"HTTP 200"}}},)"
      R"({"id":"points","ops":{"action":{"outcome":"done","attempts":1,"last_answer":"HTTP 200"}}}]})");
}

TEST(Document, OfASagaThatTurnsBack) {
  const OwnedPlan plan = OwnedPlan::encode(saga());
  State state = state_of(plan, Phase::kCompensating);
  state.decision = Decision::kAbort;
  state.cause = Cause::kRefused;
  state.cause_branch = 1;
  state.deadline_at = kBegun + milliseconds{60'000};
  set_done(state.branches[0].forward, "plain words");
  OpState& undo = state.branches[0].back;
  undo.attempts = 3;
  undo.last_answer = kAnswerTimeout;
  undo.doubtful = true;
  undo.due = kBegun + milliseconds{7250};
  OpState& refused = state.branches[1].forward;
  refused.status = OpStatus::kRefused;
  refused.attempts = 1;
  refused.last_answer = 409;
  refused.result = "{\"why\":\"no\xff\"}";
  EXPECT_EQ(
      document_of(plan, state, false, true),
      R"({"gid":"order-1","tid":"0000000000000G00G00C000004","pattern":"saga","phase":"compensating",)"
      R"("decision":"abort","outcome":"running","heuristic":"none","reason":"\"points\" refused",)"
      R"("created_at":"2026-01-02T03:04:05.000000Z","updated_at":"2026-01-02T03:04:06.500000Z",)"
      R"("deadline_at":"2026-01-02T03:05:05.000000Z","provisional":true,)"
      R"("waiting_for":[{"branch":"stock","op":"compensate","attempts":3,"last_answer":"timeout",)"
      R"("next_due_at":"2026-01-02T03:04:12.250000Z"}],"branches":[)"
      R"({"id":"stock","ops":{"action":{"outcome":"done","attempts":1,"result":"plain words","last_answer":"HTTP 200"},)"
      R"("compensate":{"outcome":"unknown","attempts":3,"last_answer":"timeout"}}},)"
      R"({"id":"points","ops":{"action":{"outcome":"refused","attempts":1,"result":"{\"why\":\"no)"
      "\xef\xbf\xbd"
      R"(\"}","last_answer":"HTTP 409"}}}]})");
}

Plan message() {
  Plan plan;
  plan.pattern = Pattern::kMessage;
  plan.order = Order::kConcurrent;
  plan.two_step = true;
  plan.check = "http://shop/check";
  plan.branches.resize(1);
  plan.branches[0].id = "mail";
  plan.branches[0].forward = "http://m/";
  return plan;
}

TEST(Document, OfAPreparedMessageWaitsForItsCheck) {
  const OwnedPlan plan = OwnedPlan::encode(message());
  State state = state_of(plan, Phase::kPrepared);
  state.check.due = kBegun + milliseconds{5000};
  state.incident = Incident{Cause::kUndecided, kBegun, -1, Op::kCheck};
  const nlohmann::json document = nlohmann::json::parse(document_of(plan, state));
  EXPECT_EQ(document["waiting_for"].dump(),
            R"([{"attempts":0,"branch":"00","next_due_at":"2026-01-02T03:04:10.000000Z","op":"check"}])");
  EXPECT_EQ(document["incident"]["kind"], "undecided");
  EXPECT_EQ(document["incident"]["since"], "2026-01-02T03:04:05.000000Z");
  EXPECT_EQ(document["incident"]["suggested"], (nlohmann::json{"submit", "abort", "retry"}));
  EXPECT_EQ(document["branches"].dump(), R"([{"id":"mail","ops":{}}])");
}

TEST(Document, OfAParkedTargetHasAnIncidentAndIsDueAtNoTime) {
  const OwnedPlan plan = OwnedPlan::encode(message());
  State state = state_of(plan, Phase::kDelivering);
  state.decision = Decision::kCommit;
  OpState& mail = state.branches[0].forward;
  mail.status = OpStatus::kRefused;
  mail.attempts = 1;
  mail.last_answer = 409;
  state.incident = Incident{Cause::kRefused, kBegun, 0, Op::kDeliver};
  const nlohmann::json document = nlohmann::json::parse(document_of(plan, state));
  EXPECT_EQ(document["waiting_for"].dump(),
            R"([{"attempts":1,"branch":"mail","last_answer":"HTTP 409","op":"deliver"}])");
  EXPECT_EQ(document["incident"]["text"], "\"mail\" refused the message; it rests until somebody retries");
  EXPECT_EQ(document["incident"]["suggested"], (nlohmann::json{"retry", "resolve", "stop"}));
  EXPECT_EQ(document["branches"][0]["ops"]["deliver"]["outcome"], "refused");
}

Plan two_branches(Pattern pattern) {
  Plan plan;
  plan.pattern = pattern;
  plan.order = Order::kConcurrent;
  plan.branches.resize(4);
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    static constexpr std::string_view kIds[] = {"a", "b", "thanks", "sorry"};
    plan.branches[i].id = kIds[i];
    plan.branches[i].forward = plan.branches[i].confirm = plan.branches[i].back = "http://a/";
  }
  plan.branches[2].role = Role::kOnCommit;
  plan.branches[3].role = Role::kOnAbort;
  return plan;
}

TEST(Document, OpsHaveTheNamesOfTheirPatternAndDecision) {
  struct Row {
    Pattern pattern;
    Phase phase;
    Decision decision;
    std::string ops;
  };
  for (const Row& row : {Row{Pattern::kTcc, Phase::kConfirming, Decision::kCommit, "confirm try "},
                         Row{Pattern::kTcc, Phase::kCancelling, Decision::kAbort, "cancel try "},
                         Row{Pattern::kTwoPhase, Phase::kCommitting, Decision::kCommit, "commit prepare "},
                         Row{Pattern::kTwoPhase, Phase::kRollingBack, Decision::kAbort, "prepare rollback "},
                         Row{Pattern::kSaga, Phase::kCompensating, Decision::kAbort, "action compensate "},
                         Row{Pattern::kMessage, Phase::kCompensating, Decision::kAbort, "compensate deliver "}}) {
    const OwnedPlan plan = OwnedPlan::encode(two_branches(row.pattern));
    State state = state_of(plan, row.phase);
    state.decision = row.decision;
    set_done(state.branches[0].forward, "");
    set_done(state.branches[1].forward, "");
    state.branches[0].back.attempts = 1;
    const nlohmann::json document = nlohmann::json::parse(document_of(plan, state));
    std::string ops;
    for (const auto& [op, unused] : document["branches"][0]["ops"].items()) ops += op + " ";
    EXPECT_EQ(ops, row.ops);
    EXPECT_EQ(document["phase"], name_of(row.phase));
    EXPECT_FALSE(document["branches"][1].contains("follow_up"));
    EXPECT_EQ(document["branches"][2]["follow_up"], true);
    EXPECT_EQ(document["branches"][3]["follow_up"], true);
    EXPECT_NE(row.ops.find(document["waiting_for"][0]["op"].get<std::string>()), std::string::npos);
  }
}

TEST(Document, WhatFollowsTheOutcomeIsAwaitedUnderItsOwnOps) {
  const OwnedPlan plan = OwnedPlan::encode(two_branches(Pattern::kTcc));
  State state = state_of(plan, Phase::kFollowing);
  state.outcome = GlobalOutcome::kCommitted;
  nlohmann::json document = nlohmann::json::parse(document_of(plan, state));
  EXPECT_EQ(document["waiting_for"].dump(), R"([{"attempts":0,"branch":"thanks","op":"deliver"}])");
  state.outcome = GlobalOutcome::kAborted;
  state.branches[3].back.call = 4;
  document = nlohmann::json::parse(document_of(plan, state));
  EXPECT_EQ(document["waiting_for"].dump(), R"([{"attempts":0,"branch":"sorry","op":"compensate"}])");
  EXPECT_TRUE(document["branches"][3]["ops"].contains("compensate"));
  state.incident = Incident{Cause::kRefused, kBegun, 2, Op::kDeliver};
  document = nlohmann::json::parse(document_of(plan, state));
  EXPECT_EQ(document["incident"]["text"],
            "\"thanks\" refused what follows the outcome; it rests until somebody retries");
}

TEST(Document, VotesHeuristicsAndWhatWasGivenUpAreShown) {
  const OwnedPlan plan = OwnedPlan::encode(two_branches(Pattern::kTwoPhase));
  State state = state_of(plan, Phase::kCommitting);
  state.decision = Decision::kCommit;
  set_done(state.branches[0].forward, "");
  state.branches[0].forward.read_only = true;
  state.branches[1].forward.status = OpStatus::kGivenUp;
  state.heuristic = Heuristic::kMixed;
  const nlohmann::json document = nlohmann::json::parse(document_of(plan, state));
  EXPECT_EQ(document["branches"][0]["ops"]["prepare"]["vote"], "read-only");
  EXPECT_FALSE(document["branches"][1]["ops"]["prepare"].contains("vote"));
  EXPECT_EQ(document["branches"][1]["ops"]["prepare"]["given_up"], true);
  EXPECT_EQ(document["branches"][1]["ops"]["prepare"]["outcome"], "unknown");
  EXPECT_EQ(document["heuristic"], "mixed");
  EXPECT_EQ(document["waiting_for"].size(), 1U) << "who has only read hears no commit";
}

TEST(Document, AStoppedTransactionIsDueAtNoTime) {
  const OwnedPlan plan = OwnedPlan::encode(saga());
  State state = state_of(plan, Phase::kActing);
  state.stopped = true;
  state.incident = Incident{Cause::kStopped, kBegun, kNoBranch, Op::kAction};
  const nlohmann::json document = nlohmann::json::parse(document_of(plan, state));
  EXPECT_EQ(document["incident"]["kind"], "stopped");
  EXPECT_EQ(document["incident"]["suggested"], nlohmann::json{"retry"});
  EXPECT_FALSE(document["waiting_for"][0].contains("next_due_at"));
}

TEST(Document, EveryIncidentHasWordsAndEveryReasonToo) {
  const OwnedPlan plan = OwnedPlan::encode(saga());
  for (const Cause cause :
       {Cause::kRefused, Cause::kExhausted, Cause::kContradiction, Cause::kUndecided, Cause::kStopped}) {
    State state = state_of(plan, Phase::kCompensating);
    state.incident = Incident{cause, kBegun, 1, Op::kCompensate};
    const nlohmann::json document = nlohmann::json::parse(document_of(plan, state));
    EXPECT_EQ(document["incident"]["kind"], name_of(cause));
    EXPECT_GT(document["incident"]["text"].get<std::string>().size(), 20U);
  }
  for (const Cause cause :
       {Cause::kRefused, Cause::kExhausted, Cause::kDeadline, Cause::kRequested, Cause::kCheckedBack}) {
    State state = state_of(plan, Phase::kEnded);
    state.cause = cause;
    state.cause_branch = 0;
    EXPECT_FALSE(reason_words(*plan, state).empty());
    state.reason = "the customer changed her mind";
    EXPECT_EQ(reason_words(*plan, state), "the customer changed her mind");
  }
}

TEST(Document, TimelineOnRequest) {
  const OwnedPlan plan = OwnedPlan::encode(saga());
  State state = state_of(plan, Phase::kActing);
  note(state, {.at = kBegun, .happening = Happening::kBegun});
  for (int i = 0; i < 3; ++i) {
    note(state, {.at = kBegun + milliseconds{i}, .happening = Happening::kOpUnknown, .branch = 1, .answer = 503});
  }
  note(state, {.at = kBegun, .happening = Happening::kOpUnknown, .branch = -1, .op = Op::kCheck, .answer = -2});
  EXPECT_EQ(document_of(plan, state).find("timeline"), std::string::npos);
  const nlohmann::json document = nlohmann::json::parse(document_of(plan, state, true));
  EXPECT_EQ(
      document["timeline"].dump(),
      R"([{"at":"2026-01-02T03:04:05.000000Z","event":"begun"},)"
      R"({"at":"2026-01-02T03:04:05.002000Z","branch":"points","detail":"HTTP 503, 3 times","event":"unknown","op":"action"},)"
      R"({"at":"2026-01-02T03:04:05.000000Z","branch":"00","detail":"connection lost","event":"unknown","op":"check"}])");
}

TEST(Document, AResultIsShownAsItIsIfItIsJsonAndAsTextIfNot) {
  const auto shown = [](std::string_view result) {
    std::string out;
    wire::JsonWriter json(out);
    append_result(json, result);
    return out;
  };
  for (const char* json : {"{}", "[1,2.50]", "\"x\"", "-1e5", "true", "null", " {\"a\" : 1}\n"})
    EXPECT_EQ(shown(json), json);
  EXPECT_EQ(shown("ok"), "\"ok\"");
  EXPECT_EQ(shown("nothing"), "\"nothing\"");
  EXPECT_EQ(shown("{\"a\":1,\"a\":2}"), R"("{\"a\":1,\"a\":2}")") << "two readers would not agree about it";
  EXPECT_EQ(shown("<html>\xff"), "\"<html>\xef\xbf\xbd\"");
  EXPECT_EQ(shown("\"\\ud800\""), R"("\"\\ud800\"")");
  EXPECT_EQ(shown(std::string(27, '[') + std::string(27, ']')).front(), '[');
  EXPECT_EQ(shown(std::string(28, '[') + std::string(28, ']')).front(), '"') << "the document stays within its depth";
}

TEST(Document, SummaryLeavesBranchesOut) {
  const OwnedPlan plan = OwnedPlan::encode(saga());
  const State state = state_of(plan, Phase::kActing);
  std::string out;
  append_summary(out, {"g", Tid{}, *plan, state, state.phase, state.decision, state.outcome});
  const nlohmann::json summary = nlohmann::json::parse(out);
  EXPECT_EQ(summary["waiting_for"][0]["branch"], "stock");
  EXPECT_FALSE(summary.contains("branches"));
}

// ---------------------------------------------------------------------------------------------------------- render

class RenderTest : public testing::Test {
 protected:
  Rendered rendered(engine::AnswerKind kind, Asked asked = Asked::kBegin, bool with_view = true,
                    std::uint8_t flags = 0) {
    const engine::View view{"order-1", Tid{}, *plan_, state_, state_.phase, state_.decision, state_.outcome};
    Rendered out = render(make_token(1, flags_with(flags, asked), 77), kind, with_view ? &view : nullptr);
    EXPECT_TRUE(nlohmann::json::accept(out.body)) << out.body;
    return out;
  }
  OwnedPlan plan_ = OwnedPlan::encode(saga());
  State state_ = state_of(plan_, Phase::kActing);
};

TEST_F(RenderTest, OnlyANewTransactionIs201) {
  const Rendered created = rendered(engine::AnswerKind::kCreated);
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.extra_headers, "location: /v1/transactions/order-1\r\n");
  EXPECT_EQ(created.content_type, "application/json");
  const Rendered repeated = rendered(engine::AnswerKind::kDocument);
  EXPECT_EQ(repeated.status, 200);
  EXPECT_EQ(repeated.body, created.body);
  EXPECT_EQ(repeated.extra_headers, "");
}

TEST_F(RenderTest, TheTimelineFlagTravelsInTheToken) {
  EXPECT_EQ(rendered(engine::AnswerKind::kDocument, Asked::kQuery).body.find("timeline"), std::string::npos);
  EXPECT_NE(rendered(engine::AnswerKind::kDocument, Asked::kQuery, true, kWithTimeline).body.find("timeline"),
            std::string::npos);
}

TEST_F(RenderTest, EveryRefusalIsAProblemDocument) {
  struct Expected {
    engine::AnswerKind kind;
    bool with_view;
    int status;
    std::string type;
    bool retry_after;
  };
  using engine::AnswerKind;
  for (const Expected& expected : {Expected{AnswerKind::kGidReused, false, 409, "/errors/gid-reused", false},
                                   Expected{AnswerKind::kGidReused, true, 409, "/errors/gid-reused", false},
                                   Expected{AnswerKind::kUnknownGid, false, 404, "/errors/unknown-gid", false},
                                   Expected{AnswerKind::kUnknownBranch, true, 404, "/errors/unknown-branch", false},
                                   Expected{AnswerKind::kBranchReused, true, 409, "/errors/branch-reused", false},
                                   Expected{AnswerKind::kTooMany, true, 422, "/errors/too-many", false},
                                   Expected{AnswerKind::kEpochClosed, false, 409, "/errors/epoch-closed", false},
                                   Expected{AnswerKind::kWrongPhase, true, 409, "/errors/wrong-phase", false},
                                   Expected{AnswerKind::kWrongPhase, false, 409, "/errors/wrong-phase", false},
                                   Expected{AnswerKind::kContradiction, true, 409, "/errors/contradiction", false},
                                   Expected{AnswerKind::kOverloaded, false, 503, "/errors/overloaded", true},
                                   Expected{AnswerKind::kNotOwner, false, 503, "/errors/overloaded", true},
                                   Expected{AnswerKind::kStoreUnknown, false, 503, "/errors/store-unknown", true},
                                   Expected{AnswerKind::kDocument, false, 503, "/errors/store-unknown", true}}) {
    const Rendered out = rendered(expected.kind, Asked::kAbort, expected.with_view);
    const nlohmann::json problem = nlohmann::json::parse(out.body);
    EXPECT_EQ(out.status, expected.status) << out.body;
    EXPECT_EQ(out.content_type, "application/problem+json");
    EXPECT_EQ(problem["type"], expected.type);
    EXPECT_EQ(problem["status"], expected.status);
    EXPECT_GT(problem["title"].get<std::string>().size(), 5U);
    EXPECT_GT(problem["detail"].get<std::string>().size(), 20U);
    EXPECT_EQ(out.extra_headers, expected.retry_after ? "retry-after: 1\r\n" : "");
    EXPECT_EQ(problem.contains("gid"), expected.with_view);
    EXPECT_EQ(problem.contains("phase"), expected.with_view);
    EXPECT_EQ(out.lacks_gid, !expected.with_view);
  }
}

TEST_F(RenderTest, AWrongPhaseNamesVerbAndPhase) {
  state_.phase = Phase::kDelivering;
  state_.decision = Decision::kCommit;
  const nlohmann::json problem = nlohmann::json::parse(rendered(engine::AnswerKind::kWrongPhase, Asked::kAbort).body);
  EXPECT_EQ(problem["detail"],
            "abort is not possible in delivering: the decision is commit and final; read the transaction");
  EXPECT_EQ(problem["phase"], "delivering");
  EXPECT_EQ(problem["gid"], "order-1");
}

}  // namespace
}  // namespace settle::api
