#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "settle/result.h"

namespace settle::bench {

/// What can be typed behind the name of a question. Questions take what means something to them and ignore the rest.
struct Options {
  std::string question;
  std::uint32_t clients = 64;
  double seconds = 5;
  double warmup = 1;
  double rate = 0;                ///< transactions begun per second; 0: closed loop
  std::uint32_t workers = 0;      ///< of settled; 0: its own default
  std::uint32_t syncs = 0;        ///< of the floor, per saga; 0: both variants
  std::uint32_t pairs = 0;        ///< with vs_floor or p4: rounds; 0: as the question thinks fit
  std::uint32_t targets = 1;      ///< of p5
  std::size_t count = 1'000'000;  ///< of p9: open transactions; of p11: finished ones in the store
  bool tcc = false;               ///< p5: instead of messages
  bool vs_floor = false;
  bool json = false;
  std::string data = "/var/tmp";  ///< the fresh data directory is made in here
  std::string settled;            ///< path of the daemon; empty: beside this program
  std::string settled_flags;      ///< more flags for it, separated by blanks

  // Of the floor's coordinator, which is a process of its own.
  std::uint16_t participant = 0;
  std::uint32_t answer_bytes = 0;
  std::uint32_t call_bytes = 0;
};

/// Both `--name=value` and `--name value`. Errors: kInvalid.
Result<Options> parse_options(std::span<const std::string_view> arguments);

std::string_view usage();

}  // namespace settle::bench
