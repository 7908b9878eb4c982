#include <set>

#include "dtm/world.h"

// Endpoints, texts and codes of DTM's HTTP and JSON-RPC interface.

namespace settle::dtm_test {
namespace {

using Verbs = World;

TEST_F(Verbs, PingAndVersion) {
  EXPECT_EQ(dtm.get("version").body, Json::parse(R"({"version":"v1.19.0"})"));
  EXPECT_EQ(dtm.ping(), Json::parse(R"({"msg":"pong"})"));
}

TEST_F(Verbs, NewGidMakesNamesThatNobodyHas) {
  std::set<std::string> gids;
  for (int i = 0; i < 100; ++i) {
    const Reply told = dtm.get("newGid");
    EXPECT_EQ(result_of(told), "SUCCESS");
    EXPECT_EQ(told.text("/gid").size(), 22U);
    gids.insert(told.text("/gid"));
  }
  EXPECT_EQ(gids.size(), 100U);
}

TEST_F(Verbs, AQueryOfWhatIsNotThere) {
  const Reply unknown = dtm.get("query?gid=nobody");
  EXPECT_EQ(unknown.status, 200);
  EXPECT_EQ(unknown.body, Json::parse(R"({"branches":[],"transaction":null})"));
  EXPECT_EQ(dtm.get("query").status, 500);
  EXPECT_EQ(message_of(dtm.get("query")), "no gid specified");
}

TEST_F(Verbs, UnknownPlacesAre404) {
  EXPECT_EQ(dtm.get("nothing").status, 404);
  EXPECT_EQ(dtm.get("submit").status, 404) << "another method";
  EXPECT_EQ(dtm.post("newGid", Json::object()).status, 404);
}

TEST_F(Verbs, ATransactionIsShownWithWhatItsClientGave) {
  Json body = saga("s1", {"a"});
  body["request_timeout"] = 7;
  body["retry_interval"] = 20;
  body["custom_data"] = R"({"concurrent":true})";
  services.on("/a", say(500, ""));
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  const Json shown = dtm.transaction("s1");
  EXPECT_EQ(shown["gid"], "s1");
  EXPECT_EQ(shown["trans_type"], "saga");
  EXPECT_EQ(shown["protocol"], "http");
  EXPECT_EQ(shown["custom_data"], body["custom_data"]);
  EXPECT_EQ(Json::parse(shown["options"].get<std::string>()),
            Json::parse(R"({"concurrent":false,"request_timeout":7,"retry_interval":20})"));
  EXPECT_EQ(shown["next_cron_interval"], 40);
  EXPECT_EQ(shown["steps"], body["steps"]);
  EXPECT_EQ(shown["payloads"], body["payloads"]);
  EXPECT_EQ(shown["concurrent"], false);
  EXPECT_EQ(dtm.query("s1")["branches"][0]["bin_data"], "eyJhbW91bnQiOjMwfQ==");
}

TEST_F(Verbs, KeysAreReadWhateverTheirCaseNullsAreAbsent) {
  const Reply told = dtm.post("submit", Json::parse(R"({"GID":"s1","Trans_Type":"saga","steps":null,"payloads":null,
      "custom_data":null,"branch_headers":[],"passthrough_headers":[],"subType":"x","wait_result":true})"));
  EXPECT_EQ(told.status, 200) << told.body;
  EXPECT_EQ(dtm.status("s1"), "succeed");
}

TEST_F(Verbs, OfTwoEqualKeysTheLastOneCounts) {
  EXPECT_EQ(dtm.raw("prepare", R"({"gid":"t0","gid":"t2","trans_type":"saga","trans_type":"tcc"})").status, 200);
  EXPECT_EQ(dtm.status("t2"), "prepared");
  EXPECT_EQ(dtm.status("t0"), "");
}

TEST_F(Verbs, WrongTypesAre500WithAClearMessage) {
  EXPECT_EQ(dtm.raw("submit", "{").status, 500);
  EXPECT_EQ(message_of(dtm.raw("submit", R"({"gid":1,"trans_type":"saga"})")), "gid: a string is expected");
  EXPECT_EQ(message_of(dtm.raw("submit", R"({"gid":"a","trans_type":"saga","steps":[{"action":"x"}]})")),
            "payloads: fewer than steps");
  EXPECT_EQ(message_of(dtm.raw("submit", R"({"gid":"a","trans_type":"banana"})")), "unknow trans type: banana");
}

TEST_F(Verbs, AGidIsStrippedOfLineEndsAndSemicolons) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t;1\r\n"}, {"trans_type", "tcc"}}).status, 200);
  EXPECT_EQ(dtm.status("t1"), "prepared");
}

TEST_F(Verbs, PrepareIsRepeatableAndNotLater) {
  const Json body{{"gid", "t1"}, {"trans_type", "tcc"}};
  EXPECT_EQ(dtm.post("prepare", body).status, 200);
  EXPECT_EQ(dtm.post("prepare", body).status, 200);
  EXPECT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "xa"}}).status, 200) << "nothing is changed";
  EXPECT_EQ(dtm.transaction("t1")["trans_type"], "tcc");
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  const Reply late = dtm.post("prepare", body);
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(message_of(late), "current status 'succeed', cannot prepare. FAILURE");
}

