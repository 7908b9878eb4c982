#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/plan.h"
#include "model/state.h"

namespace settle::protocol {

/// What can happen to a transaction. Recovery, time and operators are events like any other: there is no second path.
/// "Forward" is the op that a branch begins with (action, try, prepare), "back" the one that undoes it (compensate,
/// cancel, rollback), "confirm" the one that makes it final (confirm, commit).
enum class Event : std::uint8_t {
  kBegin,    ///< the client asks for it
  kPrepare,  ///< message in two steps: the client announces it
  kEnlist,   ///< tcc, two_phase: the client adds a branch
  kSubmit,
  kAbort,
  kDeadline,
  kRecover,   ///< a new owner has read the record: after a restart or a takeover
  kRetryNow,  ///< an operator wants the next attempts at once
  kStop,      ///< an operator wants no more calls
  kForwardDone,
  kForwardRefused,
  kForwardUnknown,    ///< also: still running, not reached
  kForwardExhausted,  ///< unknown, and its retry bound is used up
  kConfirmDone,
  kConfirmUnknown,  ///< also: refused, still running, not reached; nothing but done ends a confirm
  kBackDone,
  kBackUnknown,  ///< also: refused, still running, not reached; nothing but done ends an undo
  kDeliverDone,
  kDeliverRefused,
  kDeliverUnknown,
  kDeliverExhausted,  ///< unknown, its bound is used up, and the policy says what that means
  kCheckCommitted,
  kCheckAborted,
  kCheckUnknown,  ///< also: the local transaction is still running
  kContradicted,  ///< a participant reported the opposite of what is recorded
  // Derived: `step` itself raises these when an event completes the work of a phase.
  kPivotDue,  ///< saga: everything before the pivot is done
  kAllDone,
  kAllConfirmed,
  kAllUndone,
  kAllDelivered,
  kAllFollowed,
};
inline constexpr int kEvents = 31;

/// When a change has to be on disk. Architecture §3.2.
enum class Durability : std::uint8_t {
  kLazy,           ///< may be lost in a crash and is then repeated; calls and replies need not wait
  kForcedIfTold,   ///< forced if somebody waits for what it decides, otherwise lazy
  kForcedIfBound,  ///< forced if a later step takes a part of this result (R6), otherwise lazy
  kForced,         ///< calls and replies leave only against the receipt of the sync
};

/// What a change does to the state besides the phase.
enum class Action : std::uint8_t {
  kNothing,            ///< a repeat; nothing is saved
  kStart,              ///< set deadline; calls follow from the phase
  kArmCheck,           ///< first check-back after `check_after`
  kAddBranch,          ///< one branch more; the client may call it from now on
  kNoteDone,           ///< this op is done
  kNoteRefused,        ///< this op was refused; recorded, nothing else
  kNoteUnknown,        ///< an attempt ended without an answer; recorded, not asked again
  kScheduleRetry,      ///< an attempt ended without the answer that is needed; asked again after a pause
  kGiveUp,             ///< the bound is used up, and the transaction does without this branch
  kReleasePivot,       ///< from now on the pivot may be called (R2)
  kTurnBack,           ///< decide abort: from now on branches are undone
  kRefusedTurnBack,    ///< kNoteRefused, then kTurnBack
  kExhaustedTurnBack,  ///< kNoteUnknown, then kTurnBack
  kDoubtAllOpen,       ///< R1, R7: every op not recorded as ended may have been called, and may still run
  kDoubtStays,         ///< R7: those recorded as doubtful may still run
  kScheduleCheck,      ///< ask again, not sooner than `check_after`
  kCheckAtOnce,
  kRelease,       ///< the message is delivered from now on; a target may still turn it back
  kDecideCommit,  ///< nothing turns it back any more
  kDecideAbort,   ///< the message will never be delivered; ends at once
  kPark,          ///< this target refused: rests until an operator retries
  kDueNow,        ///< open and parked ops are due at once; what was stopped goes on
  kStopCalls,     ///< nothing is called until an operator retries
  kOpenIncident,  ///< two truths were told: a person has to look
  kEndCommitted,
  kEndAborted,
  kClose,  ///< everything that hung on the outcome has been delivered
};

/// What a row asks for beside its phase.
enum class Guard : std::uint8_t {
  kAlways,
  kIfCommit,           ///< decided so
  kIfAbort,            ///< decided so
  kIfDaemonDrives,     ///< tcc, two_phase: the daemon calls all phases
  kIfClientDrives,     ///< tcc, two_phase: the client calls the first phase and submits
  kIfClientCommitted,  ///< both
  kIfReturnable,       ///< saga: it may still turn back
  kIfImportant,        ///< saga: this step's failure turns it back
  kIfOptional,         ///< saga: it goes on without this step
  kIfNoReturn,         ///< saga: what fails here can only be asked on
  kIfFirm,             ///< message: no target can turn it back
  kIfTurnable,         ///< message: some target can
  kIfParks,            ///< message: this target waits for a person
  kIfTurnsBack,        ///< message: this target turns it back
  kIfDegrades,         ///< message: it goes on without this target
  kIfFollowed,         ///< something hangs on this outcome
  kIfNotFollowed,      ///< nothing does
};

/// One row of a protocol. A pair (from, on) that is absent is refused: an error for a client's verb, nothing for a late
/// answer.
struct Edge {
  Phase from;
  Event on;
  Phase to;
  Action action;
  Durability durability;
  Guard guard = Guard::kAlways;
};

/// True if no state admits both.
constexpr bool exclude(Guard a, Guard b) {
  using enum Guard;
  constexpr std::array<std::array<Guard, 3>, 6> kFamilies{{{kIfCommit, kIfAbort, kIfAbort},
                                                           {kIfDaemonDrives, kIfClientDrives, kIfClientCommitted},
                                                           {kIfImportant, kIfOptional, kIfNoReturn},
                                                           {kIfFirm, kIfTurnable, kIfTurnable},
                                                           {kIfParks, kIfTurnsBack, kIfDegrades},
                                                           {kIfFollowed, kIfNotFollowed, kIfNotFollowed}}};
  if (a == b) return false;
  if ((a == kIfClientDrives && b == kIfClientCommitted) || (b == kIfClientDrives && a == kIfClientCommitted))
    return false;
  for (const auto& family : kFamilies) {
    bool has_a = false;
    bool has_b = false;
    for (const Guard guard : family) {
      has_a = has_a || guard == a;
      has_b = has_b || guard == b;
    }
    if (has_a && has_b) return true;
  }
  return false;
}

/// No two rows apply at once.
constexpr bool deterministic(std::span<const Edge> edges) {
  for (std::size_t i = 0; i < edges.size(); ++i) {
    for (std::size_t k = i + 1; k < edges.size(); ++k) {
      if (edges[i].from == edges[k].from && edges[i].on == edges[k].on && !exclude(edges[i].guard, edges[k].guard))
        return false;
    }
  }
  return true;
}

/// Rows of one pair stand together, so that a look-up finds them in one run.
constexpr bool grouped(std::span<const Edge> edges) {
  for (std::size_t i = 0; i < edges.size(); ++i) {
    for (std::size_t k = i + 2; k < edges.size(); ++k) {
      const bool same = edges[i].from == edges[k].from && edges[i].on == edges[k].on;
      if (same && (edges[k - 1].from != edges[k].from || edges[k - 1].on != edges[k].on)) return false;
    }
  }
  return true;
}

/// Plan, decisions and changes of direction are forced, and so is an outcome on which more hangs; another outcome may
/// be late if nobody waits for it, and the end of what followed may always be.
constexpr bool decisions_are_forced(std::span<const Edge> edges) {
  for (const Edge& edge : edges) {
    if (edge.from == edge.to) continue;
    const bool ends = edge.action == Action::kEndCommitted || edge.action == Action::kEndAborted;
    const Durability wanted = edge.from == Phase::kFollowing     ? Durability::kLazy
                              : ends && edge.to == Phase::kEnded ? Durability::kForcedIfTold
                                                                 : Durability::kForced;
    if (edge.durability != wanted) return false;
  }
  return true;
}

/// Nothing leaves the final phase, and every other one knows how to recover.
constexpr bool recoverable(std::span<const Edge> edges) {
  for (const Edge& edge : edges) {
    if (edge.from == Phase::kEnded && edge.to != Phase::kEnded) return false;
    if (edge.to == Phase::kEnded || edge.to == Phase::kNew) continue;
    bool found = false;
    for (const Edge& other : edges) found = found || (other.from == edge.to && other.on == Event::kRecover);
    if (!found) return false;
  }
  return true;
}

/// An event with what the tables need to know of it. All times and dice come from outside.
struct Occurrence {
  Event on = Event::kBegin;
  Instant now = kNoInstant;
  std::int32_t branch = -1;  ///< of an answer; -1: the transaction itself, or the check-back
  Op op = Op::kAction;
  std::uint32_t dice = 0;  ///< uniform 32 bits, for jitter
  Outcome outcome = Outcome::kUnknown;
  AnswerCode answer = kNoAnswer;
  bool reached = true;  ///< bytes were written
  Duration retry_after{0};
  std::string_view result = {};            ///< body of a done, words of a refusal
  std::string_view reason = {};            ///< kAbort
  bool read_only = false;                  ///< two_phase: the vote of a prepare
  Heuristic heuristic = Heuristic::kNone;  ///< what an operator's evidence says against the decision
  std::optional<Duration> delay = {};      ///< kSubmit of a message in passes: counts from begin
  Duration older{0};                       ///< for tests: ages count so much more
  Duration sooner{0};                      ///< for tests: a delay is over so much earlier
};

/// Somebody vouches for the outcome; the attempt under way, if any, is another matter.
inline bool is_hearsay(const Occurrence& what) {
  return what.answer == kAnswerReported || what.answer == kAnswerResolved;
}

/// What an event changed. The state itself was changed in place.
struct Step {
  bool changed = false;  ///< false: nothing to save
  Durability durability = Durability::kLazy;
  std::uint32_t passes_ended = 0;  ///< see PassPolicy

