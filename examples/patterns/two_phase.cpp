// Two-phase commit over services: all of them promise, then all of them commit.
// usage: two_phase COORDINATOR SERVICE
#include <settle/client.h>
#include <settle/two_phase.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  settle::Client client(argv[1]);
  const std::string seats = std::string(argv[2]) + "/seats";

  settle::TwoPhase trip;
  for (const char* day : {"monday", "friday"}) trip.branch(day, seats, seats).prepare(seats);

  const auto told = client.run(trip, std::chrono::seconds{20});
  if (!told) {
    std::cerr << told.error().message << '\n';
    return 2;
  }
  std::cout << (told->committed() ? "committed" : told->aborted() ? "aborted, " + told->reason : "running") << '\n';
  return told->committed() ? 0 : 1;
}
