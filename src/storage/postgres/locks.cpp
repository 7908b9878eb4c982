#include "storage/postgres/locks.h"

namespace settle {

using postgres::Parameters;
using postgres::Type;

Result<void> lock_exclusive(postgres::Connection& connection, Lock lock) {
  const auto locked =
      connection.run("SELECT pg_advisory_xact_lock($1, $2)",
                     Parameters().add(Type::kInt4, kLockClass).add(Type::kInt4, static_cast<std::int32_t>(lock)));
  if (!locked) return locked.error();
  return {};
}

Result<std::uint64_t> end_holders(postgres::Connection& connection, Lock lock) {
  const auto ended = connection.run(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
      " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      " AND classid = $1 AND objid = $2 AND objsubid = 2 AND pid <> pg_backend_pid()",
      Parameters().add(Type::kInt8, kLockClass).add(Type::kInt8, static_cast<std::int32_t>(lock)));
  if (!ended) return ended.error();
  return static_cast<std::uint64_t>(ended->size());
}

}  // namespace settle
