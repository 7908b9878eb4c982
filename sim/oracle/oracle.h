#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/worker.h"
#include "ledger.h"
#include "options.h"
#include "participant/participant.h"
#include "store/sim_store.h"
#include "workload.h"

namespace settle::sim {

enum class Check : std::uint8_t {
#define SIM_CHECK(name, label, claim) name,
#include "oracle/checks.def"
#undef SIM_CHECK
};
inline constexpr std::size_t kChecks = 0
#define SIM_CHECK(name, label, claim) +1  // NOLINT(bugprone-macro-parentheses)
#include "oracle/checks.def"
#undef SIM_CHECK
    ;
std::string_view label_of(Check check);
std::string_view claim_of(Check check);

struct Violation {
  Check check = Check::kAtomic;
  TxNo tx = kNoTx;
  Instant at = kNoInstant;
  std::string text;
};

/// Which run of which daemon, and under which ownership of the shard.
struct LifeTag {
  std::uint8_t node = 0;
  std::uint32_t life = 0;
  Epoch epoch = 0;
  bool operator==(const LifeTag&) const = default;
};

/// One call as the daemon's shell sees it leave.
struct CallSeen {
  LifeTag from;
  TxNo tx = kNoTx;
  const Call* call = nullptr;
  Instant until = kNoInstant;      ///< virtual: from here on the daemon no longer waits
  Instant local_now = kNoInstant;  ///< the daemon's clock
  Instant lease_end = kNoInstant;  ///< of the shard, on the daemon's clock; kNoInstant: not held
};

/// One save as the daemon's shell sees it come from the worker.
struct SavingSeen {
  LifeTag from;
  TxNo tx = kNoTx;
  const Save* save = nullptr;
  std::optional<engine::Verb> asked;  ///< by the input of which this is the first save of this transaction
  Instant local_now = kNoInstant;     ///< the daemon's clock
  bool is_awaited = false;            ///< it ends, and somebody has waited for that since before its last attempt ended
};

/// What a request was, for judging its reply.
struct Asked {
  engine::Verb verb = engine::Verb::kQuery;
  bool is_begin = false;
  bool is_other_plan = false;
  engine::Wait wait;
  TxNo tx = kNoTx;
  std::int32_t branch = kNoBranch;  ///< kEnlist
  Instant arrived = kNoInstant;     ///< virtual
  // What was true when the client asked.
  Decision told_decision = Decision::kNone;
  GlobalOutcome told_outcome = GlobalOutcome::kRunning;
  bool was_durable = false;  ///< when the request arrived
};

/// Judges a run from outside: what was asked, what was told, what was called, what the store and the participants'
/// databases hold. Written from the specification; shares no code with the engine.
class Oracle final : public StoreWatcher {
 public:
  Oracle(const Options& options, const Instant& now, const Ledger& ledger)
      : o_(options), started_(now), now_(now), ledger_(ledger) {}
  void watch(const SimStore& store) { store_ = &store; }

  void add(const Script& script);
  /// The transaction behind a name; kNoTx if the oracle has never seen it.
  [[nodiscard]] TxNo find(std::string_view gid, const Tid& tid, std::string_view payload = {}) const;

  /// The same by gid or text of a tid.
  [[nodiscard]] TxNo find_name(std::string_view name) const;

  // --- requests and replies
  void begin_arrives(TxNo tx);
  void verb_arrives(TxNo tx, engine::Verb verb, Outcome reported, Op op, std::int32_t branch);
  [[nodiscard]] bool is_durable(TxNo tx) const;
  void fill_told(Asked& asked) const;
  void replied(const Asked& asked, engine::AnswerKind kind, const engine::View* view);
  void left_unanswered(std::string_view what, TxNo tx);

  // --- calls
  void called(const CallSeen& seen);
  /// `input` is the number of the input that brings it to the worker.
  void call_ended(LifeTag at, TxNo tx, const CallEnded& end, Instant local_now, std::uint64_t input);
  void node_gone(LifeTag gone);

  // --- saves
  void saving(const SavingSeen& seen);
  /// Number of the input that ended an attempt of the transaction last; 0: none.
  [[nodiscard]] std::uint64_t moved_at(TxNo tx) const { return facts_[tx].moved_at; }

