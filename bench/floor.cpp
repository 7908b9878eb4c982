// How fast could any coordinator be, on this machine, at this moment?
//
// floor: the HTTP exchanges of a two-branch saga (client → coordinator → participant, twice → client) with the same
// bytes in them, and a group sync per saga, by bare loops: no engine, no JSON, no store (coordinator.cpp). Client and
// participant are those of p1. It runs with one sync per saga, which is the floor that p1 is held against, and with
// two, because settled syncs the plan before the first call and the outcome before the answer.
//
// Expected: per saga there are 3 sends and 3 receives in the coordinator, 6 in client and participant. At 2 to 3 µs
// each (loopback, with the receiver's share of the network code in the sender's) that is 25 to 35 µs of 2 cores, so 55
// to 80 thousand sagas a second if both cores were always busy; waking threads costs the rest. Syncs of 0.15 ms with 30
// sagas in a group are not the limit.
#include "floor.h"

#include <cstdio>

#include "coordinator.h"
#include "p1.h"
#include "settled.h"

namespace settle::bench {

Result<Figures> run_floor(const Options& options, std::uint32_t syncs, FloorBytes bytes) {
  auto data = DataDirectory::make(options.data);
  if (!data) return data.error();
  const std::string run = fresh_run();
  Participant participant({.run = run, .branches = 2, .ops = {"action"}});
  std::unique_ptr<Meter> meter;
  auto child =
      Child::start({own_path(), "floor-coordinator", "--participant=" + std::to_string(participant.port()),
                    "--data=" + data->path(), "--syncs=" + std::to_string(syncs),
                    "--call-bytes=" + std::to_string(bytes.call), "--answer-bytes=" + std::to_string(bytes.answer)},
                   [&](pid_t pid) { meter = std::make_unique<Meter>(pid, data->path()); });
  if (!child) return child.error();
  auto line = (*child)->line_with("listening api=");
  if (!line) return line.error();

  const Coordinated coordinated{.port = port_in(*line, "api="), .meter = meter.get(), .own_counts = {}};
  auto measured = measure(syncs == 1 ? "floor" : "floor with two syncs", options, coordinated,
                          {saga_job(run, participant.port())}, options.clients);
  if (!measured) return measured.error();
  if (auto stopped = (*child)->stop(); !stopped) return stopped.error();
  settle_effects(*measured, participant, 2);
  return measured->figures;
}

int floor(const Options& options) {
  std::uint64_t errors = 0;
  for (const std::uint32_t syncs : {1U, 2U}) {
    if (options.syncs != 0 && options.syncs != syncs) continue;
    auto figures = run_floor(options, syncs, FloorBytes{});
    if (!figures) return fail(figures.error());
    if (options.json) {
      print_json(*figures, {{"syncs_asked", static_cast<double>(syncs)}});
    } else {
      print_text(*figures);
    }
    errors += figures->errors;
  }
  return errors == 0 ? 0 : 1;
}

}  // namespace settle::bench
