#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/kinds.h"
#include "model/plan.h"
#include "settle/result.h"

namespace settle {

/// How an attempt ended, in two bytes: an HTTP status if positive, one of these if not.
using AnswerCode = std::int16_t;
inline constexpr AnswerCode kNoAnswer = 0;           ///< nothing yet
inline constexpr AnswerCode kAnswerTimeout = -1;     ///< the attempt's time was up
inline constexpr AnswerCode kAnswerReset = -2;       ///< connection lost after bytes were written
inline constexpr AnswerCode kAnswerRefused = -3;     ///< no connection; nothing was sent
inline constexpr AnswerCode kAnswerGarbage = -4;     ///< not understood, or too large
inline constexpr AnswerCode kAnswerReported = -5;    ///< told by the participant itself (verb report)
inline constexpr AnswerCode kAnswerUnresolved = -6;  ///< the host has no address; nothing was sent
inline constexpr AnswerCode kAnswerCancelled = -7;   ///< taken back before it was sent
inline constexpr AnswerCode kAnswerResolved = -8;    ///< vouched for by an operator
inline constexpr AnswerCode kAnswerUnbound = -9;     ///< nothing was sent: a bound result has no such part

/// "HTTP 503", "timeout", …
std::string answer_text(AnswerCode code);

enum class OpStatus : std::uint8_t {
  kOpen = 0,
  kDone = 1,
  kRefused = 2,
  kGivenUp = 3,  ///< its bound is used up, and the transaction does without it
};

/// One op of one branch.
struct OpState {
  OpStatus status = OpStatus::kOpen;
  /// R1: some attempt may have reached the participant and nobody knows what became of it. Never cleared by a later
  /// refusal, only a `done` makes it irrelevant. A record written during an attempt says true.
  bool doubtful = false;
  bool exhausted = false;  ///< the retry bound is used up; where nothing else can be done it is asked on, slowly
  bool read_only = false;  ///< two_phase: voted so; it hears no commit
  Outcome last = Outcome::kUnknown;
  AnswerCode last_answer = kNoAnswer;
  std::uint32_t attempts = 0;  ///< attempts of which bytes were written out, without those answered "running"
  std::uint32_t running = 0;   ///< attempts answered "running": they count against no bound
  Instant due = kNoInstant;    ///< next attempt not before
  Instant since = kNoInstant;  ///< first wanted: called, or held back
  std::string result;          ///< body of the `done` answer, or reason of a refusal

  // Volatile: not in the record.
  std::uint64_t call = 0;         ///< id of the running attempt; 0: none
  std::uint32_t skipped = 0;      ///< attempts in a row that reached nobody: they pace retries but count nothing
  Instant sent_at = kNoInstant;   ///< of the last attempt
  Instant quiet_at = kNoInstant;  ///< R7: the last attempt cannot run any longer from here on

  bool operator==(const OpState&) const = default;
  [[nodiscard]] bool in_flight() const { return call != 0; }
  [[nodiscard]] bool is_open() const { return status == OpStatus::kOpen; }
  [[nodiscard]] bool may_be_called(Instant now) const { return is_open() && !in_flight() && due <= now; }
  [[nodiscard]] bool may_have_run() const { return status == OpStatus::kDone || doubtful || in_flight(); }
};

struct BranchState {
  OpState forward;  ///< action, try, prepare, or delivery
  OpState back;     ///< what the decision asks for: compensation, confirm, cancel, commit, or rollback

  bool operator==(const BranchState&) const = default;
};

/// Why a transaction turned back or what it waits for a person about. Values are stored.
enum class Cause : std::uint8_t {
  kNone = 0,
  kRefused = 1,        ///< a participant said no
  kExhausted = 2,      ///< a retry bound was used up
  kDeadline = 3,       ///< time was up
  kRequested = 4,      ///< somebody asked for it
  kCheckedBack = 5,    ///< the check-back said that the local transaction did not happen
  kContradiction = 6,  ///< a participant told two different outcomes
  kUndecided = 7,      ///< past its deadline and the check-back still knows nothing
  kStopped = 8,        ///< an operator wants no more calls
};
std::string_view name_of(Cause cause);

/// What operators' and participants' evidence says against the decision. Values are stored.
enum class Heuristic : std::uint8_t {
  kNone = 0,
  kMixed = 1,   ///< a branch is known to have ended otherwise than the transaction
  kHazard = 2,  ///< a branch may have
};
std::string_view name_of(Heuristic heuristic);

/// What the program cannot solve alone. It never expires; it closes itself when the cause is gone.
struct Incident {
  Cause cause = Cause::kNone;
  Instant since = kNoInstant;
  std::int32_t branch = -1;  ///< -1: the transaction itself
  Op op = Op::kAction;

