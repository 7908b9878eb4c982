#include "dtm/world.h"

// What DTM itself has answered, request by request.

namespace settle::dtm_test {
namespace {

class Transcript : public World {
 protected:
  Json waiting(Json body) const {
    body["wait_result"] = true;
    return body;
  }
};

constexpr const char* kSuccess = R"({"dtm_result":"SUCCESS"})";
constexpr const char* kStillRunning = "wait result not return success: FAILURE";

TEST_F(Transcript, ASagaWhoseStepsAreAllFine) {
  const Reply told = dtm.post("submit", waiting(saga("s1", {"a", "b"})));
  EXPECT_EQ(told.status, 200);
  EXPECT_EQ(told.body, Json::parse(kSuccess));
  EXPECT_EQ(dtm.status("s1"), "succeed");
  EXPECT_EQ(dtm.rows("s1"), "compensate prepared, action succeed, compensate prepared, action succeed");
  EXPECT_EQ(services.story(), "POST /a action 01, POST /b action 02");
}

TEST_F(Transcript, TheSameSubmitAgain) {
  ASSERT_EQ(dtm.post("submit", waiting(saga("s1", {"a", "b"}))).status, 200);
  const Reply again = dtm.post("submit", waiting(saga("s1", {"a", "b"})));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body,
            Json::parse(R"({"dtm_result":"FAILURE","message":"current status 'succeed', cannot sumbmit. FAILURE"})"));
}

TEST_F(Transcript, ASagaWhoseActionAnswers409) {
  services.on("/code409/why", say(409, "why"));
  const Reply told = dtm.post("submit", waiting(saga("s2", {"code409/why"})));
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(result_of(told), "FAILURE");
  EXPECT_EQ(message_of(told), "url:" + services.url("/code409/why") + " return failed: why FAILURE");
  EXPECT_EQ(dtm.rows("s2"), "compensate succeed, action failed");
  EXPECT_EQ(dtm.status("s2"), "failed");
  EXPECT_EQ(dtm.reason("s2"), message_of(told));
}

TEST_F(Transcript, ASagaWhoseActionAnswers425) {
  services.on("/a", say(425, ""));
  const Reply told = dtm.post("submit", waiting(saga("s3", {"a"})));
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(message_of(told), kStillRunning);
  EXPECT_EQ(dtm.status("s3"), "submitted");
  EXPECT_EQ(dtm.interval("s3"), 10);
}

TEST_F(Transcript, ASagaWhoseActionAnswers500) {
  services.on("/a", say(500, ""));
  const Reply told = dtm.post("submit", waiting(saga("s4", {"a"})));
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(message_of(told), kStillRunning);
  EXPECT_EQ(dtm.interval("s4"), 20);
}

TEST_F(Transcript, AMessageWhoseActionAnswers500) {
  services.on("/a", say(500, "oh"));
  const Reply told = dtm.post("submit", waiting(message("m1", {"a"})));
  EXPECT_EQ(told.status, 500);
  EXPECT_TRUE(message_of(told).ends_with("unkown result will be retried: oh")) << message_of(told);
  EXPECT_EQ(dtm.interval("m1"), 20);
}

TEST_F(Transcript, ATccWhoseConfirmAnswers425) {
  services.on("/01/confirm", say(425, ""));
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  ASSERT_EQ(dtm.post("registerBranch", branch("tcc", "t1", "01")).status, 200);
  const Reply told = dtm.post("submit", waiting({{"gid", "t1"}, {"trans_type", "tcc"}}));
  EXPECT_EQ(told.status, 425);
  EXPECT_EQ(told.body, Json::parse(R"({"dtm_result":"ONGOING","message":"ONGOING"})"));
}

TEST_F(Transcript, ATccWhoseConfirmAnswers409) {
  services.on("/01/confirm", say(409, "x"));
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t2"}, {"trans_type", "tcc"}}).status, 200);
  ASSERT_EQ(dtm.post("registerBranch", branch("tcc", "t2", "01")).status, 200);
  const Reply told = dtm.post("submit", waiting({{"gid", "t2"}, {"trans_type", "tcc"}}));
  EXPECT_EQ(told.status, 409);
  EXPECT_TRUE(message_of(told).ends_with("unkown result will be retried: x FAILURE")) << message_of(told);
  EXPECT_EQ(dtm.status("t2"), "submitted");
}

TEST_F(Transcript, AnAbortedXaWithOneBranch) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "x1"}, {"trans_type", "xa"}}).status, 200);
  ASSERT_EQ(dtm.post("registerBranch", branch("xa", "x1", "01")).status, 200);
  const Reply told = dtm.post("abort", waiting({{"gid", "x1"}, {"trans_type", "xa"}, {"rollback_reason", "because"}}));
  EXPECT_EQ(told.status, 200);
  ASSERT_EQ(services.story(), "POST /01 rollback 01");
  EXPECT_EQ(services.heard().front().request.body, "");
  EXPECT_EQ(dtm.rows("x1"), "rollback succeed, commit prepared");
  EXPECT_EQ(dtm.status("x1"), "failed");
  EXPECT_EQ(dtm.reason("x1"), "because");
}

TEST_F(Transcript, APreparedMessageIsAskedBackAfterItsTimeout) {
  Json body = message("m2", {"a"});
  body["timeout_to_fail"] = 1;
  body["query_prepared"] = services.url("/qp?z=1");
  ASSERT_EQ(dtm.post("prepare", body).status, 200);
  ASSERT_NE(dtm.hook("now-forward?seconds=1"), Json());
  EXPECT_EQ(dtm.cron_once(), "m2");
  ASSERT_EQ(services.story(), "GET /qp msg 00, POST /a action 01");
  EXPECT_EQ(services.heard().front().request.target, "/qp?z=1&branch_id=00&gid=m2&op=msg&trans_type=msg");
  EXPECT_EQ(dtm.status("m2"), "succeed");
}

}  // namespace
}  // namespace settle::dtm_test
