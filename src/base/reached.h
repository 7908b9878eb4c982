#pragma once

#include <string>
#include <vector>

namespace settle {

/// One rare place in the code, known by name; it enters the list when it is executed for the first time.
struct ReachedMark {
  explicit ReachedMark(const char* label);
};

/// Sorted names of all marks reached since the start. sim/reached.txt lists those that the simulator must reach.
std::vector<std::string> reached_marks();

}  // namespace settle

/// Marks a rare branch as reached. Costs one guard check after the first time.
#define SETTLE_REACHED(label)                             \
  do {                                                    \
    static ::settle::ReachedMark settle_mark_here{label}; \
    (void)settle_mark_here;                               \
  } while (false)
