#pragma once

#include <array>
#include <string_view>

namespace settle::api {

/// Fields of the body of a begin, in the order in which clients tend to write them.
enum Field : int {
  kGid,
  kPattern,
  kWaitMs,
  kWaitFor,
  kSteps,
  kTargets,
  kBranches,
  kDeadlineMs,
  kRetry,
  kAttemptTimeoutMs,
  kHeaders,
  kLabels,
  kOnCommit,
  kOnAbort,
  kConcurrent,
  kRecovery,
  kOrdered,
  kDelayMs,
  kAt,
  kCheck,
  kCheckAfterMs,
  kFields,
};
inline constexpr std::array<std::string_view, kFields> kFieldNames{
    "gid",       "pattern",     "wait_ms",       "wait_for",           "steps",   "targets",
    "branches",  "deadline_ms", "retry",         "attempt_timeout_ms", "headers", "labels",
    "on_commit", "on_abort",    "concurrent",    "recovery",           "ordered", "delay_ms",
    "at",        "check",       "check_after_ms"};
static_assert(kFieldNames[kCheckAfterMs] == "check_after_ms" && kFieldNames[kHeaders] == "headers" &&
              kFieldNames[kRecovery] == "recovery");

/// Fields of a branch, whatever its place; see plan_branches.cpp for who has which.
enum BranchField : int {
  kId,
  kForward,  ///< action, url
  kInput,
  kBranchRetry,
  kBranchTimeout,
  kBack,  ///< compensate
  kBackInput,
  kAfter,
  kPivot,
  kOptional,
  kDegrade,
  kBind,
  kBackBind,
  kOnRefused,
  kOnExhausted,
  kTry,
  kPrepare,
  kConfirm,
  kCommit,
  kCancel,
  kRollback,
};

constexpr std::uint32_t bit_of(int field) { return 1U << static_cast<unsigned>(field); }

}  // namespace settle::api
