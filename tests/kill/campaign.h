#pragma once

#include <string>
#include <vector>

#include "kill/fleet.h"
#include "kill/journal.h"
#include "kill/options.h"
#include "kill/oracle.h"

namespace settle::kill {

/// Load, kills, rest, last questions: one run. Afterwards everybody has ended and the folder can be judged.
class Campaign {
 public:
  Campaign(const Options& options, const std::string& folder);

  void run();

  [[nodiscard]] const Tally& tally() const { return fleet_.tally(); }
  [[nodiscard]] const Participants& participants() const { return fleet_.participants(); }
  /// What went wrong with the processes, or was not reached.
  [[nodiscard]] const std::vector<std::string>& accidents() const { return accidents_; }

 private:
  void kill_at_failpoints();
  void kill_at_random();
  void play_trick();

  const Options options_;
  const std::string folder_;
  Dice dice_;
  Fleet fleet_;
  Journal journal_;
  std::vector<std::string> accidents_;
};

/// The names that `settled --list-failpoints` prints.
std::vector<std::string> failpoints(const std::string& folder);

}  // namespace settle::kill
