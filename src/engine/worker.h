#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "engine/breaker.h"
#include "engine/destination.h"
#include "model/plan.h"
#include "model/state.h"
#include "participant/participant.h"
#include "settle/ids.h"
#include "storage/store.h"

namespace settle::engine {

/// Names one request of a client until its reply; chosen by the shell, never reused while open. 0: nobody waits.
using Token = std::uint64_t;

enum class WaitFor : std::uint8_t {
  kEnd,
  kDecision,
  kPass,  ///< the end of the pass that this request asks for; only where there are passes
};

/// How long a caller wants to wait for what. Zero: answer as soon as the record is durable.
struct Wait {
  Duration lasting{0};
  WaitFor until = WaitFor::kEnd;
};

// ---------------------------------------------------------------------------------------------- inputs: requests

/// What a begin means if its gid stands for a transaction already.
enum class IfKnown : std::uint8_t {
  kCompare,  ///< the same plan: a repetition; another: refused
  kShow,     ///< answered with what is there, whatever its plan
  kSubmit,   ///< that one is submitted; and if there was none, what this begin makes is
};

struct Begin {
  Token token = 0;
  std::string gid;  ///< empty: the worker names it
  OwnedPlan plan;
  Wait wait;
  IfKnown if_known = IfKnown::kCompare;
  std::optional<Duration> delay = {};  ///< of the submit, see Request::delay
};

enum class Verb : std::uint8_t {
  kSubmit,
  kAbort,
  kQuery,
  kRetryNow,
  kReport,
  kEnlist,
  kResolve,
  kStop,
  kPassDue,  ///< in passes: the next one is due now
  kPass,     ///< in passes: one begins now
};

/// What an operator vouches for about a branch. It is evidence; a decision never changes (R8).
enum class Resolution : std::uint8_t {
  kDone,       ///< what the branch owes has been done
  kSkipped,    ///< it will not be done
  kCancelled,  ///< its effect has been taken back, or never was
};

struct Request {
  Token token = 0;
  Verb verb = Verb::kQuery;
  std::string gid;
  Wait wait;
  std::string reason;                         ///< kAbort, kRetryNow, kResolve, kStop
  std::string branch;                         ///< kReport, kResolve
  Op op = Op::kAction;                        ///< kReport
  Outcome outcome = Outcome::kUnknown;        ///< kReport: kDone or kRefused
  std::string result;                         ///< kReport, kResolve
  bool read_only = false;                     ///< kReport of a prepare: the vote
  std::shared_ptr<const OwnedPlan> enlisted;  ///< kEnlist: a plan with one branch, the one to add
  Resolution as = Resolution::kDone;          ///< kResolve
  std::optional<Duration> delay = {};   ///< kSubmit of a message in passes: counts from begin, instead of the plan's
  bool of_dtm = false;                  ///< a transaction that was not begun by a DTM client is unknown
  std::optional<Pattern> pattern = {};  ///< one of another pattern refuses the verb
  bool newest = false;                  ///< kQuery: answered when the newest state is durable
};

/// The client of this token is gone; its wait can be forgotten.
struct GaveUp {
  Token token = 0;
};

// --------------------------------------------------------------------------------- inputs: ownership and the store

/// The store granted a shard. Nothing of an earlier ownership is valid any more; records follow as Loaded.
struct Acquired {
  ShardNo shard = 0;
  Epoch epoch = 0;
  Instant lease_end = kNever;  ///< on this process's own clock, counted from before the request was sent
};
struct Renewed {
  ShardNo shard = 0;
  Epoch epoch = 0;
  Instant lease_end = kNever;
};
struct Lost {
  ShardNo shard = 0;
  Epoch epoch = 0;
};
struct Loaded {
  ShardNo shard = 0;
  Epoch epoch = 0;
  StoredRecord record;
};
/// All open records of the shard were handed in: the log of older epochs is complete and closed (R9).
struct LoadEnded {
  ShardNo shard = 0;
  Epoch epoch = 0;
};

struct Receipts {
  std::vector<Receipt> receipts;
};

/// Answer to Outputs::look_up.
struct Found {
  ShardNo shard = 0;
  std::uint64_t lookup = 0;
  bool failed = false;                 ///< the store could not say
  std::optional<StoredRecord> record;  ///< nothing: the store has never had it
};

/// By an operator: calls to this destination wait from now on, or leave again.
struct PauseDestination {
  std::string name;  ///< as destination_of() names it
  bool paused = true;
};

/// Whether the store's disk has room for new transactions; those that are open go on in any case.
struct StoreRoom {
  bool is_enough = true;
};

/// For tests of transactions in passes: they are taken for so much older than they are, and a delay or a due time for
/// so much earlier.
struct ShiftAges {
  Duration older{0};
  Duration sooner{0};
};

/// For tests: every open transaction ends where it stands, and nobody is told.
struct EndAll {};

/// The process is about to end: callers that wait are answered with what is true now, and no call leaves any more.
struct Drain {};

/// Time has passed; due timers fire.
struct Tick {};

using Input = std::variant<Begin, Request, GaveUp, Acquired, Renewed, Lost, Loaded, LoadEnded, Receipts, Found,
                           CallEnded, PauseDestination, StoreRoom, Drain, Tick, ShiftAges, EndAll>;

// -------------------------------------------------------------------------------------------------------- outputs

enum class EventLevel : std::uint8_t { kDebug, kInfo, kWarn };

enum class AnswerKind : std::uint8_t {
  kDocument,       ///< as asked; `view` is set
  kCreated,        ///< begin, new
  kGidReused,      ///< begin: the gid stands for another plan
  kUnknownGid,     ///< not known here (never "aborted")
  kUnknownBranch,  ///< report, resolve
  kBranchReused,   ///< enlist: the branch id stands for another branch; `view` is set
  kTooMany,        ///< enlist: the transaction has as many branches as it may have; `view` is set
  kEpochClosed,    ///< a verb for a transaction of an earlier ownership that was never durable: begin anew (R4)
  kWrongPhase,     ///< the verb opposes the decision or does not belong to the pattern; `view` is set
  kContradiction,  ///< report: another outcome was told before; an incident is open; `view` is set
  kOverloaded,     ///< admission limit; retry later
  kStoreFull,      ///< begin: the store's disk is nearly full
  kNotOwner,       ///< this worker does not own the shard (now)
  kStoreUnknown,   ///< the write may or may not have happened; query the gid
};

/// What a reply shows. References are valid during the call of Outputs::reply only.
struct View {
  std::string_view gid;
  Tid tid;
  const Plan& plan;
  const State& state;        ///< newest; branches may be ahead of the disk
  Phase phase;               ///< durable
  Decision decision;         ///< durable
  GlobalOutcome outcome;     ///< durable
  bool provisional = false;  ///< the newest state of the branches is not durable yet
};

/// Something waits for a person, or does so no longer, and that is durable. Views are valid during the call only.
struct IncidentNotice {
  std::string_view gid;
  std::string_view branch_id;  ///< empty: the transaction itself
  Cause cause = Cause::kNone;
  Instant since = kNoInstant;
  bool opened = true;
  bool again = false;  ///< told before, maybe by another owner; whoever was told and died may have told nobody
};

/// What the worker wants done. Called synchronously from Worker::on; must not call the worker back.
class Outputs {
 public:
  Outputs() = default;
  Outputs(const Outputs&) = delete;
  Outputs& operator=(const Outputs&) = delete;
  virtual ~Outputs() = default;

