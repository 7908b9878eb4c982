#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/assert.h"
#include "storage/postgres/locks.h"
#include "storage/postgres/postgres_store.h"

namespace settle {
namespace {

using postgres::Array;
using postgres::Call;
using postgres::Parameters;
using postgres::Rows;
using postgres::Type;

constexpr std::size_t kBytesPerStatement = 32U << 20U;  // the server takes no message of 1 GiB
constexpr int kAttemptsMax = 5;                         // after others' deadlocks; nothing was written before each

constexpr const char* kBegin = "settle_begin";
constexpr const char* kHold = "settle_hold";
constexpr const char* kInsert = "settle_insert";
constexpr const char* kUpdate = "settle_update";
constexpr const char* kEnd = "settle_end";

// Both statements get one array per column. The epoch is looked at in the statement that writes; the lock of kHold
// keeps it as it is until the COMMIT.
constexpr const char* kFence =
    "EXISTS (SELECT FROM settle.shard AS s WHERE s.shard = u.shard AND s.epoch = u.epoch AND u.epoch > 0)";

// In the order of the group: of two saves with one gid the first gets it.
const std::string kInsertSql =
    std::string(
        "INSERT INTO settle.record (tid, gid, shard, version, pattern, phase, decision, outcome, has_incident,"
        " is_ended, created_at, updated_at, plan, state)"
        " SELECT u.tid, u.gid, u.shard, u.version, u.pattern, u.phase, u.decision, u.outcome, u.has_incident,"
        " u.is_ended, u.created_at, u.updated_at, u.plan, u.state"
        " FROM unnest($1::bytea[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::smallint[],"
        " $7::smallint[], $8::smallint[], $9::smallint[], $10::boolean[], $11::boolean[], $12::bigint[],"
        " $13::bigint[], $14::bytea[], $15::bytea[]) WITH ORDINALITY"
        " AS u(tid, gid, shard, epoch, version, pattern, phase, decision, outcome, has_incident, is_ended, created_at,"
        " updated_at, plan, state, place) WHERE ") +
    kFence + " ORDER BY u.place ON CONFLICT DO NOTHING RETURNING tid";

// The phase says that it has not ended; `is_ended` would, too, but lets the planner take the index of open transactions
// and look at all of a shard. An equal plan stays where it is: a large one lies outside the row, and is not written
// again with every step.
const std::string kUpdateSql =
    std::string(
        "UPDATE settle.record AS r SET version = u.version, pattern = u.pattern, phase = u.phase,"
        " decision = u.decision, outcome = u.outcome, has_incident = u.has_incident, is_ended = u.is_ended,"
        " created_at = u.created_at, updated_at = u.updated_at,"
        " plan = CASE WHEN octet_length(u.plan) > 2000 AND r.plan = u.plan THEN r.plan ELSE u.plan END,"
        " state = u.state"
        " FROM unnest($1::bytea[], $2::bigint[], $3::integer[], $4::bigint[], $5::bigint[], $6::smallint[],"
        " $7::smallint[], $8::smallint[], $9::smallint[], $10::boolean[], $11::boolean[], $12::bigint[],"
        " $13::bigint[], $14::bytea[], $15::bytea[])"
        " AS u(tid, expected, shard, epoch, version, pattern, phase, decision, outcome, has_incident, is_ended,"
        " created_at, updated_at, plan, state)"
        " WHERE r.tid = u.tid AND r.version = u.expected AND r.shard = u.shard AND r.phase <> ") +
    std::to_string(static_cast<int>(Phase::kEnded)) + " AND " + kFence + " RETURNING r.tid";

/// Columns of the saves that one statement writes.
class Columns {
 public:
  void add(const Save& save, bool is_begin) {
    const auto tid = save.tid.bytes();
    tid_.add(std::string_view(tid.data(), tid.size()));
    if (is_begin) {
      gid_.add(std::string_view(save.gid));
    } else {
      expected_.add(save.expected);
    }
    shard_.add(save.shard);
    epoch_.add(save.epoch);
    version_.add(save.version);
    pattern_.add(static_cast<std::int64_t>(save.summary.pattern));
    phase_.add(static_cast<std::int64_t>(save.summary.phase));
    decision_.add(static_cast<std::int64_t>(save.summary.decision));
    outcome_.add(static_cast<std::int64_t>(save.summary.outcome));
    has_incident_.add(save.summary.has_incident ? 1 : 0);
    is_ended_.add(save.summary.phase == Phase::kEnded ? 1 : 0);
    created_at_.add(micros(save.summary.created_at));
    updated_at_.add(micros(save.summary.updated_at));
    const std::string_view plan = save.plan ? std::string_view(*save.plan) : std::string_view();
    plan_.add(plan);
    state_.add(std::string_view(save.state));
    bytes_ += plan.size() + save.state.size() + save.gid.size();
  }

