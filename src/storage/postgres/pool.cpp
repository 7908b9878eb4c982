#include "storage/postgres/pool.h"

#include <utility>

namespace settle {

Result<std::unique_ptr<postgres::Connection>> open_session(const postgres::ConnectOptions& options) {
  auto connection = postgres::Connection::open(options);
  if (!connection) return connection;
  // Statements are bounded by our own waiting; the conditions of saves count on READ COMMITTED, where a statement that
  // has waited for a lock sees what was committed meanwhile.
  const auto set =
      (*connection)
          ->run_script(
              "SET statement_timeout = 0; SET lock_timeout = 0; SET search_path = pg_catalog;"
              "SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning;"
              "SET idle_in_transaction_session_timeout = '60s';"
              // The server notices within half a minute that our host is gone, and frees what we held.
              "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3");
  if (!set) return set.error();
  return connection;
}

Result<Pool::Use> Pool::take() {
  for (;;) {
    std::unique_ptr<postgres::Connection> connection;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) break;
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
    if (connection->is_idle()) return Use(*this, std::move(connection));
  }
  return take_new();
}

Result<Pool::Use> Pool::take_new() {
  auto connection = open_session(options_);
  if (!connection) return connection.error();
  return Use(*this, std::move(*connection));
}

void Pool::give_back(std::unique_ptr<postgres::Connection> connection) {
  if (!connection->is_idle()) return;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(connection));
}

}  // namespace settle
