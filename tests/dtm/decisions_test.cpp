#include <thread>

#include "dtm/world.h"

// Where DTM itself errs or leaves a choice: each row of the table of decisions that concerns this interface, by number.

namespace settle::dtm_test {
namespace {

using Decision = World;

Json waiting(Json body) {
  body["wait_result"] = true;
  return body;
}

TEST_F(Decision, Row1_ASecondSubmitConfirmsWhatIsOpen) {
  services.on("/01/confirm", in_turn({say(500, ""), say(200)}));
  const Json body{{"gid", "t1"}, {"trans_type", "tcc"}};
  ASSERT_EQ(dtm.post("prepare", body).status, 200);
  ASSERT_EQ(dtm.post("registerBranch", branch("tcc", "t1", "01")).status, 200);
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "t1");
  EXPECT_EQ(dtm.status("t1"), "submitted");
  EXPECT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "t1") << "processed once more";
  EXPECT_EQ(dtm.status("t1"), "succeed");
  EXPECT_EQ(services.count("/01/confirm"), 2U) << "and never without a confirm";
  EXPECT_EQ(dtm.post("submit", body).status, 409);
}

TEST_F(Decision, Row1_ASecondSubmitOfASagaRepeatsNoStepThatSucceeded) {
  services.on("/b", in_turn({say(500, ""), say(200)}));
  ASSERT_EQ(dtm.post("submit", saga("s1", {"a", "b"})).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.post("submit", waiting(saga("s1", {"a", "b"}))).status, 200);
  EXPECT_EQ(services.story(), "POST /a action 01, POST /b action 02, POST /b action 02");
}

TEST_F(Decision, Row2_WordsInABodyCount) {
  services.on("/a", say(200, "no FAILURE found"));
  EXPECT_EQ(dtm.post("submit", waiting(saga("s1", {"a"}))).status, 409);
  EXPECT_EQ(dtm.status("s1"), "failed");
}

TEST_F(Decision, Row3_Any2xxIsSuccess) {
  services.on("/a", say(201, ""));
  services.on("/b", say(204, ""));
  EXPECT_EQ(dtm.post("submit", waiting(saga("s1", {"a", "b"}))).status, 200);
}

TEST_F(Decision, Row7_AnEmptyGidIsRefused) {
  EXPECT_EQ(dtm.post("prepare", {{"gid", ""}, {"trans_type", "tcc"}}).status, 500);
  EXPECT_EQ(dtm.post("submit", {{"trans_type", "saga"}}).status, 500);
}

TEST_F(Decision, Row9_LongFieldsAreKept) {
  Json body = saga("s1", {"a"});
  const std::string longest(20'000, 'x');
  body["custom_data"] = longest;
  services.on("/a", say(409, longest));
  EXPECT_EQ(dtm.post("submit", waiting(body)).status, 409);
  EXPECT_EQ(dtm.transaction("s1")["custom_data"], longest);
  EXPECT_GT(dtm.reason("s1").size(), longest.size());
}

TEST_F(Decision, Row10_ThreeBranchesThatFailTogetherDoubleOnce) {
  for (const char* path : {"/a", "/b", "/c"}) services.on(path, say(500, ""));
  Json body = saga("s1", {"a", "b", "c"});
  body["custom_data"] = R"({"concurrent":true})";
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.interval("s1"), 20);
}

TEST_F(Decision, Row11_ASagaGoesOnUntilItIsBlocked) {
  for (const char* path : {"/a", "/b", "/c"}) {
    services.on(path, [](const Heard&) {
      std::this_thread::sleep_for(live::seconds{2});  // the service works: three of them exceed DTM's budget of a pass
      return Said{200, "", {}, Said::How::kAnswer};
    });
  }
  EXPECT_EQ(dtm.post("submit", waiting(saga("s1", {"a", "b", "c"}))).status, 200);
  EXPECT_EQ(dtm.status("s1"), "succeed");
}

