#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace settle::alert {

enum class Kind : std::uint8_t {
  kIncidentOpened,
  kIncidentClosed,
  kOldestOverBound,  ///< some transaction is open for longer than the bound
  kOldestBackBelow,
  kDestinationDown,  ///< its breaker has opened
  kDestinationBack,
};
std::string_view name_of(Kind kind);

/// What somebody should know. Fields that do not apply stay empty. No payload of a transaction is ever in it.
struct Alert {
  Kind kind = Kind::kIncidentOpened;
  Instant at = kNoInstant;
  std::string node;
  std::string gid;             ///< incidents
  std::string branch;          ///< incidents; empty: the transaction itself
  std::string cause;           ///< kIncidentOpened
  Instant since = kNoInstant;  ///< when it began, as far as known
  bool again = false;          ///< kIncidentOpened: told at a start or takeover; the `id` is that of the first time
  std::string destination;     ///< destinations
  std::string last_error;      ///< kDestinationDown
  Duration bound{0};           ///< kOldest…
};

/// The same for each repetition of the same alert, also by another daemon after a takeover: receivers compare it.
std::string id_of(const Alert& alert);

/// JSON, one object.
std::string body_of(const Alert& alert);

/// Value of the header settle-signature: "v1=" and the HMAC-SHA-256, in hexadecimal digits, of the value of
/// settle-timestamp, a full stop, and the body, with the bytes of the secret as key.
std::string signature_of(std::string_view secret, std::string_view timestamp, std::string_view body);

}  // namespace settle::alert
