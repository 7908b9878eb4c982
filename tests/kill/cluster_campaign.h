#pragma once

#include <string>
#include <vector>

#include "kill/cluster.h"
#include "kill/journal.h"
#include "kill/options.h"
#include "kill/oracle.h"
#include "kill/pulse.h"

namespace settle::kill {

/// Several daemons over one PostgreSQL under load: kills and pauses of daemons, kills of the database and of
/// participants, rest, last questions. Afterwards everybody has ended and the folder can be judged.
class ClusterCampaign {
 public:
  ClusterCampaign(const Options& options, const std::string& folder);

  void run();

  [[nodiscard]] Cluster& cluster() { return cluster_; }
  [[nodiscard]] live::milliseconds slowest_resumption() const { return slowest_resumption_; }
  [[nodiscard]] std::size_t resumptions() const { return resumptions_; }

 private:
  enum class Blow : std::uint8_t { kKill, kPause, kStoreKill, kParticipantKill };

  [[nodiscard]] std::vector<Blow> blows();
  void strike(Blow blow);
  void hit_a_daemon(bool is_pause);
  void measure(std::size_t victim, bool is_pause);
  [[nodiscard]] std::size_t some_daemon_up(std::size_t except);

  const Options options_;
  const std::string folder_;
  const live::milliseconds lease_;
  Dice dice_;
  Cluster cluster_;
  Journal journal_;
  Pulse pulse_;
  live::milliseconds slowest_resumption_{0};
  std::size_t resumptions_ = 0;
};

}  // namespace settle::kill
