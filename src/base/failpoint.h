#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "settle/result.h"

namespace settle {

/// A named place where a test may kill the process, to prove that recovery does not depend on where it died.
struct Failpoint {
  std::string_view name;
  std::string_view text;
};

inline constexpr std::array kFailpoints{
    Failpoint{"load-record", "start: an open record was read from the store, more follow"},
    Failpoint{"plan-logged", "a group with a new transaction is durable, its client has no answer yet"},
    Failpoint{"decision-logged", "a group with a decision is durable, nobody was told"},
    Failpoint{"group-before-commit", "a group of saves is about to be committed"},
    Failpoint{"group-committed", "a group is durable, no worker has a receipt"},
    Failpoint{"call-sent", "a call to a participant has left"},
    Failpoint{"call-answered", "a participant's answer has arrived and is not processed yet"},
    Failpoint{"check-sent", "a check-back has left"},
    Failpoint{"check-answered", "the answer of a check-back has arrived and is not processed yet"},
    Failpoint{"timer-popped", "a timer is due and is not processed yet"},
};

namespace failpoint_detail {

constexpr std::size_t kUnknown = kFailpoints.size();

constexpr std::size_t find(std::string_view name) {
  for (std::size_t i = 0; i < kFailpoints.size(); ++i) {
    if (kFailpoints[i].name == name) return i;
  }
  return kUnknown;
}

/// Written once before the threads start, only read afterwards.
inline bool g_armed = false;

void pass(std::size_t index);

}  // namespace failpoint_detail

/// `spec` is NAME or NAME:N; the process kills itself (SIGKILL) at the N-th passage (default: the first). At most one
/// failpoint is armed. To be called before any other thread runs.
///
/// Errors: kInvalid for an unknown name or a number that is none.
Result<void> arm_failpoint(std::string_view spec);

/// For code that must look closer before it knows whether a failpoint is passed.
inline bool failpoints_armed() { return failpoint_detail::g_armed; }

}  // namespace settle

/// Passes a failpoint of kFailpoints. Costs one test of a global while none is armed.
#define SETTLE_FAILPOINT(label)                                                                             \
  do {                                                                                                      \
    constexpr std::size_t settle_failpoint_here = ::settle::failpoint_detail::find(label);                  \
    static_assert(settle_failpoint_here != ::settle::failpoint_detail::kUnknown, "list it in kFailpoints"); \
    if (::settle::failpoint_detail::g_armed) [[unlikely]]                                                   \
      ::settle::failpoint_detail::pass(settle_failpoint_here);                                              \
  } while (false)
