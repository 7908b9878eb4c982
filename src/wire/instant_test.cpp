#include "wire/instant.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace settle::wire {
namespace {

TEST(Instant, IsWrittenToTheMicrosecond) {
  EXPECT_EQ(instant_text(instant_of(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(instant_text(instant_of(1'767'323'045'678'901)), "2026-01-02T03:04:05.678901Z");
  EXPECT_EQ(instant_text(instant_of(951'782'400'000'000)), "2000-02-29T00:00:00.000000Z");
}

TEST(Instant, FAIL_K7_WhatLiesOutsideTheYearsIsShownAsTheNearestEnd) {
  EXPECT_EQ(instant_text(kNever), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(instant_text(instant_of(-1)), "1970-01-01T00:00:00.000000Z");
}

TEST(Instant, RoundTripOfRandomInstants) {
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Instant at = instant_of(static_cast<std::int64_t>(random.next() % 253'402'300'800'000'000ULL));
    const std::string text = instant_text(at);
    ASSERT_EQ(text.size(), kInstantChars);
    ASSERT_EQ(parse_instant(text), at) << text;
  }
}

TEST(Instant, RoundTripOfNeighbours) {
  Random random(8);
  for (std::int64_t us = 1'767'311'998'000'000; us < 1'767'312'002'000'000;) {  // over the end of a year
    us += static_cast<std::int64_t>(random.below(3'000));
    for (const std::int64_t near : {us, us - 1'000'000, us}) {
      ASSERT_EQ(parse_instant(instant_text(instant_of(near))), instant_of(near));
    }
  }
}

TEST(Instant, OtherFormsOfUtcAreRead) {
  const Instant at = instant_of(1'767'323'045'000'000);
  EXPECT_EQ(parse_instant("2026-01-02T03:04:05Z"), at);
  EXPECT_EQ(parse_instant("2026-01-02t03:04:05z"), at);
  EXPECT_EQ(parse_instant("2026-01-02T03:04:05+00:00"), at);
  EXPECT_EQ(parse_instant("2026-01-02T03:04:05.5Z"), at + milliseconds{500});
  EXPECT_EQ(parse_instant("2026-01-02T03:04:05.000001999Z"), at + microseconds{1});
}

TEST(Instant, FAIL_M5_EverythingElseIsRefused) {
  for (const char* text : {"",
                           "2026",
                           "2026-01-02",
                           "2026-01-02T03:04:05",
                           "2026-01-02 03:04:05Z",
                           "2026-01-02T03:04:05+01:00",
                           "2026-01-02T03:04:60Z",
                           "2026-01-02T24:00:00Z",
                           "2026-13-02T03:04:05Z",
                           "2026-02-30T03:04:05Z",
                           "2025-02-29T03:04:05Z",
                           "2026-00-02T03:04:05Z",
                           "2026-01-00T03:04:05Z",
                           "1969-12-31T23:59:59Z",
                           "10000-01-01T00:00:00Z",
                           "2026-1-2T3:4:5Z",
                           "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05.1234567890Z",
                           "+2026-01-02T03:04:05Z",
                           "2026-01-02T03:04:05Zx",
                           "2026-01-02T-3:04:05Z",
                           "2026-01-02T03:04:05-00:00"}) {
    EXPECT_EQ(parse_instant(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace settle::wire
