#include <gtest/gtest.h>

#include <sstream>

#include "cli/http.h"
#include "cli/instant.h"
#include "cli/printable.h"
#include "cli/table.h"

namespace settle::cli {
namespace {

TEST(Instant, ReadsWhatTheDaemonWrites) {
  EXPECT_EQ(parse_instant("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_instant("2026-01-02T03:04:10Z"), 1'767'323'050'000'000);
  EXPECT_EQ(parse_instant("2026-01-02T03:04:10.5Z"), 1'767'323'050'500'000);
  EXPECT_EQ(parse_instant("2026-01-02T03:04:10.123456789Z"), 1'767'323'050'123'456);
  EXPECT_EQ(parse_instant("2024-02-29T00:00:00Z"), 1'709'164'800'000'000);
}

TEST(Instant, WhatIsNoneStaysText) {
  for (const char* text : {"", "soon", "2026-02-30T00:00:00Z", "2026-01-02T03:04:10", "2026-01-02T03:04:1-Z",
                           "2026-01-02T03:04:10,5Z", "2026-01-02T03:04:10+01:00"}) {
    EXPECT_FALSE(parse_instant(text).has_value()) << text;
    EXPECT_EQ(clock_of(text), text);
  }
}

TEST(Instant, ClocksHaveMilliseconds) {
  EXPECT_EQ(clock_of("2026-01-02T03:04:10Z"), "03:04:10.000");
  EXPECT_EQ(clock_of("2026-01-02T03:04:10.5Z"), "03:04:10.500");
  EXPECT_EQ(clock_of("2026-01-02T03:04:10.123999Z"), "03:04:10.123");
  EXPECT_EQ(date_and_clock_of("2026-01-02T03:04:10Z"), "2026-01-02 03:04:10.000 UTC");
}

TEST(Instant, DurationsHaveTwoParts) {
  EXPECT_EQ(duration_text(-5), "0 ms");
  EXPECT_EQ(duration_text(350'000), "350 ms");
  EXPECT_EQ(duration_text(3'460'000), "3.4 s");
  EXPECT_EQ(duration_text(60'000'000), "1 min");
  EXPECT_EQ(duration_text(320'000'000), "5 min 20 s");
  EXPECT_EQ(duration_text(11'100'000'000), "3 h 5 min");
  EXPECT_EQ(duration_text(353'000'000'000), "4 d 2 h");
}

TEST(Printable, KeepsTextAndSpellsOutWhatATerminalObeys) {
  EXPECT_EQ(printable("teapot, größer 茶"), "teapot, größer 茶");
  EXPECT_EQ(printable("a\x1b[31mb\n\x7f"), "a\\x1b[31mb\\x0a\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");
}

TEST(Table, AlignsAndLeavesOutEmptyColumns) {
  Table table({"A", "EMPTY", "LAST"});
  table.row({"größe", "", "x"});
  table.row({"1"});
  std::ostringstream out;
  table.print(out, 2);
  EXPECT_EQ(out.str(), "  A      LAST\n  größe  x\n  1\n");
}

TEST(Endpoint, IsHostAndPort) {
  const Result<Endpoint> plain = parse_endpoint("localhost:80", "--api");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->host, "localhost");
  EXPECT_EQ(plain->text(), "localhost:80");
  const Result<Endpoint> six = parse_endpoint("http://[::1]:36789", "--api");
  ASSERT_TRUE(six.ok());
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->text(), "[::1]:36789");
  for (const char* wrong : {"", "localhost", "[::1]", "a b:1", "x:99999", "https://x:1", "x:1?q"}) {
    EXPECT_FALSE(parse_endpoint(wrong, "--api").ok()) << wrong;
  }
}

TEST(Escaped, OneSegment) { EXPECT_EQ(escaped("a-b_c.d:e/f ?%ä"), "a-b_c.d:e%2Ff%20%3F%25%C3%A4"); }

}  // namespace
}  // namespace settle::cli
