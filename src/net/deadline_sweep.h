#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "base/time.h"
#include "net/loop.h"

namespace settle::net {

/// Deadlines of many things at the price of one timer. Owners write deadlines into their own things and call note(),
/// which is a comparison unless the deadline is the earliest yet. When the earliest noted time has come (which the
/// thing that noted it may long have left behind), `sweep` looks at all things and tells the earliest deadline that
/// remains: so with time-outs of seconds there is about one sweep per time-out, however many requests come and go. Late
/// by at most kGap and the loop's own lateness, never early.
class DeadlineSweep {
 public:
  using Sweep = std::function<Instant()>;

  DeadlineSweep(Loop& loop, Sweep sweep) : loop_(loop), sweep_(std::move(sweep)) {}
  ~DeadlineSweep() { loop_.cancel(timer_); }
  DeadlineSweep(const DeadlineSweep&) = delete;
  DeadlineSweep& operator=(const DeadlineSweep&) = delete;

  void note(Instant deadline) {
    if (deadline < armed_) arm(deadline);
  }

 private:
  static constexpr Duration kGap = std::chrono::milliseconds(10);

  void arm(Instant deadline) {
    armed_ = deadline;
    loop_.cancel(timer_);
    timer_ = loop_.at(std::max(deadline, not_before_), [this] {
      armed_ = kNever;
      not_before_ = loop_.now() + kGap;
      note(sweep_());
    });
  }

  Loop& loop_;
  Sweep sweep_;
  Instant armed_ = kNever;
  Instant not_before_ = kNoInstant;
  Loop::TimerId timer_ = 0;
};

}  // namespace settle::net
