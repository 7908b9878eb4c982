// The coroutine form: many trips at once, no thread for each.
// usage: coroutine COORDINATOR SERVICE
#include <settle/coroutine.h>
#include <settle/saga.h>

#include <iostream>

settle::task<bool> book(settle::CoClient client, std::string seats) {
  settle::Saga trip;
  trip.step("out", seats).compensate(seats);
  const auto told = co_await client.run(trip, std::chrono::seconds{20});
  co_return told && told->committed();
}

settle::task<int> book_both(settle::CoClient client, std::string seats) {
  const bool first = co_await book(client, seats);
  const bool second = co_await book(client, seats);
  co_return int{first} + int{second};
}

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  settle::Client client(argv[1]);
  const int booked = settle::sync_wait(book_both(settle::CoClient(client), std::string(argv[2]) + "/seats"));
  std::cout << booked << " of 2 committed\n";
}
