// How many durable two-branch sagas a second, when 64 clients wait for the end of theirs, and what does each cost?
//
// p1: settled with its embedded store on a disk; client and participant speak HTTP. Each saga has two forced records
// (plan, outcome), three HTTP exchanges, and exactly two effects at the participant, counted there at the end.
// --vs-floor runs floor and p1 in turns and tells the median ratio: on a machine that is shared and noisy only that
// means something.
//
// Expected: the floor's 25 to 35 µs for the exchanges, and at most 10 µs for parser, JSON, tables and RocksDB: 30,000
// to 50,000 a second, 0.7 to 0.85 of the floor. Groups of 20 to 30 records, so 0.07 to 0.1 syncs per saga.
#include "p1.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "floor.h"
#include "measure.h"
#include "settled.h"

namespace settle::bench {
namespace {

Result<Figures> run(const Options& options) {
  auto settled = Settled::start(options);
  if (!settled) return settled.error();
  const std::string prefix = fresh_run();
  Participant participant({.run = prefix, .branches = 2, .ops = {"action"}});
  auto measured =
      measure("p1", options, (*settled)->coordinated(), {saga_job(prefix, participant.port())}, options.clients);
  if (!measured) return measured.error();
  if (auto stopped = (*settled)->stop(); !stopped) return stopped.error();
  settle_effects(*measured, participant, 2);
  return measured->figures;
}

int against_floor(const Options& options) {
  const std::uint32_t pairs = options.pairs == 0 ? 5 : options.pairs;
  FloorBytes bytes;
  std::vector<double> ratios;
  std::vector<double> ratios_two;
  std::vector<Figures> runs;
  std::uint64_t errors = 0;
  for (std::uint32_t i = 0; i < pairs; ++i) {
    auto ours = run(options);
    if (!ours) return fail(ours.error());
    // The floor moves the bytes that settled has moved.
    bytes = {static_cast<std::uint32_t>(ours->call_bytes), static_cast<std::uint32_t>(ours->answer_bytes)};
    auto floor = run_floor(options, 1, bytes);
    if (!floor) return fail(floor.error());
    auto floor_two = run_floor(options, 2, bytes);
    if (!floor_two) return fail(floor_two.error());
    errors += ours->errors + floor->errors + floor_two->errors;
    ratios.push_back(ours->per_second / floor->per_second);
    ratios_two.push_back(ours->per_second / floor_two->per_second);
    runs.push_back(*ours);
    if (!options.json) {
      std::printf(
          "pair %u: p1 %.0f/s (p99 %.2f ms, user %.1f + system %.1f µs)  floor %.0f/s (%.1f + %.1f µs)  "
          "with two syncs %.0f/s  ratio %.3f, %.3f  others %.2f cores  errors %llu\n",
          i + 1, ours->per_second, ours->p99_ms, ours->cpu_user_us, ours->cpu_system_us, floor->per_second,
          floor->cpu_user_us, floor->cpu_system_us, floor_two->per_second, ratios.back(), ratios_two.back(),
          ours->other_cores, static_cast<unsigned long long>(errors));
      std::fflush(stdout);
    }
  }
  Figures middle = middle_of(std::move(runs), &Figures::per_second);
  middle.errors = errors;
  if (options.json) {
    print_json(middle, {{"ratio_to_floor", median(ratios)}, {"ratio_to_floor_two_syncs", median(ratios_two)}});
  } else {
    std::printf("median of %u: p1 %.0f/s, %.3f of the floor, %.3f of the floor with two syncs; errors %llu\n", pairs,
                middle.per_second, median(ratios), median(ratios_two), static_cast<unsigned long long>(errors));
  }
  return errors == 0 ? 0 : 1;
}

}  // namespace

Job saga_job(const std::string& run, std::uint16_t participant_port, SagaShape shape) {
  std::string steps;
  for (std::uint32_t i = 0; i < shape.branches; ++i) {
    const std::string id = branch_id(i);
    const std::string url = "http://127.0.0.1:" + std::to_string(participant_port) + "/" + id;
    steps += (i == 0 ? "" : ",") + std::string(R"({"id":")") + id + R"(","action":")" + url + R"(","compensate":")" +
             url + R"(/undo"})";
  }
  const std::string body = R"({"gid":"GID","pattern":"saga","steps":[)" + steps + "]";
  if (!shape.waits) return make_job("/v1/transactions", body + "}", run, {});
  return make_job("/v1/transactions", body + R"(,"wait_ms":20000})", run, R"("outcome":"committed")");
}

int p1(const Options& options) {
  if (options.vs_floor) return against_floor(options);
  auto figures = run(options);
  if (!figures) return fail(figures.error());
  if (options.json) {
    print_json(*figures, {});
  } else {
    print_text(*figures);
  }
  return figures->errors == 0 ? 0 : 1;
}

}  // namespace settle::bench
