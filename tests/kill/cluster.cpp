#include "kill/cluster.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace settle::kill {
namespace {

using live::Clock;
using live::Exit;
using live::milliseconds;

/// A daemon that ended by itself is started again so much later, as a supervisor would.
constexpr milliseconds kPauseOfSupervisor{300};
/// The store's word was lost; somebody else owns it; it cannot be opened (src/daemon/exit_codes.h): start again.
constexpr std::array kResignations{70, 71, 74};

std::unique_ptr<live::Settled> make_daemon(const std::string& folder, const std::string& name, std::uint16_t store,
                                           milliseconds lease) {
  const std::string place = folder + "/" + name;
  std::filesystem::create_directory(place);
  return std::make_unique<live::Settled>(
      place,
      std::vector<std::string>{"--store=postgres://postgres@127.0.0.1:" + std::to_string(store) + "/postgres",
                               "--node=" + name, "--shards=24", "--lease=" + std::to_string(lease.count()) + "ms",
                               "--workers=2", "--log.level=info", "--participants.per-destination=32"});
}

std::uint64_t fenced_of(const live::Settled& daemon) {
  constexpr std::string_view kName = "\nsettle_fenced_total ";
  const std::string text = live::exchange(daemon.admin_port(), "GET", "/metrics", {}, live::seconds{2}).answer.body;
  const std::size_t at = text.find(kName);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + kName.size(), nullptr, 10);
}

}  // namespace

Cluster::Cluster(const std::string& folder, std::size_t daemons, std::size_t participants, Sabotage sabotage,
                 milliseconds lease) {
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < daemons; ++i) {
    Daemon& daemon = daemons_.emplace_back();
    daemon.settled = make_daemon(folder, "d" + std::to_string(i), store_.port(), lease);
    ports.push_back(daemon.settled->api_port());
  }
  participants_ = std::make_unique<Participants>(folder, participants, sabotage, std::move(ports));
}

void Cluster::start() {
  participants_->start();
  for (Daemon& daemon : daemons_) daemon.settled->launch();
  await_all();
}

std::vector<std::uint16_t> Cluster::api_ports() const {
  std::vector<std::uint16_t> ports;
  for (const Daemon& daemon : daemons_) ports.push_back(daemon.settled->api_port());
  return ports;
}

void Cluster::serve(milliseconds time, const std::function<bool()>& over) {
  const Clock::time_point end = Clock::now() + time;
  while (Clock::now() < end && !over()) {
    participants_->tend(accidents_);
    for (Daemon& daemon : daemons_) tend(daemon);
    std::this_thread::sleep_for(milliseconds{3});
  }
}

void Cluster::tend(Daemon& daemon) {
  const bool is_time = Clock::now() >= daemon.back_at;
  if (daemon.is_away) {
    if (is_time) daemon.settled->launch();
    daemon.is_away = !is_time;
    return;
  }
  if (daemon.is_paused) {
    if (is_time) daemon.settled->process().send(SIGCONT);
    daemon.is_paused = !is_time;
    return;
  }
  const std::optional<Exit> exit = daemon.settled->process().wait(milliseconds{0});
  if (!exit) return;
  if (exit->signal == 0 && std::ranges::find(kResignations, exit->code) != kResignations.end()) {
    ++tally_.resigned;
  } else {
    accidents_.push_back("a daemon ended by itself: code " + std::to_string(exit->code) + ", signal " +
                         std::to_string(exit->signal));
  }
  daemon.is_away = true;
  daemon.back_at = Clock::now() + kPauseOfSupervisor;
}

bool Cluster::is_up(std::size_t index) {
  Daemon& daemon = daemons_[index];
  return !daemon.is_away && !daemon.is_paused && daemon.settled->process().running();
}

void Cluster::kill(std::size_t index, milliseconds away) {
  Daemon& daemon = daemons_[index];
  tally_.fenced += fenced_of(*daemon.settled);
  daemon.settled->kill();
  ++tally_.kills;
  daemon.is_away = true;
  daemon.back_at = Clock::now() + away;
}

void Cluster::pause(std::size_t index, milliseconds away) {
  Daemon& daemon = daemons_[index];
  daemon.settled->process().send(SIGSTOP);
  ++tally_.pauses;
  daemon.is_paused = true;
  daemon.back_at = Clock::now() + away;
}

void Cluster::kill_store(milliseconds away) {
  store_.kill();
  ++tally_.store_kills;
  serve(away);
  store_.start();
}

bool Cluster::await_all() {
  std::size_t ready = 0;
  serve(live::kPatience * 2, [&] {
    ready = 0;
    for (std::size_t i = 0; i < daemons_.size(); ++i) {
      const auto& settled = *daemons_[i].settled;
      if (!is_up(i)) return false;
      if (live::exchange(settled.admin_port(), "GET", "/readyz", {}, live::seconds{2}).answer.status != 200) {
        return false;
      }
      ++ready;
    }
    return true;
  });
  if (ready < daemons_.size()) accidents_.emplace_back("not all daemons are ready");
  return ready == daemons_.size();
}

void Cluster::stop() {
  for (Daemon& daemon : daemons_) {
    tally_.fenced += fenced_of(*daemon.settled);
    const Exit exit = daemon.settled->terminate();
    if (exit == Exit{0, 0}) continue;
    accidents_.push_back("a daemon did not end well after SIGTERM: code " + std::to_string(exit.code) + ", signal " +
                         std::to_string(exit.signal));
  }
  participants_->stop();
}

}  // namespace settle::kill
