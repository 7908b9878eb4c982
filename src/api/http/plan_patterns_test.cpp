#include <gtest/gtest.h>

#include "api/http/plan_json_testing.h"

// Plans of sagas with pivot, options and binds, of messages with policies, of tcc and two_phase; what follows them; and
// the branch of an enlist.

namespace settle::api {
namespace {

class PlanPatterns : public PlanJson {};

// ------------------------------------------------------------------------------------------ sagas with more than steps

TEST_F(PlanPatterns, SagaWithPivotOptionalDegradeAndBinds) {
  const Plan& plan = plan_of(R"({"pattern":"saga","steps":[
    {"id":"a","action":"http://a/","compensate":"http://a/undo",
     "compensate_bind":[{"step":"a","from":"/lot","into":"/lot"}]},
    {"id":"b","action":"http://b/","compensate":"http://b/undo","optional":true,
     "degrade":{"id":"b-later","url":"http://b/later","input":[1],"retry":{"attempts":2}}},
    {"id":"c","action":"http://c/","pivot":true,"bind":[{"from":"/lot","step":"a","into":"/x~1y/0"},
                                                       {"step":"a","from":"","into":"/all"}]}],
    "on_abort":[{"id":"sorry","url":"http://mail/sorry"}],
    "on_commit":[{"id":"thanks","url":"http://mail/thanks","input":{"to": "ann"}}],
    "retry":{"base_ms":100},"attempt_timeout_ms":700})");
  ASSERT_EQ(plan.branches.size(), 6U);
  EXPECT_TRUE(plan.branches[2].pivot);
  EXPECT_TRUE(plan.branches[1].optional);
  EXPECT_FALSE(plan.branches[0].optional || plan.branches[0].pivot);
  EXPECT_EQ(plan.branches[1].degrade, 3);
  EXPECT_EQ(plan.branches[0].degrade, kNoBranch);
  const BranchPlan& later = plan.branches[3];
  EXPECT_EQ(later.id, "b-later");
  EXPECT_EQ(later.role, Role::kDegrade);
  EXPECT_EQ(later.forward, "http://b/later");
  EXPECT_EQ(later.input, "[1]");
  EXPECT_EQ(later.retry.attempts, 2U);
  EXPECT_EQ(later.attempt_timeout, milliseconds{700});
  const BranchPlan& thanks = plan.branches[4];
  EXPECT_EQ(thanks.id, "thanks");
  EXPECT_EQ(thanks.role, Role::kOnCommit);
  EXPECT_EQ(thanks.forward, "http://mail/thanks");
  EXPECT_EQ(thanks.input, R"({"to": "ann"})");
  EXPECT_EQ(thanks.retry.base, milliseconds{100});
  const BranchPlan& sorry = plan.branches[5];
  EXPECT_EQ(sorry.role, Role::kOnAbort);
  EXPECT_EQ(sorry.back, "http://mail/sorry");
  EXPECT_EQ(sorry.forward, "");
  const std::vector<Bind> binds{
      {0, true, 0, "/lot", "/lot"}, {2, false, 0, "/lot", "/x~1y/0"}, {2, false, 0, "", "/all"}};
  EXPECT_EQ(plan.binds, binds);
  EXPECT_TRUE(check_plan(plan).ok());
  EXPECT_EQ(OwnedPlan::encode(plan)->pivot, 2);
}

