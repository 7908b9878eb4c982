// Somebody who takes part, in every pattern: seats in a SQLite file, behind the barrier.
// usage: service PORT COORDINATOR FILE
#include <settle/client.h>
#include <settle/participant.h>
#include <sqlite3.h>

#include <cstdlib>
#include <iostream>

using settle::barrier::Made;
using settle::barrier::Work;

Made take_seat(sqlite3* db, Work work) {
  const char* sql = "UPDATE seats SET free = free - 1, held = held + 1 WHERE free > 0";  // kApply
  if (work == Work::kFulfil) sql = "UPDATE seats SET held = held - 1, sold = sold + 1";  // confirm, commit
  if (work == Work::kUndo) sql = "UPDATE seats SET held = held - 1, free = free + 1";    // all ways back
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return Made::failed(sqlite3_errmsg(db));
  return sqlite3_changes(db) == 1 ? Made::done() : Made::refused("\"sold out\"");
}

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  sqlite3* db = nullptr;
  sqlite3_open(argv[3], &db);
  sqlite3_exec(db, "CREATE TABLE seats (free, held, sold); INSERT INTO seats VALUES (6, 0, 0)", nullptr, nullptr,
               nullptr);
  if (!settle::barrier::install(db, std::chrono::hours{24 * 7})) return 1;

  settle::ParticipantServerOptions options;
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  options.threads = 1;  // one connection, one thread
  const std::string url = "http://127.0.0.1:" + std::string(argv[1]);
  settle::Client coordinator(argv[2]);
  const auto seats = [db](const settle::BranchCall& call) {
    return settle::through_barrier(db, call, [db](Work work) { return take_seat(db, work); });
  };
  settle::ParticipantRouter router;
  router.on("/seats", seats).on_try("/try", coordinator, url + "/seats", url + "/seats", seats);
  const auto server = settle::ParticipantServer::start(std::move(router), options);
  if (!server) return std::cerr << server.error().message << '\n', 1;
  std::cout << "serving" << std::endl;
  std::cin.get();  // until somebody closes our input
}
