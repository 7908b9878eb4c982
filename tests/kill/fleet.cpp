#include "kill/fleet.h"

#include <algorithm>
#include <csignal>
#include <thread>

namespace settle::kill {

using live::Clock;
using live::Exit;
using live::milliseconds;

Fleet::Fleet(const std::string& folder, std::size_t participants, Sabotage sabotage, std::vector<std::string> flags)
    : folder_(folder), sabotage_(sabotage), settled_(folder, std::move(flags)), participants_(participants) {
  for (std::size_t i = 0; i < participants; ++i) ports_.push_back(live::free_port());
}

void Fleet::start() {
  for (std::size_t i = 0; i < participants_.size(); ++i) launch_participant(i);
  settled_.launch();
  await_settled();
}

void Fleet::launch_participant(std::size_t index) {
  participants_[index] =
      live::Process({live::binary("kill-participant"), folder_, std::to_string(index), std::to_string(ports_[index]),
                     std::to_string(settled_.api_port()), std::to_string(static_cast<int>(sabotage_))},
                    folder_ + "/participants.log");
}

void Fleet::tend() {
  for (std::size_t i = 0; i < participants_.size(); ++i) {
    const std::optional<Exit> exit = participants_[i].wait(milliseconds{0});
    if (!exit) continue;
    if (exit->signal == SIGKILL) {
      ++tally_.participant_suicides;
    } else {
      accidents_.push_back("participant " + std::to_string(i) + " ended by itself: code " + std::to_string(exit->code) +
                           ", signal " + std::to_string(exit->signal));
    }
    launch_participant(i);
  }
}

void Fleet::serve(milliseconds time, const std::function<bool()>& over) {
  const Clock::time_point end = Clock::now() + time;
  while (Clock::now() < end && !over()) {
    tend();
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

void Fleet::kill_participant(std::size_t index) {
  participants_[index].kill();
  ++tally_.participant_kills;
  launch_participant(index);
}

Exit Fleet::stop() {
  const Exit exit = settled_.terminate();
  for (live::Process& participant : participants_) participant.kill();
  return exit;
}

}  // namespace settle::kill
