#pragma once

#include <string>

#include "resource/barrier/call.h"

namespace settle::barrier {

/// What the one statement of the barrier found and left.
struct Met {
  int found = 0;  ///< state before; stored(kAbsent) for a new row
  int state = 0;  ///< state now
  std::string answer;
  std::string closing;
};

/// A verdict, and whether the row is another one than before (then somebody must commit it).
struct Judged {
  Verdict verdict;
  bool changed = false;
};

/// Looks up the line of the order table. kCorrupt: the database did not do what the table says.
Result<Judged> judge(const Checked& call, Met met);

/// The verdict when somebody else's transaction holds the row.
Verdict verdict_when_locked();

}  // namespace settle::barrier