  // --- effects, told by the participants' databases when a local transaction commits
  void effect(TxNo tx, std::int32_t branch, protocol::BarrierOp op, const LedgerRow& before);

  // --- StoreWatcher
  void saved(const Save& save, SaveStatus status, std::uint64_t change) override;
  void rolled_back(const Tid& tid, const StoredRecord* kept) override;
  void granted(ShardNo shard, Epoch epoch) override;

  /// `left_behind`: of them, saves of ownerships that are over.
  void queue_is(std::size_t waiting, std::size_t open, std::size_t left_behind);
  /// When everything has come to rest, or should have.
  void finish(bool is_quiet, std::size_t open_in_workers, std::size_t queued);

  /// For looking behind a known violation; never used by a test.
  void leave_out(std::string_view label);
  /// Evaluates a check. False, with the first failure kept, if it does not hold.
  bool check(Check check, bool holds, TxNo tx, const char* text);

  [[nodiscard]] const Violation* violation() const { return has_violation_ ? &violation_ : nullptr; }
  [[nodiscard]] std::uint64_t violations() const { return violations_; }
  [[nodiscard]] const std::array<std::uint64_t, kChecks>& evaluated() const { return evaluated_; }
  [[nodiscard]] GlobalOutcome outcome_of(TxNo tx) const { return facts_[tx].outcome; }
  [[nodiscard]] bool is_begun(TxNo tx) const { return facts_[tx].is_present; }
  [[nodiscard]] bool has_ended(TxNo tx) const { return facts_[tx].phase == Phase::kEnded; }
  [[nodiscard]] bool has_turned_back(TxNo tx) const { return facts_[tx].decision == Decision::kAbort; }
  [[nodiscard]] bool has_incident(TxNo tx) const { return facts_[tx].has_incident; }
  [[nodiscard]] std::string name_of_tx(TxNo tx) const;
  [[nodiscard]] const Tid& tid_of(TxNo tx) const { return facts_[tx].tid; }

 private:
  /// Attempts of one op of one branch.
  struct OpFacts {
    LifeTag by;  ///< who sent the last one
    std::uint32_t sent = 0;
    std::uint32_t sent_here = 0;
    std::uint32_t counted_here = 0;  ///< attempts of `by` that count against the bound
    std::uint32_t counted_most = 0;  ///< attempts of anybody that may have been counted
    std::uint32_t last_number = 0;
    bool is_in_flight = false;
    bool was_counted = false;
    bool may_have_run = false;  ///< R1: an attempt whose end is not known for sure
    bool is_done = false;
    bool was_reported = false;
    bool was_refused = false;  ///< by an answer or a report
    bool used_deadline = false;
    std::uint64_t call = 0;
    Instant until = kNoInstant;       ///< virtual: the attempt under way
    Instant quiet_at = kNoInstant;    ///< virtual: earlier attempts without a clear answer
    Instant sent_at = kNoInstant;     ///< own clock
    Instant called_at = kNoInstant;   ///< virtual
    Instant not_before = kNoInstant;  ///< own clock
    std::string bound;                ///< the result that was bound when it was first called
  };
  struct Facts {
    // asked
    bool abort_asked = false, submit_asked = false, refused = false, pivot_refused = false;
    bool check_committed = false, check_aborted = false, stop_asked = false;
    std::size_t told_branches = 0;   ///< a client knows that so many are durable
    std::uint32_t retries_open = 0;  ///< operators' requests without a reply
    std::uint64_t moved_at = 0;      ///< input that ended an attempt
    LifeTag overdue_by;              ///< an ownership whose check-back past the deadline has learnt nothing
    bool retry_asked = false;        ///< an operator may make a check-back due before its time
    Instant begun_at = kNever;       ///< virtual: the first begin reached a worker
    Instant stored_at = kNever;      ///< virtual: not earlier than the begin that counts
    Instant turned_at = kNoInstant;  ///< virtual: the newest decision was stored
    Instant decided_at = kNever;     ///< virtual: the first thing that may decide commit
    // store
    bool is_present = false;
    bool has_incident = false;
    Tid tid;
    Epoch epoch = 0;
    Version version = 0;
    Phase phase = Phase::kNew;
    Decision decision = Decision::kNone;
    GlobalOutcome outcome = GlobalOutcome::kRunning;
    std::uint64_t begun_change = 0, decision_change = 0, outcome_change = 0;
    bool is_behind = false;  ///< the store has lost its newest progress
    std::string state;
    // told
    bool told_begun = false, told_created = false;
    Decision told_decision = Decision::kNone;
    GlobalOutcome told_outcome = GlobalOutcome::kRunning;
    std::vector<OpFacts> ops;  ///< forward 0…n-1, back n…2n-1, check 2n
  };