  /// Hand to the writer; its Receipt comes back in Receipts. A later save of the same transaction may replace one that
  /// is still queued (then `expected` of the older and `version` of the newer hold; see SaveQueue). What is left in
  /// `save` does not matter, but its memory is used again (see SaveBatch::add).
  virtual void save(Save&& save) = 0;
  virtual void call(const Call& call) = 0;
  virtual void reply(Token token, AnswerKind kind, const View* view) = 0;
  /// Ask the store for a gid (or tid text) that is not open here. Answer: Found.
  virtual void look_up(ShardNo shard, std::uint64_t lookup, std::string_view gid) = 0;
  /// The shard was dropped (its epoch or its lease is over, or the store contradicted us): acquire it anew or let it
  /// be.
  virtual void dropped(ShardNo shard, Epoch epoch) = 0;
  /// One line of structured log about a transaction. `branch_id` may be empty.
  virtual void event(EventLevel level, std::string_view what, std::string_view gid, std::string_view branch_id,
                     Op op) = 0;
  virtual void incident(const IncidentNotice& /*notice*/) {}
  /// A pass of this transaction has ended, and what it changed is durable. One call for each, in their order.
  virtual void pass_ended(std::string_view /*gid*/) {}
  /// Its breaker has opened, or closed again.
  virtual void destination_changed(const DestinationFigures& /*figures*/, bool /*is_down*/) {}
};

// --------------------------------------------------------------------------------------------------------- worker

struct Limits {
  std::size_t open_max = 1'000'000;        ///< open transactions per worker; beyond: kOverloaded
  std::size_t unsaved_max = 20'000;        ///< saves without receipt per worker; beyond, begins are kOverloaded
  std::size_t waiting_loads_max = 10'000;  ///< requests held while shards load; beyond: kNotOwner
  std::size_t calls_per_destination = 256;
  BreakerLimits breaker{};
  std::size_t entries_max = 16'384;  ///< open transactions beyond these lie folded while nothing is done about them
  std::size_t branches_max = 1'000;  ///< of a transaction into which a client enlists
  Duration alert_after = std::chrono::minutes{5};  ///< phase two without progress
};

struct WorkerOptions {
  std::uint16_t cluster = 1;
  std::uint16_t shards = 256;  ///< of the whole cluster
  Limits limits;
  /// How long a lazy change may wait for a forced one of the same transaction to carry it along; 0: not at all.
  Duration lazy_wait = milliseconds{5};
  std::uint64_t seed = 1;
  bool passes_on_demand = false;  ///< for tests: no clock begins a pass, only requests do
};

/// Ownerships never get this far: gids that are handed out in advance are tids of such an epoch, so that they name a
/// shard and yet never a transaction of ours.
inline constexpr Epoch kEpochsOfFreshGids = 0x8000'0000U;

/// Shard of a gid: read from the text if it is a tid's (the server named it), hashed otherwise.
ShardNo shard_of(std::string_view gid, std::uint16_t shards);

/// Counts since the start, for metrics; plain numbers read on the worker's thread.
struct Counters {
  std::uint64_t begun = 0, committed = 0, aborted = 0, calls = 0, saves_forced = 0, saves_lazy = 0, retries = 0;
  std::uint64_t refused_overload = 0, incidents_opened = 0, fenced = 0, recovered = 0, breakers_opened = 0;
};

/// All shards of one thread: inputs in, outputs out. No thread, lock, clock or socket inside, so that the simulator
/// runs this very object. Not thread-safe; one thread at a time.
class Worker {
 public:
  Worker(const WorkerOptions& options, Outputs& outputs);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void on(Input&& input, Instant now);

  /// When the next Tick is needed; kNever if nothing is pending.
  [[nodiscard]] Instant next_due() const;

  [[nodiscard]] const Counters& counters() const;
  /// Of the transactions in passes that are open here, the one whose next pass comes first, if it is due before
  /// `until`; empty: none. Only with passes_on_demand.
  [[nodiscard]] std::string_view first_pass_due(Instant until) const;
  [[nodiscard]] std::size_t open() const;       ///< open transactions
  [[nodiscard]] std::size_t incidents() const;  ///< open transactions that wait for a person
  [[nodiscard]] Instant oldest_open() const;    ///< begin of the oldest open transaction; kNever: none
  [[nodiscard]] std::vector<DestinationFigures> destinations() const;
  [[nodiscard]] GateTotals destination_totals() const;
  [[nodiscard]] bool owns(ShardNo shard) const;
  [[nodiscard]] bool is_ready() const;  ///< every owned shard is loaded

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace settle::engine
