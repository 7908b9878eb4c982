// What does one client wait for, beyond what nobody can avoid?
//
// p4: one client, one saga after the other. A saga needs two syncs (plan, outcome) and three HTTP exchanges in a row,
// so its latency is held against 2 × sync + 3 × exchange, both measured in the same round: the sync as an append of 320
// bytes to a log with reserved blocks on the same disk, the exchange between a bare client and the bare participant on
// one connection. Medians of each round, and the median ratio of all rounds.
//
// Beside it stands the latency of the floor with two syncs (coordinator.cpp): what the same exchanges and syncs cost
// when a process with two threads does them.
//
// Expected: 2 × 0.12 ms + 3 × 0.03 ms = 0.33 ms. On top come parsing (10 µs) and, for each sync, the way to the
// writer's thread and back: two wake-ups of 5 to 10 µs each, 20 to 40 µs in all. That is 1.1 to 1.2 times.
#include "p4.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "floor.h"
#include "measure.h"
#include "p1.h"
#include "settled.h"

namespace settle::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::chrono::nanoseconds seconds(double count) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(count * 1e9));
}

Result<double> sync_ms(const std::string& directory, double how_long) {
  const net::Fd file{open((directory + "/sync-probe").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  const Error failed{ErrorCode::kUnavailable, directory + " cannot be written"};
  constexpr off_t kReserved = 64 << 20;
  if (!file.open() || fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, kReserved) != 0 || fsync(file.get()) != 0)
    return failed;
  const std::string record(320, 'r');
  Histogram took;
  for (const auto end = Clock::now() + seconds(how_long); Clock::now() < end;) {
    const auto begin = Clock::now();
    if (write(file.get(), record.data(), record.size()) != static_cast<ssize_t>(record.size())) return failed;
    if (fdatasync(file.get()) != 0) return failed;
    took.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - begin).count()));
  }
  return took.quantile_ms(0.5);
}

// A request of the size that settled sends to a participant.
double exchange_ms(double how_long, double call_bytes) {
  const std::string run = fresh_run();
  Participant participant({.run = run, .branches = 1, .ops = {""}});
  std::string body = "GID";
  const std::size_t bare = make_job("/a", body, run, {}).request.size();
  if (static_cast<double>(bare) < call_bytes) body.append(static_cast<std::size_t>(call_bytes) - bare, 'x');
  Load load({.port = participant.port(), .connections = 1}, make_job("/a", body, run, {}));
  std::this_thread::sleep_for(seconds(how_long / 4));
  load.begin_measuring();
  std::this_thread::sleep_for(seconds(how_long));
  load.finish();
  return load.latencies().quantile_ms(0.5);
}

struct Round {
  Figures figures;
  double sync = 0;
  double exchange = 0;
  double floor = 0;
  [[nodiscard]] double unavoidable() const { return 2 * sync + 3 * exchange; }
  [[nodiscard]] double ratio() const { return figures.p50_ms / unavoidable(); }
};

Result<Round> play(const Options& options) {
  auto settled = Settled::start(options);
  if (!settled) return settled.error();
  const std::string run = fresh_run();
  Participant participant({.run = run, .branches = 2, .ops = {"action"}});
  auto measured = measure("p4", options, (*settled)->coordinated(), {saga_job(run, participant.port())}, 1);
  if (!measured) return measured.error();
  if (auto stopped = (*settled)->stop(); !stopped) return stopped.error();
  settle_effects(*measured, participant, 2);

  Round round{.figures = measured->figures};
  auto sync = sync_ms((*settled)->directory(), options.seconds / 2);
  if (!sync) return sync.error();
  round.sync = *sync;
  round.exchange = exchange_ms(options.seconds / 2, round.figures.call_bytes);

  Options for_floor = options;
  for_floor.clients = 1;
  auto floor = run_floor(
      for_floor, 2,
      {static_cast<std::uint32_t>(round.figures.call_bytes), static_cast<std::uint32_t>(round.figures.answer_bytes)});
  if (!floor) return floor.error();
  round.floor = floor->p50_ms;
  return round;
}

}  // namespace

int p4(const Options& options) {
  Options one = options;
  const std::uint32_t rounds = options.pairs == 0 ? 5 : options.pairs;
  one.seconds = options.seconds / rounds;
  one.warmup = std::min(options.warmup, 0.3);
  one.rate = 0;
  std::vector<double> ratios, to_floor, syncs, exchanges;
  std::vector<Figures> runs;
  std::uint64_t errors = 0;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    auto round = play(one);
    if (!round) return fail(round.error());
    errors += round->figures.errors;
    ratios.push_back(round->ratio());
    to_floor.push_back(round->figures.p50_ms / round->floor);
    syncs.push_back(round->sync);
    exchanges.push_back(round->exchange);
    if (!options.json) {
      std::printf(
          "round %u: saga p50 %.3f ms, p99 %.3f  sync %.3f  exchange %.3f  2 syncs + 3 exchanges %.3f  "
          "ratio %.3f  floor with two syncs %.3f  others %.2f cores\n",
          i + 1, round->figures.p50_ms, round->figures.p99_ms, round->sync, round->exchange, round->unavoidable(),
          round->ratio(), round->floor, round->figures.other_cores);
      std::fflush(stdout);
    }
    runs.push_back(round->figures);
  }
  Figures middle = middle_of(std::move(runs), &Figures::p50_ms);
  middle.errors = errors;
  if (options.json) {
    print_json(middle, {{"ratio", median(ratios)},
                        {"ratio_to_floor_two_syncs", median(to_floor)},
                        {"sync_ms", median(syncs)},
                        {"exchange_ms", median(exchanges)}});
  } else {
    print_text(middle);
    std::printf(
        "median of %u: saga %.3f ms, %.3f of 2 syncs + 3 exchanges (%.3f, %.3f ms each), %.3f of the floor with "
        "two syncs; errors %llu\n",
        rounds, middle.p50_ms, median(ratios), median(syncs), median(exchanges), median(to_floor),
        static_cast<unsigned long long>(errors));
  }
  return errors == 0 ? 0 : 1;
}

}  // namespace settle::bench
