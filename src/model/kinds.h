#pragma once

#include <cstdint>
#include <string_view>

namespace settle {

/// Scheme by which a global transaction reaches its one outcome. Values are stored: never reuse one.
enum class Pattern : std::uint8_t { kSaga = 1, kMessage = 2 };

/// What is asked of a branch. Values are stored.
enum class Op : std::uint8_t { kAction = 1, kCompensate = 2, kDeliver = 3, kCheck = 4 };

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
};
inline constexpr int kPhases = 6;

/// The durable step after which the outcome is fixed. Set once.
enum class Decision : std::uint8_t { kNone = 0, kCommit = 1, kAbort = 2 };

/// How the whole ended; set when every branch has ended.
enum class GlobalOutcome : std::uint8_t { kRunning = 0, kCommitted = 1, kAborted = 2 };

std::string_view name_of(Pattern pattern);
std::string_view name_of(Op op);
std::string_view name_of(Outcome outcome);
std::string_view name_of(Phase phase);
std::string_view name_of(Decision decision);
std::string_view name_of(GlobalOutcome outcome);

}  // namespace settle
