#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "storage/postgres/locks.h"
#include "storage/postgres/postgres_store.h"

namespace settle {
namespace {

using postgres::Array;
using postgres::Connection;
using postgres::Parameters;
using postgres::Rows;
using postgres::Type;

/// Longer ones are as good as for ever, and an interval of the server cannot hold every one of ours.
constexpr Duration kLastingMax = std::chrono::hours(24 * 365 * 100);

constexpr std::size_t kApplicationNameMax = 63;  // the server cuts off the rest
constexpr int kNameAttempts = 20;

constexpr const char* kFree = " (s.owner = '' OR s.owner = $2 OR s.held_until <= clock_timestamp()) ";
constexpr const char* kUntil = "clock_timestamp() + $3 * interval '1 microsecond'";

Array shards_of(std::span<const ShardNo> shards) {
  Array out(Type::kInt4);
  for (const ShardNo shard : std::set<ShardNo>(shards.begin(), shards.end())) out.add(shard);
  return out;
}

Parameters parameters_of(std::span<const Lease> leases, std::string_view owner) {
  Array shards(Type::kInt4);
  Array epochs(Type::kInt8);
  for (const Lease& lease : leases) {
    shards.add(lease.shard);
    epochs.add(lease.epoch);
  }
  return Parameters().array(std::move(shards)).text(owner).array(std::move(epochs));
}

/// The lock of this name for the life of the session. `waits`: for one of our own that is about to end.
Result<void> take_name(Connection& connection, const std::string& node, bool waits) {
  for (int attempt = 0;; ++attempt) {
    const auto named = connection.run("SELECT pg_try_advisory_lock($1, hashtext($2))",
                                      Parameters().add(Type::kInt4, kNodeLockClass).text(node));
    if (!named) return named.error();
    if (named->number(0, 0) != 0) return {};
    if (!waits || attempt == kNameAttempts) break;
    if (const auto slept = connection.run("SELECT pg_sleep(0.05)"); !slept) return slept.error();
  }
  return Error{ErrorCode::kConflict, "another daemon is named '" + node + "'; give each of them a `node` of its own"};
}

std::int64_t lasting_us(Duration lasting) { return std::clamp(lasting, Duration{0}, kLastingMax).count(); }

std::vector<Lease> leases_of(const Rows& rows) {
  std::vector<Lease> out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    out.push_back({static_cast<ShardNo>(rows.number(row, 0)), static_cast<Epoch>(rows.number(row, 1))});
  }
  return out;
}

}  // namespace

// The session also holds the daemon's name. Another daemon of the same name would count our shards as its own.
Result<Connection*> PostgresStore::lease_connection() {
  if (leases_ && leases_->is_idle()) return leases_.get();
  leases_.reset();
  const postgres::ConnectOptions as_keeper = connect_options("keeper");
  auto opened = open_session(as_keeper);
  if (!opened) return opened.error();
  Connection& connection = **opened;
  if (!options_.node.empty()) {
    const bool is_ours = lease_session_ != 0;
    if (is_ours) {
      // The server may not have noticed yet that our last connection is gone, and keeps the name for it.
      const auto ended = connection.run(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2",
          Parameters().add(Type::kInt4, lease_session_).text(as_keeper.name.substr(0, kApplicationNameMax)));
      if (!ended) return ended.error();
    }
    if (const auto named = take_name(connection, options_.node, is_ours); !named) {
      return Error{named.error().code, named.error().message + " in " + place_};
    }
  }
  lease_session_ = connection.session();
  leases_ = std::move(*opened);
  return leases_.get();
}

Result<Rows> PostgresStore::write_leases(const std::string& sql, const Parameters& parameters, bool raises_epochs) {
  for (int attempt = 0;; ++attempt) {
    const auto connection = lease_connection();
    if (!connection) return connection.error();
    Connection& c = **connection;
    const auto patience =
        std::max<std::int64_t>(std::chrono::duration_cast<milliseconds>(options_.lock_patience).count(), 1);
    const auto steps = [&]() -> Result<Rows> {
      const auto begun = c.run_script("BEGIN; SET LOCAL lock_timeout = " + std::to_string(patience));
      if (!begun) return begun.error();
      if (const auto locked = lock_exclusive(c, Lock::kLeases); !locked) return locked.error();
      if (raises_epochs) {
        if (const auto locked = lock_exclusive(c, Lock::kOwnership); !locked) return locked.error();
      }
      auto rows = c.run(sql, parameters);
      if (!rows) return rows;
      if (const auto done = c.run_script("COMMIT"); !done) return done.error();
      syncs_.fetch_add(1, std::memory_order_relaxed);
      return rows;
    };
    auto rows = steps();
    if (rows) return rows;
    const bool is_blocked = c.sqlstate() == "55P03";
    if (!c.is_broken()) (void)c.run_script("ROLLBACK");
    if (!is_blocked || attempt > 0) return rows;
    for (const Lock lock : {Lock::kLeases, Lock::kOwnership}) {
      const auto ended = end_holders(c, lock);
      if (ended && *ended > 0) {
        log(LogLevel::kWarn, "sessions that held a lock of the store for too long are ended",
            {{"sessions", std::to_string(*ended)}, {"lock", std::to_string(static_cast<int>(lock))}});
      }
    }
  }
}

