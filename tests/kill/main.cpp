// Kills the real daemon and real participants under load and judges what is left by the participants' books and the
// clients' journals alone. Exit 0: no violation; 1: some, or the run proves nothing; 2: usage.

#include <iostream>

#include "kill/campaign.h"
#include "kill/restart.h"

namespace {

using namespace settle::kill;

constexpr std::size_t kPrintedMax = 30;

int report(const Verdict& verdict, const Campaign& campaign) {
  for (std::size_t i = 0; i < kChecks; ++i) {
    std::cout << "  " << name_of(static_cast<Check>(i)) << ": " << verdict.checks[i] << " checks\n";
  }
  for (std::size_t i = 0; i < verdict.violations.size() && i < kPrintedMax; ++i) {
    const Violation& violation = verdict.violations[i];
    std::cout << "violation: " << name_of(violation.check) << ": " << violation.gid << " " << violation.text << "\n";
  }
  for (const std::string& accident : campaign.accidents()) std::cout << "accident: " << accident << "\n";
  const Tally& tally = campaign.tally();
  std::cout << verdict.transactions << " transactions (" << verdict.acknowledged << " acknowledged, "
            << verdict.committed << " in effect), " << tally.kills + tally.failpoint_kills << " kills ("
            << tally.failpoint_kills << " at failpoints), " << tally.restarts << " restarts (slowest "
            << tally.slowest_start.count() << " ms), " << tally.participant_kills << " participant kills (and "
            << tally.participant_suicides << " by themselves), " << verdict.checks_in_all() << " checks, "
            << verdict.violations.size() << " violations, " << campaign.accidents().size() << " accidents\n";
  const bool is_fine = verdict.violations.empty() && campaign.accidents().empty() && verdict.checks_in_all() > 0;
  return is_fine ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse_options(argc, argv);
  if (!options) return 2;
  settle::live::Place place("kill");
  if (options->restart_open > 0) return measure_restart(place.path(), options->restart_open);

  Campaign campaign(*options, place.path());
  campaign.run();
  const int code = report(judge_all(place.path(), options->participants), campaign);
  if (code != 0) place.keep();
  return code;
}