TEST_F(PlanPatterns, ForwardRecovery) {
  EXPECT_TRUE(
      plan_of(R"({"pattern":"saga","recovery":"forward","steps":[{"id":"a","action":"http://a/"}]})").forward_recovery);
  EXPECT_FALSE(plan_of(R"({"pattern":"saga","recovery":"backward","deadline_ms":500,
                           "steps":[{"id":"a","action":"http://a/"}]})")
                   .forward_recovery);
}

TEST_F(PlanPatterns, TheOrderOfKeysDoesNotMatterToWhatFollows) {
  const std::string steps = R"("steps":[{"id":"a","action":"http://a/","compensate":"http://u/","optional":true,
    "degrade":{"id":"d","url":"http://d/"}},{"id":"b","action":"http://b/","compensate":"http://u/",)";
  const std::string commit = R"("on_commit":[{"id":"x","url":"http://x/"},{"id":"y","url":"http://y/"}])";
  const std::string abort = R"("on_abort":[{"id":"z","url":"http://z/"}])";
  const std::string binds[] = {R"("bind":[{"step":"c","from":"/a","into":"/a"}],)",
                               R"("compensate_bind":[{"step":"c","from":"/a","into":"/a"}])"};
  const std::string after = R"(,"after":["c"]},{"id":"c","action":"http://c/"}])";
  const auto digest = [&](const std::string& body) { return OwnedPlan::encode(plan_of(body)).digest(); };
  const PlanDigest first =
      digest(R"({"pattern":"saga",)" + steps + binds[0] + binds[1] + after + "," + commit + "," + abort + "}");
  EXPECT_EQ(digest("{" + abort + "," + commit + "," + steps + binds[1] + "," + binds[0].substr(0, binds[0].size() - 1) +
                   after + R"(,"pattern":"saga"})"),
            first);
  EXPECT_EQ(reader_.plan().branches[3].id, "d");
  EXPECT_EQ(reader_.plan().branches[4].id, "x");
  EXPECT_EQ(reader_.plan().branches[6].id, "z");
}

TEST_F(PlanPatterns, MessageWithPolicies) {
  const Plan& plan = plan_of(R"({"pattern":"message","targets":[
    {"id":"a","url":"http://a/","on_refused":"compensate","on_exhausted":"park","compensate":"http://a/undo"},
    {"id":"b","url":"http://b/","on_refused":"degrade","on_exhausted":"compensate","compensate":"http://b/undo",
     "degrade":{"id":"b2","url":"http://b2/"}},
    {"id":"c","url":"http://c/"}],"on_abort":[{"id":"producer","url":"http://p/undo"}]})");
  EXPECT_EQ(plan.branches[0].on_refused, Policy::kCompensate);
  EXPECT_EQ(plan.branches[0].on_exhausted, Policy::kPark);
  EXPECT_EQ(plan.branches[0].back, "http://a/undo");
  EXPECT_EQ(plan.branches[1].on_refused, Policy::kDegrade);
  EXPECT_EQ(plan.branches[1].on_exhausted, Policy::kCompensate);
  EXPECT_EQ(plan.branches[1].degrade, 3);
  EXPECT_EQ(plan.branches[2].on_refused, Policy::kPark);
  EXPECT_EQ(plan.branches[4].role, Role::kOnAbort);
  EXPECT_TRUE(check_plan(plan).ok());
}

TEST_F(PlanPatterns, AnInverseHalfMessageHasNoTargets) {
  const Plan& plan = plan_of(R"({"pattern":"message","targets":[],"check":"http://p/check",
                                "on_abort":[{"id":"undo","url":"http://p/undo"}]})");
  EXPECT_TRUE(plan.two_step);
  ASSERT_EQ(plan.branches.size(), 1U);
  EXPECT_EQ(plan.branches[0].role, Role::kOnAbort);
  EXPECT_TRUE(check_plan(plan).ok());
}

// ---------------------------------------------------------------------------------------------------- tcc, two_phase

TEST_F(PlanPatterns, TccThatTheDaemonDrives) {
  const Plan& plan = plan_of(R"({"branches":[
    {"id":"a","try":"http://a/t","confirm":"http://a/c","cancel":"http://a/x","input":{"n": 1},"retry":{"attempts":4},
     "attempt_timeout_ms":800},
    {"id":"b","cancel":"http://b/x","try":"http://b/t","confirm":"http://b/c"}],
    "on_commit":[{"id":"f","url":"http://f/"}],"pattern":"tcc"})");
  EXPECT_EQ(plan.pattern, Pattern::kTcc);
  EXPECT_EQ(plan.order, Order::kConcurrent);
  EXPECT_FALSE(plan.client_driven);
  EXPECT_EQ(plan.deadline, Duration{0}) << "no default deadline";
  EXPECT_EQ(plan.branches[0].forward, "http://a/t");
  EXPECT_EQ(plan.branches[0].confirm, "http://a/c");
  EXPECT_EQ(plan.branches[0].back, "http://a/x");
  EXPECT_EQ(plan.branches[0].input, R"({"n": 1})");
  EXPECT_EQ(plan.branches[0].retry.attempts, 4U);
  EXPECT_EQ(plan.branches[0].attempt_timeout, milliseconds{800});
  EXPECT_EQ(plan.branches[2].role, Role::kOnCommit);
  EXPECT_TRUE(check_plan(plan).ok());
}

