#include <set>

#include "dtm/world.h"

// The hooks themselves, and that nothing but them begins a pass.

namespace settle::dtm_test {
namespace {

class Hook : public World {
 protected:
  void submit_failing(const std::string& gid) {
    services.on("/a", say(500, ""));
    ASSERT_EQ(dtm.post("submit", saga(gid, {"a"})).status, 200);
  }
};

TEST_F(Hook, EventsComeInTheOrderOfThePassesOnceEach) {
  for (const char* gid : {"s1", "s2", "s3"}) {
    submit_failing(gid);
    EXPECT_EQ(dtm.processed(), gid);
  }
  submit_failing("s4");
  submit_failing("s5");
  const std::set<std::string> both{dtm.processed(), dtm.processed()};
  EXPECT_EQ(both, (std::set<std::string>{"s4", "s5"})) << "two at the same time: in either order";
  EXPECT_EQ(dtm.processed(0), "");
}

TEST_F(Hook, AWaitEndsAfterItsTime) { EXPECT_EQ(dtm.processed(50), ""); }

TEST_F(Hook, CronTakesTheEarliestDueOneAndPutsItBehind) {
  submit_failing("s1");
  EXPECT_EQ(dtm.processed(), "s1");
  Json later = saga("s2", {"a"});
  later["retry_interval"] = 100;
  ASSERT_EQ(dtm.post("submit", later).status, 200);
  EXPECT_EQ(dtm.processed(), "s2");
  EXPECT_EQ(dtm.cron_once(), "s1") << "due in 20 s, the other in 200";
  EXPECT_EQ(dtm.processed(0), "s1");
  ASSERT_NE(dtm.hook("cron-forward?seconds=10"), Json());
  EXPECT_EQ(dtm.cron_once(), "") << "now due in 40 s";
  EXPECT_EQ(services.count("/a"), 3U);
}

TEST_F(Hook, PreparedOnesHavePassesToo) {
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  EXPECT_EQ(dtm.processed(0), "") << "to prepare is no pass";
  EXPECT_EQ(dtm.cron_once(), "t1");
  EXPECT_EQ(dtm.processed(0), "t1");
}

TEST_F(Hook, NoClockBeginsAPass) {
  services.on("/a", say(500, ""));
  Json body = saga("s1", {"a"});
  body["retry_interval"] = 1;
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.processed(3000), "") << "its next time was after 2 s";
  EXPECT_EQ(services.count("/a"), 1U);
}

TEST_F(Hook, MalformedParametersAre400AndUnknownHooks404) {
  EXPECT_EQ(dtm.hook_status("POST", "now-forward"), 400);
  EXPECT_EQ(dtm.hook_status("POST", "now-forward?seconds=-1"), 400);
  EXPECT_EQ(dtm.hook_status("POST", "wait-processed?timeout_ms=x"), 400);
  EXPECT_EQ(dtm.hook_status("POST", "nothing"), 404);
  EXPECT_EQ(dtm.hook_status("GET", "reset"), 405);
  EXPECT_EQ(dtm.hook("now-forward?seconds=3"), Json::parse(R"({"seconds":3})"));
  EXPECT_EQ(dtm.hook("refresh-topics"), Json::object());
}

TEST_F(Hook, ResetForgetsEverything) {
  submit_failing("s1");
  ASSERT_EQ(dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  ASSERT_EQ(dtm.post("submit", {{"gid", "x1"}, {"trans_type", "xa"}, {"wait_result", true}}).status, 200);
  ASSERT_EQ(dtm.get("subscribe?topic=t&url=u").status, 200);
  EXPECT_EQ(dtm.hook("reset"), Json::object());
  EXPECT_EQ(dtm.get("all").body["transactions"], Json::array());
  EXPECT_EQ(dtm.get("scanKV?cat=topics").body["kv"], Json::array());
  EXPECT_EQ(dtm.processed(0), "");
  EXPECT_EQ(dtm.cron_once(), "");
  EXPECT_EQ(dtm.post("prepare", {{"gid", "x1"}, {"trans_type", "tcc"}}).status, 200) << "its name is free again";
}

TEST_F(Hook, ThePassOfAWaitingClientIsOneEventToo) {
  Json body = saga("s1", {"a"});
  body["wait_result"] = true;
  ASSERT_EQ(dtm.post("submit", body).status, 200);
  EXPECT_EQ(dtm.processed(), "s1");
  EXPECT_EQ(dtm.post("submit", body).status, 409);
  EXPECT_EQ(dtm.processed(0), "") << "a refused request is no pass";
}

}  // namespace
}  // namespace settle::dtm_test
