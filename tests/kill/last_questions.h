#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kill/journal.h"
#include "live/client.h"

namespace settle::kill {

/// Lets things run for a time, or until it is over.
using Serve = std::function<void(live::milliseconds time, const std::function<bool()>& over)>;

/// Waits until no transaction is open. What stays open is noted, and an accident.
void come_to_rest(const live::Client& client, const Serve& serve, Journal& journal,
                  std::vector<std::string>& accidents);

/// Asks the daemon about everything that was ever acknowledged, and notes what it says.
void ask_for_all(std::uint16_t daemon, const std::string& folder, std::size_t participants, Journal& journal,
                 std::vector<std::string>& accidents);

}  // namespace settle::kill