Result<std::vector<Lease>> PostgresStore::acquire(std::span<const ShardNo> shards, std::string_view owner,
                                                  Duration lasting) {
  if (const auto good = still_good(); !good) return good.error();
  const std::lock_guard lock(lease_mutex_);
  const auto connection = lease_connection();
  if (!connection) return connection.error();
  // A look first: whoever asks in vain, each second, holds up nobody.
  Parameters look;
  look.array(shards_of(shards)).text(owner);
  const auto held =
      (*connection)
          ->run(std::string("SELECT shard FROM settle.shard AS s WHERE shard = ANY ($1) AND NOT") + kFree, look);
  if (!held) return held.error();
  std::set<ShardNo> wanted(shards.begin(), shards.end());
  for (std::size_t row = 0; row < held->size(); ++row) wanted.erase(static_cast<ShardNo>(held->number(row, 0)));
  if (wanted.empty()) return std::vector<Lease>();

  Array free(Type::kInt4);
  for (const ShardNo shard : wanted) free.add(shard);
  const auto taken = write_leases(
      std::string("INSERT INTO settle.shard AS s (shard, epoch, owner, held_until) SELECT u.shard, 1, $2, ") + kUntil +
          " FROM unnest($1) AS u(shard) ON CONFLICT (shard) DO UPDATE SET epoch = s.epoch + 1, owner = EXCLUDED.owner,"
          " held_until = EXCLUDED.held_until WHERE" +
          kFree + "RETURNING s.shard, s.epoch",
      Parameters().array(std::move(free)).text(owner).add(Type::kInt8, lasting_us(lasting)), true);
  if (!taken) return taken.error();
  return leases_of(*taken);
}

Result<std::vector<Lease>> PostgresStore::renew(std::span<const Lease> leases, std::string_view owner,
                                                Duration lasting) {
  if (const auto good = still_good(); !good) return good.error();
  if (leases.empty()) return std::vector<Lease>();
  const std::lock_guard lock(lease_mutex_);
  Parameters parameters = parameters_of(leases, owner);
  parameters.add(Type::kInt8, lasting_us(lasting));
  const auto kept = write_leases(
      "UPDATE settle.shard AS s SET held_until = clock_timestamp() + $4 * interval '1 microsecond'"
      " FROM unnest($1, $3) AS u(shard, epoch) WHERE s.shard = u.shard AND s.epoch = u.epoch AND s.owner = $2"
      " RETURNING s.shard, s.epoch",
      parameters, false);
  if (!kept) return kept.error();
  return leases_of(*kept);
}

Result<void> PostgresStore::release(std::span<const Lease> leases, std::string_view owner) {
  if (leases.empty()) return {};
  const std::lock_guard lock(lease_mutex_);
  const auto freed = write_leases(
      "UPDATE settle.shard AS s SET owner = '', held_until = '-infinity'"
      " FROM unnest($1, $3) AS u(shard, epoch) WHERE s.shard = u.shard AND s.epoch = u.epoch AND s.owner = $2",
      parameters_of(leases, owner), false);
  if (!freed) return freed.error();
  return {};
}

Result<std::vector<Node>> PostgresStore::attend(std::string_view name, std::string_view address, Duration lasting) {
  if (const auto good = still_good(); !good) return good.error();
  const std::lock_guard lock(lease_mutex_);
  const auto connection = lease_connection();
  if (!connection) return connection.error();
  const auto told =
      lasting > Duration{0}
          ? (*connection)
                ->run(std::string("INSERT INTO settle.node (name, address, here_until) VALUES ($1, $2, ") + kUntil +
                          ") ON CONFLICT (name) DO UPDATE SET address = EXCLUDED.address,"
                          " here_until = EXCLUDED.here_until",
                      Parameters().text(name).text(address).add(Type::kInt8, lasting_us(lasting)))
          : (*connection)->run("DELETE FROM settle.node WHERE name = $1", Parameters().text(name));
  if (!told) return told.error();
  const auto rows = (*connection)
                        ->run(
                            "SELECT n.name, n.address, s.shard FROM settle.node AS n LEFT JOIN settle.shard AS s"
                            " ON s.owner = n.name AND s.held_until > clock_timestamp()"
                            " WHERE n.here_until > clock_timestamp() ORDER BY n.name, s.shard");
  if (!rows) return rows.error();
  std::vector<Node> out;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    if (out.empty() || out.back().name != rows->bytes(row, 0)) {
      out.push_back({std::string(rows->bytes(row, 0)), std::string(rows->bytes(row, 1)), {}});
    }
    if (!rows->is_null(row, 2)) out.back().shards.push_back(static_cast<ShardNo>(rows->number(row, 2)));
  }
  return out;
}

}  // namespace settle
