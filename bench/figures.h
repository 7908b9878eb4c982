#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "settle/result.h"

namespace settle::bench {

/// What one run has shown.
struct Figures {
  std::string question;
  std::uint32_t clients = 0;
  double rate = 0;  ///< asked for; 0: closed loop
  double seconds = 0;
  std::uint64_t transactions = 0;
  double per_second = 0;
  double mean_ms = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  // Of the coordinator's process, per transaction.
  double cpu_user_us = 0;
  double cpu_system_us = 0;
  double syncs = 0;            ///< counted from outside
  double syncs_claimed = -1;   ///< what its own /metrics say; negative: says nothing
  double saves_claimed = -1;   ///< likewise: records that went to the store
  double forced_claimed = -1;  ///< likewise: saves that somebody had to wait for
  double commit_ms = -1;       ///< likewise: one group commit, sync included, mean
  double written_bytes = 0;    ///< towards the disk, counted from outside, in pages
  std::string sync_source;
  double bench_cpu_us = 0;   ///< of client and participant
  double other_cores = 0;    ///< busy with other people's processes: above 0.1 the machine was not quiet
  std::uint64_t behind = 0;  ///< open loop: due and never sent
  std::uint64_t errors = 0;  ///< answers that were not "committed", and effects that were not exactly once
  std::uint64_t effects = 0;
  std::uint64_t effects_expected = 0;
  std::string first_error;
  double call_bytes = 0;
  double answer_bytes = 0;

  [[nodiscard]] double cpu_us() const { return cpu_user_us + cpu_system_us; }
};

/// A figure of one question only.
struct Extra {
  std::string name;
  double value;
};

void print_text(const Figures& figures);
/// One line: per_second, p50_ms, p99_ms, cpu_us_per_tx, syncs_per_tx, errors and more.
void print_json(const Figures& figures, const std::vector<Extra>& extras);

double median(std::vector<double> values);

/// The run whose `figure` is the median; there is one.
Figures middle_of(std::vector<Figures> runs, double Figures::* figure);

/// Tells why there is no result; the exit code.
int fail(const Error& error);

}  // namespace settle::bench
