#pragma once

#include <cstdint>
#include <string_view>

namespace settle {

/// CRC-32C (Castagnoli) of `bytes`, continued from `seed`. Hardware instruction where the processor has it.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace settle
