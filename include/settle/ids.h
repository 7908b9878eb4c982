#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace settle {

inline constexpr std::size_t kGidBytesMax = 128;
inline constexpr std::size_t kBranchIdBytesMax = 64;

/// A global transaction's name: 1 to 128 characters of [A-Za-z0-9._:-]. Chosen by the client or minted here.
constexpr bool is_gid(std::string_view text) {
  if (text.empty() || text.size() > kGidBytesMax) return false;
  for (const char c : text) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                      c == '_' || c == ':' || c == '-';
    if (!fine) return false;
  }
  return true;
}

/// A branch's name, unique in its transaction: 1 to 64 characters of [A-Za-z0-9._-]. "00" is reserved for the
/// check-back.
constexpr bool is_branch_id(std::string_view text) {
  if (text.empty() || text.size() > kBranchIdBytesMax) return false;
  for (const char c : text) {
    const bool fine =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!fine) return false;
  }
  return true;
}

/// The server's own id of a transaction; unique for ever, ordered by the time of its begin.
///
///   tid := sequence: u64 be   (microseconds of the begin, made strictly increasing per shard)
///          cluster: u16 be    shard: u16 be    epoch: u32 be
///
/// The sequence comes first (the plan had it last) so that store keys and history are ordered by time over all shards.
struct Tid {
  std::uint64_t sequence = 0;
  std::uint16_t cluster = 0;
  std::uint16_t shard = 0;
  std::uint32_t epoch = 0;

  auto operator<=>(const Tid&) const = default;

  static constexpr std::size_t kBytes = 16;
  static constexpr std::size_t kTextChars = 26;

  [[nodiscard]] std::array<char, kBytes> bytes() const;
  static Tid from_bytes(std::string_view sixteen);

  /// 26 characters of Crockford's base 32, which sort like the bytes.
  [[nodiscard]] std::string text() const;
  static std::optional<Tid> parse(std::string_view text);
};

inline std::array<char, Tid::kBytes> Tid::bytes() const {
  std::array<char, kBytes> out{};
  const std::uint64_t low =
      (std::uint64_t{cluster} << 48U) | (std::uint64_t{shard} << 32U) | static_cast<std::uint64_t>(epoch);
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<char>((sequence >> (56U - 8U * i)) & 0xffU);
    out[8 + i] = static_cast<char>((low >> (56U - 8U * i)) & 0xffU);
  }
  return out;
}

inline Tid Tid::from_bytes(std::string_view sixteen) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    high = (high << 8U) | static_cast<unsigned char>(sixteen[i]);
    low = (low << 8U) | static_cast<unsigned char>(sixteen[8 + i]);
  }
  return Tid{high, static_cast<std::uint16_t>(low >> 48U), static_cast<std::uint16_t>((low >> 32U) & 0xffffU),
             static_cast<std::uint32_t>(low & 0xffffffffU)};
}

namespace ids_detail {
inline constexpr std::string_view kBase32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
}

inline std::string Tid::text() const {
  const auto raw = bytes();
  std::string out(kTextChars, '0');
  // 130 bits for 128: the first character carries the upper three bits only.
  std::uint32_t pending = 0;
  unsigned bits = 2;
  std::size_t at = 0;
  for (const char byte : raw) {
    pending = (pending << 8U) | static_cast<unsigned char>(byte);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out[at++] = ids_detail::kBase32[(pending >> bits) & 31U];
    }
    pending &= (1U << bits) - 1U;
  }
  return out;
}

inline std::optional<Tid> Tid::parse(std::string_view text) {
  if (text.size() != kTextChars) return std::nullopt;
  std::array<char, kBytes> raw{};
  std::uint32_t pending = 0;
  unsigned bits = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = ids_detail::kBase32.find(text[i]);
    if (digit == std::string_view::npos || (i == 0 && digit > 7)) return std::nullopt;
    pending = (pending << 5U) | static_cast<std::uint32_t>(digit);
    bits += i == 0 ? 3 : 5;
    if (bits >= 8) {
      bits -= 8;
      raw[at++] = static_cast<char>((pending >> bits) & 0xffU);
    }
    pending &= (1U << bits) - 1U;
  }
  return from_bytes(std::string_view(raw.data(), raw.size()));
}

}  // namespace settle
