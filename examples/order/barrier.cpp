#include "barrier.h"

namespace settle::example {
namespace {

Answer could_not(const Error& error) {
  // A lock that another connection holds is no failure: come again.
  if (error.code == ErrorCode::kUnavailable) return {kRunning, error.message};
  return {500, error.message};
}

struct Entry {
  bool is_new = false;  ///< inserted by us just now
  std::string state;
  std::string result;
};

/// The insert comes first in the local transaction: the key decides who was here before, not a look that can be late.
Result<Entry> enter(Database& database, const BranchKey& key, std::string_view state) {
  const Result<int> inserted = database.execute("INSERT OR IGNORE INTO barrier (gid, branch, state) VALUES (?, ?, ?)",
                                                {key.gid, key.branch, state});
  if (!inserted) return inserted.error();
  if (*inserted == 1) return Entry{true, std::string(state), {}};
  const auto rows =
      database.query("SELECT state, result FROM barrier WHERE gid = ? AND branch = ?", {key.gid, key.branch});
  if (!rows) return rows.error();
  return Entry{false, rows->at(0).text(0), rows->at(0).text(1)};
}

Result<int> mark(Database& database, const BranchKey& key, std::string_view state, std::string_view result) {
  return database.execute("UPDATE barrier SET state = ?, result = ? WHERE gid = ? AND branch = ?",
                          {state, result, key.gid, key.branch});
}

constexpr const char* kCommitted = R"({"state":"committed"})";
constexpr const char* kAborted = R"({"state":"aborted"})";
constexpr const char* kOngoing = R"({"state":"running"})";

Answer verdict_of(std::string_view state) { return {kDone, state == "done" ? kCommitted : kAborted}; }

}  // namespace

Answer perform(Database& database, const BranchKey& key, const Work& work) {
  Result<LocalTransaction> local = LocalTransaction::begin(database);
  if (!local) return could_not(local.error());
  const Result<Entry> entry = enter(database, key, "done");
  if (!entry) return could_not(entry.error());
  if (!entry->is_new && entry->state == "done") return {kDone, entry->result};
  if (!entry->is_new) return {kRefused, "too late: this branch was given up (" + entry->state + ")"};

  Result<Answer> answer = work(database);
  if (!answer) return could_not(answer.error());
  if (answer->status != kDone) return *answer;  // rolled back, row and all
  if (const Result<int> kept = mark(database, key, "done", answer->body); !kept) return could_not(kept.error());
  if (const Result<void> committed = local->commit(); !committed) return {500, committed.error().message};
  return *answer;
}

Answer compensate(Database& database, const BranchKey& key, const Work& undo) {
  Result<LocalTransaction> local = LocalTransaction::begin(database);
  if (!local) return could_not(local.error());
  const Result<Entry> entry = enter(database, key, "tombstone");
  if (!entry) return could_not(entry.error());
  Answer answer{kDone, R"("nothing to undo")"};
  if (!entry->is_new && entry->state == "done") {
    Result<Answer> undone = undo(database);
    if (!undone) return could_not(undone.error());
    if (undone->status != kDone) return {500, "a compensation cannot be refused: " + undone->body};
    answer = *undone;
    if (const Result<int> kept = mark(database, key, "undone", answer.body); !kept) return could_not(kept.error());
  }
  if (const Result<void> committed = local->commit(); !committed) return {500, committed.error().message};
  return answer;
}

Answer check_back(Database& database, std::string_view gid) {
  // Reading first: with a write-ahead log it sees what is committed even while somebody writes.
  const auto rows = database.query("SELECT state FROM barrier WHERE gid = ? AND branch = ?", {gid, kProducerBranch});
  if (rows && !rows->empty()) return verdict_of(rows->at(0).text(0));

  // No row: the local transaction has not happened, or it is open and its row is not visible yet. SQLite has one write
  // lock for the whole file, so whoever gets it knows that no local transaction is open. Who does not get it knows
  // nothing, and says so.
  Result<LocalTransaction> local = LocalTransaction::begin(database);
  if (!local) return local.error().code == ErrorCode::kUnavailable ? Answer{kDone, kOngoing} : could_not(local.error());
  const Result<Entry> entry = enter(database, {gid, kProducerBranch}, "tombstone");
  if (!entry) return could_not(entry.error());
  if (const Result<void> committed = local->commit(); !committed) return {500, committed.error().message};
  return verdict_of(entry->state);
}

}  // namespace settle::example
