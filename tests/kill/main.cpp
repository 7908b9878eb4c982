// Kills the real daemon and real participants under load and judges what is left by the participants' books and the
// clients' journals alone. Exit 0: no violation; 1: some, or the run proves nothing; 2: usage.

#include <iostream>

#include "kill/campaign.h"
#include "kill/cluster_campaign.h"
#include "kill/restart.h"

namespace {

using namespace settle::kill;

constexpr std::size_t kPrintedMax = 30;

void print(const Verdict& verdict, const std::vector<std::string>& accidents) {
  for (std::size_t i = 0; i < kChecks; ++i) {
    std::cout << "  " << name_of(static_cast<Check>(i)) << ": " << verdict.checks[i] << " checks\n";
  }
  for (std::size_t i = 0; i < verdict.violations.size() && i < kPrintedMax; ++i) {
    const Violation& violation = verdict.violations[i];
    std::cout << "violation: " << name_of(violation.check) << ": " << violation.gid << " " << violation.text << "\n";
  }
  for (const std::string& accident : accidents) std::cout << "accident: " << accident << "\n";
  std::cout << verdict.transactions << " transactions (" << verdict.acknowledged << " acknowledged, "
            << verdict.committed << " in effect), ";
}

/// Ends the line. The exit code.
int conclude(const Verdict& verdict, const Participants& participants, const std::vector<std::string>& accidents) {
  std::cout << participants.kills() << " participant kills (and " << participants.suicides() << " by themselves), "
            << verdict.checks_in_all() << " checks, " << verdict.violations.size() << " violations, "
            << accidents.size() << " accidents\n";
  return verdict.violations.empty() && accidents.empty() && verdict.checks_in_all() > 0 ? 0 : 1;
}

int run_one(const Options& options, const std::string& folder) {
  Campaign campaign(options, folder);
  campaign.run();
  const Verdict verdict = judge_all(folder, options.participants);
  print(verdict, campaign.accidents());
  const Tally& tally = campaign.tally();
  std::cout << tally.kills + tally.failpoint_kills << " kills (" << tally.failpoint_kills << " at failpoints), "
            << tally.restarts << " restarts (slowest " << tally.slowest_start.count() << " ms), ";
  return conclude(verdict, campaign.participants(), campaign.accidents());
}

int run_cluster(const Options& options, const std::string& folder) {
  ClusterCampaign campaign(options, folder);
  campaign.run();
  const Verdict verdict = judge_all(folder, options.participants);
  print(verdict, campaign.cluster().accidents());
  const ClusterTally& tally = campaign.cluster().tally();
  std::cout << options.daemons << " daemons, " << tally.kills << " kills, " << tally.pauses << " pauses, "
            << tally.store_kills << " kills of the database, " << tally.resigned << " resignations, " << tally.fenced
            << " saves of former owners refused, slowest resumption of " << campaign.resumptions() << " "
            << campaign.slowest_resumption().count() << " ms (lease " << options.lease_ms << " ms), ";
  return conclude(verdict, campaign.cluster().participants(), campaign.cluster().accidents());
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse_options(argc, argv);
  if (!options) return 2;
  settle::live::Place place("kill");
  if (options->restart_open > 0) return measure_restart(place.path(), options->restart_open);

  const int code = options->daemons > 1 ? run_cluster(*options, place.path()) : run_one(*options, place.path());
  if (code != 0) place.keep();
  return code;
}
