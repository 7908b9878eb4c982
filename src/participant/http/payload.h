#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "participant/participant.h"

namespace settle::participant {

/// A request with everything that is bound into it is not larger than this.
inline constexpr std::size_t kBoundPayloadBytesMax = std::size_t{1024} * 1024;

/// Makes the payload of a call with bound parts: each part is taken out of its result as raw bytes and put into the
/// input, in the order of the list; nothing is printed anew. Without input it begins with {}. Nothing: `payload` is
/// what to send. Otherwise the words for why it cannot be made; `payload` is then unspecified.
std::optional<std::string> bind_payload(const Call& call, std::string& payload);

}  // namespace settle::participant
