#include <regex>

#include "dtm/world.h"

// How the transactions of each type go, where no transcript says it: order, options, time-outs, topics.

namespace settle::dtm_test {
namespace {

using Types = World;

Json waiting(Json body) {
  body["wait_result"] = true;
  return body;
}

// ------------------------------------------------------------------------------------------------------------- saga

TEST_F(Types, ASagaIsRolledBackFromItsRefusedStepOn) {
  services.on("/b", say(409, R"({"dtm_result":"FAILURE"})"));
  EXPECT_EQ(dtm.post("submit", waiting(saga("s1", {"a", "b"}))).status, 409);
  EXPECT_EQ(dtm.rows("s1"), "compensate succeed, action succeed, compensate succeed, action failed");
  EXPECT_EQ(services.story(),
            "POST /a action 01, POST /b action 02, POST /b/undo compensate 02, POST /a/undo compensate 01");
  EXPECT_EQ(services.heard()[3].request.body, R"({"amount":30})") << "the payload of the step";
}

TEST_F(Types, ACallCarriesItsHeadersAndQuery) {
  Json body = saga("s1", {"a?x=1"});
  body["branch_headers"] = {{"test_header", "value"}};
  ASSERT_EQ(dtm.post("submit", waiting(body)).status, 200);
  const Heard heard = services.heard().front();
  EXPECT_EQ(heard.request.target, "/a?x=1&branch_id=01&gid=s1&op=action&trans_type=saga");
  EXPECT_EQ(heard.request.header("test_header"), "value");
  EXPECT_EQ(heard.request.header("content-type"), "application/json");
  EXPECT_FALSE(heard.request.has("settle-gid"));
}

TEST_F(Types, ASagaThatIsOngoingWhenItsTimeIsUpIsRolledBack) {
  services.on("/a", say(425, "ONGOING"));
  Json body = saga("s1", {"a", "b"});
  body["timeout_to_fail"] = 20;
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.status("s1"), "submitted");
  ASSERT_NE(dtm.hook("now-forward?seconds=20"), Json());
  EXPECT_EQ(dtm.cron_once(), "s1");
  EXPECT_EQ(dtm.status("s1"), "failed");
  EXPECT_EQ(dtm.rows("s1"), "compensate succeed, action prepared, compensate prepared, action prepared");
  EXPECT_TRUE(std::regex_match(dtm.reason("s1"), std::regex("^Timeout after \\d+ seconds$"))) << dtm.reason("s1");
}

TEST_F(Types, AConcurrentSagaKeepsItsOrders) {
  services.on("/a", say(409, "no"));
  Json body = saga("s1", {"a", "b"});
  body["custom_data"] = R"({"concurrent":true,"orders":{"1":[0]}})";
  EXPECT_EQ(dtm.post("submit", waiting(body)).status, 409);
  EXPECT_EQ(dtm.rows("s1"), "compensate succeed, action failed, compensate prepared, action prepared");
}

TEST_F(Types, AConcurrentSagaRecordsAStepThatSucceedsBesideAnOngoingOne) {
  services.on("/a", say(425, "ONGOING"));
  Json body = saga("s1", {"a", "b"});
  body["custom_data"] = R"({"concurrent":true})";
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.rows("s1"), "compensate prepared, action prepared, compensate prepared, action succeed");
}

TEST_F(Types, RetriesWithinTheLimitAreMadeInOnePass) {
  services.on("/a", in_turn({say(500, ""), say(425, ""), say(500, ""), say(200)}));
  Json body = saga("s1", {"a"});
  body["retry_limit"] = 3;
  EXPECT_EQ(dtm.post("submit", waiting(body)).status, 200);
  EXPECT_EQ(services.count("/a"), 4U);
}

TEST_F(Types, BeyondTheLimitASagaIsRolledBack) {
  services.on("/a", say(500, ""));
  Json body = saga("s1", {"a"});
  body["retry_limit"] = 3;
  const Reply told = dtm.post("submit", waiting(body));
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(message_of(told), "RetryCount is greater than RetryLimit, RetryLimit: 3 FAILURE");
  EXPECT_EQ(services.count("/a"), 4U);
  EXPECT_EQ(dtm.status("s1"), "failed");
}