TEST_F(PlanPatterns, TwoPhaseThatTheDaemonDrives) {
  const Plan& plan = plan_of(R"({"pattern":"two_phase","deadline_ms":900,"branches":[
    {"id":"a","prepare":"http://a/p","commit":"http://a/c","rollback":"http://a/r"}]})");
  EXPECT_EQ(plan.pattern, Pattern::kTwoPhase);
  EXPECT_FALSE(plan.client_driven);
  EXPECT_EQ(plan.deadline, milliseconds{900});
  EXPECT_EQ(plan.branches[0].forward, "http://a/p");
  EXPECT_EQ(plan.branches[0].confirm, "http://a/c");
  EXPECT_EQ(plan.branches[0].back, "http://a/r");
  EXPECT_TRUE(check_plan(plan).ok());
}

TEST_F(PlanPatterns, WithoutFirstPhasesTheClientDrivesAndADeadlineIsSet) {
  const Plan& some = plan_of(R"({"pattern":"tcc","branches":[
    {"id":"a","confirm":"http://a/c","cancel":"http://a/x"},{"id":"b","confirm":"http://b/c","cancel":"http://b/x"}]})");
  EXPECT_TRUE(some.client_driven);
  EXPECT_EQ(some.deadline, milliseconds{60'000});
  EXPECT_TRUE(check_plan(some).ok());
  const Plan& none = plan_of(R"({"pattern":"two_phase","branches":[],"deadline_ms":5000})");
  EXPECT_TRUE(none.client_driven);
  EXPECT_EQ(none.deadline, milliseconds{5000});
  EXPECT_TRUE(check_plan(none).ok());
}

TEST(EnlistJson, OneBranchOfEitherPattern) {
  PlanReader reader;
  ASSERT_TRUE(
      reader.read_enlisted(R"({"id":"a","confirm":"http://a/c","cancel":"http://a/x","attempt_timeout_ms":200})"));
  EXPECT_EQ(reader.plan().pattern, Pattern::kTcc);
  EXPECT_TRUE(reader.plan().client_driven);
  EXPECT_EQ(reader.plan().branches[0].attempt_timeout, milliseconds{200});
  EXPECT_TRUE(check_plan(reader.plan()).ok());
  ASSERT_TRUE(reader.read_enlisted(R"({"id":"a","rollback":"http://a/r","commit":"http://a/c"})"));
  EXPECT_EQ(reader.plan().pattern, Pattern::kTwoPhase);
  EXPECT_EQ(reader.plan().branches[0].confirm, "http://a/c");
  EXPECT_EQ(reader.plan().branches[0].back, "http://a/r");
}

TEST(EnlistJson, FAIL_M9_WrongBodiesAreRefused) {
  PlanReader reader;
  const auto refused = [&](const std::string& body) {
    return reader.read_enlisted(body) ? "fine" : detail_of(reader.refusal());
  };
  EXPECT_TRUE(refused("").starts_with("malformed : at byte 0"));
  EXPECT_TRUE(refused("[]").starts_with("invalid : is an array; an object"));
  EXPECT_EQ(refused("{}"), "invalid : \"id\" is missing");
  EXPECT_EQ(refused(R"({"id":"a"})"), "invalid : \"confirm\" is missing");
  EXPECT_EQ(refused(R"({"id":"a","confirm":"http://a/"})"), "invalid : \"cancel\" is missing");
  EXPECT_EQ(refused(R"({"id":"a","commit":"http://a/"})"), "invalid : \"rollback\" is missing");
  EXPECT_TRUE(refused(R"({"id":"a","commit":"http://a/","cancel":"http://a/"})")
                  .starts_with("invalid /cancel: is no field of a branch of two_phase"));
  EXPECT_TRUE(refused(R"({"id":"a","try":"http://a/","confirm":"http://a/","cancel":"http://a/"})")
                  .starts_with("invalid /try: unknown field \"try\"; a branch that is enlisted has id, confirm"));
  EXPECT_TRUE(
      refused(R"({"id":"00","confirm":"http://a/","cancel":"http://a/"})").starts_with("invalid /id: is \"00\""));
  EXPECT_TRUE(refused(R"({"id":"a","confirm":"ftp://a/"})").starts_with("invalid /confirm: is no URL"));
  EXPECT_TRUE(
      refused(R"({"id":"a","confirm":"http://a/","cancel":"http://a/","id":"b"})").starts_with("malformed /id"));
}

// ------------------------------------------------------------------------------------------------------- wrong use

// A branch of tcc and of two_phase, and a step with its undo.
std::string tcc(const std::string& fields) { return R"({"pattern":"tcc","branches":[)" + fields + "]}"; }
std::string two_phase(const std::string& fields) { return R"({"pattern":"two_phase","branches":[)" + fields + "]}"; }
std::string saga_with(const std::string& fields) { return R"({"pattern":"saga","steps":[)" + fields + "]}"; }
std::string message_with(const std::string& fields) { return R"({"pattern":"message","targets":[)" + fields + "]}"; }
std::string step(const std::string& id, const std::string& fields) {
  return R"({"id":")" + id + R"(","action":"http://a/")" + fields + "}";
}
std::string target(const std::string& id, const std::string& fields) {
  return R"({"id":")" + id + R"(","url":"http://a/")" + fields + "}";
}
constexpr const char* kUndo = R"(,"compensate":"http://u/")";

class WrongUse : public BadInput {};
TEST_P(WrongUse, IsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    Voting, WrongUse,
    testing::ValuesIn(std::vector<BadBody>{
        BadBody{R"({"pattern":"tcc"})", "invalid : \"branches\" is missing"},
        BadBody{R"({"pattern":"tcc","steps":[%S]})", "invalid /steps: is no field of a tcc"},
        BadBody{R"({"pattern":"two_phase","branches":[],"ordered":true})",
                "invalid /ordered: is no field of a two_phase"},
        BadBody{R"({"pattern":"tcc","branches":[],"concurrent":true})", "invalid /concurrent: is no field of a tcc"},
        BadBody{R"({"pattern":"tcc","branches":[],"recovery":"forward"})", "invalid /recovery: is no field of a tcc"},
        BadBody{R"({"pattern":"saga","steps":[%S],"branches":[]})", "invalid /branches: is no field of a saga"},
        BadBody{R"({"pattern":"message","targets":[%T],"branches":[]})", "invalid /branches: is no field of a message"},
        BadBody{tcc(R"({"confirm":"http://a/","cancel":"http://a/"})"), "invalid /branches/0: \"id\" is missing"},
        BadBody{tcc(R"({"id":"a","cancel":"http://a/"})"), "invalid /branches/0: \"confirm\" is missing"},
        BadBody{tcc(R"({"id":"a","confirm":"http://a/"})"), "invalid /branches/0: \"cancel\" is missing"},
        BadBody{two_phase(R"({"id":"a","rollback":"http://a/"})"), "invalid /branches/0: \"commit\" is missing"},
        BadBody{two_phase(R"({"id":"a","commit":"http://a/"})"), "invalid /branches/0: \"rollback\" is missing"},
        BadBody{tcc(R"({"id":"a","prepare":"http://a/","confirm":"http://a/","cancel":"http://a/"})"),
                "invalid /branches/0/prepare: is no field of a branch of tcc, which has try, confirm and cancel"},
        BadBody{tcc(R"({"id":"a","commit":"http://a/","rollback":"http://a/"})"),
                "invalid /branches/0/commit: is no field"},
        BadBody{
            two_phase(R"({"id":"a","try":"http://a/","commit":"http://a/","rollback":"http://a/"})"),
            "invalid /branches/0/try: is no field of a branch of two_phase, which has prepare, commit and rollback"},
        BadBody{tcc(R"({"id":"a","try":"http://a/","confirm":"http://a/","cancel":"http://a/"},
                       {"id":"b","confirm":"http://a/","cancel":"http://a/"})"),
                "invalid /branches/1: has no \"try\", but others have", "either the daemon calls all of them"},
        BadBody{two_phase(R"({"id":"a","commit":"http://a/","rollback":"http://a/"},
                       {"id":"b","prepare":"http://a/","commit":"http://a/","rollback":"http://a/"})"),
                "invalid /branches/0: has no \"prepare\", but others have"},
        BadBody{tcc(R"({"id":"a","confirm":"http://a/","cancel":"http://a/"},
                       {"id":"a","confirm":"http://a/","cancel":"http://a/"})"),
                "invalid /branches/1/id: \"a\" is the id of an earlier one"}}));
INSTANTIATE_TEST_SUITE_P(
    Saga, WrongUse,
    testing::ValuesIn(std::vector<BadBody>{
        BadBody{R"({"pattern":"saga","recovery":"forward","deadline_ms":500,"steps":[%S]})",
                "invalid /deadline_ms: a saga with forward recovery never turns back"},
        BadBody{saga_with(step("a", R"(,"pivot":true)") + "," + step("b", R"(,"pivot":true)")),
                "invalid /steps/1/pivot: \"a\" is the pivot already"},
        BadBody{saga_with(step("a", R"(,"pivot":true,"optional":true)")),
                "invalid /steps/0/optional: the pivot decides"},
        BadBody{R"({"pattern":"saga","concurrent":true,"steps":[%S,{"id":"b","action":"http://a/","pivot":true}]})",
                "invalid /steps: branch 's' runs beside the pivot"},
        BadBody{saga_with(step("a", std::string(kUndo) + R"(,"degrade":{"id":"d","url":"http://d/"})")),
                "invalid /steps/0/degrade: goes with \"optional\": true"},
        BadBody{saga_with(step("a", R"(,"optional":true,"degrade":{"id":"d","url":"http://d/"})")),
                "invalid /steps/0/degrade: needs a \"compensate\" of the step"},
        BadBody{saga_with(step("a", R"(,"degrade":{"url":"http://d/"})")),
                "invalid /steps/0/degrade: \"id\" is missing"},
        BadBody{saga_with(step("a", R"(,"degrade":{"id":"d"})")), "invalid /steps/0/degrade: \"url\" is missing"},
        BadBody{saga_with(step("a", std::string(kUndo) + R"(,"optional":true,"degrade":{"id":"a","url":"http://d/"})")),
                "invalid /steps/0/degrade/id: \"a\" is the id of an earlier one"}}));
INSTANTIATE_TEST_SUITE_P(
    Bind, WrongUse,
    testing::ValuesIn(std::vector<BadBody>{
        BadBody{saga_with("%S," + step("b", R"(,"bind":[{"step":"s","from":"/x"}])")),
                "invalid /steps/1/bind/0: \"into\" is missing"},
        BadBody{saga_with("%S," + step("b", R"(,"bind":[{"step":"s","into":"/x"}])")),
                "invalid /steps/1/bind/0: \"from\" is missing"},
        BadBody{saga_with("%S," + step("b", R"(,"bind":[{"from":"","into":"/x"}])")),
                "invalid /steps/1/bind/0: \"step\" is missing"},
        BadBody{saga_with(step("b", R"(,"bind":[{"from":"x"}])")), "invalid /steps/0/bind/0/from: is no JSON pointer"},
        BadBody{saga_with(step("b", R"(,"bind":[{"into":"/~2"}])")),
                "invalid /steps/0/bind/0/into: is no JSON pointer"},
        BadBody{saga_with(step("b", R"(,"bind":[{"into":"/)" + std::string(256, 'x') + "\"}]")),
                "invalid /steps/0/bind/0/into: has more than 256 bytes"},
        BadBody{saga_with("%S," + step("b", R"(,"bind":[{"step":"x","from":"","into":"/a"}])")),
                "invalid /steps/1/bind/0/step: \"x\" is the id of no step"},
        BadBody{saga_with("%S," + step("b", R"(,"bind":[{"step":"s","from":"","into":"/a"},
                                                        {"step":"s","from":"/b","into":"/a"}])")),
                "invalid /steps/1/bind/1/into: an earlier part goes to the same place"},
        BadBody{saga_with(step("a", R"(,"bind":[{"step":"b","from":"","into":"/a"}])") + "," + step("b", "")),
                "invalid /steps/0/bind/0/step: branch 'a' takes a result of 'b', which is not done before it"},
        BadBody{saga_with(step("a", R"(,"bind":[{"step":"a","from":"","into":"/a"}])")),
                "invalid /steps/0/bind/0/step: branch 'a' takes a result of 'a'"},
        BadBody{saga_with("%S," + step("b", R"(,"after":["s"],"bind":[{"step":"s","from":"","into":"/a"},
                                                                     {"step":"c","from":"","into":"/c"}])") +
                          "," + step("c", "")),
                "invalid /steps/1/bind/1/step: branch 'b' takes a result of 'c'"},
        BadBody{saga_with(step("o", R"(,"optional":true)") + "," +
                          step("b", R"(,"bind":[{"step":"o","from":"","into":"/a"}])")),
                "invalid /steps/1/bind/0/step: branch 'b' takes a result of 'o', which is optional"},
        BadBody{saga_with(step("a", R"(,"compensate_bind":[{"step":"a","from":"","into":"/a"}])")),
                "invalid /steps/0/compensate_bind: there is no \"compensate\""},
        BadBody{R"({"pattern":"saga","steps":[%S,{"id":"b","action":"http://a/","bind":[
                   {"step":"d","from":"","into":"/a"}]}],"on_commit":[{"id":"d","url":"http://d/"}]})",
                "invalid /steps/1/bind/0/step: \"d\" is the id of no step"},
        BadBody{R"({"pattern":"saga","steps":[%S,{"id":"b","action":"http://a/","after":["d"]}],
                   "on_commit":[{"id":"d","url":"http://d/"}]})",
                "invalid /steps/1/after/0: \"d\" is the id of no step"}}));
INSTANTIATE_TEST_SUITE_P(
    Message, WrongUse,
    testing::ValuesIn(std::vector<BadBody>{
        BadBody{message_with(target("a", R"(,"degrade":{"id":"d","url":"http://d/"})")),
                "invalid /targets/0/degrade: nothing leads to it"},
        BadBody{message_with(target("a", R"(,"degrade":{"url":"http://d/"})")),
                "invalid /targets/0/degrade: \"id\" is missing"},
        BadBody{message_with(target("a", kUndo)), "invalid /targets/0/compensate: nothing leads to it"},
        BadBody{R"({"pattern":"message","targets":[],"check":"http://a/"})", "invalid /targets: is empty"},
        BadBody{R"({"pattern":"saga","steps":[],"on_abort":[{"id":"d","url":"http://d/"}]})",
                "invalid /steps: is empty"}}));
INSTANTIATE_TEST_SUITE_P(
    FollowUps, WrongUse,
    testing::ValuesIn(std::vector<BadBody>{
        BadBody{R"({"pattern":"saga","steps":[%S],"on_commit":[{"url":"http://d/"}]})",
                "invalid /on_commit/0: \"id\" is missing"},
        BadBody{R"({"pattern":"saga","steps":[%S],"on_abort":[{"id":"d","url":"http://d/"},{"id":"e"}]})",
                "invalid /on_abort/1: \"url\" is missing"},
        BadBody{R"({"pattern":"saga","steps":[%S],"on_commit":[{"id":"s","url":"http://d/"}]})",
                "invalid /on_commit/0/id: \"s\" is the id of an earlier one"},
        BadBody{R"({"pattern":"tcc","branches":[],"on_commit":[{"id":"d","url":"http://d/"}],
                   "on_abort":[{"id":"d","url":"http://d/"}]})",
                "invalid /on_abort/0/id: \"d\" is the id of an earlier one"},
        BadBody{R"({"on_abort":[{"id":"d","url":"https://d/"}]})", "invalid /on_abort/0/url: is an https URL"}}));

}  // namespace
}  // namespace settle::api
