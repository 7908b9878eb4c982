#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kill/books.h"

namespace settle::kill {

/// How the harness itself breaks the world, so that the oracle can be seen to notice.
enum class Trick : std::uint8_t {
  kNone,
  kForgedAck,    ///< a client's journal says that something was acknowledged which was never sent
  kFlippedWord,  ///< a client's journal says that the other outcome was told
  kLostStore,    ///< one restart of the daemon is on an empty folder
};

struct Options {
  std::uint64_t seed = 1;
  unsigned kills = 15;
  unsigned participant_kills = 5;
  bool failpoints = false;  ///< first, each failpoint of the daemon once
  unsigned seconds = 0;     ///< serve at least so long
  unsigned participants = 3;
  unsigned clients = 24;
  unsigned per_second = 300;
  unsigned daemons = 1;      ///< more than one: over a PostgreSQL of their own
  unsigned pauses = 0;       ///< of daemons, for longer than the lease
  unsigned store_kills = 0;  ///< of PostgreSQL
  unsigned lease_ms = 1000;
  unsigned restart_open = 0;  ///< instead of all that: restart with so many open transactions
  Sabotage sabotage = Sabotage::kNone;
  Trick trick = Trick::kNone;
};

/// Nothing: the words cannot be understood, and why is printed.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace settle::kill
