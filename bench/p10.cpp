// One of 100 destinations hangs: do those who have nothing to do with it notice?
//
// p10: sagas of two branches at 99 destinations in turn, begun at a fixed rate (--rate, 2000), each waited for; beside
// them a 99th of that rate at one more destination, where nobody waits. In one run of a pair that one answers, in the
// other it takes connections and never says a word. The answer is the ratio of the 99's p99 with and without, the
// median of all pairs, whose order changes from pair to pair.
//
// Expected: 1. A call that hangs holds a slot of its own destination only, a timer, and no thread; the breaker stops
// most of them.
#include "p10.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "measure.h"
#include "p1.h"
#include "settled.h"

namespace settle::bench {
namespace {

constexpr std::uint32_t kOthers = 99;

Result<Figures> run(const Options& options, bool hangs) {
  Options with_drain = options;
  with_drain.settled_flags += " --drain=0s";  // nothing of the 99 is open then, and the one would hang on
  auto settled = Settled::start(with_drain);
  if (!settled) return settled.error();

  const std::string prefix = fresh_run();
  Participant others({.run = prefix, .branches = 2, .ops = {"action"}}, kOthers);
  std::vector<Job> jobs;
  for (const std::uint16_t port : others.ports()) jobs.push_back(saga_job(prefix, port));

  const std::string beside = fresh_run();
  Participant healthy({.run = beside, .branches = 2, .ops = {"action"}});
  std::uint16_t silent_port = 0;
  const net::Fd silent = listen_on_loopback(silent_port);  // nobody accepts from it
  Load load_beside({.port = (*settled)->coordinated().port, .connections = 4, .rate = options.rate / kOthers},
                   saga_job(beside, hangs ? silent_port : healthy.port(), {.waits = false}));

  auto measured = measure("p10", options, (*settled)->coordinated(), jobs, options.clients);
  load_beside.finish();
  if (!measured) return measured.error();
  if (auto stopped = (*settled)->stop(); !stopped) return stopped.error();
  settle_effects(*measured, others, 2);
  measured->figures.errors += load_beside.errors();
  if (measured->figures.first_error.empty()) measured->figures.first_error = load_beside.first_error();
  return measured->figures;
}

}  // namespace

int p10(const Options& given) {
  Options options = given;
  if (options.rate <= 0) options.rate = 2000;
  const std::uint32_t pairs = options.pairs == 0 ? 7 : options.pairs;
  std::vector<double> ratios;
  std::vector<Figures> hanging;
  std::uint64_t errors = 0;
  for (std::uint32_t i = 0; i < pairs; ++i) {
    Figures with, without;
    for (const bool hangs : {i % 2 == 0, i % 2 != 0}) {
      auto figures = run(options, hangs);
      if (!figures) return fail(figures.error());
      errors += figures->errors;
      (hangs ? with : without) = *figures;
    }
    ratios.push_back(with.p99_ms / without.p99_ms);
    hanging.push_back(with);
    if (!options.json) {
      std::printf("pair %u: p99 %.3f ms while one hangs, %.3f ms without; ratio %.3f  behind %llu, %llu  errors %llu\n",
                  i + 1, with.p99_ms, without.p99_ms, ratios.back(), static_cast<unsigned long long>(with.behind),
                  static_cast<unsigned long long>(without.behind), static_cast<unsigned long long>(errors));
      std::fflush(stdout);
    }
  }
  Figures middle = middle_of(std::move(hanging), &Figures::p99_ms);
  middle.errors = errors;
  if (options.json) {
    print_json(middle, {{"ratio", median(ratios)}});
  } else {
    print_text(middle);
    std::printf("median of %u pairs: p99 of the others %.3f times that without a destination that hangs; errors %llu\n",
                pairs, median(ratios), static_cast<unsigned long long>(errors));
  }
  return errors == 0 ? 0 : 1;
}

}  // namespace settle::bench
