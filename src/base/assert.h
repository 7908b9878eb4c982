#pragma once

namespace settle {

/// Prints and aborts. A coordinator that stops is repaired by recovery; one that goes on with a broken invariant
/// spreads it.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line);

}  // namespace settle

/// Kept in release builds. For bugs only: bad input and operating errors are Results.
#define SETTLE_ASSERT(condition)                                                            \
  do {                                                                                      \
    if (!(condition)) [[unlikely]]                                                          \
      ::settle::assertion_failed(#condition, static_cast<const char*>(__FILE__), __LINE__); \
  } while (false)
