#include "api/dtm/short_uuid.h"

#include <string_view>

namespace settle::api::dtm {
namespace {

constexpr std::string_view kAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static_assert(kAlphabet.size() == 57);

/// Divides the 128 bits by 57, 32 at a time; returns what is left.
unsigned divide(std::uint64_t& high, std::uint64_t& low) {
  std::uint64_t rest = 0;
  const auto next = [&rest](std::uint64_t digit) {
    const std::uint64_t value = rest << 32U | digit;
    rest = value % kAlphabet.size();
    return value / kAlphabet.size();
  };
  constexpr std::uint64_t kHalf = 0xffffffffULL;
  const std::uint64_t h1 = next(high >> 32U);
  const std::uint64_t h0 = next(high & kHalf);
  const std::uint64_t l1 = next(low >> 32U);
  const std::uint64_t l0 = next(low & kHalf);
  high = h1 << 32U | h0;
  low = l1 << 32U | l0;
  return static_cast<unsigned>(rest);
}

}  // namespace

std::string short_uuid(std::uint64_t high, std::uint64_t low) {
  high = (high & ~0xf000ULL) | 0x4000ULL;
  low = (low & ~(3ULL << 62U)) | (2ULL << 62U);
  std::string out(kShortUuidChars, kAlphabet.front());
  for (std::size_t i = kShortUuidChars; i-- > 0;) out[i] = kAlphabet[divide(high, low)];
  return out;
}

}  // namespace settle::api::dtm
