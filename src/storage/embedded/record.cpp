#include "storage/embedded/record.h"

#include <cstring>
#include <type_traits>

#include "base/assert.h"
#include "base/crc32c.h"

namespace settle {
namespace {

// record  :=  head  gid: byte*gid_bytes  plan: byte*plan_bytes  state: byte*state_bytes
//             crc: u32 le         (crc32c of the key's 16 bytes, then of everything before this field)
//
// head    :=  major: u8  minor: u8
//             head_bytes: u16 le  (42 in format 1.0; a later minor appends fields, a reader skips what it does not
//             know) kind: u8            (1 open, 2 progress, 3 history) flags: u8           (bit 0: has an incident;
//             the others are 0) pattern: u8  phase: u8  decision: u8  outcome: u8    (values of model/kinds.h) shard:
//             u16 le  version: u32 le  created: i64 le  updated: i64 le      (microseconds since 1970) gid_bytes: u16
//             le  plan_bytes: u32 le  state_bytes: u32 le            (of progress: 0 unless the plan has grown since
//             the begin)
//
// The key is under the checksum, so a record that a damaged index serves under another key is noticed.

template <typename T>
void put(char*& at, T value) {
  using Bits = std::make_unsigned_t<T>;
  auto bits = static_cast<Bits>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    *at++ = static_cast<char>(static_cast<unsigned char>(bits & 0xffU));
    if constexpr (sizeof(T) > 1) bits = static_cast<Bits>(bits >> 8U);
  }
}

template <typename T>
T take(const char*& at) {
  using Bits = std::make_unsigned_t<T>;
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits = static_cast<Bits>(bits | (static_cast<Bits>(static_cast<unsigned char>(*at++)) << (8U * i)));
  }
  return static_cast<T>(bits);
}

constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kSmallest = RecordFrame::kHeadBytes + kChecksumBytes;

std::uint32_t start_of_checksum(const Tid& tid) {
  const auto key = tid.bytes();
  return crc32c(std::string_view(key.data(), key.size()));
}

std::uint32_t take_checksum(std::string_view bytes) {
  const char* at = bytes.data() + bytes.size() - kChecksumBytes;
  return take<std::uint32_t>(at);
}

Error damaged(const Tid& tid, const char* what) {
  return Error{ErrorCode::kCorrupt, "record of " + tid.text() + ": " + what};
}

bool is_known(std::uint8_t kind, std::uint8_t flags, std::uint8_t pattern, std::uint8_t phase, std::uint8_t decision,
              std::uint8_t outcome) {
  return kind >= 1 && kind <= 3 && (flags & 0xfeU) == 0 && pattern >= 1 && pattern <= kPatterns && phase < kPhases &&
         decision <= 2 && outcome <= 2;
}

}  // namespace

void encode_record(const Tid& tid, const RecordView& record, RecordFrame& frame) {
  SETTLE_ASSERT(record.gid.size() <= 0xffffU);
  SETTLE_ASSERT(record.plan.size() <= 0xffffffffU && record.state.size() <= 0xffffffffU);
  const Summary& summary = record.summary;
  char* at = frame.head;
  put<std::uint8_t>(at, kFormatMajor);
  put<std::uint8_t>(at, kFormatMinor);
  put<std::uint16_t>(at, RecordFrame::kHeadBytes);
  put(at, static_cast<std::uint8_t>(record.kind));
  put(at, static_cast<std::uint8_t>(summary.has_incident ? 1 : 0));
  put(at, static_cast<std::uint8_t>(summary.pattern));
  put(at, static_cast<std::uint8_t>(summary.phase));
  put(at, static_cast<std::uint8_t>(summary.decision));
  put(at, static_cast<std::uint8_t>(summary.outcome));
  put(at, record.shard);
  put(at, record.version);
  put(at, micros(summary.created_at));
  put(at, micros(summary.updated_at));
  put(at, static_cast<std::uint16_t>(record.gid.size()));
  put(at, static_cast<std::uint32_t>(record.plan.size()));
  put(at, static_cast<std::uint32_t>(record.state.size()));
  SETTLE_ASSERT(at == frame.head + RecordFrame::kHeadBytes);

  std::uint32_t crc = crc32c(std::string_view(frame.head, RecordFrame::kHeadBytes), start_of_checksum(tid));
  crc = crc32c(record.gid, crc);
  crc = crc32c(record.plan, crc);
  crc = crc32c(record.state, crc);
  at = frame.checksum;
  put(at, crc);
}

