#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/http/ports.h"

namespace settle::api {

/// Every error of the API. Each has a page in docs/errors.
enum class ErrorName : std::uint8_t {
  kMalformed,
  kInvalid,
  kUnknownRoute,
  kMethodNotAllowed,
  kUnknownGid,
  kUnknownBranch,
  kPruned,
  kGidReused,
  kBranchReused,
  kWrongPhase,
  kContradiction,
  kDeadlinePassed,
  kEpochClosed,
  kTooLarge,
  kTooMany,
  kOverloaded,
  kStoreFull,
  kStoreUnknown,
  kAuditUnavailable,
};
inline constexpr int kErrorNames = 19;

/// The fixed part of an error.
struct ErrorKind {
  ErrorName name;
  int status;
  std::string_view type;
  std::string_view title;
};
const ErrorKind& kind_of(ErrorName name);

/// What a request is refused for. `pointer` is the JSON pointer of the place in the body; empty: the whole of it, or no
/// body at all.
struct Refusal {
  ErrorName name = ErrorName::kInvalid;
  std::string pointer;
  std::string text;  ///< what is wrong, and what instead
};

/// A problem document (RFC 9457). `gid` and `phase` may be empty.
Rendered render_problem(ErrorName name, std::string_view detail, std::string_view gid = {},
                        std::string_view phase = {});
Rendered render_problem(const Refusal& refusal);

/// Adds the member `gid` to a problem document.
void add_gid(Rendered& problem, std::string_view gid);

/// The document for what the HTTP server refuses by itself: statuses below our errors, with `about:blank` where the
/// status says it all.
Rendered render_transport_problem(int status, std::string_view detail);

/// At most `bytes_max` bytes of a text from outside, cut between characters, for an error's words.
std::string excerpt(std::string_view text, std::size_t bytes_max = 64);

}  // namespace settle::api
