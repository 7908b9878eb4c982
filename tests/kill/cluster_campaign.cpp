#include "kill/cluster_campaign.h"

#include <algorithm>

#include "kill/last_questions.h"
#include "kill/load.h"

namespace settle::kill {

using live::Clock;
using live::milliseconds;
using live::seconds;

namespace {

constexpr std::size_t kNobody = static_cast<std::size_t>(-1);
/// Whoever has not resumed then never will; it ends a failing run, the time itself is printed.
constexpr seconds kResumptionBound{60};

}  // namespace

ClusterCampaign::ClusterCampaign(const Options& options, const std::string& folder)
    : options_(options),
      folder_(folder),
      lease_(options.lease_ms),
      dice_(options.seed),
      cluster_(folder, options.daemons, options.participants, options.sabotage, lease_),
      journal_(folder + "/client.journal") {}

void ClusterCampaign::run() {
  const Clock::time_point begun = Clock::now();
  cluster_.start();
  Load load(
      {options_.seed, options_.clients, options_.per_second, cluster_.api_ports(), cluster_.participants().ports()},
      journal_);
  cluster_.serve(milliseconds{500});
  for (const Blow blow : blows()) strike(blow);
  (void)cluster_.await_all();
  const auto served = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
  cluster_.serve(std::max(milliseconds{500}, seconds{options_.seconds} - served));
  load.stop();
  const Serve serve = [this](milliseconds time, const std::function<bool()>& over) { cluster_.serve(time, over); };
  come_to_rest(cluster_.daemon(0).client(), serve, journal_, cluster_.accidents());
  ask_for_all(cluster_.daemon(0).api_port(), folder_, options_.participants, journal_, cluster_.accidents());
  cluster_.stop();
}

std::vector<ClusterCampaign::Blow> ClusterCampaign::blows() {
  std::vector<Blow> all(options_.kills, Blow::kKill);
  all.insert(all.end(), options_.pauses, Blow::kPause);
  all.insert(all.end(), options_.store_kills, Blow::kStoreKill);
  all.insert(all.end(), options_.participant_kills, Blow::kParticipantKill);
  for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[dice_.below(i)]);
  return all;
}

void ClusterCampaign::strike(Blow blow) {
  // Takeovers take about a lease; some blows come before the last one is digested.
  cluster_.serve(milliseconds{20 + dice_.below(options_.lease_ms * 2)});
  switch (blow) {
    case Blow::kKill:
      hit_a_daemon(false);
      break;
    case Blow::kPause:
      hit_a_daemon(true);
      break;
    case Blow::kStoreKill:
      cluster_.kill_store(milliseconds{dice_.below(400)});
      break;
    case Blow::kParticipantKill:
      cluster_.participants().kill(dice_.below(options_.participants));
      break;
  }
}

std::size_t ClusterCampaign::some_daemon_up(std::size_t except) {
  std::vector<std::size_t> up;
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    if (i != except && cluster_.is_up(i)) up.push_back(i);
  }
  return up.empty() ? kNobody : up[dice_.below(up.size())];
}

void ClusterCampaign::hit_a_daemon(bool is_pause) {
  std::size_t victim = kNobody;
  cluster_.serve(live::kPatience, [&] {
    victim = some_daemon_up(kNobody);
    return victim != kNobody;
  });
  if (victim == kNobody) return;  // await_all will say so
  if (dice_.percent(20)) {
    measure(victim, is_pause);
    return;
  }
  if (is_pause) {
    cluster_.pause(victim, lease_ + milliseconds{dice_.below(1500)});
  } else {
    cluster_.kill(victim, milliseconds{dice_.percent(50) ? 0 : dice_.below(2000)});
  }
}

/// One blow with everybody else in good health: how long until what was open is called again by somebody.
void ClusterCampaign::measure(std::size_t victim, bool is_pause) {
  if (!cluster_.await_all()) return;
  const std::size_t witness = some_daemon_up(victim);
  if (witness == kNobody) return;
  if (!pulse_.begin(cluster_.daemon(witness).client())) {
    cluster_.accidents().emplace_back("a begin was not acknowledged in good health");
    pulse_.start();
    return;
  }
  constexpr milliseconds kAway{kResumptionBound};
  if (is_pause) {
    cluster_.pause(victim, lease_ * 4 + seconds{2});
  } else {
    cluster_.kill(victim, kAway);
  }
  pulse_.start();
  cluster_.serve(kResumptionBound, [&] { return pulse_.is_over(); });
  if (!pulse_.is_over()) cluster_.accidents().emplace_back("open transactions did not go on without a daemon");
  slowest_resumption_ = std::max(slowest_resumption_, pulse_.elapsed());
  ++resumptions_;
  cluster_.bring_back(victim);
}

}  // namespace settle::kill