  /// With what another event in the same breath changed.
  void add(const Step& other) {
    changed = changed || other.changed;
    if (durability < other.durability) durability = other.durability;
    passes_ended += other.passes_ended;
  }
};

/// One op that can be called now.
struct OpRef {
  std::int32_t branch = -1;
  Op op = Op::kAction;
  bool operator==(const OpRef&) const = default;
};

/// The coordinator's share of a pattern; pure. Nothing: the event is refused in this phase, the state is untouched.
std::optional<Step> step(const Plan& plan, State& state, const Occurrence& what);

/// Begins a pass whose time has come, or that was asked for; what is overdue comes first. Nothing: the transaction has
/// no passes, has ended, or was stopped.
std::optional<Step> start_pass(const Plan& plan, State& state, const Occurrence& what);

/// The op that an operator's or a participant's word about a branch can be about now, if the branch still owes one.
std::optional<Op> owed_op(const Plan& plan, const State& state, std::int32_t branch);

/// Raises the derived event if the work of the phase is complete; for whoever took an attempt back. Nothing: it is not.
std::optional<Step> complete(const Plan& plan, State& state, const Occurrence& what);

/// Appends the ops that should be called at `now` and are not in flight.
void ready(const Plan& plan, const State& state, Instant now, std::vector<OpRef>& out);

/// Appends the ops that were refused and rest until an operator retries: `ready` finds them at no time.
void parked(const Plan& plan, const State& state, std::vector<OpRef>& out);

/// When an op that `ready` finds at some time is due.
Instant due_of(const Plan& plan, const State& state, OpRef ref);

/// The earliest instant at which `ready` may find more, or at which the deadline passes; kNever if nothing waits for
/// time. In passes, while none is open: when one is due.
Instant next_due(const Plan& plan, const State& state);

/// True if the deadline is over and the table still has something to do about it.
bool deadline_is_due(const Plan& plan, const State& state, Instant now);

/// True while the first direction has not been left or confirmed: attempts of forward ops are still wanted.
bool is_undecided(Phase phase);

/// Whether the op ends when its retry bound is used up; the others are asked on.
bool bound_decides(const Plan& plan, const State& state, OpRef ref);

/// The event that the end of an attempt of `op` means in this state.
Event event_of_answer(const Plan& plan, const State& state, const Occurrence& answer, CheckState check);

/// The op's state, for reading and for the engine's volatile marks.
OpState& op_state(State& state, OpRef ref);
const OpState& op_state(const State& state, OpRef ref);

/// Policy and time limit of an op.
const RetryPolicy& retry_of(const Plan& plan, OpRef ref);
Duration attempt_timeout_of(const Plan& plan, OpRef ref);

// --- The tables as data: for docs, reports and planted bugs.

std::span<const Edge> edges(Pattern pattern);
/// In the words of the pattern: "action-done" for a saga, "try-done" for tcc.
std::string name_of(Pattern pattern, Event event);
std::string_view name_of(Guard guard);
std::string_view name_of(Action action);
std::string_view name_of(Durability durability);

/// Rows that no step has taken since the start of the process, as "saga: acting -deadline-> compensating".
std::vector<std::string> edges_not_taken(Pattern pattern);
std::string text_of(Pattern pattern, const Edge& edge);

/// Planted bugs of the simulator: the row is missing; the row is lazy. Index into edges(pattern); -1 takes it back.
void drop_edge(Pattern pattern, int index);
void make_lazy(Pattern pattern, int index);

/// Table and diagram of a pattern in Markdown, as docs/protocols shows them.
std::string describe(Pattern pattern);

}  // namespace settle::protocol
