// Saga: two seats one after the other; if the second is refused, the first is given back.
// usage: saga COORDINATOR SERVICE
#include <settle/client.h>
#include <settle/saga.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  settle::Client client(argv[1]);
  const std::string seats = std::string(argv[2]) + "/seats";

  settle::Saga trip;
  trip.step("out", seats).compensate(seats).input(R"({"day": "monday"})");
  trip.step("back", seats).compensate(seats).input(R"({"day": "friday"})");
  trip.deadline(std::chrono::seconds{30}).label("traveller", "bob");

  const auto told = client.run(trip, std::chrono::seconds{20});
  if (!told) {  // no outcome: trip.gid() may be asked for later, or the same begun again
    std::cerr << told.error().message << '\n';
    return 2;
  }
  std::cout << (told->committed() ? "committed" : told->aborted() ? "aborted, " + told->reason : "running") << '\n';
  return told->committed() ? 0 : 1;
}