TEST_F(Verbs, AbortsThatAreRefused) {
  EXPECT_EQ(message_of(dtm.post("abort", {{"gid", "nobody"}, {"trans_type", "tcc"}})),
            "no TransGlobal with gid: nobody found");
  EXPECT_EQ(dtm.post("abort", {{"gid", "nobody"}, {"trans_type", "tcc"}}).status, 500);
  services.on("/a", say(500, ""));
  ASSERT_EQ(dtm.post("submit", saga("s1", {"a"})).status, 200);
  const Reply told = dtm.post("abort", {{"gid", "s1"}, {"trans_type", "saga"}});
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(message_of(told), "trans type: 'saga' current status 'submitted', cannot abort. FAILURE");
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  EXPECT_EQ(dtm.post("abort", {{"gid", "t1"}, {"trans_type", "msg"}}).status, 409) << "the type of the request counts";
  EXPECT_EQ(dtm.status("t1"), "prepared");
}

TEST_F(Verbs, RegistrationsThatAreRefused) {
  const Reply unknown = dtm.post("registerBranch", branch("tcc", "nobody", "01"));
  EXPECT_EQ(unknown.status, 409);
  EXPECT_EQ(message_of(unknown), "no trans with gid: nobody status: prepared found FAILURE");
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  ASSERT_EQ(dtm.post("registerTccBranch", branch("tcc", "t1", "10")).status, 200);
  const Reply twice = dtm.post("registerTccBranch", branch("tcc", "t1", "10"));
  EXPECT_EQ(twice.status, 500);
  EXPECT_EQ(message_of(twice), "storage: UniqueKeyConflict");
  const Reply type = dtm.post("registerBranch", branch("saga", "t1", "01"));
  EXPECT_EQ(type.status, 500);
  EXPECT_EQ(message_of(type), "unknow trans type: saga");
}

TEST_F(Verbs, ForceStopIsFailedForDtmAndAHazardForV1) {
  services.on("/a", say(500, ""));
  ASSERT_EQ(dtm.post("submit", saga("s1", {"a"})).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.post("forceStop", {{"gid", "s1"}}).status, 200);
  EXPECT_EQ(dtm.status("s1"), "failed");
  const Reply again = dtm.post("forceStop", {{"gid", "s1"}});
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(message_of(again), "global transaction force stop error. status: failed. error: FAILURE");
  EXPECT_EQ(message_of(dtm.post("submit", saga("s1", {"a"}))), "current status 'failed', cannot sumbmit. FAILURE");
  EXPECT_EQ(dtm.cron_once(), "") << "no call leaves any more";
  const Json native = dtm.native("s1");
  EXPECT_EQ(native["outcome"], "running");
  EXPECT_EQ(native["decision"], "none");
  EXPECT_EQ(native["heuristic"], "hazard");
  EXPECT_EQ(message_of(dtm.post("forceStop", {{"gid", "nobody"}})), "no TransGlobal with gid: nobody found");
}