  bool operator==(const Incident&) const = default;
};

/// Values are stored.
enum class Happening : std::uint8_t {
  kBegun = 1,
  kSubmitted = 2,
  kTurnedBack = 3,
  kEnded = 4,
  kRecovered = 5,
  kOpDone = 6,
  kOpRefused = 7,
  kOpRunning = 8,
  kOpUnknown = 9,
  kOpUnreached = 10,
  kIncidentOpened = 11,
  kIncidentClosed = 12,
  kRetryAsked = 13,
  kCheckDecided = 14,
  kEnlisted = 15,
  kPivotReleased = 16,
  kGivenUp = 17,   ///< the transaction goes on without this branch
  kStopped = 18,   ///< by an operator
  kResolved = 19,  ///< by an operator, for this branch
  kFollowedUp = 20,
};
std::string_view name_of(Happening happening);

/// One line of a transaction's life. Repetitions of the same line are folded into `count`.
struct TimelineEntry {
  Instant at = kNoInstant;  ///< of the last repetition
  Happening happening = Happening::kBegun;
  std::int32_t branch = -1;
  Op op = Op::kAction;
  AnswerCode answer = kNoAnswer;
  std::uint32_t count = 1;

  bool operator==(const TimelineEntry&) const = default;
};
inline constexpr std::size_t kTimelineEntriesMax = 200;

/// What became of an attempt that a pass has left to the next one.
struct PassProblem {
  std::int32_t branch = -1;
  Op op = Op::kAction;
  Outcome outcome = Outcome::kDone;  ///< kDone: there was none
  std::string words;                 ///< the answer's body

  bool operator==(const PassProblem&) const = default;
};

/// The one clock of a transaction whose retries come in passes (PassPolicy).
struct PassClock {
  Duration interval{0};      ///< before the next pass; 0: there is no such clock
  Instant next_at = kNever;  ///< of the next pass, if nobody asks for one before
  bool is_open = false;      ///< a pass is under way

  // Volatile: not in the record, and of no meaning while no pass is open.
  bool has_backed_off = false;      ///< in this pass
  std::uint32_t wanted = 0;         ///< passes that were asked for during this one
  std::uint32_t retries = 0;        ///< in this pass, see PassPolicy::retry_limit
  Instant touched_at = kNoInstant;  ///< the clock was set, or the pass began
  PassProblem problem;              ///< the first of this pass

  bool operator==(const PassClock&) const = default;
};

/// Everything about a transaction that changes.
struct State {
  Phase phase = Phase::kNew;
  Decision decision = Decision::kNone;
  GlobalOutcome outcome = GlobalOutcome::kRunning;
  Cause cause = Cause::kNone;  ///< why decision abort
  std::int32_t cause_branch = -1;
  std::string reason;  ///< words of whoever asked for the abort
  Instant created_at = kNoInstant;
  Instant updated_at = kNoInstant;
  Instant deadline_at = kNever;
  Instant deliver_at = kNoInstant;  ///< message: set by submit
  bool deadline_seen = false;       ///< message: the check due at the deadline has been asked for
  bool pivot_released = false;      ///< saga: the pivot may have been called (R2)
  bool stopped = false;             ///< by an operator: no call leaves
  Heuristic heuristic = Heuristic::kNone;
  OpState check;  ///< message, two-step
  std::optional<Incident> incident;
  PassClock clock;  ///< see Plan::passes
  std::vector<BranchState> branches;
  std::vector<TimelineEntry> timeline;

  bool operator==(const State&) const = default;
  [[nodiscard]] bool has_ended() const { return phase == Phase::kEnded; }
};

/// Adds a line, folding a repetition of the last one; past the bound the middle is thinned out, begin and end stay.
void note(State& state, TimelineEntry entry);

/// A new state in the memory of an old one.
void clear_state(State& state);

/// The durable form of the mutable part. Grammar in state_record.cpp.
void encode_state(const State& state, std::string& bytes);  ///< replaces `bytes`
std::string encode_state(const State& state);

/// Errors: kCorrupt (checksum or grammar), kInvalid (a newer major version). Volatile fields come back empty.
Result<State> decode_state(std::string_view bytes);

}  // namespace settle
