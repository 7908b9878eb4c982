#pragma once

#include <string_view>

namespace settle::daemon {

/// Exit codes of `settled`; documented in README.md of this folder.
inline constexpr int kExitUsage = 2;           ///< configuration or flags; nothing was started
inline constexpr int kExitCannotListen = 69;   ///< an address cannot be listened on
inline constexpr int kExitStoreUnknown = 70;   ///< a write or sync failed: it may or may not be kept; start again
inline constexpr int kExitLostOwnership = 71;  ///< the store says that somebody else owns what only we may own
inline constexpr int kExitStoreClosed = 74;    ///< the store cannot be opened or read

/// Logs and ends the process at once: no destructor runs, nothing that is queued is told to anybody.
[[noreturn]] void die(int code, std::string_view what, std::string_view why);

}  // namespace settle::daemon