  [[nodiscard]] bool empty() const { return tid_.size() == 0; }
  [[nodiscard]] bool is_full() const { return bytes_ >= kBytesPerStatement; }

  [[nodiscard]] Call take(bool is_begin) {
    Call call{is_begin ? kInsert : kUpdate, {}};
    call.parameters.array(std::move(tid_)).array(std::move(is_begin ? gid_ : expected_));
    for (Array* const column : {&shard_, &epoch_, &version_, &pattern_, &phase_, &decision_, &outcome_, &has_incident_,
                                &is_ended_, &created_at_, &updated_at_, &plan_, &state_}) {
      call.parameters.array(std::move(*column));
    }
    return call;
  }

 private:
  Array tid_{Type::kBytes};
  Array gid_{Type::kText};
  Array expected_{Type::kInt8};
  Array shard_{Type::kInt4};
  Array epoch_{Type::kInt8};
  Array version_{Type::kInt8};
  Array pattern_{Type::kInt2};
  Array phase_{Type::kInt2};
  Array decision_{Type::kInt2};
  Array outcome_{Type::kInt2};
  Array has_incident_{Type::kBool};
  Array is_ended_{Type::kBool};
  Array created_at_{Type::kInt8};
  Array updated_at_{Type::kInt8};
  Array plan_{Type::kBytes};
  Array state_{Type::kBytes};
  std::size_t bytes_ = 0;
};

/// The statements that write `saves`, each of bounded size.
void add_calls(std::vector<Call>& calls, std::span<const Save* const> saves, bool is_begin) {
  Columns columns;
  for (const Save* const save : saves) {
    columns.add(*save, is_begin);
    if (columns.is_full()) calls.push_back(std::exchange(columns, Columns()).take(is_begin));
  }
  if (!columns.empty()) calls.push_back(columns.take(is_begin));
}

std::vector<Call> calls_of(std::span<const Save> group) {
  std::vector<const Save*> begins;
  std::vector<const Save*> changes;
  for (const Save& save : group) {
    SETTLE_ASSERT(save.version > save.expected);
    (save.expected == 0 ? begins : changes).push_back(&save);
  }
  // Neighbours in the index are met one after the other.
  std::sort(changes.begin(), changes.end(), [](const Save* a, const Save* b) { return a->tid < b->tid; });
  std::vector<Call> calls{{kBegin}, {kHold}};
  add_calls(calls, begins, true);
  add_calls(calls, changes, false);
  calls.push_back({kEnd});
  return calls;
}

}  // namespace

Result<void> PostgresStore::prepare_writer() {
  const std::string hold = "SELECT pg_advisory_xact_lock_shared(" + std::to_string(kLockClass) + ", " +
                           std::to_string(static_cast<int>(Lock::kOwnership)) + ")";
  const std::pair<const char*, std::string> statements[] = {{kBegin, "BEGIN ISOLATION LEVEL READ COMMITTED"},
                                                            {kHold, hold},
                                                            {kInsert, kInsertSql},
                                                            {kUpdate, kUpdateSql},
                                                            {kEnd, "COMMIT"}};
  for (const auto& [name, sql] : statements) {
    if (const auto prepared = writer_->prepare(name, sql); !prepared) return prepared;
  }
  // One plan for ever, and one that fits a table of any size: it is made when the table may still be empty.
  return writer_->run_script(
      "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;"
      "SET enable_mergejoin = off; SET jit = off");
}

Result<std::vector<Receipt>> PostgresStore::commit(std::span<const Save> group) {
  const std::lock_guard lock(write_mutex_);
  if (const auto good = still_good(); !good) return Error{ErrorCode::kUnknownOutcome, good.error().message};
  if (group.empty()) return std::vector<Receipt>();
  const std::vector<Call> calls = calls_of(group);
  const auto answers = write_group(calls);
  if (!answers) return answers.error();
  std::vector<std::string_view> written;
  for (std::size_t i = 2; i + 1 < answers->size(); ++i) {
    const Rows& rows = (*answers)[i];
    for (std::size_t row = 0; row < rows.size(); ++row) written.push_back(rows.bytes(row, 0));
  }
  return judge(group, std::move(written));
}

Result<std::vector<Rows>> PostgresStore::write_group(std::span<const Call> calls) {
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t warnings = writer_->warnings();
    auto answers = writer_->run_all(calls);
    if (!answers) {
      if (writer_->is_broken()) return fail(answers.error());
      // The server has refused a statement, so its COMMIT was left out.
      if (const auto undone = writer_->run_script("ROLLBACK"); !undone) return fail(undone.error());
      if (answers.error().code == ErrorCode::kConflict && attempt < kAttemptsMax) continue;
      return Error{ErrorCode::kUnavailable, "the group was not written: " + answers.error().message};
    }
    if (answers->back().tag() != "COMMIT") return fail({ErrorCode::kUnknownOutcome, "the server has not committed"});
    if (writer_->warnings() != warnings) {
      return fail({ErrorCode::kUnknownOutcome, "the server has committed with a warning: a standby may not have it"});
    }
    syncs_.fetch_add(1, std::memory_order_relaxed);
    return answers;
  }
}

