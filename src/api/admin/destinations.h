#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/ports.h"
#include "api/http/query_string.h"
#include "base/time.h"
#include "engine/destination.h"

namespace settle::api {

/// A destination whose calls an operator holds back.
struct Pause {
  std::string name;
  std::string reason;
  std::string who;  ///< may be empty
  Instant since = kNoInstant;
};

/// All destinations of the process at one moment, each once, and what operators have said about them.
struct DestinationsSnapshot {
  std::vector<engine::DestinationFigures> figures;
  std::vector<Pause> pauses;
};

/// How an operator's pause or resume came out.
struct PauseResult {
  enum class Outcome : std::uint8_t {
    kDone,        ///< kept, and every worker has been told
    kNotAudited,  ///< nothing has happened
    kNotStored,   ///< it may or may not be kept for the next start; nobody has been told
    kTooMany,     ///< as many destinations are paused as may be
  };
  Outcome outcome = Outcome::kDone;
  std::string message{};
};

inline constexpr std::size_t kPausesMax = 1000;

/// What a path below /v1/destinations asks for.
struct PausePlace {
  std::string_view name;  ///< as in the path, percent escapes untouched
  bool pause = true;      ///< false: resume
};
/// /v1/destinations/{name}/pause and …/resume; slashes of the name may stand as they are. Nothing: no such path.
std::optional<PausePlace> pause_place_of(std::string_view path);

/// Whether calls can be made to a destination of this name: scheme://host or scheme://host:port.
bool is_destination(std::string_view name);

/// Those that need somebody's eye first, then by name; at most `limit`.
Rendered render_destinations(DestinationsSnapshot&& snapshot, std::size_t limit);

/// One of them, also if nobody has called it yet.
Rendered render_destination(const DestinationsSnapshot& snapshot, std::string_view name);

}  // namespace settle::api