TEST_F(Verbs, AllIsPagedAndFiltered) {
  for (const char* gid : {"t1", "t2", "t3"}) {
    ASSERT_EQ(dtm.post("prepare", {{"gid", gid}, {"trans_type", "tcc"}}).status, 200);
  }
  ASSERT_EQ(dtm.post("submit", {{"gid", "x1"}, {"trans_type", "xa"}, {"wait_result", true}}).status, 200);
  const Reply first = dtm.get("all?limit=1");
  EXPECT_EQ(first.body["transactions"].size(), 1U);
  const std::string position = first.text("/next_position");
  EXPECT_NE(position, "");
  const Reply second = dtm.get("all?limit=1&position=" + position);
  EXPECT_NE(second.text("/next_position"), "");
  EXPECT_NE(second.text("/next_position"), position);
  const Reply rest = dtm.get("all?limit=1000&position=" + second.text("/next_position"));
  EXPECT_EQ(rest.text("/next_position"), "");
  EXPECT_EQ(rest.body["transactions"].size(), 2U);
  EXPECT_EQ(dtm.get("all?transType=tcc").body["transactions"].size(), 3U);
  EXPECT_EQ(dtm.get("all?status=succeed").body["transactions"][0]["gid"], "x1");
  EXPECT_EQ(dtm.get("all?status=aborting").body["transactions"], Json::array());
  EXPECT_EQ(dtm.get("all?gid=t2").body["transactions"][0]["gid"], "t2");
  EXPECT_EQ(dtm.get("all?gid=nobody").body["transactions"], Json());
  EXPECT_EQ(dtm.get("all?createTimeEnd=1000").body["transactions"], Json::array());
}

TEST_F(Verbs, TopicsAndTheirEntries) {
  const auto change = [&](const std::string& what) { return message_of(dtm.get(what)); };
  EXPECT_EQ(change("subscribe?topic=&url=u"), "empty topic");
  EXPECT_EQ(change("subscribe?topic=t&url="), "empty url");
  EXPECT_EQ(change("subscribe?topic=t&url=u&remark=r+1"), "");
  EXPECT_EQ(change("subscribe?topic=t&url=u"), "this url exists");
  EXPECT_EQ(change("unsubscribe?topic=x&url=u"), "no such a topic");
  EXPECT_EQ(change("unsubscribe?topic=t&url=v"), "no such an url ");
  const Json entry = dtm.get("queryKV?cat=topics&key=t").body["kv"][0];
  EXPECT_EQ(entry["v"], R"([{"url":"u","remark":"r 1"}])");
  EXPECT_EQ(entry["version"], 1);
  EXPECT_EQ(entry["cat"], "topics");
  EXPECT_EQ(change("unsubscribe?topic=t&url=u"), "");
  EXPECT_EQ(change("unsubscribe?topic=t&url=u"), "this topic is empty");
  EXPECT_EQ(dtm.get("queryKV?cat=topics&key=t").body["kv"][0]["version"], 2);
  EXPECT_EQ(dtm.get("scanKV?cat=topics").body["kv"].size(), 1U);
  EXPECT_EQ(dtm.get("queryKV?cat=topics&key=x").body, Json::parse(R"({"kv":[]})"));
  EXPECT_EQ(dtm.del("topic/t").status, 200);
  EXPECT_EQ(message_of(dtm.del("topic/t")), "storage: NotFound");
}

TEST_F(Verbs, AnUnknownOrEmptyTopicIsAnError) {
  Json body = message("m1", {"a"});
  body["steps"][0]["action"] = "topic://nobody";
  EXPECT_EQ(message_of(dtm.post("submit", body)), "topic not found");
  EXPECT_EQ(dtm.status("m1"), "");
}

