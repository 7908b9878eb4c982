#include "participant/http/answer.h"

#include <gtest/gtest.h>

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

TEST(ReadOnlyVote, OnlyASoundObjectWithThatVote) {
  for (const char* body : {R"({"vote":"read-only"})", " {\n \"vote\" : \"read-only\" } ",
                           R"({"rows":0,"vote":"read-only"})", R"({"vote":"read\u002donly","x":{"vote":"yes"}})"}) {
    EXPECT_TRUE(is_read_only_vote(body)) << body;
  }
  for (const char* body :
       {"", "{}", "read-only", "\"read-only\"", R"(["vote","read-only"])", R"({"vote":"Read-Only"})",
        R"({"vote":true})", R"({"vote":"yes"})", R"({"x":{"vote":"read-only"}})", R"({"vote":"read-only")",
        R"({"vote":"read-only"}x)", R"({"vote":"read-only","vote":"read-only"})", R"({"vote":["read-only"]})",
        R"({"vote":"read-only",})"}) {
    EXPECT_FALSE(is_read_only_vote(body)) << body;
  }
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

}  // namespace
}  // namespace settle::participant
