#include "participant/http/answer.h"

#include <gtest/gtest.h>

#include "participant/http/trace.h"

namespace settle::participant {
namespace {

using std::chrono::seconds;

TEST(OutcomeOfHttp, OnlyARefusalTurnsBack) {
  for (int status = 100; status < 600; ++status) {
    const Outcome expected = status >= 200 && status < 300 ? Outcome::kDone
                             : status == 409               ? Outcome::kRefused
                             : status == 425               ? Outcome::kRunning
                                                           : Outcome::kUnknown;
    EXPECT_EQ(outcome_of_http(status), expected) << status;
  }
}

TEST(CheckState, TheThreeStates) {
  EXPECT_EQ(parse_check_state(R"({"state":"committed"})"), CheckState::kCommitted);
  EXPECT_EQ(parse_check_state(R"({"state":"aborted"})"), CheckState::kAborted);
  EXPECT_EQ(parse_check_state(R"({"state":"running"})"), CheckState::kUndecided);
  EXPECT_EQ(parse_check_state(" {\r\n\t\"state\" : \"committed\" } \n"), CheckState::kCommitted);
}

TEST(CheckState, AnythingElseDecidesNothing) {
  for (const char* body :
       {"", "{}", "committed", "\"committed\"", R"({"state":"Committed"})", R"({"state":"committed")",
        R"({"state":committed})", R"({"state":"committed"}x)", R"({"state":"committed","state":"aborted"})",
        R"({"state":"committed","at":1})", R"([{"state":"committed"}])", R"({"state":true})",
        R"({"state":"commit\u0074ed"})", R"({"state":"committed "})", R"({"State":"committed"})",
        "<html>{\"state\":\"committed\"}</html>"}) {
    EXPECT_FALSE(parse_check_state(body).has_value()) << body;
  }
  EXPECT_FALSE(parse_check_state(std::string_view("{\"state\":\"committed\"}\0", 22)).has_value());
}

TEST(RetryAfter, Seconds) {
  const Instant now = instant_of(1'000'000);
  EXPECT_EQ(parse_retry_after("0", now), seconds(0));
  EXPECT_EQ(parse_retry_after("120", now), seconds(120));
  EXPECT_EQ(parse_retry_after("86401", now), kRetryAfterMax);
  EXPECT_EQ(parse_retry_after("99999999999999999999999", now), kRetryAfterMax);
}

TEST(RetryAfter, Dates) {
  const Instant at = instant_of(784'111'777'000'000);  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at - seconds(30)), seconds(30));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at + seconds(30)), seconds(0));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2094 08:49:37 GMT", at), kRetryAfterMax);
  EXPECT_EQ(parse_retry_after("Thu, 29 Feb 1996 00:00:00 GMT", instant_of(825'552'000'000'000) - seconds(5)),
            seconds(5));
}

TEST(RetryAfter, WhatCannotBeReadIsNoPause) {
  const Instant now = instant_of(0);
  for (const char* value :
       {"", "-1", "1.5", "soon", "1 2", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "Sun, 31 Feb 2094 08:49:37 GMT", "Sun, 06 Foo 2094 08:49:37 GMT",
        "Sun, 06 Nov 2094 25:49:37 GMT", "Sun, x6 Nov 2094 08:49:37 GMT"}) {
    EXPECT_EQ(parse_retry_after(value, now), Duration{0}) << value;
  }
}

class TraceParent : public testing::Test {
 protected:
  std::string child_of(std::string_view parent) {
    std::string out;
    append_traceparent(out, parent, tid, random);
    return out;
  }
  const Tid tid{0x0102030405060708, 1, 2, 3};
  Random random{7};
};

TEST_F(TraceParent, AChildKeepsTraceAndFlags) {
  const std::string_view parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const std::string child = child_of(parent);
  ASSERT_EQ(child.size(), parent.size());
  EXPECT_EQ(child.substr(0, 36), parent.substr(0, 36));
  EXPECT_NE(child.substr(36, 16), parent.substr(36, 16));
  EXPECT_EQ(child.substr(52), "-01");
  EXPECT_NE(child, child_of(parent)) << "every attempt is a span of its own";
}

TEST_F(TraceParent, WithoutOneTheTidIsTheTrace) {
  for (const char* parent : {"", "garbage", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                             "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                             "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                             "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx: y"}) {
    const std::string fresh = child_of(parent);
    EXPECT_EQ(fresh.size(), 55u);
    EXPECT_EQ(fresh.substr(0, 36), "00-01020304050607080001000200000003-") << parent;
    EXPECT_EQ(fresh.substr(52), "-00");
  }
}

}  // namespace
}  // namespace settle::participant
