#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "calls.h"
#include "clients.h"
#include "coverage.h"
#include "ledger.h"
#include "node.h"
#include "options.h"
#include "oracle/oracle.h"
#include "services.h"
#include "store/sim_store.h"
#include "timeline.h"
#include "trace.h"
#include "workload.h"

namespace settle::sim {

/// What a run came to.
struct Outcomes {
  std::uint64_t transactions = 0, committed = 0, aborted = 0, unborn = 0;
  std::uint64_t faults = 0, crashes = 0, events = 0, inputs = 0;
  std::uint64_t violations = 0;
  std::uint64_t hash = 0;
  std::int64_t virtual_us = 0;
  std::array<std::uint64_t, kFaults> strikes{};
  std::array<std::uint64_t, kChecks> evaluated{};
};

/// A cluster with its clients and participants in one thread on virtual time. Two phases: faults, then healing; at the
/// end everything must have come to rest and every promise must hold.
class World {
 public:
  World(const Options& options, Trace::Text text);

  /// Runs to the end, or to the first violation.
  void run();

  [[nodiscard]] const Outcomes& outcomes() const { return outcomes_; }
  [[nodiscard]] const Violation* violation() const { return oracle_.violation(); }
  [[nodiscard]] const Coverage& coverage() const { return coverage_; }
  [[nodiscard]] const Trace& trace() const { return trace_; }
  [[nodiscard]] std::string violation_text() const;

  // --- for the parts of the world
  const Options& options() const { return options_; }
  Instant now() const { return now_; }
  Timeline& timeline() { return timeline_; }
  Trace& trace() { return trace_; }
  SimStore& store() { return store_; }
  Oracle& oracle() { return oracle_; }
  Ledger& ledger() { return ledger_; }
  Services& services() { return services_; }
  Calls& calls() { return calls_; }
  Clients& clients() { return clients_; }
  std::vector<std::unique_ptr<Node>>& nodes() { return nodes_; }
  const Script& script(TxNo tx) const { return scripts_[tx]; }
  TxNo add_script();
  [[nodiscard]] std::size_t scripts() const { return scripts_.size(); }
  [[nodiscard]] bool is_healed() const { return is_healed_; }

  // Streams of chance, one per subsystem.
  Random& network_dice() { return network_dice_; }
  Random& disk_dice() { return disk_dice_; }
  Random& work_dice() { return work_dice_; }
  Random& client_dice() { return client_dice_; }
  Random& id_dice() { return id_dice_; }
  Random& clock_dice() { return clock_dice_; }
  Random& fault_dice() { return fault_dice_; }

  /// Counts a fault and remembers for the matrix whom it struck.
  void strike(Fault fault) { ++outcomes_.strikes[static_cast<std::size_t>(fault)]; }
  void strike(Fault fault, TxNo tx);         ///< the transaction as a whole
  void strike(Fault fault, TxNo tx, Op op);  ///< one of its ops
  void mark(Fault fault, TxNo tx, Op op);    ///< without counting
  void op_called(TxNo tx, Op op);
  void crashed() { ++outcomes_.crashes; }
  void input() { ++outcomes_.inputs; }
  /// Number of the newest input of any worker.
  [[nodiscard]] std::uint64_t inputs() const { return outcomes_.inputs; }
  [[nodiscard]] bool is_destination_paused(std::uint8_t service) const { return is_paused_[service]; }

 private:
  struct Struck {
    std::uint64_t whole = 0;
    std::array<std::uint64_t, Coverage::kOps> ops{};
    std::uint16_t called = 0;
  };

  void schedule_faults();
  void fault(Fault fault);
  void heal();
  void operator_round();
  void operator_retries(TxNo tx);
  void fail_over();
  void pause_destination(std::uint8_t service, bool paused);
  void dispatch(const Event& event);
  void dispatch_node(const Event& event);
  [[nodiscard]] bool is_quiet();
  void settle_accounts();

  Options options_;
  Instant now_;
  Trace trace_;
  Random network_dice_, disk_dice_, work_dice_, client_dice_, id_dice_, clock_dice_, fault_dice_, script_dice_;
  Timeline timeline_;
  Ledger ledger_;
  Oracle oracle_;
  SimStore store_;
  Services services_;
  Calls calls_;
  Clients clients_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<bool> is_paused_;  // services, by an operator
  std::vector<Script> scripts_;
  std::vector<Struck> struck_;
  Coverage coverage_;
  Outcomes outcomes_;
  bool is_healed_ = false;
  Instant healed_at_ = kNever;
};

}  // namespace settle::sim
