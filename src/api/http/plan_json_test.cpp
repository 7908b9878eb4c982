#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/http/limits.h"
#include "api/http/plan_json_testing.h"

namespace settle::api {
namespace {

TEST_F(PlanJson, SagaWithEveryField) {
  const Plan& plan = plan_of(R"({
    "gid": "order-1", "pattern": "saga", "wait_ms": 250, "wait_for": "decision", "deadline_ms": 60000,
    "labels": {"shop": "berlin", "note": "ü"}, "headers": {"X-Tenant": "7", "accept-language": "de"},
    "retry": {"base_ms": 100, "factor": 1.5, "cap_ms": 5000, "jitter": 0.25, "attempts": 9, "for_ms": 70000},
    "attempt_timeout_ms": 2000,
    "steps": [
      {"id": "stock", "action": "http://a/lock", "compensate": "http://a/unlock", "input": {"n": 1.50},
       "compensate_input": [1, 2]},
      {"id": "points", "action": "http:\/\/b\/add", "input": "text", "retry": {}, "attempt_timeout_ms": 100}]})");
  EXPECT_EQ(reader_.gid(), "order-1");
  EXPECT_EQ(reader_.wait().lasting, milliseconds{250});
  EXPECT_EQ(reader_.wait().until, engine::WaitFor::kDecision);
  EXPECT_EQ(plan.pattern, Pattern::kSaga);
  EXPECT_EQ(plan.order, Order::kList);
  EXPECT_EQ(plan.deadline, milliseconds{60'000});
  const std::vector<std::pair<std::string_view, std::string_view>> labels{{"shop", "berlin"}, {"note", "ü"}};
  EXPECT_EQ(plan.labels, labels);
  const std::vector<std::pair<std::string_view, std::string_view>> headers{{"X-Tenant", "7"},
                                                                           {"accept-language", "de"}};
  EXPECT_EQ(plan.headers, headers);
  ASSERT_EQ(plan.branches.size(), 2U);
  const BranchPlan& stock = plan.branches[0];
  EXPECT_EQ(stock.forward, "http://a/lock");
  EXPECT_EQ(stock.back, "http://a/unlock");
  EXPECT_EQ(stock.input, R"({"n": 1.50})") << "verbatim";
  EXPECT_TRUE(stock.has_back_input);
  EXPECT_EQ(stock.back_input, "[1, 2]");
  RetryPolicy policy;
  policy.base = milliseconds{100};
  policy.cap = milliseconds{5000};
  policy.factor_permille = 1500;
  policy.jitter_permille = 250;
  policy.attempts = 9;
  policy.lasting = milliseconds{70'000};
  EXPECT_EQ(stock.retry, policy);
  EXPECT_EQ(stock.attempt_timeout, milliseconds{2000});
  const BranchPlan& points = plan.branches[1];
  EXPECT_EQ(points.forward, "http://b/add");
  EXPECT_EQ(points.back, "");
  EXPECT_FALSE(points.has_back_input);
  EXPECT_EQ(points.input, "\"text\"") << "a string stays a JSON string";
  EXPECT_EQ(points.retry, RetryPolicy{}) << "a policy of its own replaces the transaction's as a whole";
  EXPECT_EQ(points.attempt_timeout, milliseconds{100});
}

TEST_F(PlanJson, MessageWithEveryField) {
  const Plan& plan = plan_of(R"({"targets":[{"id":"mail","url":"http://m/","input":null},{"id":"log","url":"http://l"}],
    "ordered":true,"delay_ms":0,"check":"http://shop/check","check_after_ms":100,"retry":{"base_ms":70000},
    "attempt_timeout_ms":700,"pattern":"message","deadline_ms":100})");
  EXPECT_EQ(reader_.gid(), "");
  EXPECT_EQ(plan.pattern, Pattern::kMessage);
  EXPECT_EQ(plan.order, Order::kList);
  EXPECT_TRUE(plan.two_step);
  EXPECT_EQ(plan.check, "http://shop/check");
  EXPECT_EQ(plan.check_after, milliseconds{100});
  EXPECT_EQ(plan.retry.base, milliseconds{70'000});
  EXPECT_EQ(plan.retry.cap, milliseconds{70'000}) << "the cap is never below the base";
  EXPECT_EQ(plan.attempt_timeout, milliseconds{700});
  EXPECT_EQ(plan.branches[0].input, "null") << "any JSON value is an input";
  EXPECT_EQ(plan.branches[1].input, "");
  EXPECT_EQ(plan.branches[1].retry.base, milliseconds{70'000});
}

TEST_F(PlanJson, DefaultsAreThoseOfTheContract) {
  const Plan& saga = plan_of(R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/"}]})");
  EXPECT_EQ(saga.branches[0].retry, RetryPolicy{});
  EXPECT_EQ(saga.branches[0].attempt_timeout, milliseconds{3000});
  EXPECT_EQ(saga.deadline, Duration{0});
  EXPECT_EQ(reader_.wait().lasting, Duration{0});
  EXPECT_EQ(reader_.wait().until, engine::WaitFor::kEnd);
  const Plan& message = plan_of(R"({"pattern":"message","targets":[{"id":"a","url":"http://a/"}]})");
  EXPECT_FALSE(message.two_step);
  EXPECT_EQ(message.order, Order::kConcurrent);
  EXPECT_EQ(message.check_after, milliseconds{5000});
}

TEST_F(PlanJson, OrderFollowsFromAfterAndConcurrent) {
  const auto order = [&](const std::string& a, const std::string& b, const std::string& more) {
    return plan_of(R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/")" + a +
                   R"(},{"id":"b","action":"http://a/")" + b + "}]" + more + "}")
        .order;
  };
  EXPECT_EQ(order("", "", ""), Order::kList);
  EXPECT_EQ(order("", "", R"(,"concurrent":false)"), Order::kList);
  EXPECT_EQ(order("", "", R"(,"concurrent":true)"), Order::kConcurrent);
  EXPECT_EQ(order("", R"(,"after":["a"])", ""), Order::kGraph);
  EXPECT_EQ(order(R"(,"after":["b"])", "", R"(,"concurrent":true)"), Order::kGraph) << "a later step may come first";
  EXPECT_EQ(order(R"(,"after":[])", R"(,"after":[])", ""), Order::kGraph);
}

TEST_F(PlanJson, GraphNamesBecomeIndices) {
  const Plan& plan = plan_of(R"({"pattern":"saga","steps":[
    {"id":"d","action":"http://a/","after":["b","c"]}, {"id":"b","action":"http://a/","after":["a"]},
    {"id":"c","action":"http://a/","after":["a"]}, {"id":"a","action":"http://a/"}]})");
  EXPECT_EQ(plan.branches[0].after, (std::vector<std::uint16_t>{1, 2}));
  EXPECT_EQ(plan.branches[1].after, (std::vector<std::uint16_t>{3}));
  EXPECT_TRUE(plan.branches[3].after.empty());
  EXPECT_EQ(OwnedPlan::encode(plan)->topological.front(), 3);
}

TEST_F(PlanJson, FAIL_M4_SamePlanMeansWhatWasUnderstood) {
  const auto digest = [&](const std::string& body) { return OwnedPlan::encode(plan_of(body)).digest(); };
  const PlanDigest first = digest(R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/","input":{"x":1}}]})");
  EXPECT_EQ(digest(R"( { "steps" : [ { "input":{"x":1}, "action":"http:\/\/a\/", "id":"\u0061" } ], "pattern":"saga",
                      "labels":{"k":"v"}, "wait_ms":5, "wait_for":"end", "gid":"g" } )"),
            first);
  EXPECT_NE(digest(R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/","input":{"x": 1}}]})"), first)
      << "inside an input every byte counts";
  EXPECT_NE(
      digest(R"({"pattern":"saga","deadline_ms":1000,"steps":[{"id":"a","action":"http://a/","input":{"x":1}}]})"),
      first);
}

TEST_F(PlanJson, APastInstantIsFineBecauseABeginMayBeRepeated) {
  EXPECT_EQ(plan_of(R"({"pattern":"message","at":"2020-01-01T00:00:00Z","targets":[{"id":"a","url":"http://a/"}]})")
                .deliver_at,
            instant_of(1'577'836'800'000'000));
}

TEST_F(PlanJson, TraceParentIsKeptOutsideTheDigest) {
  const std::string body = R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/"}]})";
  ASSERT_TRUE(reader_.read(body, "00-x", kNow));
  EXPECT_EQ(reader_.plan().trace_parent, "00-x");
}

TEST_F(PlanJson, AReaderForgetsTheLastBody) {
  (void)plan_of(R"({"gid":"g","pattern":"message","ordered":true,"check":"http://c/","labels":{"a":"b"},"wait_ms":9,
                    "headers":{"x-a":"b"},"deadline_ms":500,"targets":[{"id":"a","url":"http://a/","input":1}]})");
  EXPECT_FALSE(reader_.read("{\"x\":1}", {}, kNow));
  const Plan& plan = plan_of(R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/"}]})");
  EXPECT_EQ(reader_.gid(), "");
  EXPECT_TRUE(plan.labels.empty() && plan.headers.empty() && plan.check.empty() && !plan.two_step);
  EXPECT_EQ(plan.deadline, Duration{0});
  EXPECT_EQ(reader_.wait().lasting, Duration{0});
  EXPECT_EQ(plan.branches.size(), 1U);
  EXPECT_EQ(plan.branches[0].input, "");
}

// --------------------------------------------------------------------------------------------------------- bad input

class FAIL_M1_Malformed : public BadInput {};
TEST_P(FAIL_M1_Malformed, IsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    PlanJson, FAIL_M1_Malformed,
    testing::Values(
        BadBody{"", "malformed : at byte 0"}, BadBody{"{", "malformed : at byte 1"},
        BadBody{"{\"pattern\":\"saga\",\"steps\":[%S]", "malformed /steps: at byte 59: the text ends too early"},
        BadBody{"{\"pattern\":\"saga\",\"steps\":[%S]}}",
                "malformed : at byte 60: there is text behind the value; found '}'"},
        BadBody{"{\"pattern\":\"saga\",\"steps\":[%S,]}", "malformed /steps/1: at byte"},
        BadBody{"{\"gid\":\"a\",\"gid\":\"b\"}", "malformed /gid: at byte 11: the key \"gid\" stands twice"},
        BadBody{"{\"steps\":[{\"id\":\"a\",\"id\":\"b\"}]}", "malformed /steps/0/id: at byte"},
        BadBody{R"({"steps":[{"id":"a","input":{"x":1,"y":{"k":1,"\u006b":2}}}]})", "malformed /steps/0/input/y/",
                "the key \"k\" stands twice"},
        BadBody{"{\"gid\":\"\xff\"}", "malformed /gid: at byte 8: this is not UTF-8"},
        BadBody{"{\"gid\":\"\xc0\xaf\"}", "malformed /gid: at byte 8: this is not UTF-8"},
        BadBody{"{\"gid\":\"\xed\xa0\x80\"}", "malformed /gid: at byte 8: this is not UTF-8"},
        BadBody{R"({"labels":{"a":"\ud800"}})", "malformed /labels/a: at byte 16: a lone surrogate"},
        BadBody{R"({"steps":[{"input":{"a":["\udfff"]}}]})", "malformed /steps/0/input/a/0: at byte", "surrogate"},
        BadBody{"{\"steps\":[{\"input\":" + std::string(40, '[') + std::string(40, ']') + "}]}",
                "malformed /steps/0/input/0/0/0", "nested too deeply"},
        BadBody{"{\"steps\":" + std::string(200'000, '[') + "}", "malformed ", "nested too deeply"},
        BadBody{"{\"unknown\":1,\"gid\":tru}", "malformed /gid: at byte", "a value was expected"},
        BadBody{"{\"wait_ms\":01}", "malformed /wait_ms: at byte"},
        BadBody{"{\"wait_ms\":1.}", "malformed /wait_ms: at byte"},
        BadBody{"{\"wait_ms\":+1}", "malformed /wait_ms: at byte"},
        BadBody{"{\"wait_ms\":NaN}", "malformed /wait_ms: at byte"},
        BadBody{"{\"gid\":\"a\nb\"}", "malformed /gid: at byte 9: a control character"},
        BadBody{"\xef\xbb\xbf{}", "malformed : at byte 0: a byte order mark"}));

class FAIL_M9_Unknown : public BadInput {};
TEST_P(FAIL_M9_Unknown, IsRefusedByName) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    PlanJson, FAIL_M9_Unknown,
    testing::Values(
        BadBody{R"({"patern":"saga"})", "invalid /patern: unknown field \"patern\"; a transaction has gid, pattern"},
        BadBody{R"({"pattern":"saga","parent":"g","steps":[%S]})", "invalid /parent: unknown field"},
        BadBody{R"({"pattern":"tcc","parent":"g","branches":[]})", "invalid /parent: unknown field"},
        BadBody{R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/","piwot":true}]})",
                "invalid /steps/0/piwot: unknown field \"piwot\"; a step has id, action"},
        BadBody{R"({"steps":[{"on_refused":"park"}]})", "invalid /steps/0/on_refused: unknown field"},
        BadBody{R"({"steps":[{"bind":[{"stp":"a"}]}]})", "invalid /steps/0/bind/0/stp: unknown field",
                "a part to bind has step, from and into"},
        BadBody{R"({"steps":[{"degrade":{"compensate":"http://a/"}}]})",
                "invalid /steps/0/degrade/compensate: unknown field", "\"degrade\" has id, url, input and retry"},
        BadBody{R"({"on_commit":[{"attempt_timeout_ms":500}]})",
                "invalid /on_commit/0/attempt_timeout_ms: unknown field", "a follow-up has id, url"},
        BadBody{R"({"on_abort":[{"action":"http://a/"}]})", "invalid /on_abort/0/action: unknown field"},
        BadBody{R"({"branches":[{"action":"http://a/"}]})", "invalid /branches/0/action: unknown field",
                "a branch has id, try"},
        BadBody{R"({"pattern":"message","targets":[{"pivot":true}]})", "invalid /targets/0/pivot: unknown",
                "a target has id, url"},
        BadBody{R"({"pattern":"message","targets":[{"after":[]}]})", "invalid /targets/0/after: unknown"},
        BadBody{R"({"retry":{"max":3}})", "invalid /retry/max: unknown field \"max\"; \"retry\" has base_ms, factor"},
        BadBody{R"({"pattern":"xa","steps":[%S]})",
                "invalid /pattern: is \"xa\"; this version knows the patterns saga, message, tcc and two_phase"},
        BadBody{R"({"pattern":"Saga"})", "invalid /pattern: is \"Saga\""},
        BadBody{R"({"pattern":""})", "invalid /pattern"},
        BadBody{R"({"a/b~c":1})", "invalid /a~1b~0c: unknown field \"a/b~c\""},
        BadBody{"{\"\\u0000\\\"\":1}", "invalid /"},
        BadBody{"{\"" + std::string(5000, 'k') + "\":1}", "invalid /k", "…"}));

class FAIL_M9_WrongType : public BadInput {};
TEST_P(FAIL_M9_WrongType, IsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    PlanJson, FAIL_M9_WrongType,
    testing::Values(BadBody{"[]", "invalid : is an array; an object is expected"},
                    BadBody{"\"saga\"", "invalid : is a string; an object"},
                    BadBody{"null", "invalid : is null; an object is expected"}, BadBody{"7", "invalid : is a number"},
                    BadBody{"{}", "invalid : \"pattern\" is missing"},
                    BadBody{R"({"pattern":7})", "invalid /pattern: is a number; a string"},
                    BadBody{R"({"pattern":null})",
                            "invalid /pattern: is null; a string is expected, or leave the field out"},
                    BadBody{R"({"gid":5})", "invalid /gid: is a number"},
                    BadBody{R"({"steps":{}})", "invalid /steps: is an object; an array"},
                    BadBody{R"({"steps":[7]})", "invalid /steps/0: is a number; an object"},
                    BadBody{R"({"steps":[[]]})", "invalid /steps/0: is an array"},
                    BadBody{R"({"steps":[{"id":1}]})", "invalid /steps/0/id: is a number"},
                    BadBody{R"({"steps":[{"action":{}}]})", "invalid /steps/0/action: is an object"},
                    BadBody{R"({"steps":[{"after":"a"}]})", "invalid /steps/0/after: is a string; an array"},
                    BadBody{R"({"steps":[{"after":[1]}]})", "invalid /steps/0/after/0: is a number; a string"},
                    BadBody{R"({"concurrent":"yes"})", "invalid /concurrent: is a string; true or false is expected"},
                    BadBody{R"({"concurrent":1})", "invalid /concurrent: is a number"},
                    BadBody{R"({"ordered":null})", "invalid /ordered: is null"},
                    BadBody{R"({"recovery":true})", "invalid /recovery: is true or false; a string"},
                    BadBody{R"({"recovery":"sideways"})", "invalid /recovery: is \"sideways\"; \"backward\" or"},
                    BadBody{R"({"branches":{}})", "invalid /branches: is an object; an array"},
                    BadBody{R"({"branches":[7]})", "invalid /branches/0: is a number; an object"},
                    BadBody{R"({"branches":[{"try":7}]})", "invalid /branches/0/try: is a number; a string"},
                    BadBody{R"({"on_commit":{}})", "invalid /on_commit: is an object; an array"},
                    BadBody{R"({"on_abort":["http://a/"]})", "invalid /on_abort/0: is a string; an object"},
                    BadBody{R"({"steps":[{"pivot":1}]})", "invalid /steps/0/pivot: is a number; true or false"},
                    BadBody{R"({"steps":[{"optional":"yes"}]})", "invalid /steps/0/optional: is a string"},
                    BadBody{R"({"steps":[{"degrade":"http://a/"}]})", "invalid /steps/0/degrade: is a string"},
                    BadBody{R"({"steps":[{"bind":{}}]})", "invalid /steps/0/bind: is an object; an array"},
                    BadBody{R"({"steps":[{"bind":[{"step":1}]}]})", "invalid /steps/0/bind/0/step: is a number"},
                    BadBody{R"({"targets":[{"on_refused":null}]})", "invalid /targets/0/on_refused: is null; a string"},
                    BadBody{R"({"targets":[{"on_refused":"ignore"}]})",
                            "invalid /targets/0/on_refused: is \"ignore\"; \"park\", \"compensate\" or \"degrade\""},
                    BadBody{R"({"targets":[{"on_exhausted":"retry"}]})", "invalid /targets/0/on_exhausted: is"},
                    BadBody{R"({"retry":3})", "invalid /retry: is a number; an object"},
                    BadBody{R"({"headers":[]})", "invalid /headers: is an array"},
                    BadBody{R"({"headers":{"x-a":1}})", "invalid /headers/x-a: is a number; a string"},
                    BadBody{R"({"labels":{"a":true}})", "invalid /labels/a: is true or false; a string"},
                    BadBody{R"({"wait_for":"commit"})", "invalid /wait_for: is \"commit\"; \"end\" or \"decision\""},
                    BadBody{R"({"wait_ms":"5"})", "invalid /wait_ms: is a string; a number"},
                    BadBody{R"({"check":true})", "invalid /check: is true or false"},
                    BadBody{R"({"at":5})", "invalid /at: is a number"}));

class FAIL_M3_BadName : public BadInput {};
TEST_P(FAIL_M3_BadName, IsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    PlanJson, FAIL_M3_BadName,
    testing::Values(
        BadBody{R"({"gid":""})", "invalid /gid: is no gid"}, BadBody{R"({"gid":"a b"})", "invalid /gid: is no gid"},
        BadBody{R"({"gid":"a'; DROP TABLE x;--"})", "invalid /gid"}, BadBody{R"({"gid":"a\u0000b"})", "invalid /gid"},
        BadBody{R"({"gid":"a\r\nx: y"})", "invalid /gid"}, BadBody{R"({"gid":"é"})", "invalid /gid"},
        BadBody{R"({"gid":"a/b"})", "invalid /gid"},
        BadBody{"{\"gid\":\"" + std::string(129, 'g') + "\"}", "invalid /gid"},
        BadBody{"{\"gid\":\"" + std::string(1'000'000, 'g') + "\"}", "invalid /gid: is no gid"},
        BadBody{R"({"steps":[{"id":""}]})", "invalid /steps/0/id: is no branch id"},
        BadBody{R"({"steps":[{"id":"a:b"}]})", "invalid /steps/0/id"},
        BadBody{R"({"steps":[{"id":"00"}]})", "invalid /steps/0/id: is \"00\""},
        BadBody{"{\"steps\":[{\"id\":\"" + std::string(65, 'b') + "\"}]}", "invalid /steps/0/id"},
        BadBody{R"({"pattern":"saga","steps":[%S,%S]})", "invalid /steps/1/id: \"s\" is the id of an earlier one"},
        BadBody{R"({"pattern":"message","targets":[%T,{"id":"u","url":"http://a/"},%T]})",
                "invalid /targets/2/id: \"t\" is"},
        BadBody{R"({"steps":[{"action":""}]})", "invalid /steps/0/action: is no URL"},
        BadBody{R"({"steps":[{"action":"ftp://a/"}]})", "invalid /steps/0/action: is no URL"},
        BadBody{R"({"steps":[{"action":"/path"}]})", "invalid /steps/0/action: is no URL"},
        BadBody{R"({"steps":[{"action":"http://u:p@a/"}]})", "invalid /steps/0/action", "user names"},
        BadBody{R"({"steps":[{"action":"http://a/#x"}]})", "invalid /steps/0/action"},
        BadBody{R"({"steps":[{"action":"http://a/ b"}]})", "invalid /steps/0/action"},
        BadBody{R"({"steps":[{"action":"http://a/\r\nx:y"}]})", "invalid /steps/0/action"},
        BadBody{R"({"steps":[{"action":"http://a:0/"}]})", "invalid /steps/0/action", "port"},
        BadBody{R"({"steps":[{"action":"http://a:70000/"}]})", "invalid /steps/0/action", "port"},
        BadBody{R"({"steps":[{"action":"http://0x7f.1/"}]})", "invalid /steps/0/action"},
        BadBody{R"({"steps":[{"action":"https://a/"}]})",
                "invalid /steps/0/action: is an https URL; this version calls http://"},
        BadBody{R"({"steps":[{"action":"http://a/","compensate":"https://a/"}]})",
                "invalid /steps/0/compensate: is an https"},
        BadBody{R"({"targets":[{"url":"http://\u00e9/"}]})", "invalid /targets/0/url: is no URL"},
        BadBody{R"({"check":"nowhere"})", "invalid /check: is no URL"},
        BadBody{"{\"check\":\"http://a/" + std::string(2048, 'x') + "\"}", "invalid /check: is no URL", "2048"},
        BadBody{R"({"labels":{"":"x"}})", "invalid /labels/: a label's key"},
        BadBody{R"({"labels":{"a b":"x"}})", "invalid /labels/a b"},
        BadBody{"{\"labels\":{\"" + std::string(65, 'k') + "\":\"x\"}}", "invalid /labels/k"},
        BadBody{"{\"labels\":{\"a\":\"" + std::string(257, 'v') + "\"}}",
                "invalid /labels/a: a label has at most 256"}));

class FAIL_M5_FAIL_K7_BadNumber : public BadInput {};
TEST_P(FAIL_M5_FAIL_K7_BadNumber, IsRefusedWithItsRange) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    PlanJson, FAIL_M5_FAIL_K7_BadNumber,
    testing::Values(
        BadBody{R"({"deadline_ms":0})",
                "invalid /deadline_ms: is 0; a whole number from 100 to 34560000000 (400 days)"},
        BadBody{R"({"deadline_ms":-1})", "invalid /deadline_ms: is -1"},
        BadBody{R"({"deadline_ms":99})", "invalid /deadline_ms: is 99"},
        BadBody{R"({"deadline_ms":34560000001})", "invalid /deadline_ms"},
        BadBody{R"({"deadline_ms":1.5})", "invalid /deadline_ms: is 1.5"},
        BadBody{R"({"deadline_ms":1000.0})", "invalid /deadline_ms: is 1000.0"},
        BadBody{R"({"deadline_ms":1e3})", "invalid /deadline_ms: is 1e3"},
        BadBody{R"({"deadline_ms":1e400})", "invalid /deadline_ms: is 1e400"},
        BadBody{R"({"deadline_ms":9223372036854775807})", "invalid /deadline_ms"},
        BadBody{R"({"deadline_ms":9223372036854775808})", "invalid /deadline_ms"},
        BadBody{R"({"deadline_ms":18446744073709551716})", "invalid /deadline_ms"},
        BadBody{"{\"deadline_ms\":1" + std::string(1000, '0') + "}", "invalid /deadline_ms: is 1000", "…"},
        BadBody{R"({"wait_ms":-0})", "invalid /wait_ms: is -0"},
        BadBody{R"({"wait_ms":-5})", "invalid /wait_ms: is -5"},
        BadBody{R"({"wait_ms":0.5})", "invalid /wait_ms: is 0.5"},
        BadBody{R"({"attempt_timeout_ms":0})", "invalid /attempt_timeout_ms"},
        BadBody{R"({"attempt_timeout_ms":50})", "invalid /attempt_timeout_ms"},
        BadBody{R"({"steps":[{"attempt_timeout_ms":-3000}]})", "invalid /steps/0/attempt_timeout_ms: is -3000"},
        BadBody{R"({"check_after_ms":99})", "invalid /check_after_ms"},
        BadBody{R"({"delay_ms":-1})", "invalid /delay_ms"}, BadBody{R"({"delay_ms":34560000001})", "invalid /delay_ms"},
        BadBody{R"({"retry":{"base_ms":0}})", "invalid /retry/base_ms: is 0; a whole number from 10"},
        BadBody{R"({"retry":{"base_ms":-500}})", "invalid /retry/base_ms"},
        BadBody{R"({"retry":{"cap_ms":9}})", "invalid /retry/cap_ms"},
        BadBody{R"({"retry":{"base_ms":500,"cap_ms":400}})", "invalid /retry", "\"cap_ms\" is less than \"base_ms\""},
        BadBody{R"({"retry":{"factor":0.99}})", "invalid /retry/factor: is 0.99; a number from 1 to 100"},
        BadBody{R"({"retry":{"factor":101}})", "invalid /retry/factor"},
        BadBody{R"({"retry":{"factor":-2}})", "invalid /retry/factor"},
        BadBody{R"({"retry":{"factor":1e400}})", "invalid /retry/factor: is 1e400"},
        BadBody{R"({"retry":{"jitter":-0.1}})", "invalid /retry/jitter"},
        BadBody{R"({"retry":{"jitter":1.1}})", "invalid /retry/jitter: is 1.1; a number from 0 to 1"},
        BadBody{R"({"retry":{"attempts":0}})", "invalid /retry/attempts: is 0; a whole number from 1 to 1000000"},
        BadBody{R"({"retry":{"attempts":1000001}})", "invalid /retry/attempts"},
        BadBody{R"({"retry":{"attempts":4294967297}})", "invalid /retry/attempts"},
        BadBody{R"({"retry":{"attempts":2.5}})", "invalid /retry/attempts"},
        BadBody{R"({"retry":{"for_ms":99}})", "invalid /retry/for_ms"},
        BadBody{R"({"steps":[{"retry":{"for_ms":1e9}}]})", "invalid /steps/0/retry/for_ms: is 1e9"},
        BadBody{R"({"at":"tomorrow"})", "invalid /at: is \"tomorrow\"; an instant"},
        BadBody{R"({"at":"2026-01-02T03:04:05+01:00"})", "invalid /at"},
        BadBody{R"({"at":"1969-12-31T23:59:59Z"})", "invalid /at"},
        BadBody{R"({"at":"9999-12-31T23:59:59Z"})", "invalid /at: is more than 400 days from now"},
        BadBody{R"({"at":"2027-02-07T03:04:05Z"})", "invalid /at: is more than 400 days from now"},
        BadBody{R"({"at":"2026-02-30T00:00:00Z"})", "invalid /at"}));

class FAIL_M6_BadGraph : public BadInput {};
TEST_P(FAIL_M6_BadGraph, IsRefused) { expect_refused(GetParam()); }

std::string graph(const std::vector<std::pair<std::string, std::vector<std::string>>>& steps) {
  nlohmann::json body{{"pattern", "saga"}, {"steps", nlohmann::json::array()}};
  for (const auto& [id, after] : steps) {
    body["steps"].push_back({{"id", id}, {"action", "http://a/"}, {"after", after}});
  }
  return body.dump();
}

std::string ring(int size) {
  std::vector<std::pair<std::string, std::vector<std::string>>> steps;
  for (int i = 0; i < size; ++i) steps.push_back({"r" + std::to_string(i), {"r" + std::to_string((i + 1) % size)}});
  return graph(steps);
}

INSTANTIATE_TEST_SUITE_P(
    PlanJson, FAIL_M6_BadGraph,
    testing::Values(
        BadBody{graph({{"a", {"a"}}}), "invalid /steps: the graph of a saga has no cycles, but \"a\" waits for \"a\""},
        BadBody{graph({{"a", {"b"}}, {"b", {"a"}}}), "invalid /steps", "\"a\" waits for \"b\" waits for \"a\""},
        BadBody{graph({{"x", {}}, {"a", {"x", "c"}}, {"b", {"a"}}, {"c", {"b"}}, {"y", {"c"}}}), "invalid /steps",
                "\"a\" waits for \"c\" waits for \"b\" waits for \"a\""},
        BadBody{ring(200), "invalid /steps", "… which waits for"},
        BadBody{graph({{"a", {"b"}}}), "invalid /steps/0/after/0: \"b\" is the id of no step"},
        BadBody{graph({{"a", {}}, {"b", {"a", "a"}}}), "invalid /steps/1/after/1: \"a\" stands here twice"},
        BadBody{graph({{"a", {""}}}), "invalid /steps/0/after/0: \"\" is the id of no step"}));

class Nonsense : public BadInput {};
TEST_P(Nonsense, IsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    PlanJson, Nonsense,
    testing::Values(
        BadBody{R"({"pattern":"saga"})", "invalid : \"steps\" is missing"},
        BadBody{R"({"pattern":"message"})", "invalid : \"targets\" is missing"},
        BadBody{R"({"pattern":"saga","steps":[]})", "invalid /steps: is empty"},
        BadBody{R"({"pattern":"message","targets":[]})", "invalid /targets: is empty"},
        BadBody{R"({"pattern":"saga","targets":[%T]})", "invalid /targets: is no field of a saga"},
        BadBody{R"({"pattern":"saga","steps":[%S],"delay_ms":5})", "invalid /delay_ms: is no field of a saga"},
        BadBody{R"({"pattern":"saga","steps":[%S],"check":"http://a/"})", "invalid /check: is no field of a saga"},
        BadBody{R"({"pattern":"saga","steps":[%S],"ordered":false})", "invalid /ordered: is no field of a saga"},
        BadBody{R"({"pattern":"message","targets":[%T],"steps":[%S]})", "invalid /steps: is no field of a message"},
        BadBody{R"({"pattern":"message","targets":[%T],"concurrent":true})",
                "invalid /concurrent: is no field of a message"},
        BadBody{R"({"pattern":"message","targets":[%T],"check_after_ms":500})",
                "invalid /check_after_ms: there is no \"check\""},
        BadBody{R"({"pattern":"message","targets":[%T],"delay_ms":5,"at":"2026-01-02T03:04:05Z"})",
                "invalid /at: stands beside"},
        BadBody{R"({"pattern":"saga","steps":[{"action":"http://a/"}]})", "invalid /steps/0: \"id\" is missing"},
        BadBody{R"({"pattern":"saga","steps":[%S,{"id":"b"}]})", "invalid /steps/1: \"action\" is missing"},
        BadBody{R"({"pattern":"message","targets":[{"id":"b"}]})", "invalid /targets/0: \"url\" is missing"},
        BadBody{R"({"pattern":"saga","steps":[{"id":"a","action":"http://a/","compensate_input":1}]})",
                "invalid /steps/0/compensate_input: there is no \"compensate\""}));

class FAIL_M7_BadHeader : public BadInput {};
TEST_P(FAIL_M7_BadHeader, IsRefused) { expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(
    PlanJson, FAIL_M7_BadHeader,
    testing::Values(
        BadBody{R"({"headers":{"x-a":"1\r\nx-b: 2"}})", "invalid /headers/x-a: a header value is visible ASCII"},
        BadBody{R"({"headers":{"x-a":"1\n"}})", "invalid /headers/x-a"},
        BadBody{R"({"headers":{"x-a":"\u0000"}})", "invalid /headers/x-a"},
        BadBody{R"({"headers":{"x-a":"\u007f"}})", "invalid /headers/x-a"},
        BadBody{R"({"headers":{"x-a":"ü"}})", "invalid /headers/x-a"},
        BadBody{R"({"headers":{"x-a":" b"}})", "invalid /headers/x-a"},
        BadBody{R"({"headers":{"x-a":"b\t"}})", "invalid /headers/x-a"},
        BadBody{R"({"headers":{"x-a\r\nx-b":"1"}})", "invalid /headers/x-a", "a header name is made of"},
        BadBody{R"({"headers":{"x a":"1"}})", "invalid /headers/x a"},
        BadBody{R"({"headers":{"x-a:":"1"}})", "invalid /headers/x-a:"},
        BadBody{R"({"headers":{"":"1"}})", "invalid /headers/: a header name has 1 to 64"},
        BadBody{"{\"headers\":{\"x-" + std::string(63, 'a') + "\":\"1\"}}", "invalid /headers/x-a"},
        BadBody{R"({"headers":{"x-a":"1","X-A":"2"}})", "invalid /headers/X-A: this header stands twice"},
        BadBody{R"({"headers":{"Authorization":"Basic x"}})",
                "invalid /headers/Authorization: this header is not forwarded"},
        BadBody{R"({"headers":{"cookie":"a=b"}})", "invalid /headers/cookie: this header is not"},
        BadBody{R"({"headers":{"set-cookie":"a=b"}})", "invalid /headers/set-cookie: this"},
        BadBody{R"({"headers":{"host":"evil"}})", "invalid /headers/host: this"},
        BadBody{R"({"headers":{"content-length":"0"}})", "invalid /headers/content-length: this"},
        BadBody{R"({"headers":{"Content-Type":"text/plain"}})", "invalid /headers/Content-Type: this"},
        BadBody{R"({"headers":{"transfer-encoding":"chunked"}})", "invalid /headers/transfer-encoding: this"},
        BadBody{R"({"headers":{"connection":"close"}})", "invalid /headers/connection: this"},
        BadBody{R"({"headers":{"upgrade":"h2c"}})", "invalid /headers/upgrade: this"},
        BadBody{R"({"headers":{"te":"trailers"}})", "invalid /headers/te: this"},
        BadBody{R"({"headers":{"keep-alive":"1"}})", "invalid /headers/keep-alive: this"},
        BadBody{R"({"headers":{"proxy-authorization":"x"}})", "invalid /headers/proxy-authorization: this"},
        BadBody{R"({"headers":{"expect":"100-continue"}})", "invalid /headers/expect: this"},
        BadBody{R"({"headers":{"settle-gid":"other"}})", "invalid /headers/settle-gid: this"},
        BadBody{R"({"headers":{"Settle-Attempt":"1"}})", "invalid /headers/Settle-Attempt: this"},
        BadBody{R"({"headers":{"traceparent":"00"}})", "invalid /headers/traceparent: this"},
        BadBody{R"({"headers":{"x-forwarded-for":"1.2.3.4"}})", "invalid /headers/x-forwarded-for: this"},
        BadBody{R"({"headers":{"forwarded":"for=1"}})", "invalid /headers/forwarded: this"},
        BadBody{R"({"headers":{"X-Real-IP":"1.2.3.4"}})", "invalid /headers/X-Real-IP: this"},
        BadBody{R"({"headers":{"x-":"1"}})", "invalid /headers/x-: this"}));

// -------------------------------------------------------------------------------------------------------- sizes

std::string saga_of(int steps, const std::string& fields = {}) {
  std::string body = R"({"pattern":"saga","steps":[)";
  for (int i = 0; i < steps; ++i) {
    body += (i == 0 ? "" : ",") + (R"({"id":"s)" + std::to_string(i)) + R"(","action":"http://a/")" + fields + "}";
  }
  return body + "]}";
}

TEST_F(PlanJson, FAIL_M1_SizesUpToTheirLimitAreFine) {
  EXPECT_EQ(plan_of(saga_of(static_cast<int>(kBranchesMax))).branches.size(), kBranchesMax);
  const std::string input = "\"" + std::string(kPayloadBytesMax - 2, 'x') + "\"";
  EXPECT_EQ(plan_of(saga_of(3, ",\"input\":" + input)).branches[2].input, input);
  EXPECT_EQ(plan_of("{\"gid\":\"" + std::string(128, 'g') + "\"," + saga_of(1).substr(1)).branches.size(), 1U);
}

TEST_F(PlanJson, FAIL_M1_SizesOverTheirLimitAreRefused) {
  const auto refused = [&](const std::string& body) {
    EXPECT_FALSE(reader_.read(body, {}, kNow));
    return detail_of(reader_.refusal());
  };
  EXPECT_TRUE(refused(saga_of(257)).starts_with("too-many /steps: more than 256 steps"));
  EXPECT_TRUE(refused(saga_of(10'000)).starts_with("too-many /steps"));
  EXPECT_TRUE(refused(saga_of(1, ",\"input\":\"" + std::string(kPayloadBytesMax, 'x') + "\""))
                  .starts_with("too-large /steps/0/input: has 262146 bytes"));
  EXPECT_TRUE(refused(saga_of(1, ",\"compensate\":\"http://a/\",\"compensate_input\":[" +
                                     std::string(kPayloadBytesMax, ' ') + "]"))
                  .starts_with("too-large /steps/0/compensate_input"));
  EXPECT_TRUE(refused(saga_of(1) + std::string(kBodyBytesMax, ' ')).starts_with("too-large : the body has more than"));
  std::string more;
  for (int i = 0; i < 2; ++i)
    more += (i == 0 ? "{\"id\":\"f" : ",{\"id\":\"f") + std::to_string(i) + R"(","url":"http://f/"})";
  EXPECT_TRUE(refused(saga_of(255).substr(0, saga_of(255).size() - 1) + R"(,"on_commit":[)" + more + "]}")
                  .starts_with("too-many /on_commit: more than 256 branches, follow-ups included"));
  std::string parts;
  for (int i = 0; i < 65; ++i) {
    parts += (i == 0 ? "" : ",") + (R"({"step":"s0","from":"","into":"/)" + std::to_string(i)) + "\"}";
  }
  EXPECT_TRUE(refused(saga_of(2, ",\"bind\":[" + parts + "]")).starts_with("too-many /steps/0/bind: more than 64"));
  std::string labels;
  for (int i = 0; i < 21; ++i) labels += (i == 0 ? "\"l" : ",\"l") + std::to_string(i) + "\":\"\"";
  EXPECT_TRUE(refused("{\"labels\":{" + labels + "}}").starts_with("too-many /labels: more than 20 labels"));
  std::string headers;
  for (int i = 0; i < 21; ++i) headers += (i == 0 ? "\"x-" : ",\"x-") + std::to_string(i) + "\":\"\"";
  EXPECT_TRUE(refused("{\"headers\":{" + headers + "}}").starts_with("too-many /headers: more than 20 headers"));
  EXPECT_TRUE(refused("{\"headers\":{\"x-a\":\"" + std::string(9000, 'v') + "\"}}").starts_with("too-many /headers"));
}

TEST_F(PlanJson, FAIL_M6_EdgesAreBounded) {
  const auto dense = [](int steps, int most) {
    std::vector<std::pair<std::string, std::vector<std::string>>> graph_steps;
    int edges = 0;
    for (int i = 0; i < steps; ++i) {
      graph_steps.push_back({"s" + std::to_string(i), {}});
      for (int k = 0; k < i && edges < most; ++k, ++edges) graph_steps.back().second.push_back("s" + std::to_string(k));
    }
    return graph(graph_steps);
  };
  EXPECT_EQ(plan_of(dense(100, 4096)).order, Order::kGraph);
  EXPECT_FALSE(reader_.read(dense(100, 4097), {}, kNow));
  EXPECT_EQ(detail_of(reader_.refusal()), "too-many /steps: more than 4096 entries of \"after\" in all");
}

}  // namespace
}  // namespace settle::api
