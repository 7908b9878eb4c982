#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"
#include "model/kinds.h"
#include "net/http_client.h"
#include "participant/participant.h"

namespace settle::participant {

/// What an HTTP status of a participant means. 409 is the only one that may turn a transaction back; a proxy in front
/// can make all the others up. A redirect is not followed and says nothing.
constexpr Outcome outcome_of_http(int status) {
  if (status >= 200 && status < 300) return Outcome::kDone;
  if (status == 409) return Outcome::kRefused;
  if (status == 425) return Outcome::kRunning;
  return Outcome::kUnknown;
}
static_assert(outcome_of_http(204) == Outcome::kDone);
static_assert(outcome_of_http(302) == Outcome::kUnknown);
static_assert(outcome_of_http(404) == Outcome::kUnknown);
static_assert(outcome_of_http(504) == Outcome::kUnknown);

/// Why there was no answer.
AnswerCode code_of(net::HttpFailure failure);

/// Body of a check-back's 2xx: exactly {"state": "committed" | "aborted" | "running"}, blanks as JSON allows them.
/// Nothing for anything else; a body that is merely similar must not decide about money. `running` is kUndecided.
std::optional<CheckState> parse_check_state(std::string_view body);

/// Body of a prepare's 2xx: an object with {"vote": "read-only"}, perhaps beside other members. False for anything
/// else: whoever is not known to have only read hears the commit.
bool is_read_only_vote(std::string_view body);

inline constexpr Duration kRetryAfterMax = std::chrono::hours{24};

/// Value of Retry-After: seconds, or a date in the form of RFC 9110 (IMF-fixdate) counted from `now`. At most
/// kRetryAfterMax; 0 for what is in the past or cannot be read.
Duration parse_retry_after(std::string_view value, Instant now);

}  // namespace settle::participant
