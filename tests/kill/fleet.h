#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kill/participants.h"
#include "live/settled.h"

namespace settle::kill {

struct Tally {
  std::size_t kills = 0;                ///< of the daemon, by us
  std::size_t failpoint_kills = 0;      ///< of the daemon, by itself at a failpoint
  std::size_t restarts = 0;             ///< of the daemon
  live::milliseconds slowest_start{0};  ///< from exec to ready
};

/// The processes: one daemon, some participants. Each comes back on its data and its port. Main thread only.
class Fleet {
 public:
  Fleet(const std::string& folder, std::size_t participants, Sabotage sabotage, std::vector<std::string> flags);

  [[nodiscard]] live::Settled& settled() { return settled_; }
  [[nodiscard]] const std::vector<std::uint16_t>& ports() const { return participants_.ports(); }
  [[nodiscard]] const Participants& participants() const { return participants_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }

  void start();
  /// Lets things run for `time`, or until `over`; participants that have killed themselves come back.
  void serve(live::milliseconds time, const std::function<bool()>& over = [] { return false; });

  /// SIGKILL and a new start. `awaits`: until it is ready.
  void kill_settled(bool awaits, const std::function<void()>& between = [] {});
  /// A new start that dies at the failpoint. False: it did not, for `bound`.
  bool die_at(const std::string& failpoint, std::uint64_t passage, live::milliseconds bound);
  /// A new start of a daemon that has died.
  void revive();
  void await_settled();
  void kill_participant(std::size_t index) { participants_.kill(index); }
  /// SIGTERM; then the participants end.
  live::Exit stop();

  /// What went wrong with the processes themselves; empty if nothing.
  [[nodiscard]] const std::vector<std::string>& accidents() const { return accidents_; }

 private:
  void must_run();

  live::Settled settled_;
  Participants participants_;
  Tally tally_;
  std::vector<std::string> accidents_;
};

}  // namespace settle::kill
