#include <string>
#include <utility>

#include "storage/postgres/postgres_store.h"

namespace settle {
namespace {

using postgres::Parameters;
using postgres::Type;

constexpr std::int64_t kRecordsPerWrite = 2000;  // so that nobody waits long, and little is undone if it breaks

}  // namespace

Result<std::uint64_t> PostgresStore::prune(Instant before) {
  if (const auto good = still_good(); !good) return good.error();
  auto connection = pool_.take();
  if (!connection) return connection.error();
  const Instant begun = saturating_add(before, kClockMargin);
  const auto bound = Tid{static_cast<std::uint64_t>(micros(begun)), 0xffff, 0xffff, 0xffffffff}.bytes();
  std::uint64_t forgotten = 0;
  std::string from;  // everything up to here was looked at
  for (;;) {
    // Who is locked is being pruned by another daemon. What a crash of the server loses is pruned again.
    const auto pruned = (*connection)->run_script("BEGIN; SET LOCAL synchronous_commit = off");
    if (!pruned) return pruned.error();
    const auto rows =
        (*connection)
            ->run(
                "WITH doomed AS MATERIALIZED (SELECT tid FROM settle.record WHERE tid > $1 AND tid <= $2 AND is_ended"
                " AND updated_at < $3 ORDER BY tid LIMIT $4 FOR UPDATE SKIP LOCKED),"
                " gone AS (DELETE FROM settle.record AS r USING doomed AS d WHERE r.tid = d.tid RETURNING r.tid)"
                " SELECT count(*), decode(max(encode(tid, 'hex') COLLATE \"C\"), 'hex') FROM gone",
                Parameters()
                    .bytes(from)
                    .bytes(std::string_view(bound.data(), bound.size()))
                    .add(Type::kInt8, micros(before))
                    .add(Type::kInt8, kRecordsPerWrite));
    if (!rows) {
      if (!(*connection)->is_broken()) (void)(*connection)->run_script("ROLLBACK");
      return rows.error();
    }
    if (const auto done = (*connection)->run_script("COMMIT"); !done) return done.error();
    const auto some = static_cast<std::uint64_t>(rows->number(0, 0));
    forgotten += some;
    if (some < static_cast<std::uint64_t>(kRecordsPerWrite)) return forgotten;
    from = rows->bytes(0, 1);
  }
}

}  // namespace settle
