#pragma once

#include <cstdint>
#include <string>

namespace settle::api::dtm {

inline constexpr std::size_t kShortUuidChars = 22;

/// 128 bits as 22 characters of an alphabet of 57 without those that people mix up, as a version-4 UUID (RFC 9562).
std::string short_uuid(std::uint64_t high, std::uint64_t low);

}  // namespace settle::api::dtm
