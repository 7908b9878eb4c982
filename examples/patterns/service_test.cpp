// A test of a service: a coordinator in the test's own process, and a clock that can be moved.
#include <settle/participant.h>
#include <settle/saga.h>
#include <settle/testing.h>

#include <atomic>
#include <iostream>

int main() {
  auto coordinator = settle::TestCoordinator::start();
  if (!coordinator) return std::cerr << coordinator.error().message << '\n', 1;

  std::atomic<int> asked{0};
  settle::ParticipantRouter router;
  router.on("/flaky", [&](const settle::BranchCall&) {
    return ++asked == 1 ? settle::BranchAnswer::unknown("busy") : settle::BranchAnswer::done();
  });
  const auto server = settle::ParticipantServer::start(std::move(router));
  if (!server) return std::cerr << server.error().message << '\n', 1;

  settle::Saga saga;
  saga.retry(settle::Retry().base(std::chrono::hours{1}).cap(std::chrono::hours{1}));
  saga.step("flaky", server->url("/flaky"));
  settle::Client client(coordinator->client_options());
  auto told = client.begin(saga);
  for (int i = 0; i < 100 && told && told->running(); ++i) {
    coordinator->advance(std::chrono::hours{2});
    told = client.wait(saga.gid(), settle::Wait::for_end(std::chrono::milliseconds{100}));
  }
  std::cout << (told && told->committed() && asked == 2 ? "committed" : "wrong") << '\n';
}