TEST_F(Types, AnEmptyUrlIsDone) {
  Json body = saga("s1", {"a", "b"});
  body["steps"][0] = {{"action", ""}, {"compensate", ""}};
  body["payloads"][1] = "";
  services.on("/b", say(409, "no"));
  EXPECT_EQ(dtm.post("submit", waiting(body)).status, 409);
  EXPECT_EQ(dtm.rows("s1"), "compensate succeed, action succeed, compensate succeed, action failed");
  EXPECT_EQ(services.story(), "GET /b action 02, GET /b/undo compensate 02") << "without a payload it is a GET";
}

TEST_F(Types, ACompensationThatFailsIsAskedAgainInTheNextPass) {
  services.on("/a", say(409, "no"));
  services.on("/a/undo", in_turn({say(409, "not yet"), say(200)}));
  ASSERT_EQ(dtm.post("submit", saga("s1", {"a"})).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.status("s1"), "aborting");
  EXPECT_EQ(dtm.cron_once(), "s1");
  EXPECT_EQ(dtm.status("s1"), "failed");
}

TEST_F(Types, VeryOldClientsSendTheBodyBesideTheUrl) {
  Json body = saga("s1", {"a"});
  body.erase("payloads");
  body["steps"][0]["data"] = R"({"amount":7})";
  ASSERT_EQ(dtm.post("submit", waiting(body)).status, 200);
  EXPECT_EQ(services.heard().front().request.body, R"({"amount":7})");
}

TEST_F(Types, JsonRpcBranchesGetTheParametersInParams) {
  services.on("/rpc", say(200, R"({"jsonrpc":"2.0","result":{"dtm_result":"SUCCESS"},"error":null})"));
  Json body = saga("s1", {"rpc?method=TransOut"});
  body["protocol"] = "json-rpc";
  ASSERT_EQ(dtm.post("submit", waiting(body)).status, 200);
  const Json asked = Json::parse(services.heard().front().request.body);
  EXPECT_EQ(asked["method"], "TransOut");
  EXPECT_EQ(asked["params"],
            Json::parse(R"({"amount":30,"branch_id":"01","gid":"s1","op":"action","trans_type":"saga"})"));
  EXPECT_EQ(services.heard().front().request.target, "/rpc?method=TransOut");
}

// ---------------------------------------------------------------------------------------------------------- tcc, xa

TEST_F(Types, TccConfirmsFromTheLastBranchToTheFirst) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  for (const char* id : {"01", "02", "03"}) ASSERT_EQ(dtm.post("registerBranch", branch("tcc", "t1", id)).status, 200);
  EXPECT_EQ(dtm.post("submit", {{"gid", "t1"}, {"trans_type", "tcc"}, {"wait_result", true}}).status, 200);
  EXPECT_EQ(services.story(), "POST /03/confirm confirm 03, POST /02/confirm confirm 02, POST /01/confirm confirm 01");
  EXPECT_EQ(dtm.status("t1"), "succeed");
}

TEST_F(Types, AnAbortedTccCancels) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  ASSERT_EQ(dtm.post("registerBranch", branch("tcc", "t1", "01")).status, 200);
  const Json abort{{"gid", "t1"}, {"trans_type", "tcc"}, {"rollback_reason", "user"}};
  ASSERT_EQ(dtm.post("abort", abort).status, 200);
  EXPECT_EQ(dtm.processed(), "t1");
  EXPECT_EQ(dtm.rows("t1"), "cancel succeed, confirm prepared");
  EXPECT_EQ(dtm.reason("t1"), "user");
  const Reply late = dtm.post("registerBranch", branch("tcc", "t1", "02"));
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(message_of(late), "no trans with gid: t1 status: prepared found FAILURE");
}

TEST_F(Types, ATccThatIsTooOldIsCancelled) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  ASSERT_EQ(dtm.post("registerBranch", branch("tcc", "t1", "01")).status, 200);
  EXPECT_EQ(dtm.cron_once(), "t1");
  EXPECT_EQ(dtm.status("t1"), "prepared");
  ASSERT_NE(dtm.hook("now-forward?seconds=35"), Json());
  EXPECT_EQ(dtm.cron_once(), "t1");
  EXPECT_EQ(dtm.status("t1"), "failed");
  EXPECT_EQ(dtm.reason("t1"), "Timeout after 0 seconds") << "of the option, which was not given";
  const Reply late = dtm.post("abort", {{"gid", "t1"}, {"trans_type", "tcc"}});
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(dtm.processed(200), "t1");
  EXPECT_EQ(dtm.processed(200), "t1");
  EXPECT_EQ(dtm.processed(200), "") << "the late abort was no pass";
}

