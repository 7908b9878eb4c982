#pragma once

#include <span>
#include <string_view>

#include "cli/options.h"
#include "cli/shell.h"

namespace settle::cli {

/// One word behind `settlectl`; each stands in a file of its own, and commands.cpp lists them.
struct Command {
  std::string_view name;
  std::string_view words;    ///< what it takes, as the help shows it: "GID"
  std::size_t words_count;   ///< exactly so many, unless words_max says more
  std::string_view summary;  ///< one line
  std::string_view text;     ///< the rest of its help
  std::span<const Option> options;
  int (*run)(Shell& shell, const Arguments& arguments);
  std::size_t words_max = 0;  ///< at most so many; 0: exactly words_count
};

extern const Command kSubmit;
extern const Command kList;
extern const Command kShow;
extern const Command kWait;
extern const Command kAbort;
extern const Command kRetry;
extern const Command kVerify;
extern const Command kIncidents;
extern const Command kResolve;
extern const Command kStop;
extern const Command kAudit;
extern const Command kDestinations;
extern const Command kNodes;
extern const Command kTop;
extern const Command kBarrier;

}  // namespace settle::cli
