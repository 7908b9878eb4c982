#include "measure.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

namespace settle::bench {
namespace {

using Clock = std::chrono::steady_clock;

double own_cpu_us() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

/// Everything that is read at both ends of the measured time.
struct Snapshot {
  Clock::time_point at;
  Usage usage;
  double own_us = 0;
  OwnCounts own;
};

Result<Snapshot> look(const Coordinated& coordinated) {
  Snapshot snapshot;
  if (coordinated.own_counts) {
    auto counts = coordinated.own_counts();
    if (!counts) return counts.error();
    snapshot.own = *counts;
  }
  snapshot.at = Clock::now();
  snapshot.usage = coordinated.meter->read();
  snapshot.own_us = own_cpu_us();
  return snapshot;
}

void fill(Figures& figures, const Snapshot& before, const Snapshot& after, const Load& load) {
  const Usage used = after.usage - before.usage;
  const double elapsed_us = std::chrono::duration<double, std::micro>(after.at - before.at).count();
  figures.seconds = elapsed_us / 1e6;
  figures.transactions = load.completed();
  figures.per_second = static_cast<double>(load.completed()) / figures.seconds;
  figures.mean_ms = load.latencies().mean_ms();
  figures.p50_ms = load.latencies().quantile_ms(0.5);
  figures.p99_ms = load.latencies().quantile_ms(0.99);
  figures.p999_ms = load.latencies().quantile_ms(0.999);
  const double transactions = load.completed() == 0 ? 1 : static_cast<double>(load.completed());
  figures.cpu_user_us = used.user_us / transactions;
  figures.cpu_system_us = used.system_us / transactions;
  figures.syncs = static_cast<double>(used.syncs) / transactions;
  figures.written_bytes = static_cast<double>(used.written_bytes) / transactions;
  const auto claimed = [&](double OwnCounts::* count) {
    return after.own.*count < 0 ? -1 : (after.own.*count - before.own.*count) / transactions;
  };
  figures.syncs_claimed = claimed(&OwnCounts::syncs);
  figures.saves_claimed = claimed(&OwnCounts::saves);
  figures.forced_claimed = claimed(&OwnCounts::forced);
  if (const double groups = after.own.groups - before.own.groups; groups > 0)
    figures.commit_ms = (after.own.commit_seconds - before.own.commit_seconds) / groups * 1e3;
  const double own_us = after.own_us - before.own_us;
  figures.bench_cpu_us = own_us / transactions;
  figures.other_cores = std::max(0.0, (used.machine_us - used.user_us - used.system_us - own_us) / elapsed_us);
  figures.errors = load.errors();
  figures.behind = load.behind();
  figures.first_error = load.first_error();
  figures.answer_bytes = load.answer_bytes();
}

std::chrono::nanoseconds seconds(double count) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(count * 1e9));
}

}  // namespace

std::string fresh_run() {
  static unsigned runs = 0;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
  char text[16];
  std::snprintf(text, sizeof text, "b%08x-",
                (static_cast<unsigned>(ms) + (static_cast<unsigned>(getpid()) << 16) + runs++));
  return text;
}

Result<Measured> measure(const std::string& question, const Options& options, const Coordinated& coordinated,
                         std::vector<Job> jobs, std::uint32_t clients) {
  Load load({.port = coordinated.port, .connections = clients, .rate = options.rate}, std::move(jobs));
  std::this_thread::sleep_for(seconds(options.warmup));
  auto before = look(coordinated);
  if (!before) return before.error();
  load.begin_measuring();
  std::this_thread::sleep_for(seconds(options.seconds));
  load.end_measuring();
  auto after = look(coordinated);
  if (!after) return after.error();
  load.finish();

  Measured measured;
  measured.figures.question = question;
  measured.figures.clients = clients;
  measured.figures.rate = options.rate;
  measured.figures.sync_source = coordinated.meter->sync_source();
  fill(measured.figures, *before, *after, load);
  measured.committed = load.committed();
  return measured;
}

void settle_effects(Measured& measured, Participant& participant, std::uint32_t effects_each) {
  participant.stop();
  const Verdict verdict = participant.judge(measured.committed);
  Figures& figures = measured.figures;
  figures.call_bytes = participant.request_bytes();
  figures.effects = verdict.effects;
  for (const bool committed : measured.committed) figures.effects_expected += committed ? effects_each : 0;
  figures.errors += verdict.wrong();
  if (figures.transactions == 0) ++figures.errors;
  if (verdict.wrong() > 0 && figures.first_error.empty()) figures.first_error = told(verdict);
}

}  // namespace settle::bench
