#include "dtm/world.h"

// Without hooks: the clock begins passes, and a daemon that was killed goes on where it was.

namespace settle::dtm_test {
namespace {

using live::eventually;
using live::kPatience;

/// A daemon of a test's own, whose passes come every second.
struct Place {
  Daemon daemon{false, {"--dtm.retry-interval=1"}};
  Dtm dtm{daemon};
  Services services;
  Place() { EXPECT_TRUE(daemon.start()) << daemon.settled.log(); }

  [[nodiscard]] Json saga(const std::string& gid) const {
    return {{"gid", gid},
            {"trans_type", "saga"},
            {"steps", {{{"action", services.url("/a")}}, {{"action", services.url("/b")}}}},
            {"payloads", {"{}", "{}"}}};
  }
  [[nodiscard]] bool reaches(const std::string& gid, const std::string& status) const {
    return eventually(kPatience, [&] { return dtm.status(gid) == status; });
  }
};

TEST(Recovery, TheClockBeginsThePassesOfAFailingSaga) {
  Place place;
  place.services.on("/a", in_turn({say(500, ""), say(425, ""), say(200)}));
  ASSERT_EQ(place.dtm.post("submit", place.saga("s1")).status, 200);
  EXPECT_TRUE(place.reaches("s1", "succeed"));
  EXPECT_EQ(place.services.story(), "POST /a action 01, POST /a action 01, POST /a action 01, POST /b action 02");
}

TEST(Recovery, ADelayIsKept) {
  Place place;
  const auto begun = live::Clock::now();
  const Json body{{"gid", "m1"},
                  {"trans_type", "msg"},
                  {"steps", {{{"action", place.services.url("/a")}}}},
                  {"payloads", {"{}"}},
                  {"custom_data", R"({"delay":2})"}};
  ASSERT_EQ(place.dtm.post("submit", body).status, 200);
  EXPECT_TRUE(place.reaches("m1", "succeed"));
  EXPECT_GE(live::Clock::now() - begun, live::seconds{2});
}

TEST(Recovery, APreparedTccIsCancelledWhenItsTimeIsUp) {
  Place place;
  ASSERT_EQ(place.dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}, {"timeout_to_fail", 2}}).status, 200);
  const Json branch{{"gid", "t1"},
                    {"trans_type", "tcc"},
                    {"branch_id", "01"},
                    {"confirm", place.services.url("/confirm")},
                    {"cancel", place.services.url("/cancel")}};
  ASSERT_EQ(place.dtm.post("registerBranch", branch).status, 200);
  EXPECT_TRUE(place.reaches("t1", "failed"));
  EXPECT_EQ(place.services.count("/cancel"), 1U);
  EXPECT_EQ(place.dtm.reason("t1"), "Timeout after 2 seconds");
}

TEST(Recovery, AKilledDaemonGoesOnWithWhatWasSubmitted) {
  Place place;
  place.services.on("/a", say(500, ""));
  ASSERT_EQ(place.dtm.post("submit", place.saga("s1")).status, 200);
  ASSERT_EQ(place.dtm.post("prepare", {{"gid", "t1"}, {"trans_type", "tcc"}}).status, 200);
  place.daemon.settled.kill();
  place.services.on("/a", say(200));
  ASSERT_TRUE(place.daemon.start()) << place.daemon.settled.log();
  EXPECT_TRUE(place.reaches("s1", "succeed"));
  EXPECT_EQ(place.dtm.status("t1"), "prepared");
}

TEST(Recovery, AnAnswerThatNobodyHeardIsAskedForAgain) {
  Place place;
  place.services.on("/b", in_turn({[&](const Heard&) {
                                     place.daemon.settled.process().send(9);
                                     return Said{0, {}, {}, Said::How::kCut};
                                   },
                                   say(200)}));
  ASSERT_EQ(place.dtm.post("submit", place.saga("s1")).status, 200);
  ASSERT_TRUE(place.daemon.settled.process().wait(kPatience));
  ASSERT_TRUE(place.daemon.start()) << place.daemon.settled.log();
  EXPECT_TRUE(place.reaches("s1", "succeed"));
  EXPECT_EQ(place.services.count("/b"), 2U);
}

TEST(Recovery, ADestinationThatIsDownHoldsNoWaitingClient) {
  Place place;
  Json body = place.saga("s1");
  body["wait_result"] = true;
  place.services.close();
  const Reply told = place.dtm.post("submit", body);
  EXPECT_EQ(told.status, 409);
  EXPECT_EQ(message_of(told), "wait result not return success: FAILURE");
  EXPECT_EQ(place.dtm.status("s1"), "submitted");
}

}  // namespace
}  // namespace settle::dtm_test
