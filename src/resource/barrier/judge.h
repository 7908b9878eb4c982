#pragma once

#include <cstdint>
#include <string>

#include "resource/barrier/call.h"

namespace settle::barrier {

/// What the one statement of the barrier found and left.
struct Met {
  int found = 0;          ///< state before; stored(kAbsent) for a new row
  int state = 0;          ///< state now
  std::string answer;     ///< the call's answer_column()
  std::string digest;     ///< the call's digest_column()
  std::int64_t effects;   ///< how often an effect outside was begun
  std::int64_t lasts_us;  ///< for how long the one under way may still take; meaningless if none is
};

/// What the order table makes of a call.
struct Judged {
  Verdict verdict;
  protocol::BarrierWork work = protocol::BarrierWork::kNothing;
  bool changed = false;  ///< the row is another one than before, so somebody must commit it
};

/// Looks up the line of the order table. kCorrupt: the database did not do what the table says.
Result<Judged> judge(const Checked& call, Met met);

/// The caller's share of a line's work.
Work work_of(protocol::BarrierWork work);

/// The verdict when somebody else's transaction holds the row.
Verdict verdict_when_locked();

}  // namespace settle::barrier