TEST_F(Verbs, ResetNextCronTimeMakesTheNextPassDue) {
  services.on("/a", in_turn({say(500, ""), say(200)}));
  ASSERT_NE(dtm.hook("cron-forward?seconds=0"), Json());
  ASSERT_EQ(dtm.post("submit", saga("s1", {"a"})).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.cron_once(), "") << "due in 20 s";
  ASSERT_EQ(dtm.post("resetNextCronTime", {{"gid", "s1"}}).status, 200);
  EXPECT_EQ(dtm.cron_once(), "s1");
  EXPECT_EQ(dtm.status("s1"), "succeed");
  EXPECT_EQ(dtm.post("resetNextCronTime", {{"gid", "s1"}}).status, 200) << "also of a finished one";
  EXPECT_EQ(message_of(dtm.post("resetNextCronTime", {{"gid", "it's"}})), "no TransGlobal with gid: it's found");
}

TEST_F(Verbs, ResetCronTimeMakesThoseDueThatWaitLong) {
  services.on("/a", say(500, ""));
  for (const char* gid : {"s1", "s2", "s3"}) {
    Json body = saga(gid, {"a"});
    body["retry_interval"] = 1000;
    ASSERT_EQ(dtm.post("submit", body).status, 200);
    EXPECT_EQ(dtm.processed(), gid);
  }
  EXPECT_EQ(dtm.get("resetCronTime?timeout=5000").body, Json::parse(R"({"has_remaining":false,"succeed_count":0})"));
  EXPECT_EQ(dtm.get("resetCronTime?limit=2").body, Json::parse(R"({"has_remaining":true,"succeed_count":2})"));
  EXPECT_EQ(dtm.get("resetCronTime").body, Json::parse(R"({"has_remaining":false,"succeed_count":1})"));
}

// --------------------------------------------------------------------------------------------------------- JSON-RPC

Json call(const std::string& method, const Json& params) {
  return {{"jsonrpc", "2.0"}, {"id", "no-use"}, {"method", method}, {"params", params}};
}

TEST_F(Verbs, JsonRpcDoesWhatHttpDoes) {
  const Reply gid = dtm.rpc(call("newGid", ""));
  EXPECT_EQ(gid.status, 200);
  EXPECT_EQ(gid.body["error"], Json());
  EXPECT_EQ(gid.body["id"], "no-use");
  EXPECT_EQ(gid.text("/result/gid").size(), 22U);
  EXPECT_FALSE(gid.body["result"].contains("dtm_result"));
  EXPECT_EQ(dtm.rpc(call("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}})).body["error"], Json());
  EXPECT_EQ(dtm.rpc(call("registerBranch", branch("tcc", "t1", "01"))).body["error"], Json());
  const Reply told = dtm.rpc(call("submit", {{"gid", "t1"}, {"trans_type", "tcc"}, {"wait_result", true}}));
  EXPECT_EQ(told.body["error"], Json());
  EXPECT_EQ(dtm.status("t1"), "succeed");
}

TEST_F(Verbs, JsonRpcErrors) {
  const auto code = [&](const Reply& reply) { return reply.body["error"].value("code", 0); };
  const Reply parse = dtm.raw_rpc("{");
  EXPECT_EQ(parse.status, 400);
  EXPECT_EQ(code(parse), -32700);
  EXPECT_TRUE(parse.text("/error/message").starts_with("Parse json error: "));
  Json bad = call("nothing", "");
  EXPECT_EQ(code(dtm.rpc(bad)), -32601);
  EXPECT_EQ(dtm.rpc(bad).text("/error/message"), "Method not found: nothing");
  bad["id"] = "";
  EXPECT_EQ(code(dtm.rpc(bad)), -32600) << "before the method";
  EXPECT_EQ(code(dtm.rpc(call("abort", {{"gid", "nobody"}, {"trans_type", "tcc"}}))), -32603);
  services.on("/a", say(409, "no"));
  Json body = saga("s1", {"a"});
  body["wait_result"] = true;
  const Reply failed = dtm.rpc(call("submit", body));
  EXPECT_EQ(code(failed), -32901);
  EXPECT_EQ(failed.body["result"], Json::object());
  EXPECT_EQ(failed.text("/error/message"), "url:" + services.url("/a") + " return failed: no FAILURE");
}

}  // namespace
}  // namespace settle::dtm_test
