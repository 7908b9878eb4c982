#include "kill/campaign.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "kill/last_questions.h"
#include "kill/load.h"

namespace settle::kill {

using live::Clock;
using live::milliseconds;
using live::seconds;

std::vector<std::string> failpoints(const std::string& folder) {
  const std::string output = folder + "/failpoints.txt";
  live::Process process({live::binary("settled"), "--list-failpoints"}, output);
  (void)process.wait(live::kPatience);
  std::istringstream lines(live::read_file(output));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    std::string name;
    if (std::istringstream(line) >> name) names.push_back(name);
  }
  return names;
}

Campaign::Campaign(const Options& options, const std::string& folder)
    : options_(options),
      folder_(folder),
      dice_(options.seed),
      fleet_(folder, options.participants, options.sabotage,
             {"--workers=2", "--log.level=warn", "--participants.per-destination=32"}),
      journal_(folder + "/client.journal") {}

void Campaign::run() {
  const Clock::time_point begun = Clock::now();
  fleet_.start();
  Load load({options_.seed, options_.clients, options_.per_second, {fleet_.settled().api_port()}, fleet_.ports()},
            journal_);
  fleet_.serve(milliseconds{300});
  if (options_.failpoints) kill_at_failpoints();
  kill_at_random();
  const auto served = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
  fleet_.serve(std::max(milliseconds{300}, seconds{options_.seconds} - served));
  load.stop();
  const Serve serve = [this](milliseconds time, const std::function<bool()>& over) { fleet_.serve(time, over); };
  come_to_rest(fleet_.settled().client(), serve, journal_, accidents_);
  ask_for_all(fleet_.settled().api_port(), folder_, options_.participants, journal_, accidents_);
  const live::Exit exit = fleet_.stop();
  if (exit != live::Exit{0, 0}) {
    accidents_.push_back("settled did not end well after SIGTERM: code " + std::to_string(exit.code) + ", signal " +
                         std::to_string(exit.signal));
  }
  accidents_.insert(accidents_.end(), fleet_.accidents().begin(), fleet_.accidents().end());
  play_trick();
}

void Campaign::kill_at_failpoints() {
  const std::vector<std::string> names = failpoints(folder_);
  if (names.empty()) accidents_.emplace_back("settled lists no failpoint");
  for (const std::string& name : names) {
    const std::uint64_t passage = 1 + dice_.below(30);
    std::cerr << "  failpoint " << name << ":" << passage << "\n";
    // Fewer records may be open than the dice say; the first one is there for certain, or the load is no load.
    if (!fleet_.die_at(name, passage, seconds{8}) && !fleet_.die_at(name, 1, seconds{20})) {
      accidents_.push_back("failpoint " + name + " was not reached");
    }
  }
  fleet_.revive();
}

void Campaign::kill_at_random() {
  std::vector<bool> victims(options_.kills, true);
  victims.insert(victims.end(), options_.participant_kills, false);
  for (std::size_t i = victims.size(); i > 1; --i) {
    const std::size_t other = dice_.below(i);
    const bool kept = victims[i - 1];
    victims[i - 1] = victims[other];
    victims[other] = kept;
  }
  bool loses_store = options_.trick == Trick::kLostStore;
  for (const bool is_daemon : victims) {
    fleet_.serve(milliseconds{20 + dice_.below(450)});
    if (!is_daemon) {
      fleet_.kill_participant(dice_.below(options_.participants));
      continue;
    }
    // Sometimes the next kill comes while it is still starting.
    const bool awaits = !dice_.percent(15);
    fleet_.kill_settled(awaits, [&] {
      if (loses_store) std::filesystem::remove_all(fleet_.settled().data());
      loses_store = false;
    });
  }
  fleet_.await_settled();
}

void Campaign::play_trick() {
  if (options_.trick == Trick::kForgedAck) {
    Deal deal = make_deal(dice_, "forged", options_.participants);
    while (!deal.is_saga() || deal.refused_somewhere()) deal = make_deal(dice_, "forged", options_.participants);
    deal.aborts = false;
    journal_.write(deal);
    journal_.write("send", deal.gid);
    journal_.write("ack", deal.gid);
  }
  if (options_.trick == Trick::kFlippedWord) {
    for (const Json& line : read_journal(folder_ + "/client.journal")) {
      if (line.at("what") != "told") continue;
      journal_.told(line.at("gid").get<std::string>(), line.at("verdict") == "commit" ? "abort" : "commit");
      return;
    }
  }
}

}  // namespace settle::kill
