// Any bytes into the decoders of plan and state: an error or a value that encodes to the same bytes, never a crash.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "base/crc32c.h"
#include "model/bytes.h"
#include "model/plan.h"
#include "model/state.h"

namespace {

/// A checksum that fits lets the fuzzer behind the door.
std::string with_checksum(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  settle::ByteWriter(bytes).u32(settle::crc32c(bytes));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string raw(reinterpret_cast<const char*>(data), size);
  (void)settle::decode_state(raw);
  (void)settle::OwnedPlan::decode(raw);

  const std::string bytes = with_checksum(data, size);
  if (const auto state = settle::decode_state(bytes)) {
    const std::string again = settle::encode_state(*state);
    const auto back = settle::decode_state(again);
    SETTLE_ASSERT(back.ok() && settle::encode_state(*back) == again);
  }
  if (const auto plan = settle::OwnedPlan::decode(bytes)) {
    const settle::OwnedPlan again = settle::OwnedPlan::encode(**plan);
    SETTLE_ASSERT(again.digest() == settle::OwnedPlan::encode(*again).digest());
  }
  return 0;
}
