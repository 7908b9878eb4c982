#include "kill/fleet.h"

#include <algorithm>
#include <csignal>
#include <thread>

namespace settle::kill {

using live::Clock;
using live::Exit;
using live::milliseconds;

Fleet::Fleet(const std::string& folder, std::size_t participants, Sabotage sabotage, std::vector<std::string> flags)
    : settled_(folder, std::move(flags)), participants_(folder, participants, sabotage, {settled_.api_port()}) {}

void Fleet::start() {
  participants_.start();
  settled_.launch();
  await_settled();
}

void Fleet::serve(milliseconds time, const std::function<bool()>& over) {
  const Clock::time_point end = Clock::now() + time;
  while (Clock::now() < end && !over()) {
    participants_.tend(accidents_);
    std::this_thread::sleep_for(milliseconds{3});
  }
}

void Fleet::must_run() {
  if (const std::optional<Exit> exit = settled_.process().wait(milliseconds{0})) {
    accidents_.push_back("settled ended by itself: code " + std::to_string(exit->code) + ", signal " +
                         std::to_string(exit->signal));
  }
}

void Fleet::await_settled() {
  const Clock::time_point begun = Clock::now();
  bool is_ready = false;
  serve(live::kPatience, [&] {
    is_ready = live::exchange(settled_.admin_port(), "GET", "/readyz", {}, live::seconds{2}).answer.status == 200;
    return is_ready || !settled_.process().running();
  });
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
  tally_.slowest_start = std::max(tally_.slowest_start, took);
  if (!is_ready) accidents_.push_back("settled is not ready after " + std::to_string(took.count()) + " ms");
}

void Fleet::kill_settled(bool awaits, const std::function<void()>& between) {
  must_run();
  settled_.kill();
  ++tally_.kills;
  between();
  settled_.launch();
  ++tally_.restarts;
  if (awaits) await_settled();
}

bool Fleet::die_at(const std::string& failpoint, std::uint64_t passage, milliseconds bound) {
  if (settled_.process().running()) {
    settled_.kill();
    ++tally_.kills;
  }
  settled_.launch({"--test.failpoint=" + failpoint + ":" + std::to_string(passage)});
  ++tally_.restarts;
  serve(bound, [&] { return !settled_.process().running(); });
  const std::optional<Exit> exit = settled_.process().wait(milliseconds{0});
  if (!exit) return false;
  if (exit->signal != SIGKILL) {
    must_run();
    return false;
  }
  ++tally_.failpoint_kills;
  return true;
}

void Fleet::revive() {
  settled_.launch();
  ++tally_.restarts;
  await_settled();
}

Exit Fleet::stop() {
  const Exit exit = settled_.terminate();
  participants_.stop();
  return exit;
}

}  // namespace settle::kill
