// Message: an order in our own database, and a seat that is told of it: both or none.
// usage: message COORDINATOR SERVICE FILE
#include <settle/message.h>
#include <settle/participant.h>
#include <sqlite3.h>

#include <iostream>

using settle::barrier::Made;

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  sqlite3 *db = nullptr, *for_checks = nullptr;
  sqlite3_open(argv[3], &db);
  sqlite3_open(argv[3], &for_checks);  // the server's thread has a connection of its own
  sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS orders (gid TEXT)", nullptr, nullptr, nullptr);
  if (!settle::barrier::install(db, std::chrono::hours{24 * 7})) return 1;

  settle::ParticipantServerOptions options;
  options.threads = 1;
  settle::ParticipantRouter router;
  router.on("/check", [&](const settle::BranchCall& call) { return settle::check_back(for_checks, call); });
  const auto server = settle::ParticipantServer::start(std::move(router), options);
  if (!server) return std::cerr << server.error().message << '\n', 1;

  settle::Client client(argv[1]);
  settle::Message ordered;
  ordered.check(server->url("/check")).target("seat", std::string(argv[2]) + "/seats").input(R"({"n": 1})");
  const auto sent = settle::send(client, ordered, db, [&](settle::barrier::Work) {
    const std::string sql = "INSERT INTO orders VALUES ('" + ordered.gid() + "')";
    const bool kept = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
    return kept ? Made::done() : Made::failed(sqlite3_errmsg(db));
  });
  if (!sent) return std::cerr << sent.error().message << '\n', 2;  // the check-back decides
  const auto told = client.wait(ordered.gid(), settle::Wait::for_end(std::chrono::seconds{20}));
  std::cout << (told && told->committed() ? "committed" : "not delivered yet") << '\n';
}