  OpFacts& op_facts(TxNo tx, Op op, std::int32_t branch);
  [[nodiscard]] bool is_synced(std::uint64_t change) const { return change != 0 && change <= store_->synced(); }
  /// What a span measured on a daemon's clock may be off.
  [[nodiscard]] Duration drift(Duration measured) const;
  /// The same for an instant that one daemon has computed and another one waits for.
  [[nodiscard]] Duration slack(Duration measured) const;

  void judge_call_content(const CallSeen& seen);
  void judge_call_order(const CallSeen& seen);
  void judge_left(const CallSeen& seen, std::size_t branch);
  void judge_undo(const CallSeen& seen);
  void judge_call_time(const CallSeen& seen, OpFacts& op);
  void judge_durable(const CallSeen& seen);
  void note_sent(const CallSeen& seen, OpFacts& op);
  void judge_decision(TxNo tx, const Save& save);
  void judge_message_decision(TxNo tx, bool is_commit);
  void judge_point_of_no_return(TxNo tx);
  [[nodiscard]] bool any_used_up(TxNo tx) const;
  [[nodiscard]] bool may_turn_back(TxNo tx) const;
  void judge_outcome(TxNo tx, GlobalOutcome outcome);
  void judge_committed_branch(TxNo tx, std::size_t index);
  void judge_aborted_branch(TxNo tx, std::size_t index);
  void judge_followers(TxNo tx);
  void judge_pivot(const CallSeen& seen);
  void judge_bound(const CallSeen& seen);
  void judge_record(TxNo tx, const Save& save);
  void judge_view(const Asked& asked, const engine::View& view);
  void judge_verb(const Asked& asked, engine::AnswerKind kind, const engine::View* view);
  void judge_retry(const SavingSeen& seen);
  void judge_report(TxNo tx, engine::AnswerKind kind, const engine::View& view);
  void judge_wait(const Asked& asked, const engine::View& view);
  void judge_provisional(TxNo tx, const engine::View& view);
  /// The saga may do without this step: it is optional, and was refused or has used up its bound.
  [[nodiscard]] bool may_be_left(TxNo tx, std::size_t branch) const;
  [[nodiscard]] bool is_used_up(TxNo tx, std::size_t branch) const;
  [[nodiscard]] const RetryPolicy& policy(TxNo tx, Op op, std::int32_t branch) const;
  void finish_one(TxNo tx);

  struct TidHash {
    std::size_t operator()(const Tid& tid) const {
      return static_cast<std::size_t>((tid.sequence * 0x9e3779b97f4a7c15ULL) ^ (std::uint64_t{tid.shard} << 32U) ^
                                      tid.epoch);
    }
  };

  const Options& o_;
  Instant started_;
  const Instant& now_;
  const Ledger& ledger_;
  const SimStore* store_ = nullptr;
  std::vector<Script> scripts_;
  std::vector<Facts> facts_;
  // Looked up only, never iterated.
  std::unordered_map<Tid, TxNo, TidHash> by_tid_;
  std::vector<Epoch> epochs_;  ///< by shard: the newest that was granted
  /// Attempts under way by daemon and service, of its running life.
  std::array<std::array<std::uint32_t, Ledger::kAccounts>, 8> under_way_{};
  std::array<std::uint32_t, 8> life_of_{};
  std::array<bool, kChecks> left_out_{};
  bool has_violation_ = false;
  std::uint64_t violations_ = 0;
  Violation violation_;
  std::array<std::uint64_t, kChecks> evaluated_{};
};

}  // namespace settle::sim
