#include "net/loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "net/socket.h"
#include "net/testing.h"

namespace settle::net {
namespace {

using std::chrono::milliseconds;

TEST(Loop, EngineClockStartsAtTheWallClockAndNeverRunsBack) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LT(std::chrono::abs(engine_now().time_since_epoch() - std::chrono::duration_cast<Duration>(wall)),
            std::chrono::hours(1));
  Instant last = engine_now();
  for (int i = 0; i < 1000; ++i) {
    const Instant now = engine_now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(Loop, StopBeforeRunReturnsAtOnceAndTheLoopCanRunAgain) {
  Loop loop;
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(ran);
}

TEST(Loop, PostsOfManyThreadsAllRunEachThreadsInItsOrder) {
  testing::LoopThread thread;
  thread.start();
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  std::array<int, kThreads> next{};
  bool in_order = true;
  std::vector<std::thread> posters;
  for (std::size_t t = 0; t < kThreads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        thread.loop.post([&, t, i] { in_order = in_order && next[t]++ == i; });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  thread.run([] {});  // behind all of them
  thread.stop();
  EXPECT_TRUE(in_order);
  for (const int count : next) EXPECT_EQ(count, kPosts);
}

TEST(Loop, ATurnRunsPostsThenTimersThenTurnEndHooksThenFlush) {
  Loop loop;
  std::string order;
  loop.at_flush([&] { order += 'f'; });
  loop.at_turn_end([&] { order += 'e'; });
  const auto second_flush = loop.at_flush([&] { order += 'g'; });
  loop.at(loop.now(), [&] { order += 't'; });
  loop.post([&] { order += 'p'; });
  loop.stop();  // seen before the first turn
  loop.run();
  EXPECT_EQ(order, "");
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(order, "ptefg") << "the turn that stops is finished";
  loop.remove_flush(second_flush);
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(order, "ptefgef");
}

TEST(Loop, WhatAHookPostsGetsATurnOfItsOwn) {
  Loop loop;
  int turns = 0;
  loop.at_turn_end([&] {
    if (++turns == 1) loop.post([&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(turns, 2);
}

TEST(Loop, TimersFireInOrderAndNeverEarly) {
  Loop loop;
  std::vector<int> fired;
  const Instant start = engine_now();
  for (const int ms : {30, 10, 20, 10}) {
    const Instant due = start + milliseconds(ms);
    loop.at(due, [&, ms, due] {
      EXPECT_GE(engine_now(), due);
      EXPECT_GE(loop.now(), due);
      fired.push_back(ms);
    });
  }
  loop.at(start + milliseconds(31), [&] { loop.stop(); });
  loop.at_turn_end([&] { loop.post([] {}); });  // turns without a pause: what comes early would be seen
  loop.run();
  EXPECT_EQ(fired, (std::vector<int>{10, 10, 20, 30}));
}

TEST(Loop, CancelledTimersDoNotFire) {
  Loop loop;
  int fired = 0;
  const auto cancelled = loop.at(loop.now() + milliseconds(1), [&] { ++fired; });
  Loop::TimerId by_another = 0;
  loop.at(loop.now() + milliseconds(1), [&] { loop.cancel(by_another); });
  by_another = loop.at(loop.now() + milliseconds(1), [&] { ++fired; });
  for (int i = 0; i < 1000; ++i) loop.cancel(loop.at(loop.now() + milliseconds(2), [&] { ++fired; }));
  loop.cancel(cancelled);
  loop.cancel(4711);
  loop.at(loop.now() + milliseconds(3), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fired, 0);
}

TEST(Loop, ATimerThatRearmsItselfAtOnceDoesNotHoldTheLoop) {
  Loop loop;
  int fired = 0;
  std::function<void()> again = [&] {
    ++fired;
    loop.at(loop.now(), again);
  };
  loop.at(loop.now(), again);
  loop.at_turn_end([&] {
    if (fired == 5) loop.stop();
  });
  loop.run();
  EXPECT_EQ(fired, 5);
}

struct EventCounter final : Watcher {
  void on_ready(std::uint32_t events) override {
    last = events;
    ++count;
    if (then) then();
  }
  int count = 0;
  std::uint32_t last = 0;
  std::function<void()> then;
};

TEST(Loop, AgainGivesOneMoreTurnWithoutWaiting) {
  Loop loop;
  EventCounter watcher;
  watcher.then = [&] {
    if (watcher.count == 3) return loop.stop();
    loop.again(watcher);
  };
  loop.again(watcher);
  loop.run();
  EXPECT_EQ(watcher.count, 3);
  EXPECT_EQ(watcher.last, 0U);
}

TEST(Loop, UnwatchDropsEventsThatAreAlreadyFetched) {
  Loop loop;
  std::array<Fd, 2> fds{Fd(::eventfd(1, EFD_NONBLOCK)), Fd(::eventfd(1, EFD_NONBLOCK))};
  std::array<EventCounter, 2> watchers;
  for (std::size_t i = 0; i < 2; ++i) {
    // Both are ready in the same turn; whoever comes first takes the other one away.
    watchers[i].then = [&, i] { loop.unwatch(fds[1 - i].get(), watchers[1 - i]); };
    ASSERT_TRUE(loop.watch(fds[i].get(), EPOLLIN, watchers[i]));
  }
  loop.at_turn_end([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(watchers[0].count + watchers[1].count, 1);
}

Loop* g_stopped_by_signal = nullptr;

TEST(Loop, StopIsSafeInASignalHandler) {
  Loop loop;
  g_stopped_by_signal = &loop;
  struct sigaction action{};
  action.sa_handler = [](int) { g_stopped_by_signal->stop(); };
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  // The loop sleeps without a time-out when the signal interrupts it; if it does not yet sleep, it will see the flag.
  const pthread_t self = ::pthread_self();
  std::thread sender([&] { ::pthread_kill(self, SIGUSR1); });
  loop.run();
  sender.join();
  (void)::sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace settle::net
