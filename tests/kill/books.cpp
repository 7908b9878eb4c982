#include "kill/books.h"

#include <chrono>

namespace settle::kill {
namespace {

constexpr int kPatienceMs = 60;  // for the lock: a held local transaction lasts longer on purpose

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1}; }

const Answer kLater{425, "somebody is writing", false};

}  // namespace

std::string books_path(const std::string& folder, std::size_t index) {
  return folder + "/participant-" + std::to_string(index) + ".db";
}

Books::Books(const std::string& folder, std::size_t index, Sabotage sabotage)
    : folder_(folder),
      sabotage_(sabotage),
      sqlite_(books_path(folder, index), kPatienceMs),
      local_(books_path(folder, index), 2000) {
  sqlite_.run_all(kSchema);
}

Books::Entry Books::enter(Sqlite& sqlite, const std::string& gid, const std::string& branch, std::string_view state,
                          std::string_view time_column) {
  (void)sqlite.run(
      "INSERT OR IGNORE INTO barrier (gid, branch, state, " + std::string(time_column) + ") VALUES (?, ?, ?, ?)",
      {gid, branch, std::string(state), now_ns()});
  if (sqlite.changes() == 1) return {true, std::string(state)};
  const auto rows = sqlite.run("SELECT state FROM barrier WHERE gid = ? AND branch = ?", {gid, branch});
  return {false, text_of(rows->at(0).at(0))};
}

void Books::book(const std::string& gid, const std::string& branch, std::int64_t amount) {
  (void)sqlite_.run("INSERT INTO effects VALUES (?, ?, ?)", {gid, branch, amount});
  (void)sqlite_.run("UPDATE account SET balance = balance + ?", {amount});
}

Answer Books::act(const std::string& gid, const std::string& branch, std::int64_t amount, bool refuses) {
  const std::lock_guard guard(lock_);
  if (!sqlite_.run("BEGIN IMMEDIATE")) return kLater;
  const Entry entry = enter(sqlite_, gid, branch, "done", "acted_at");
  const bool applies = entry.is_new || sabotage_ == Sabotage::kNoBarrier;
  // A refusal takes the barrier row back too: nothing has happened.
  if (!applies || refuses) {
    (void)sqlite_.run("ROLLBACK");
    if (!applies && entry.state == "done") return {200, "{}", false};
    return {409, applies ? "no" : "too late: " + entry.state, false};
  }
  book(gid, branch, amount);
  (void)sqlite_.run("COMMIT");
  return {200, "{}", true};
}

Answer Books::undo(const std::string& gid, const std::string& branch, std::int64_t amount) {
  const std::lock_guard guard(lock_);
  if (!sqlite_.run("BEGIN IMMEDIATE")) return kLater;
  const Entry entry = enter(sqlite_, gid, branch, "tombstone", "undone_at");
  if ((!entry.is_new && entry.state == "done") || sabotage_ == Sabotage::kNoBarrier) {
    (void)sqlite_.run("UPDATE barrier SET state = 'undone', undone_at = ? WHERE gid = ? AND branch = ?",
                      {now_ns(), gid, branch});
    if (sabotage_ == Sabotage::kForgetPayload) amount = 0;
    if (sabotage_ != Sabotage::kNoUndo) book(gid, branch, -amount);
  }
  (void)sqlite_.run("COMMIT");
  return {200, "{}", false};
}

Answer Books::check(const std::string& gid) {
  const std::lock_guard guard(lock_);
  if (sabotage_ == Sabotage::kCarelessCheck) {
    const auto rows = sqlite_.run("SELECT state FROM barrier WHERE gid = ? AND branch = '00'", {gid});
    return {200, rows && !rows->empty() ? R"({"state":"committed"})" : R"({"state":"aborted"})", false};
  }
  // Whoever gets the file's write lock knows that no local transaction is open. Who does not get it knows nothing.
  if (!sqlite_.run("BEGIN IMMEDIATE")) return {200, R"({"state":"running"})", false};
  const Entry entry = enter(sqlite_, gid, "00", "tombstone", "undone_at");
  (void)sqlite_.run("COMMIT");
  return {200, entry.state == "done" ? R"({"state":"committed"})" : R"({"state":"aborted"})", false};
}

Answer Books::local(const std::string& gid, bool commits, const std::function<void()>& inside) {
  const std::lock_guard guard(local_lock_);
  if (!local_.run("BEGIN IMMEDIATE")) return kLater;
  const Entry entry = enter(local_, gid, "00", "done", "acted_at");
  if (!entry.is_new) {
    (void)local_.run("ROLLBACK");
    return {entry.state == "done" ? 200 : 409, entry.state, false};
  }
  (void)local_.run("INSERT INTO orders VALUES (?)", {gid});
  inside();
  (void)local_.run(commits ? "COMMIT" : "ROLLBACK");
  return {commits ? 200 : 409, commits ? "done" : "rolled back", commits};
}

bool Books::has_order(std::size_t producer, const std::string& gid) {
  const std::lock_guard guard(lock_);
  std::unique_ptr<Sqlite>& theirs = foreign_[producer];
  if (theirs == nullptr) theirs = std::make_unique<Sqlite>(books_path(folder_, producer), 5000);
  for (;;) {
    // Busy only while the file is recovered after a kill.
    if (const auto rows = theirs->run("SELECT 1 FROM orders WHERE gid = ?", {gid})) return !rows->empty();
  }
}

void Books::complain(const std::string& gid, const std::string& branch, const std::string& text) {
  const std::lock_guard guard(lock_);
  while (!sqlite_.run("INSERT INTO complaints VALUES (?, ?, ?)", {gid, branch, text})) {
  }
}

}  // namespace settle::kill
