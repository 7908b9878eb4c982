#include "kill/restart.h"

#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "live/server.h"
#include "live/settled.h"

namespace settle::kill {
namespace {

using live::Clock;
using live::Json;
using live::milliseconds;

constexpr unsigned kClients = 8;

std::string gid_of(unsigned number) { return "stuck-" + std::to_string(number); }

/// Three steps of which the first finds nobody, so that the saga stays open.
Json stuck_plan(unsigned number, std::uint16_t nobody) {
  Json steps = Json::array();
  for (const char* name : {"first", "second", "third"}) {
    steps.push_back({{"id", name},
                     {"action", live::url(nobody, "/act")},
                     {"compensate", live::url(nobody, "/undo")},
                     {"input", {{"number", number}, {"text", std::string(100, 'x')}}}});
  }
  return {
      {"pattern", "saga"}, {"gid", gid_of(number)}, {"steps", steps}, {"retry", {{"base_ms", 200}, {"cap_ms", 1000}}}};
}

unsigned begin_all(const live::Settled& settled, unsigned open, std::uint16_t nobody) {
  std::atomic<unsigned> next{0};
  std::atomic<unsigned> acknowledged{0};
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      live::KeptLine line(settled.api_port());
      for (unsigned number = next++; number < open; number = next++) {
        const auto got = line.exchange("POST", "/v1/transactions", stuck_plan(number, nobody).dump(), live::kPatience);
        if (got.answer.status == 201) ++acknowledged;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  return acknowledged;
}

std::size_t still_open(const live::Settled& settled) {
  std::set<std::string> gids;
  for (const Json& document : settled.client().list("outcome=running")) gids.insert(document.value("gid", ""));
  return gids.size();
}

/// Opens the door at last: every one of them must go on to its end.
std::size_t gone_on(const live::Settled& settled, std::uint16_t nobody) {
  std::mutex lock;
  std::set<std::string> seen;
  const live::Server participant(nobody, [&](const live::Message& request) {
    const std::lock_guard guard(lock);
    if (request.header("settle-branch") == "third") seen.insert(request.header("settle-gid"));
    return live::Said{};
  });
  (void)live::eventually(live::kPatience * 2, [&] {
    return settled.client().get("/v1/transactions?outcome=running&limit=1").body["transactions"].empty();
  });
  const std::lock_guard guard(lock);
  return seen.size();
}

}  // namespace

int measure_restart(const std::string& folder, unsigned open) {
  live::Settled settled(folder, {"--workers=2", "--log.level=warn", "--participants.per-destination=32"});
  const std::uint16_t nobody = live::free_port();
  if (!settled.start()) {
    std::cerr << "settled does not start:\n" << settled.log();
    return 1;
  }
  const unsigned acknowledged = begin_all(settled, open, nobody);
  settled.kill();

  const Clock::time_point begun = Clock::now();
  const bool is_ready = settled.start();
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
  const std::size_t found = still_open(settled);
  const std::size_t went_on = gone_on(settled, nobody);
  const live::Exit exit = settled.terminate();
  std::cout << "restart with " << found << " of " << open << " open transactions (" << acknowledged
            << " acknowledged): ready after " << took.count() << " ms; " << went_on << " went on to their end\n";
  const bool all = is_ready && acknowledged == open && found == open && went_on == open && exit == live::Exit{};
  return all ? 0 : 1;
}

}  // namespace settle::kill
