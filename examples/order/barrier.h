#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "database.h"
#include "settle/result.h"

namespace settle::example {

/// What settle hears from a participant. It knows four kinds of answers, and these are three of them; anything else,
/// or nothing, is unknown and asked again.
struct Answer {
  int status = 500;
  std::string body;
};
inline constexpr int kDone = 200;
inline constexpr int kRefused = 409;
inline constexpr int kRunning = 425;

/// The share that this service has in a global transaction: headers settle-gid and settle-branch.
struct BranchKey {
  std::string_view gid;
  std::string_view branch;
};
/// The producer's own local transaction of a message: what the check-back asks for.
inline constexpr std::string_view kProducerBranch = "00";

/// The barrier: one row per branch, beside the business data and written in the same local transaction as the business
/// change. It makes these promises to settle (docs: what a participant promises):
///
///   what comes                          the row says    answer
///   action, deliver                     nothing         run the work, insert `done`
///                                       done            done, with the stored result: a duplicate
///                                       undone, tombstone  refused: too late, its compensation has been here
///   compensate                          nothing         insert `tombstone`, done: there is nothing to undo
///                                       done            run the undoing work, `undone`
///                                       undone, tombstone  done: a duplicate
///   check                               done            committed
///                                       tombstone       aborted
///                                       nothing         insert `tombstone`: aborted; a local transaction that
///                                                       comes later meets it and fails
///                                       locked          running: the local transaction may be open just now
///
/// A refusal by the business leaves no row: nothing has happened, and asking again later is allowed.
inline constexpr const char* kBarrierSchema =
    "CREATE TABLE IF NOT EXISTS barrier ("
    "  gid    TEXT NOT NULL,"
    "  branch TEXT NOT NULL,"
    "  state  TEXT NOT NULL CHECK (state IN ('done', 'undone', 'tombstone')),"
    "  result TEXT NOT NULL DEFAULT '',"
    "  PRIMARY KEY (gid, branch)"
    ") WITHOUT ROWID;";

/// The business part of an op. Runs inside the local transaction; answers kDone or kRefused.
using Work = std::function<Result<Answer>(Database&)>;

/// action, deliver, and the producer's local transaction.
Answer perform(Database& database, const BranchKey& key, const Work& work);
/// compensate. `undo` runs only if the action committed.
Answer compensate(Database& database, const BranchKey& key, const Work& undo);
/// check. Decides: after `aborted` the local transaction cannot commit any more.
Answer check_back(Database& database, std::string_view gid);

}  // namespace settle::example
