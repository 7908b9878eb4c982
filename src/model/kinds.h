#pragma once

#include <cstdint>
#include <string_view>

namespace settle {

/// Scheme by which a global transaction reaches its one outcome. Values are stored: never reuse one.
enum class Pattern : std::uint8_t { kSaga = 1, kMessage = 2, kTcc = 3, kTwoPhase = 4 };
inline constexpr int kPatterns = 4;

/// What is asked of a branch. Values are stored.
enum class Op : std::uint8_t {
  kAction = 1,      ///< saga
  kCompensate = 2,  ///< saga; message that is turned back; follow-up of an abort
  kDeliver = 3,     ///< message; follow-up of a commit; what takes a degraded branch's place
  kCheck = 4,       ///< message in two steps: asks the producer for the truth
  kTry = 5,         ///< TCC
  kConfirm = 6,
  kCancel = 7,
  kPrepare = 8,  ///< 2PC over services
  kCommit = 9,
  kRollback = 10,
};

/// What a participant made of an op. Unknown is an outcome: neither success nor failure; ask again.
enum class Outcome : std::uint8_t { kDone = 1, kRefused = 2, kRunning = 3, kUnknown = 4 };

/// What a check-back said about the producer's local transaction.
enum class CheckState : std::uint8_t { kUndecided, kCommitted, kAborted };

/// Where a transaction stands in the table of its pattern. Values are stored.
enum class Phase : std::uint8_t {
  kNew = 0,           ///< begin not yet applied; never stored
  kActing = 1,        ///< saga: steps are called
  kCompensating = 2,  ///< saga: turned back, steps are undone
  kPrepared = 3,      ///< message: waits for submit, abort or check-back
  kDelivering = 4,    ///< message: targets are called
  kEnded = 5,
  kTrying = 6,        ///< tcc: branches are tried, by the daemon or by the client
  kConfirming = 7,    ///< tcc: decided commit
  kCancelling = 8,    ///< tcc: decided abort
  kPreparing = 9,     ///< two_phase: votes are gathered, by the daemon or by the client
  kCommitting = 10,   ///< two_phase: decided commit
  kRollingBack = 11,  ///< two_phase: decided abort
  kFollowing = 12,    ///< the outcome is set; what hangs on it is delivered
};
inline constexpr int kPhases = 13;

/// The durable step after which the outcome is fixed. Set once.
enum class Decision : std::uint8_t { kNone = 0, kCommit = 1, kAbort = 2 };

/// How the whole ended; set when every branch has ended.
enum class GlobalOutcome : std::uint8_t { kRunning = 0, kCommitted = 1, kAborted = 2 };

/// How participants are spoken to, and what their answers mean. Values are stored.
enum class Dialect : std::uint8_t {
  kSettle = 0,
  kDtm = 1,         ///< as DTM does over HTTP: parameters in the query, words in the body
  kDtmJsonRpc = 2,  ///< the same; a URL that names a method is called by JSON-RPC
};

std::string_view name_of(Pattern pattern);
std::string_view name_of(Op op);
std::string_view name_of(Outcome outcome);
std::string_view name_of(Phase phase);
std::string_view name_of(Decision decision);
std::string_view name_of(GlobalOutcome outcome);

}  // namespace settle
