#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/json.h"
#include "cli/shell.h"

namespace settle::cli {

struct Waited {
  std::string body;  ///< the last document, as the daemon sent it
  Json document;
  int exit = kOk;  ///< other than kOk: it has been explained already, and there is no document
};

/// Asks for the document until `until` ("end" or "decision") is reached, an incident stops progress, or `for_ms` are
/// over (nothing: for ever). Asks in slices, so that a daemon that dies meanwhile is noticed.
Waited wait_for(Shell& shell, std::string_view gid, std::string_view until, std::optional<std::int64_t> for_ms);

}  // namespace settle::cli
