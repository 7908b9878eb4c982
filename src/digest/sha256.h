#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace settle::digest {

/// SHA-256 of the parts one behind the other, as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::initializer_list<std::string_view> parts);

/// HMAC-SHA-256 (RFC 2104) of the parts one behind the other, likewise.
std::string hmac_sha256_hex(std::string_view key, std::initializer_list<std::string_view> parts);

}  // namespace settle::digest
