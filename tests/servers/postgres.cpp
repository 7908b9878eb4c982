#include "servers/postgres.h"

#include <csignal>

namespace settle::servers {
namespace {

std::string program(const std::string& name) { return "/usr/lib/postgresql/15/bin/" + name; }

}  // namespace

Postgres::Postgres(const std::string& settings) : PrivateServer("postgres", "postgres") {
  // -N: what is not yet ours need not be synced.
  if (!run({find({program("initdb"), "postgresql-15"}), "-N", "-D", folder("data"), "-U", "postgres", "-A", "trust",
            "-E", "UTF8", "--locale=C.UTF-8"})) {
    fail("initdb failed");
  }
  write("data/postgresql.conf",
        "listen_addresses='127.0.0.1'\n"
        "unix_socket_directories='" +
            folder() +
            "'\n"
            "max_connections=300\n"
            "max_prepared_transactions=1000\n"
            "shared_buffers=32MB\n"
            "dynamic_shared_memory_type=mmap\n"  // in the data folder: a kill leaves nothing elsewhere
            "log_min_messages=fatal\n"
            "log_min_error_statement=fatal\n" +
            settings + "\n");
  start();
}

Postgres::~Postgres() { stop(); }

std::string Postgres::conninfo(std::uint16_t port) {
  return "host=127.0.0.1 port=" + std::to_string(port) + " user=postgres dbname=postgres connect_timeout=30";
}

std::vector<std::string> Postgres::command() const {
  return {find({program("postgres"), "postgresql-15"}), "-D", folder("data"), "-p", std::to_string(port())};
}

bool Postgres::answers() const {
  return run({find({program("pg_isready"), "postgresql-client-15"}), "-q", "-U", "postgres", "-h", folder(), "-p",
              std::to_string(port())});
}

// "Fast": clients are cut off.
int Postgres::orderly_signal() const { return SIGINT; }

}  // namespace settle::servers
