#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kill/participants.h"
#include "live/settled.h"
#include "servers/postgres.h"

namespace settle::kill {

struct ClusterTally {
  std::size_t kills = 0;        ///< of daemons, by us
  std::size_t pauses = 0;       ///< SIGSTOP for longer than the lease, then SIGCONT
  std::size_t store_kills = 0;  ///< SIGKILL of PostgreSQL and all its children
  std::size_t resigned = 0;     ///< daemons that ended by themselves because the store's word was lost or against them
  std::size_t fenced = 0;       ///< saves of former owners that the store refused, as far as somebody could still ask
};

/// Several daemons over one PostgreSQL, and participants. Whoever dies comes back on its ports. Main thread only.
class Cluster {
 public:
  Cluster(const std::string& folder, std::size_t daemons, std::size_t participants, Sabotage sabotage,
          live::milliseconds lease);

  void start();
  /// Lets things run for `time`, or until `over`; who is to come back does.
  void serve(live::milliseconds time, const std::function<bool()>& over = [] { return false; });

  [[nodiscard]] std::size_t size() const { return daemons_.size(); }
  [[nodiscard]] live::Settled& daemon(std::size_t index) { return *daemons_[index].settled; }
  [[nodiscard]] std::vector<std::uint16_t> api_ports() const;
  [[nodiscard]] Participants& participants() { return *participants_; }
  [[nodiscard]] const ClusterTally& tally() const { return tally_; }
  [[nodiscard]] std::vector<std::string>& accidents() { return accidents_; }

  /// Runs, and is not stopped.
  [[nodiscard]] bool is_up(std::size_t index);
  /// SIGKILL; it comes back after `away`.
  void kill(std::size_t index, live::milliseconds away);
  /// SIGSTOP; it goes on after `away`.
  void pause(std::size_t index, live::milliseconds away);
  /// Whoever is away or paused comes back now.
  void bring_back(std::size_t index) { daemons_[index].back_at = {}; }
  /// SIGKILL for the database; it comes back after `away`, before this returns.
  void kill_store(live::milliseconds away);
  /// All daemons are there and ready; if not within patience, that is an accident.
  bool await_all();
  /// SIGTERM for all; then the participants end.
  void stop();

 private:
  struct Daemon {
    std::unique_ptr<live::Settled> settled;
    live::Clock::time_point back_at{};  ///< while `is_away` or `is_paused`
    bool is_away = false;
    bool is_paused = false;
  };

  void tend(Daemon& daemon);

  servers::Postgres store_;
  std::vector<Daemon> daemons_;
  std::unique_ptr<Participants> participants_;
  ClusterTally tally_;
  std::vector<std::string> accidents_;
};

}  // namespace settle::kill
