#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/log.h"
#include "storage/postgres/postgres_store.h"

namespace settle {
namespace {

using postgres::Array;
using postgres::Connection;
using postgres::Parameters;
using postgres::Rows;
using postgres::Type;

constexpr const char* kColumns =
    "SELECT tid, gid, shard, version, pattern, phase, decision, outcome, has_incident, is_ended, created_at, "
    "updated_at,"
    " state";
enum Column : std::size_t {
  kTid,
  kGid,
  kShard,
  kVersion,
  kPattern,
  kPhase,
  kDecision,
  kOutcome,
  kHasIncident,
  kIsEnded,
  kCreatedAt,
  kUpdatedAt,
  kState,
  kPlan  // where it is asked for
};

Tid tid_of(const Rows& rows, std::size_t row) {
  const std::string_view raw = rows.bytes(row, kTid);
  return raw.size() == Tid::kBytes ? Tid::from_bytes(raw) : Tid{};
}

/// The row as a record. kCorrupt: it holds what no daemon has written.
Result<StoredRecord> record_of(const Rows& rows, std::size_t row, bool with_plan) {
  const auto within = [&](Column column, std::int64_t low, std::int64_t high) {
    const std::int64_t value = rows.number(row, column);
    return value >= low && value <= high;
  };
  const bool is_sound = rows.bytes(row, kTid).size() == Tid::kBytes && within(kShard, 0, 0xffff) &&
                        within(kVersion, 1, 0xffffffff) && within(kPattern, 1, kPatterns) &&
                        within(kPhase, 1, kPhases - 1) && within(kDecision, 0, 2) && within(kOutcome, 0, 2) &&
                        (rows.number(row, kIsEnded) != 0) == within(kPhase, static_cast<std::int64_t>(Phase::kEnded),
                                                                    static_cast<std::int64_t>(Phase::kEnded));
  if (!is_sound) {
    return Error{ErrorCode::kCorrupt, "the row of transaction " + tid_of(rows, row).text() + " (gid " +
                                          std::string(rows.bytes(row, kGid)) + ") holds what was never written"};
  }
  StoredRecord out;
  out.tid = tid_of(rows, row);
  out.gid = rows.bytes(row, kGid);
  out.shard = static_cast<ShardNo>(rows.number(row, kShard));
  out.version = static_cast<Version>(rows.number(row, kVersion));
  out.summary.pattern = static_cast<Pattern>(rows.number(row, kPattern));
  out.summary.phase = static_cast<Phase>(rows.number(row, kPhase));
  out.summary.decision = static_cast<Decision>(rows.number(row, kDecision));
  out.summary.outcome = static_cast<GlobalOutcome>(rows.number(row, kOutcome));
  out.summary.has_incident = rows.number(row, kHasIncident) != 0;
  out.summary.created_at = instant_of(rows.number(row, kCreatedAt));
  out.summary.updated_at = instant_of(rows.number(row, kUpdatedAt));
  out.state = rows.bytes(row, kState);
  if (with_plan) out.plan = rows.bytes(row, kPlan);
  return out;
}

Error reported(Error error) {
  log(LogLevel::kError, "damaged record", {{"what", error.message}});
  return error;
}

/// A read has no outcome that could be unknown.
Error of_read(Error error) {
  if (error.code == ErrorCode::kUnknownOutcome) error.code = ErrorCode::kUnavailable;
  return error;
}

std::string_view bytes_of(const std::array<char, Tid::kBytes>& raw) { return {raw.data(), raw.size()}; }

}  // namespace

template <typename T>
Result<T> PostgresStore::read(const std::function<Result<T>(Connection&)>& with) {
  auto connection = pool_.take();
  if (!connection) return connection.error();
  Result<T> answer = with(**connection);
  if (answer.ok() || !(*connection)->is_broken()) return answer.ok() ? answer : of_read(answer.error());
  auto fresh = pool_.take_new();
  if (!fresh) return fresh.error();
  answer = with(**fresh);
  return answer.ok() ? answer : of_read(answer.error());
}
template Result<std::optional<std::string>> PostgresStore::read(
    const std::function<Result<std::optional<std::string>>(Connection&)>&);

Result<StoredRecord> PostgresStore::get_where(const std::string& condition, const Parameters& parameters,
                                              std::string name) {
  return read<StoredRecord>([&](Connection& connection) -> Result<StoredRecord> {
    const auto found = connection.run(kColumns + (", plan FROM settle.record WHERE " + condition), parameters);
    if (!found) return found.error();
    if (found->empty()) return Error{ErrorCode::kNotFound, "the store has no transaction " + name};
    Result<StoredRecord> record = record_of(*found, 0, true);
    if (!record) return reported(record.error());
    return record;
  });
}

Result<StoredRecord> PostgresStore::get(std::string_view gid) {
  // Nobody can have saved it, and the server would refuse the very question.
  const bool is_plain = std::all_of(gid.begin(), gid.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!is_plain) return Error{ErrorCode::kNotFound, "the store has no transaction of that name"};
  return get_where("gid = $1", Parameters().text(gid), std::string(gid));
}

Result<StoredRecord> PostgresStore::get(const Tid& tid) {
  return get_where("tid = $1", Parameters().bytes(bytes_of(tid.bytes())), tid.text());
}

Result<void> PostgresStore::load_open(std::span<const ShardNo> shards, const std::function<void(StoredRecord&&)>& visit,
                                      const std::function<void(const Tid&, const Error&)>& damaged) {
  Array wanted(Type::kInt4);
  for (const ShardNo shard : shards) wanted.add(shard);
  auto connection = pool_.take();
  if (!connection) return connection.error();
  const auto done =
      (*connection)
          ->stream(std::string(kColumns) + ", plan FROM settle.record WHERE NOT is_ended AND shard = ANY ($1)",
                   Parameters().array(std::move(wanted)), [&](const Rows& row) {
                     Result<StoredRecord> record = record_of(row, 0, true);
                     if (record) return visit(std::move(*record));
                     damaged(tid_of(row, 0), reported(record.error()));
                   });
  if (!done) return of_read(done.error());
  return {};
}

Result<std::vector<StoredRecord>> PostgresStore::list(const ListFilter& filter) {
  // Only the conditions that are asked for, so that the planner sees which index fits.
  std::string conditions;
  Parameters parameters;
  const auto where = [&](const char* condition) {
    conditions +=
        (conditions.empty() ? " WHERE " : " AND ") + std::string(condition) + "$" + std::to_string(parameters.size());
  };
  const auto number = [&](const char* condition, Type type, std::int64_t value) {
    parameters.add(type, value);
    where(condition);
  };
  const auto tid = [&](const char* condition, const Tid& value) {
    parameters.bytes(bytes_of(value.bytes()));
    where(condition);
  };
  if (filter.pattern) number("pattern = ", Type::kInt2, static_cast<std::int64_t>(*filter.pattern));
  if (filter.phase) {
    number("phase = ", Type::kInt2, static_cast<std::int64_t>(*filter.phase));
    conditions += *filter.phase == Phase::kEnded ? " AND is_ended" : " AND NOT is_ended";
  }
  if (filter.outcome) number("outcome = ", Type::kInt2, static_cast<std::int64_t>(*filter.outcome));
  if (filter.has_incident) {
    conditions += conditions.empty() ? " WHERE " : " AND ";
    conditions += *filter.has_incident ? "has_incident" : "NOT has_incident";
  }
  if (filter.since > kNoInstant) {
    number("created_at >= ", Type::kInt8, micros(filter.since));
    const Instant early = saturating_add(filter.since, -kClockMargin);
    tid("tid >= ", Tid{static_cast<std::uint64_t>(micros(early)), 0, 0, 0});
  }
  if (filter.until < kNever) number("created_at < ", Type::kInt8, micros(filter.until));
  if (filter.before) tid("tid < ", *filter.before);
  parameters.add(Type::kInt8, static_cast<std::int64_t>(std::min<std::size_t>(filter.limit, 1'000'000)));
  const std::string sql = kColumns + (" FROM settle.record" + conditions) + " ORDER BY tid DESC LIMIT $" +
                          std::to_string(parameters.size());

  return read<std::vector<StoredRecord>>([&](Connection& connection) -> Result<std::vector<StoredRecord>> {
    const auto found = connection.run(sql, parameters);
    if (!found) return found.error();
    std::vector<StoredRecord> out;
    out.reserve(found->size());
    for (std::size_t row = 0; row < found->size(); ++row) {
      Result<StoredRecord> record = record_of(*found, row, false);
      if (record) {
        out.push_back(std::move(*record));
      } else {
        (void)reported(record.error());
      }
    }
    return out;
  });
}

}  // namespace settle
