#pragma once

#include <string_view>

#include "api/http/ports.h"
#include "engine/worker.h"

namespace settle::api::dtm {

/// What a token of this face asked for; stands where `Asked` stands in those of /v1.
enum class Asked : std::uint8_t {
  kPrepare = 0,
  kSubmit = 1,
  kSubmitAndWait = 2,
  kAbort = 3,
  kAbortAndWait = 4,
  kRegister = 5,
  kQuery = 6,
  kForceStop = 7,
  kPassDue = 8,
  kHook = 9,  ///< by a test hook
};

constexpr std::uint8_t flags_with(Asked asked) {
  return static_cast<std::uint8_t>(kForDtm | static_cast<unsigned>(asked) << 1U);
}
constexpr Asked asked_of(engine::Token token) { return static_cast<Asked>(flags_of(token) >> 1U & 15U); }

/// The engine's reply in DTM's words, made where the view is valid. With `lacks_gid`: nothing is known of the gid, and
/// the face knows which one it was (`absent`).
Rendered render(engine::Token token, engine::AnswerKind kind, const engine::View* view);

/// The answer about a gid that nobody knows.
Rendered absent(Asked asked, std::string_view gid);

/// {"dtm_result":"SUCCESS"}
Rendered success();
/// 500 with that message.
Rendered trouble(std::string_view message);
/// 409; the message ends in FAILURE.
Rendered failure(std::string_view message);

}  // namespace settle::api::dtm
