#include "storage/postgres/schema.h"

#include <optional>
#include <string>

#include "base/log.h"
#include "storage/postgres/locks.h"

namespace settle {
namespace {

using postgres::Connection;
using postgres::Parameters;
using postgres::Rows;
using postgres::Type;

constexpr std::int64_t kFormatMajor = 1;

Result<bool> is_there(Connection& connection) {
  const auto found = connection.run("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'settle'");
  if (!found) return found.error();
  return !found->empty();
}

Result<void> install(Connection& connection) {
  if (const auto begun = connection.run_script("BEGIN"); !begun) return begun;
  const auto steps = [&]() -> Result<void> {
    if (const auto locked = lock_exclusive(connection, Lock::kSchema); !locked) return locked;
    const Result<bool> meanwhile = is_there(connection);
    if (!meanwhile) return meanwhile.error();
    if (*meanwhile) return {};
    return connection.run_script(std::string(kPostgresSchema));
  };
  if (const auto done = steps(); !done) {
    if (!connection.is_broken()) (void)connection.run_script("ROLLBACK");
    return Error{done.error().code, "cannot install the tables of the store: " + done.error().message};
  }
  return connection.run_script("COMMIT");
}

}  // namespace

Result<void> install_schema(Connection& connection, std::uint16_t cluster) {
  const Result<bool> known = is_there(connection);
  if (!known) return known.error();
  if (!*known) {
    if (const auto installed = install(connection); !installed) return installed;
    log(LogLevel::kInfo, "the tables of the store are installed", {{"place", connection.place()}});
  }
  // The first daemon that comes names the cluster.
  const auto named = connection.run("UPDATE settle.format SET cluster = $1 WHERE cluster IS NULL AND major = $2",
                                    Parameters().add(Type::kInt4, cluster).add(Type::kInt4, kFormatMajor));
  const auto format = connection.run("SELECT major, minor, cluster FROM settle.format");
  if (!format || format->size() != 1) {
    return Error{format ? ErrorCode::kInvalid : format.error().code,
                 connection.place() + " has a schema `settle` that is not the store's" +
                     (format ? "" : ": " + format.error().message)};
  }
  const std::int64_t major = format->number(0, 0);
  if (major != kFormatMajor) {
    return Error{ErrorCode::kInvalid, "the store in " + connection.place() + " has format " + std::to_string(major) +
                                          "." + std::to_string(format->number(0, 1)) + "; this program reads " +
                                          std::to_string(kFormatMajor) + ".x: use a newer one"};
  }
  if (!named) return named.error();
  if (format->is_null(0, 2) || format->number(0, 2) != cluster) {
    return Error{ErrorCode::kInvalid, "the store in " + connection.place() + " belongs to cluster " +
                                          std::to_string(format->number(0, 2)) + ", not to " + std::to_string(cluster)};
  }
  return {};
}

}  // namespace settle
