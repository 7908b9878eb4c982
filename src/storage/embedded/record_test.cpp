#include "storage/embedded/record.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/random.h"

namespace settle {
namespace {

constexpr Tid kTid{0x0102030405060708ULL, 0x090a, 0x0b0c, 0x0d0e0f10U};

RecordView sample() {
  RecordView record;
  record.kind = RecordKind::kHistory;
  record.shard = 0x1234;
  record.version = 7;
  record.summary = Summary{.pattern = Pattern::kMessage,
                           .phase = Phase::kEnded,
                           .decision = Decision::kAbort,
                           .outcome = GlobalOutcome::kAborted,
                           .has_incident = true,
                           .created_at = instant_of(1'700'000'000'000'000),
                           .updated_at = instant_of(-1)};
  record.gid = "order-1";
  record.plan = "the plan";
  record.state = "and the state";
  return record;
}

/// Puts a right checksum under bytes that were changed.
std::string resealed(std::string bytes) {
  const auto key = kTid.bytes();
  const std::uint32_t crc =
      crc32c(std::string_view(bytes).substr(0, bytes.size() - 4), crc32c(std::string_view(key.data(), key.size())));
  for (std::size_t i = 0; i < 4; ++i) bytes[bytes.size() - 4 + i] = static_cast<char>((crc >> (8 * i)) & 0xffU);
  return bytes;
}

void expect_equal(const RecordView& a, const RecordView& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.shard, b.shard);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.summary, b.summary);
  EXPECT_EQ(a.gid, b.gid);
  EXPECT_EQ(a.plan, b.plan);
  EXPECT_EQ(a.state, b.state);
}

TEST(Record, RoundTrips) {
  const std::string bytes = encode_record(kTid, sample());
  const auto decoded = decode_record(kTid, bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  expect_equal(*decoded, sample());
}

TEST(Record, RoundTripsForEveryKindAndSize) {
  Random random(7);
  for (int i = 0; i < 500; ++i) {
    const std::string plan(random.below(300), static_cast<char>(random.below(256)));
    const std::string state(random.below(3) * random.below(100), static_cast<char>(random.below(256)));
    RecordView record = sample();
    record.kind = static_cast<RecordKind>(1 + random.below(3));
    record.summary.phase = record.kind == RecordKind::kHistory ? Phase::kEnded : Phase::kDelivering;
    record.summary.created_at = instant_of(static_cast<std::int64_t>(random.next()));
    record.version = static_cast<Version>(1 + random.below(0xffffffffU));
    record.shard = static_cast<ShardNo>(random.next());
    record.plan = plan;
    record.state = state;
    const std::string bytes = encode_record(kTid, record);
    const auto decoded = decode_record(kTid, bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    expect_equal(*decoded, record);
  }
}

// A store of today is read by the programs of tomorrow: these bytes must never change for format 1.0.
TEST(Record, Format1_0IsTheseBytes) {
  const std::string bytes = encode_record(kTid, sample());
  static constexpr unsigned char kHead[] = {
      1,    0,    42,   0,                                   // format 1.0, 42 bytes of head
      3,    1,    2,    5,    2,    2,                       // history, incident, message, ended, abort, aborted
      0x34, 0x12, 7,    0,    0,    0,                       // shard, version
      0x00, 0x40, 0x1e, 0x18, 0x24, 0x0a, 0x06, 0x00,        // created
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,        // updated
      7,    0,    8,    0,    0,    0,    13,   0,    0, 0,  // bytes of gid, plan, state
  };
  static_assert(sizeof kHead == RecordFrame::kHeadBytes);
  std::string expected(reinterpret_cast<const char*>(kHead), sizeof kHead);
  expected += "order-1the planand the state....";
  EXPECT_EQ(bytes, resealed(expected));
}

TEST(Record, FAIL_H7_EveryFlippedBitIsNoticed) {
  const std::string good = encode_record(kTid, sample());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
      const auto decoded = decode_record(kTid, bad);
      ASSERT_FALSE(decoded.ok()) << "byte " << at;
      EXPECT_EQ(decoded.error().code, ErrorCode::kCorrupt);
    }
  }
}

TEST(Record, FAIL_H7_EveryShorterOrLongerOneIsNoticed) {
  const std::string good = encode_record(kTid, sample());
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(decode_record(kTid, good.substr(0, size)).ok());
  EXPECT_FALSE(decode_record(kTid, good + "x").ok());
}

TEST(Record, FAIL_H7_RecordUnderAnotherKeyIsNoticed) {
  const std::string bytes = encode_record(kTid, sample());
  Tid other = kTid;
  other.epoch ^= 1U;
  EXPECT_EQ(decode_record(other, bytes).error().code, ErrorCode::kCorrupt);
}

TEST(Record, NewerMajorIsRefusedWithAnAdvice) {
  std::string bytes = encode_record(kTid, sample());
  bytes[0] = kFormatMajor + 1;
  const auto decoded = decode_record(kTid, resealed(bytes));
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
  EXPECT_NE(decoded.error().message.find("use a newer one"), std::string::npos);
  bytes[0] = 0;
  EXPECT_EQ(decode_record(kTid, resealed(bytes)).error().code, ErrorCode::kCorrupt);
}

TEST(Record, FieldsThatANewerMinorAppendsToTheHeadAreSkipped) {
  std::string bytes = encode_record(kTid, sample());
  bytes[1] = kFormatMinor + 1;
  bytes[2] = static_cast<char>(RecordFrame::kHeadBytes + 3);
  bytes.insert(RecordFrame::kHeadBytes, "new");
  const std::string newer = resealed(bytes);
  const auto decoded = decode_record(kTid, newer);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  expect_equal(*decoded, sample());
}

TEST(Record, ValuesOutsideTheirRangesAreRefusedEvenUnderARightChecksum) {
  const std::string good = encode_record(kTid, sample());
  const auto refused = [&](std::size_t at, unsigned char value) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(value);
    return !decode_record(kTid, resealed(bytes)).ok();
  };
  EXPECT_FALSE(refused(4, 3));  // as it is
  for (const std::size_t field : {4U, 6U, 7U, 8U, 9U}) EXPECT_TRUE(refused(field, 200)) << field;
  EXPECT_TRUE(refused(5, 2));   // an unknown flag
  EXPECT_TRUE(refused(4, 1));   // kind open, but ended
  EXPECT_TRUE(refused(7, 1));   // kind history, but acting
  EXPECT_TRUE(refused(12, 0));  // version 0
  EXPECT_TRUE(refused(32, 8));  // a longer gid than there is
  EXPECT_TRUE(refused(39, 0xff));
  EXPECT_TRUE(refused(2, 41));  // a head that is too short
  EXPECT_TRUE(refused(2, 255));
}

TEST(Seal, ValueIsBoundToItsKey) {
  const std::string sealed = seal("epoch/1", "17");
  EXPECT_EQ(*unseal("epoch/1", sealed), "17");
  EXPECT_FALSE(unseal("epoch/2", sealed).ok());
  EXPECT_FALSE(unseal("epoch/1", sealed.substr(1)).ok());
  EXPECT_FALSE(unseal("epoch/1", "abc").ok());
  EXPECT_EQ(*unseal("", seal("", "")), "");
}

}  // namespace
}  // namespace settle
