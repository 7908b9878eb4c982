#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/time.h"

struct epoll_event;

namespace settle::net {

/// The engine's time: the wall clock read once per process, driven by the monotonic clock since. Any thread.
Instant engine_now();

/// Something that wants to know when a descriptor is ready. Owned by whoever registered it; see Loop::watch.
class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// `events` are EPOLL… bits; 0 when it had asked for a turn with Loop::again(). Called on the loop's thread.
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Watcher() = default;
};

/// One thread's event loop over epoll. Nothing here is thread-safe except post() and stop().
///
/// A turn: wait → ready descriptors → watchers that asked again → posts → due timers → turn-end hooks → flush hooks.
/// So whatever a turn collects (saves for the store, answers, calls) leaves it in one go at its end.
class Loop {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;
  using HookId = std::uint64_t;

  /// Aborts the process if the kernel refuses an epoll or event descriptor: nothing can run then.
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// The time of this turn, refreshed once when it begins. Outside run(): the time of the last turn.
  [[nodiscard]] Instant now() const { return now_; }

  /// Runs turns until stop() is seen; the turn that sees it is finished, hooks included. May be called again
  /// afterwards.
  void run();

  /// Any thread, and safe inside a signal handler. A stop before run() makes that run() return at once.
  void stop();

  /// Any thread: `task` runs on the loop's thread, in the order of posting. Wakes the loop only if it sleeps, and only
  /// once per batch. Tasks still queued when the loop is destroyed are destroyed without being run.
  void post(Task task);

  /// Runs at the end of every turn, for ever; in the order of registration, before the flush hooks. Not from inside a
  /// hook.
  void at_turn_end(Task hook);

  /// Runs after all turn-end hooks: for those who send what a turn has collected. Must not add work for earlier hooks
  /// of the same turn; again() and post() ask for another turn instead.
  HookId at_flush(Task hook);
  void remove_flush(HookId id);

  /// One-shot timer, never early, late by up to a millisecond and the length of a turn. For few and coarse timers: not
  /// one per request. A due time in the past fires in the next turn.
  TimerId at(Instant due, Task task);

  /// After this the timer does not fire; unknown and fired ids are ignored.
  void cancel(TimerId id);

  /// Reports `events` (EPOLL… bits, EPOLLET for edges) of `fd` to `watcher` until unwatch(). False: the kernel has no
  /// room.
  [[nodiscard]] bool watch(int fd, std::uint32_t events, Watcher& watcher);
  void rewatch(int fd, std::uint32_t events, Watcher& watcher);

  /// To be called before `fd` is closed or `watcher` dies: also drops its events that this turn has not reported yet.
  void unwatch(int fd, Watcher& watcher);

  /// Gives `watcher` an on_ready(0) in the next turn, which comes without waiting.
  void again(Watcher& watcher);

  /// Drops what was going to be reported to a watcher that has no descriptor; unwatch() includes it.
  void forget(Watcher& watcher);

 private:
  struct Due {
    Instant due;
    TimerId id;
  };
  struct Hook {
    HookId id;
    Task task;
  };
  static constexpr std::size_t kBatch = 256;

  void turn();
  void wait();
  void run_ready();
  void run_again();
  void run_posts();
  void run_timers();
  void wake();
  [[nodiscard]] int wait_ms() const;
  void drop_cancelled_timers();

  int epoll_ = -1;
  int wake_fd_ = -1;
  bool hurry_ = false;  // the first turn of run() does not wait: work may have been collected before
  std::atomic<bool> stop_{false};
  Instant now_;

  std::unique_ptr<epoll_event[]> ready_;
  std::size_t ready_count_ = 0;
  std::size_t ready_at_ = 0;
  std::vector<Watcher*> again_;
  std::vector<Watcher*> again_running_;

  std::mutex post_lock_;
  std::vector<Task> posts_;  // guarded by post_lock_
  bool asleep_ = false;      // guarded by post_lock_: set only while the thread waits and nobody has woken it
  std::vector<Task> posts_running_;

  std::vector<Due> heap_;  // earliest first; may hold cancelled ids
  std::unordered_map<TimerId, Task> timers_;
  TimerId last_timer_ = 0;

  std::vector<Hook> turn_end_;
  std::vector<Hook> flush_;
  HookId last_hook_ = 0;
};

}  // namespace settle::net