Result<std::vector<Receipt>> PostgresStore::judge(std::span<const Save> group, std::vector<std::string_view> written) {
  std::sort(written.begin(), written.end());
  std::vector<Receipt> receipts;
  receipts.reserve(group.size());
  Array refused_shards(Type::kInt4);
  for (const Save& save : group) {
    const auto tid = save.tid.bytes();
    const bool is_saved = std::binary_search(written.begin(), written.end(), std::string_view(tid.data(), tid.size()));
    if (!is_saved) refused_shards.add(save.shard);
    const SaveStatus refused = save.expected == 0 ? SaveStatus::kGidTaken : SaveStatus::kConflict;
    receipts.push_back({save.shard, save.epoch, save.tid, save.version, is_saved ? SaveStatus::kSaved : refused});
  }
  if (refused_shards.size() == 0) return receipts;

  // Why they were refused can be looked up afterwards: an epoch that was over stays over.
  const auto epochs = writer_->run("SELECT shard, epoch FROM settle.shard WHERE shard = ANY ($1)",
                                   Parameters().array(std::move(refused_shards)));
  if (!epochs) return fail(epochs.error());
  std::map<ShardNo, std::int64_t> current;
  for (std::size_t row = 0; row < epochs->size(); ++row) {
    current[static_cast<ShardNo>(epochs->number(row, 0))] = epochs->number(row, 1);
  }
  for (Receipt& receipt : receipts) {
    if (receipt.status == SaveStatus::kSaved) continue;
    const auto found = current.find(receipt.shard);
    if (receipt.epoch == 0 || found == current.end() || found->second != receipt.epoch) {
      receipt.status = SaveStatus::kFenced;
    }
  }
  return receipts;
}

}  // namespace settle
