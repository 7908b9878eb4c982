#include "storage/postgres/postgres_store.h"

#include <utility>

#include "base/log.h"
#include "storage/postgres/locks.h"
#include "storage/postgres/schema.h"

namespace settle {
namespace {

using postgres::Connection;
using postgres::Parameters;
using postgres::Type;

constexpr int kServerVersionMin = 120000;
constexpr std::size_t kNameBytesMax = 2000;  // of a value's space and key together: they stand in an index

const char* words_of(StorePromise promise) {
  switch (promise) {
    case StorePromise::kHostLoss:
      return "survives process and host of the server";
    case StorePromise::kProcessKill:
      return "survives processes, NOT the host of the server";
    case StorePromise::kMayLoseSuffix:
    case StorePromise::kNothing:
      break;
  }
  return "a crash of the server MAY LOSE the newest saves";
}

}  // namespace

PostgresStore::PostgresStore(PostgresOptions options)
    : options_(std::move(options)), pool_(connect_options("reader")) {}

PostgresStore::~PostgresStore() = default;

postgres::ConnectOptions PostgresStore::connect_options(const char* part) const {
  return {.url = options_.url,
          .name = "settled " + std::string(part) + (options_.node.empty() ? "" : " " + options_.node),
          .answer_max = options_.answer_max};
}

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const PostgresOptions& options) {
  std::unique_ptr<PostgresStore> store(new PostgresStore(options));
  if (const auto started = store->start(); !started) return started.error();
  return store;
}

Result<void> PostgresStore::start() {
  auto writer = open_session(connect_options("writer"));
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  place_ = writer_->place();
  if (writer_->server_version() < kServerVersionMin) {
    return Error{ErrorCode::kInvalid, place_ + " is older than PostgreSQL 12"};
  }
  if (const auto installed = install_schema(*writer_, options_.cluster); !installed) return installed;
  if (const auto looked = look_at_durability(*writer_); !looked) return looked;
  const std::lock_guard lock(lease_mutex_);
  if (const auto named = lease_connection(); !named) return named.error();
  return prepare_writer();
}

Result<void> PostgresStore::look_at_durability(Connection& connection) {
  auto found = read_durability(connection);
  if (!found) return found.error();
  const std::lock_guard lock(state_mutex_);
  if (!durability_.fsync.empty() && durability_ != *found) {
    log(LogLevel::kWarn, "the server's settings have changed", {{"now", found->text()}});
  }
  durability_ = std::move(*found);
  return {};
}

StorePromise PostgresStore::promise() const {
  const std::lock_guard lock(state_mutex_);
  return durability_.promise();
}

std::string PostgresStore::description() const {
  const std::lock_guard lock(state_mutex_);
  return place_ + " (" + words_of(durability_.promise()) + "; " + durability_.text() + ")";
}

// ----------------------------------------------------------------------------------------------------------- failure

Error PostgresStore::fail(const Error& error) {
  {
    const std::lock_guard lock(state_mutex_);
    if (failure_.empty()) failure_ = error.message;
  }
  if (!has_failed_.exchange(true)) {
    log(LogLevel::kError, "the store has failed and accepts nothing more", {{"error", error.message}});
  }
  return Error{ErrorCode::kUnknownOutcome,
               "a write to the store failed, and what became of it is unknown: " + error.message};
}

Result<void> PostgresStore::still_good() const {
  if (!has_failed_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(state_mutex_);
  return Error{ErrorCode::kUnavailable, "the store has stopped for ever after: " + failure_};
}

// ------------------------------------------------------------------------------------------------------ small values

Result<void> PostgresStore::put_value(std::string_view space, std::string_view key, std::string_view value) {
  if (const auto good = still_good(); !good) return good;
  if (space.size() + key.size() > kNameBytesMax) return Error{ErrorCode::kTooLarge, "the name of a value is too long"};
  auto connection = pool_.take();
  if (!connection) return connection.error();
  const auto written = value.empty() ? (*connection)
                                           ->run("DELETE FROM settle.value WHERE space = $1 AND key = $2",
                                                 Parameters().bytes(space).bytes(key))
                                     : (*connection)
                                           ->run(
                                               "INSERT INTO settle.value (space, key, value) VALUES ($1, $2, $3)"
                                               " ON CONFLICT (space, key) DO UPDATE SET value = EXCLUDED.value",
                                               Parameters().bytes(space).bytes(key).bytes(value));
  if (!written) return written.error();
  syncs_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

Result<std::optional<std::string>> PostgresStore::get_value(std::string_view space, std::string_view key) {
  return read<std::optional<std::string>>([&](Connection& connection) -> Result<std::optional<std::string>> {
    const auto found = connection.run("SELECT value FROM settle.value WHERE space = $1 AND key = $2",
                                      Parameters().bytes(space).bytes(key));
    if (!found) return found.error();
    if (found->empty()) return std::optional<std::string>();
    return std::optional(std::string(found->bytes(0, 0)));
  });
}

Result<void> PostgresStore::probe() {
  if (const auto good = still_good(); !good) return good;
  auto connection = pool_.take();
  if (!connection) return connection.error();
  // A row of its own per daemon: two that probe at the same time do not wait for each other.
  const auto written = (*connection)
                           ->run(
                               "INSERT INTO settle.value (space, key, value) VALUES ('probe', $1, '1')"
                               " ON CONFLICT (space, key) DO UPDATE SET value = EXCLUDED.value",
                               Parameters().bytes(options_.node));
  if (!written) return written.error();
  syncs_.fetch_add(1, std::memory_order_relaxed);
  return look_at_durability(**connection);
}

}  // namespace settle
