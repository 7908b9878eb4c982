#include "servers/mariadb.h"

#include <csignal>

namespace settle::servers {

MariaDb::MariaDb(const std::string& settings) : PrivateServer("mariadb", "mysql") {
  // --no-defaults and --defaults-file come first, or the machine's own configuration is read. The folder for temporary
  // tables is our own: a server that starts removes every "#sql…" there, also those that another server uses.
  if (!run({find({"mariadb-install-db", "mariadb-server"}), "--no-defaults", "--datadir=" + folder("data"),
            "--tmpdir=" + folder(), "--auth-root-authentication-method=normal", "--skip-test-db",
            "--skip-name-resolve"})) {
    fail("mariadb-install-db failed");
  }
  write("my.cnf",
        "[mariadbd]\n"
        "datadir=" +
            folder("data") +
            "\n"
            "tmpdir=" +
            folder() +
            "\n"
            "socket=" +
            folder("sock") +
            "\n"
            "pid-file=" +
            folder("pid") +
            "\n"
            "bind-address=127.0.0.1\n"
            "skip-name-resolve\n"
            "character-set-server=utf8mb4\n"
            "innodb_flush_log_at_trx_commit=1\n"
            "sync_binlog=1\n"
            "log_bin=" +
            folder("data/binlog") +
            "\n"
            "server_id=1\n"
            "innodb_log_file_size=64M\n"
            "innodb_buffer_pool_size=64M\n"
            "max_connections=300\n" +
            settings + "\n");
  start();
  if (!run({find({"mariadb", "mariadb-client"}), "--no-defaults", "--socket=" + folder("sock"), "-u", kUser, "-e",
            std::string("CREATE DATABASE ") + kDatabase})) {
    fail("cannot make the database");
  }
}

MariaDb::~MariaDb() { stop(); }

std::vector<std::string> MariaDb::command() const {
  return {find({"mariadbd", "mariadb-server"}), "--defaults-file=" + folder("my.cnf"),
          "--port=" + std::to_string(port())};
}

bool MariaDb::answers() const {
  return run({find({"mariadb-admin", "mariadb-client"}), "--no-defaults", "--socket=" + folder("sock"), "-u", kUser,
              "--silent", "ping"});
}

int MariaDb::orderly_signal() const { return SIGTERM; }

}  // namespace settle::servers
