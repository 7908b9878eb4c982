#include "base/failpoint.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <string>

namespace settle {
namespace {

// Death tests: the armed failpoint lives in the child only.
void pass_timer(int times) {
  for (int i = 0; i < times; ++i) SETTLE_FAILPOINT("timer-popped");
}

TEST(Failpoint, KillsAtTheFirstPassage) {
  const auto dies = [] {
    (void)arm_failpoint("timer-popped").ok();
    pass_timer(1);
    std::_Exit(0);
  };
  EXPECT_EXIT(dies(), testing::KilledBySignal(SIGKILL), "");
}

TEST(Failpoint, CountsPassagesOfItsOwnNameOnly) {
  const auto lives = [] {
    (void)arm_failpoint("timer-popped:3").ok();
    pass_timer(2);
    for (int i = 0; i < 5; ++i) SETTLE_FAILPOINT("call-sent");
    std::_Exit(0);
  };
  EXPECT_EXIT(lives(), testing::ExitedWithCode(0), "");
  const auto dies = [] {
    (void)arm_failpoint("timer-popped:3").ok();
    pass_timer(3);
    std::_Exit(0);
  };
  EXPECT_EXIT(dies(), testing::KilledBySignal(SIGKILL), "");
}

TEST(Failpoint, RefusesWhatItDoesNotKnow) {
  for (const char* spec : {"", "timer", "timer-popped:", "timer-popped:0", "timer-popped:-1", "timer-popped:1x"}) {
    EXPECT_FALSE(arm_failpoint(spec).ok()) << spec;
  }
  EXPECT_FALSE(failpoints_armed());
}

}  // namespace
}  // namespace settle
