#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bare_http.h"
#include "histogram.h"

namespace settle::bench {

/// What the client sends again and again, and what a good answer looks like.
struct Job {
  std::string request;         ///< complete; ten zeros stand where the number of the transaction goes
  std::size_t number_at = 0;   ///< where they stand
  std::string committed_word;  ///< stands in the body of a good answer; empty: every 2xx is good
};

/// POST to `path`; "GID" in `body` becomes `run` and the number.
Job make_job(std::string_view path, std::string body, const std::string& run, std::string committed_word);

struct LoadOptions {
  std::uint16_t port = 0;
  std::uint32_t connections = 64;
  double rate = 0;        ///< per second; 0: closed loop, each connection begins anew when it has its answer
  std::size_t total = 0;  ///< transactions; 0: as many as go until finish()
};

/// The client, on a thread of its own.
///
/// Open loop: transaction i is due at i / rate after the start whatever happened to those before it, and its latency
/// counts from there, so a pause of the coordinator is seen by everything that was due in it. Those that were due and
/// could not be sent when the measured time ends are counted with what they have waited so far.
class Load {
 public:
  /// Transaction i is `jobs[i % jobs.size()]`.
  Load(LoadOptions options, std::vector<Job> jobs);
  Load(LoadOptions options, Job job) : Load(options, std::vector<Job>{std::move(job)}) {}
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void begin_measuring() { phase_.store(Phase::kMeasuring); }
  /// Samples end, the load goes on.
  void end_measuring() { phase_.store(Phase::kMeasured); }
  /// Begins nothing more, waits for what is open (30 seconds at most) and ends the thread.
  void finish();
  /// Waits until LoadOptions::total have ended, at most so long; then finish().
  void complete(std::chrono::seconds patience);

  // After finish().
  [[nodiscard]] const Histogram& latencies() const { return latencies_; }
  [[nodiscard]] std::uint64_t completed() const { return completed_; }  ///< while measuring
  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  [[nodiscard]] std::uint64_t behind() const { return behind_; }
  [[nodiscard]] const std::string& first_error() const { return first_error_; }
  [[nodiscard]] const std::vector<bool>& committed() const { return committed_; }
  [[nodiscard]] double answer_bytes() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase : std::uint8_t { kWarmingUp, kMeasuring, kMeasured, kFinishing };
  struct Connection {
    net::Fd fd;
    Inbox inbox;
    Clock::time_point begin;
    std::size_t transaction = 0;
    bool busy = false;
  };

  void run();
  void begin_due();
  [[nodiscard]] bool may_begin() const;
  [[nodiscard]] Job& job_of(const Connection& connection) { return jobs_[connection.transaction % jobs_.size()]; }
  void begin_one(std::size_t number, Clock::time_point since);
  void receive(std::size_t number);
  void ended(std::size_t number, bool good);
  void failed(std::size_t number, const std::string& why);
  void reconnect(std::size_t number);
  void enter(Phase phase);
  void count_those_behind();
  [[nodiscard]] bool is_sample(Clock::time_point begin) const;
  [[nodiscard]] Clock::time_point due(std::size_t transaction) const;
  [[nodiscard]] std::int64_t pause_ns(Clock::time_point give_up) const;

  const LoadOptions options_;
  std::vector<Job> jobs_;
  std::atomic<Phase> phase_{Phase::kWarmingUp};
  std::atomic<std::size_t> ended_{0};
  // The thread's until finish().
  Poll poll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::size_t> idle_;
  Phase seen_ = Phase::kWarmingUp;
  Clock::time_point start_;
  Clock::time_point measuring_since_;
  Clock::time_point measured_at_ = Clock::time_point::max();
  std::size_t refused_ = 0;  // connections that are gone for good
  std::size_t begun_ = 0;
  std::vector<bool> committed_;
  Histogram latencies_;
  std::uint64_t completed_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t behind_ = 0;
  std::uint64_t answers_ = 0;
  std::uint64_t answer_bytes_ = 0;
  std::string first_error_;
  std::thread thread_;
};

}  // namespace settle::bench
