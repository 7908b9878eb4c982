#include "kill/participants.h"

#include <csignal>

namespace settle::kill {

using live::Exit;

Participants::Participants(const std::string& folder, std::size_t count, Sabotage sabotage,
                           std::vector<std::uint16_t> daemons)
    : folder_(folder), sabotage_(sabotage), daemons_(std::move(daemons)), processes_(count) {
  for (std::size_t i = 0; i < count; ++i) ports_.push_back(live::free_port());
}

void Participants::start() {
  for (std::size_t i = 0; i < processes_.size(); ++i) launch(i);
}

void Participants::launch(std::size_t index) {
  processes_[index] =
      live::Process({live::binary("kill-participant"), folder_, std::to_string(index), std::to_string(ports_[index]),
                     std::to_string(daemons_[index % daemons_.size()]), std::to_string(static_cast<int>(sabotage_))},
                    folder_ + "/participants.log");
}

void Participants::tend(std::vector<std::string>& accidents) {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    const std::optional<Exit> exit = processes_[i].wait(live::milliseconds{0});
    if (!exit) continue;
    if (exit->signal == SIGKILL) {
      ++suicides_;
    } else {
      accidents.push_back("participant " + std::to_string(i) + " ended by itself: code " + std::to_string(exit->code) +
                          ", signal " + std::to_string(exit->signal));
    }
    launch(i);
  }
}

void Participants::kill(std::size_t index) {
  processes_[index].kill();
  ++kills_;
  launch(index);
}

void Participants::stop() {
  for (live::Process& process : processes_) process.kill();
}

}  // namespace settle::kill