TEST_F(Types, XaCommitsFromTheFirstBranchToTheLast) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "x1"}, {"trans_type", "xa"}}).status, 200);
  for (const char* id : {"01", "02"}) ASSERT_EQ(dtm.post("registerXaBranch", branch("xa", "x1", id)).status, 200);
  EXPECT_EQ(dtm.post("submit", {{"gid", "x1"}, {"trans_type", "xa"}, {"wait_result", true}}).status, 200);
  EXPECT_EQ(services.story(), "POST /01 commit 01, POST /02 commit 02");
}

// ---------------------------------------------------------------------------------------------------------- message

TEST_F(Types, AMessageIsDeliveredInOrderAndStopsAtTheFirstThatFails) {
  services.on("/a", in_turn({say(409, "later"), say(200)}));
  ASSERT_EQ(dtm.post("submit", message("m1", {"a", "b"})).status, 200);
  EXPECT_EQ(dtm.processed(), "m1");
  EXPECT_EQ(services.story(), "POST /a action 01");
  EXPECT_EQ(dtm.cron_once(), "m1");
  EXPECT_EQ(dtm.status("m1"), "succeed");
  EXPECT_EQ(dtm.rows("m1"), "action succeed, action succeed");
}

TEST_F(Types, AConcurrentMessageCallsAllOfItsTargets) {
  services.on("/a", say(500, ""));
  Json body = message("m1", {"a", "b"});
  body["concurrent"] = true;
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "m1");
  EXPECT_EQ(dtm.rows("m1"), "action prepared, action succeed");
}

TEST_F(Types, ADroppedMessageIsNeverDelivered) {
  ASSERT_EQ(dtm.post("prepare", message("m1", {"a"})).status, 200);
  ASSERT_EQ(dtm.post("abort", {{"gid", "m1"}, {"trans_type", "msg"}}).status, 200);
  EXPECT_EQ(dtm.status("m1"), "failed");
  EXPECT_EQ(dtm.post("submit", message("m1", {"a"})).status, 409);
  EXPECT_EQ(dtm.processed(200), "") << "no pass";
  EXPECT_EQ(services.story(), "");
}

TEST_F(Types, ADelayedMessageWaits) {
  ASSERT_NE(dtm.hook("cron-forward?seconds=0"), Json());
  Json body = message("m1", {"a"});
  ASSERT_EQ(dtm.post("prepare", body).status, 200);
  body["custom_data"] = R"({"delay":10})";
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "m1") << "the pass ends at once";
  EXPECT_EQ(dtm.cron_once(), "") << "not due";
  EXPECT_EQ(services.story(), "");
  ASSERT_NE(dtm.hook("cron-forward?seconds=180"), Json());
  EXPECT_EQ(dtm.cron_once(), "m1");
  EXPECT_EQ(dtm.status("m1"), "succeed");
}

TEST_F(Types, ACheckBackThatSaysFailureDropsTheMessage) {
  services.on("/qp", in_turn({say(425, "ONGOING"), say(409, "FAILURE")}));
  Json body = message("m1", {"a"});
  body["query_prepared"] = services.url("/qp");
  ASSERT_EQ(dtm.post("prepare", body).status, 200);
  ASSERT_NE(dtm.hook("now-forward?seconds=35"), Json());
  EXPECT_EQ(dtm.cron_once(), "m1");
  EXPECT_EQ(dtm.status("m1"), "prepared");
  EXPECT_EQ(dtm.interval("m1"), 10);
  EXPECT_EQ(dtm.cron_once(), "m1");
  EXPECT_EQ(dtm.status("m1"), "failed");
}

TEST_F(Types, AMessageGoesToTheSubscribersOfItsTopic) {
  const auto subscribe = [&](const char* path) {
    return dtm.get("subscribe?topic=t1&url=" + services.url(path) + "&remark=r").status;
  };
  ASSERT_EQ(subscribe("/one"), 200);
  ASSERT_EQ(subscribe("/two"), 200);
  Json body = message("m1", {"a", "b"});
  body["steps"][0]["action"] = "topic://t1";
  ASSERT_EQ(dtm.post("submit", waiting(body)).status, 200);
  EXPECT_EQ(services.story(), "POST /one action 01-01, POST /two action 01-02, POST /b action 02");
}

}  // namespace
}  // namespace settle::dtm_test
