#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/random.h"
#include "base/time.h"
#include "settle/ids.h"

namespace settle {
namespace {

TEST(Crc32c, KnownAnswers) {  // RFC 3720, appendix B.4
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

TEST(Crc32c, ContinuesFromASeed) { EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789")); }

TEST(Random, StreamsOfOneSeedDiffer) {
  Random net = Random::stream(7, "net");
  Random disk = Random::stream(7, "disk");
  Random net_again = Random::stream(7, "net");
  EXPECT_NE(net.next(), disk.next());
  Random fresh = Random::stream(7, "net");
  EXPECT_EQ(fresh.next(), net_again.next());
}

TEST(Time, AddSaturates) {
  EXPECT_EQ(saturating_add(instant_of(kNever.time_since_epoch().count() - 1), Duration{5}), kNever);
}

TEST(Tid, TextAndBytesRoundTripAndSortAlike) {
  Random random(1);
  Tid last{};
  for (int i = 0; i < 1000; ++i) {
    const Tid tid{random.next(), static_cast<std::uint16_t>(random.next()), static_cast<std::uint16_t>(random.next()),
                  static_cast<std::uint32_t>(random.next())};
    const auto raw = tid.bytes();
    EXPECT_EQ(Tid::from_bytes(std::string_view(raw.data(), raw.size())), tid);
    EXPECT_EQ(Tid::parse(tid.text()), tid);
    EXPECT_EQ(tid.text() < last.text(), tid < last);
    last = tid;
  }
  EXPECT_FALSE(Tid::parse("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
  EXPECT_FALSE(Tid::parse("short"));
}

TEST(Gid, GrammarIsHeld) {
  EXPECT_TRUE(is_gid("order:17.a_B-9"));
  EXPECT_FALSE(is_gid(""));
  EXPECT_FALSE(is_gid("a b"));
  EXPECT_FALSE(is_gid("naïve"));
  EXPECT_FALSE(is_gid(std::string(129, 'a')));
  EXPECT_TRUE(is_gid(std::string(128, 'a')));
}

}  // namespace
}  // namespace settle