TEST_F(Decision, Row13_ADeletedTopicIsGoneAndANewOneHasItsOwnSubscribers) {
  ASSERT_EQ(dtm.get("subscribe?topic=t&url=" + services.url("/old")).status, 200);
  ASSERT_EQ(dtm.del("topic/t").status, 200);
  Json body = message("m1", {"a"});
  body["steps"][0]["action"] = "topic://t";
  EXPECT_EQ(message_of(dtm.post("submit", body)), "topic not found");
  ASSERT_EQ(dtm.get("subscribe?topic=t&url=" + services.url("/new")).status, 200);
  EXPECT_EQ(dtm.post("submit", waiting(body)).status, 200);
  EXPECT_EQ(services.story(), "POST /new action 01");
}

TEST_F(Decision, Row13_ManyTopicsAreAllFound) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(dtm.get("subscribe?topic=t" + std::to_string(i) + "&url=" + services.url("/x")).status, 200);
  }
  Json body = message("m1", {"a"});
  body["steps"][0]["action"] = "topic://t29";
  EXPECT_EQ(dtm.post("submit", waiting(body)).status, 200);
}

TEST_F(Decision, Row14_AGidWithAQuoteMeansItselfAlone) {
  services.on("/a", say(500, ""));
  ASSERT_NE(dtm.hook("cron-forward?seconds=0"), Json());
  ASSERT_EQ(dtm.post("submit", saga("s1", {"a"})).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.post("resetNextCronTime", {{"gid", "' or '1'='1"}}).status, 500);
  EXPECT_EQ(dtm.cron_once(), "");
}

TEST_F(Decision, Row16_ATccThatWasNeverPreparedSucceedsAtOnce) {
  EXPECT_EQ(dtm.post("submit", waiting({{"gid", "t1"}, {"trans_type", "tcc"}})).status, 200);
  EXPECT_EQ(dtm.status("t1"), "succeed");
  EXPECT_EQ(dtm.processed(), "t1");
}

TEST_F(Decision, Row18_ARegistrationOfWrongTypesIs400InJson) {
  const Reply told = dtm.raw("registerBranch", R"({"gid":"t1","trans_type":"tcc","branch_id":1})");
  EXPECT_EQ(told.status, 400);
  EXPECT_EQ(message_of(told), "branch_id: a string is expected");
}

TEST_F(Decision, Row19_ANumericIdIsEchoed) {
  const Reply told = dtm.rpc({{"jsonrpc", "2.0"}, {"id", 7}, {"method", "newGid"}, {"params", ""}});
  EXPECT_EQ(told.body["id"], 7);
  EXPECT_EQ(told.body["error"], Json());
}

TEST_F(Decision, Row20_TheOrderOfRowsIsKept) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  for (const char* id : {"10", "02"}) ASSERT_EQ(dtm.post("registerBranch", branch("tcc", "t1", id)).status, 200);
  const Json rows = dtm.query("t1")["branches"];
  ASSERT_EQ(rows.size(), 4U);
  const char* const expected[] = {"10 cancel", "10 confirm", "02 cancel", "02 confirm"};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(rows[i].value("branch_id", "") + " " + rows[i].value("op", ""), expected[i]);
  }
}

TEST_F(Decision, GidsThatBeginAlikeAreStrangers) {
  for (const char* gid : {"order1", "order10"}) {
    ASSERT_EQ(dtm.post("prepare", {{"gid", gid}, {"trans_type", "tcc"}}).status, 200);
    ASSERT_EQ(dtm.post("registerBranch", branch("tcc", gid, "01")).status, 200);
  }
  EXPECT_EQ(dtm.post("submit", waiting({{"gid", "order1"}, {"trans_type", "tcc"}})).status, 200);
  EXPECT_EQ(dtm.status("order10"), "prepared");
  EXPECT_EQ(services.count("/01/confirm"), 1U);
}

TEST_F(Decision, AMessageWithoutACheckBackIsNotDecidedByTime) {
  ASSERT_EQ(dtm.post("prepare", message("m1", {"a"})).status, 200);
  ASSERT_NE(dtm.hook("now-forward?seconds=100"), Json());
  EXPECT_EQ(dtm.cron_once(), "m1");
  EXPECT_EQ(dtm.status("m1"), "prepared");
  EXPECT_EQ(dtm.post("submit", waiting(message("m1", {"a"}))).status, 200);
}

}  // namespace
}  // namespace settle::dtm_test
