#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "engine/worker.h"

namespace settle::sim {

enum class Fault : std::uint8_t {
#define SIM_FAULT(name, label) name,
#include "faults.def"
#undef SIM_FAULT
};
inline constexpr std::size_t kFaults = 0
#define SIM_FAULT(name, label) +1  // NOLINT(bugprone-macro-parentheses)
#include "faults.def"
#undef SIM_FAULT
    ;
std::string_view name_of(Fault fault);

/// Span of a duration that is drawn anew each time.
struct Span {
  Duration low{0};
  Duration high{0};
  Duration draw(Random& random) const { return Duration{random.between(low.count(), high.count())}; }
};

/// Everything a seed decides before its run starts. Printed in full, so that a run can be judged without reading code.
struct Options {
  std::uint64_t seed = 0;
  std::uint32_t transactions = 1000;
  std::uint64_t faults_on = 0;  ///< bit per Fault

  // the cluster
  bool is_shared = false;  ///< several daemons over one shared store; otherwise one daemon over its own disk
  std::uint8_t nodes = 1;
  std::uint16_t shards = 4;
  std::uint8_t services = 4;
  bool has_lasting_names = false;  ///< a restarted daemon is the same owner of leases
  Duration lease = milliseconds{2000};
  engine::Limits limits;
  Duration lazy_wait = milliseconds{5};

  // load
  Duration arrival_gap = milliseconds{10};  ///< mean
  std::uint32_t messages_permille = 400;
  std::uint32_t votes_permille = 300;   ///< tcc and two_phase, of what is no message
  std::uint32_t extras_permille = 200;  ///< of transactions and steps: pivot, optional, follow-ups, policies, binds
  std::uint32_t named_permille = 700;
  std::uint32_t branches_most = 4;
  std::uint32_t refusal_permille = 200;  ///< of transactions
  std::uint32_t deadline_permille = 0;
  std::uint32_t bounded_permille = 100;
  Span attempt_timeout;
  Span retry_base;
  Duration retry_cap = milliseconds{2000};
  Span check_after;

  // times
  Span write;    ///< until a group is in the store, not yet synced
  Span sync;     ///< from there until it is
  Span network;  ///< one way
  Span job;      ///< a participant's local transaction
  Span boot;
  Span late;  ///< what a late request is held back
  Span stall;
  Span pause;
  Span hang;
  Duration clock_spread{0};  ///< of the daemons' wall clocks
  std::uint32_t drift_ppm = 0;

  // how often, per 100,000 occasions
  std::uint32_t request_lost = 0, answer_lost = 0, duplicate = 0, is_late = 0, reset = 0, unreached = 0;
  std::uint32_t stalls = 0, sync_fails = 0, store_deaf = 0, crash_inside = 0, runs_long = 0, reports = 0;
  std::uint32_t client_repeats = 0, client_gone = 0, abort_race = 0, producer_dies = 0, unknown_commit = 0;
  std::uint32_t contradiction = 0, store_twice = 0, false_submit = 0;

  // how often per run; the instants are drawn evenly
  std::uint32_t crashes = 0, pauses = 0, hand_overs = 0, partitions = 0, hangs = 0, service_crashes = 0;
  std::uint32_t undo_refusals = 0, operator_acts = 0, fail_overs = 0;
  std::uint32_t destination_pauses = 0, store_fills = 0;

  std::vector<std::string> without;  ///< labels of checks to leave out, for looking behind a known violation

  [[nodiscard]] bool is_on(Fault fault) const { return ((faults_on >> static_cast<unsigned>(fault)) & 1U) != 0; }
};

Options draw_options(std::uint64_t seed, std::uint32_t transactions);
std::string to_text(const Options& options);

/// True `per_100k` times in 100,000.
inline bool chance(Random& random, std::uint32_t per_100k) { return per_100k != 0 && random.below(100'000) < per_100k; }

}  // namespace settle::sim