std::string encode_record(const Tid& tid, const RecordView& record) {
  RecordFrame frame;
  encode_record(tid, record, frame);
  std::string out(frame.head, RecordFrame::kHeadBytes);
  out.append(record.gid).append(record.plan).append(record.state);
  return out.append(frame.checksum, sizeof frame.checksum);
}

Result<RecordView> decode_record(const Tid& tid, std::string_view bytes) {
  if (bytes.size() < kSmallest) return damaged(tid, "too short");
  const std::string_view covered = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (crc32c(covered, start_of_checksum(tid)) != take_checksum(bytes)) return damaged(tid, "wrong checksum");

  const char* at = bytes.data();
  const auto major = take<std::uint8_t>(at);
  const auto minor = take<std::uint8_t>(at);
  if (major > kFormatMajor) {
    return Error{ErrorCode::kInvalid, "record of " + tid.text() + " has format " + std::to_string(major) + "." +
                                          std::to_string(minor) + "; this program reads up to " +
                                          std::to_string(kFormatMajor) + ".x: use a newer one"};
  }
  if (major == 0) return damaged(tid, "format 0 does not exist");
  const auto head_bytes = take<std::uint16_t>(at);
  if (head_bytes < RecordFrame::kHeadBytes) return damaged(tid, "head too short");

  const auto kind = take<std::uint8_t>(at);
  const auto flags = take<std::uint8_t>(at);
  const auto pattern = take<std::uint8_t>(at);
  const auto phase = take<std::uint8_t>(at);
  const auto decision = take<std::uint8_t>(at);
  const auto outcome = take<std::uint8_t>(at);
  if (!is_known(kind, flags, pattern, phase, decision, outcome)) return damaged(tid, "value outside its range");

  RecordView out;
  out.kind = static_cast<RecordKind>(kind);
  out.shard = take<std::uint16_t>(at);
  out.version = take<std::uint32_t>(at);
  out.summary = Summary{.pattern = static_cast<Pattern>(pattern),
                        .phase = static_cast<Phase>(phase),
                        .decision = static_cast<Decision>(decision),
                        .outcome = static_cast<GlobalOutcome>(outcome),
                        .has_incident = (flags & 1U) != 0};
  out.summary.created_at = instant_of(take<std::int64_t>(at));
  out.summary.updated_at = instant_of(take<std::int64_t>(at));
  const std::uint64_t gid_bytes = take<std::uint16_t>(at);
  const std::uint64_t plan_bytes = take<std::uint32_t>(at);
  const std::uint64_t state_bytes = take<std::uint32_t>(at);
  if (head_bytes + gid_bytes + plan_bytes + state_bytes != covered.size()) return damaged(tid, "lengths do not add up");
  if (out.version == 0) return damaged(tid, "version 0");
  if ((out.kind == RecordKind::kHistory) != (out.summary.phase == Phase::kEnded)) {
    return damaged(tid, "phase and kind contradict");
  }

  out.gid = covered.substr(head_bytes, gid_bytes);
  out.plan = covered.substr(head_bytes + gid_bytes, plan_bytes);
  out.state = covered.substr(head_bytes + gid_bytes + plan_bytes);
  return out;
}

// sealed  :=  value: byte*  crc: u32 le   (crc32c of the key, then of the value)

std::string seal(std::string_view key, std::string_view value) {
  std::string out(value);
  out.resize(value.size() + kChecksumBytes);
  char* at = out.data() + value.size();
  put(at, crc32c(value, crc32c(key)));
  return out;
}

Result<std::string_view> unseal(std::string_view key, std::string_view sealed) {
  if (sealed.size() >= kChecksumBytes) {
    const std::string_view value = sealed.substr(0, sealed.size() - kChecksumBytes);
    if (crc32c(value, crc32c(key)) == take_checksum(sealed)) return value;
  }
  return Error{ErrorCode::kCorrupt, "a stored value has a wrong checksum"};
}

}  // namespace settle
