#include "participant/http/payload.h"

#include "wire/json_splice.h"

namespace settle::participant {

std::optional<std::string> bind_payload(const Call& call, std::string& payload) {
  payload.assign(call.payload);
  for (const BoundPart& part : *call.bound) {
    const std::optional<std::string_view> value = wire::json_part(part.result, part.from);
    if (!value) return "the earlier result has no part at \"" + std::string(part.from) + "\"";
    if (!wire::splice_json(payload, part.into, *value, kBoundPayloadBytesMax)) {
      return "nothing can be put into the input at \"" + std::string(part.into) + "\"";
    }
  }
  return std::nullopt;
}

}  // namespace settle::participant
