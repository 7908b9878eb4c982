#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "net/loop.h"
#include "storage/store.h"

namespace settle::daemon {

/// The one thread on which blocking reads of a store run, in the order of their arrival.
class Reader {
 public:
  using Read = std::function<void(Store&)>;
  using Then = std::function<void()>;

  /// At most `waiting_max` reads wait. `store` outlives the reader.
  Reader(Store& store, std::size_t waiting_max);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void start();

  /// Runs `read` on the reader's thread, then `then` on `loop`'s. False: too many wait, nothing will run. Any thread.
  [[nodiscard]] bool read(net::Loop& loop, Read read, Then then);

  /// The daemon's own work, which is never turned away; it runs before the reads that wait. Any thread.
  void run_soon(Read work);

  /// Drops what waits, lets what runs end, and ends the thread. Loops that reads were given must still live.
  void stop();

  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  struct Job {
    Read read;
    Then then;
    net::Loop* loop = nullptr;  ///< none: nothing follows
  };
  void run();

  Store& store_;
  const std::size_t waiting_max_;
  std::mutex lock_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;  // guarded by lock_
  bool stopped_ = false;  // guarded by lock_
  std::atomic<std::size_t> waiting_{0};
  std::thread thread_;
};

}  // namespace settle::daemon
