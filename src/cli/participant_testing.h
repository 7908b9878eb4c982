#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "net/http_server.h"
#include "protocol/barrier.h"

namespace settle::cli {

/// What the participant of a test does wrong; each breaks one promise, some break others with it.
enum class Flaw {
  kNone,
  kOtherResult,           ///< a repeat is done, with another result
  kRepeatRefused,         ///< a repeat is refused, though the first was done
  kCopiesFail,            ///< of copies at the same moment one is refused
  kAnswerFades,           ///< rows are forgotten when another transaction comes
  kUndoRepeatRefused,     ///< what has been undone cannot be undone again
  kUndoCopiesFail,        ///< of copies at the same moment one is never done
  kEmptyUndoNotFound,     ///< 404 to an undo of what it does not know
  kEmptyUndoWithoutMark,  ///< done, and no tombstone
  kUndoDeletesRow,        ///< the row is deleted, so that the forward op can come again
  kRaceLost,              ///< an undo that meets an open local transaction is done at once, and leaves nothing
  kKeyIsGid,              ///< branches of one transaction share a row
  kFinishRepeatRefused,
  kFinishCopiesFail,
  kFinishAlwaysDone,   ///< also after the undo
  kFinishesNothing,    ///< done, though there is nothing to make final
  kUndoOfFinished,     ///< done, though it was made final
  kCheckGuesses,       ///< says committed of what it does not know
  kCheckWithoutState,  ///< 200 and no word
  kRedirects,          ///< the third call of a branch gets a 307
  kSlow,               ///< the third call of a branch gets no answer
  kBrokenForward,      ///< 500 to every forward op
  kNeverEnds,          ///< 425 to every forward op
  kReadsOnly,          ///< no flaw: votes read-only
  kRefuses,            ///< no flaw: the business refuses everything
};

/// A participant on the pure barrier table, without business: what it would have booked is what its rows say.
class TableParticipant {
 public:
  explicit TableParticipant(Flaw flaw = Flaw::kNone)
      : flaw_(flaw), server_(loop_, {}, [this](const net::HttpRequest& request, net::ResponseSlot slot) {
          on_request(request, slot);
        }) {
    const Result<std::uint16_t> port = server_.listen("127.0.0.1", 0);
    SETTLE_ASSERT(port.ok());
    url_ = "http://127.0.0.1:" + std::to_string(*port);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~TableParticipant() {
    loop_.stop();
    thread_.join();
  }
  TableParticipant(const TableParticipant&) = delete;
  TableParticipant& operator=(const TableParticipant&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  /// Branches that are held or done: what the calls have left behind.
  [[nodiscard]] std::size_t effects() const {
    const std::lock_guard held(lock_);
    std::size_t count = 0;
    for (const auto& [key, row] : rows_) {
      count += row.state == Row::kHeld || row.state == Row::kDone ? 1U : 0U;
    }
    return count;
  }
  /// Headers that a call of settle has and one of these had not; "" if all had all.
  [[nodiscard]] std::string missing_header() const {
    const std::lock_guard held(lock_);
    return missing_header_;
  }

 private:
  using Row = protocol::BarrierRow;
  using Op = protocol::BarrierOp;
  struct Stored {
    Row state = Row::kAbsent;
    int result = 0;  ///< of the forward op
    int visits = 0;  ///< requests so far, of all ops
    int undos = 0;   ///< those of them that undo
    int finishes = 0;
    bool is_open = false;  ///< kRaceLost: the forward op's local transaction
    bool is_lost = false;  ///< an undo has overtaken it
  };
  struct Said {
    int status = 200;
    std::string body;
  };

  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {"action", Op::kAction}, {"compensate", Op::kCompensate}, {"deliver", Op::kDeliver}, {"check", Op::kCheck},
      {"try", Op::kTry},       {"confirm", Op::kConfirm},       {"cancel", Op::kCancel},   {"prepare", Op::kPrepare},
      {"commit", Op::kCommit}, {"rollback", Op::kRollback}};

  static bool is_undo(Op op) { return op == Op::kCompensate || op == Op::kCancel || op == Op::kRollback; }
  static bool is_finish(Op op) { return op == Op::kConfirm || op == Op::kCommit; }
  static bool is_forward(Op op) { return !is_undo(op) && !is_finish(op) && op != Op::kCheck; }

  void on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
    const std::lock_guard held(lock_);
    for (const char* name :
         {"settle-gid", "settle-tid", "settle-branch", "settle-op", "settle-pattern", "settle-attempt"}) {
      if (request.header(name).value_or("").empty()) missing_header_ = name;
    }
    const std::string gid(request.header("settle-gid").value_or(""));
    const std::string branch(request.header("settle-branch").value_or(""));
    const std::string_view name = request.header("settle-op").value_or("");
    for (const auto& [known, op] : kOps) {
      if (known != name) continue;
      const Said said = answer(op, gid, flaw_ == Flaw::kKeyIsGid ? "" : branch);
      if (said.status == 0) return;  // the slot is never answered
      const std::string extra = said.status == 307 ? "location: /elsewhere\r\n" : "";
      return server_.respond(slot, said.status, "application/json", said.body, extra);
    }
    server_.respond(slot, 400, "text/plain", "no such op");
  }

  Said answer(Op op, const std::string& gid, const std::string& branch) {
    if (flaw_ == Flaw::kAnswerFades && last_gid_ != gid) rows_.clear();
    last_gid_ = gid;
    Stored& row = rows_[{gid, branch}];
    ++row.visits;
    row.undos += is_undo(op) ? 1 : 0;
    row.finishes += is_finish(op) ? 1 : 0;
    std::optional<Said> said = is_forward(op) ? flawed_forward(row)
                               : is_undo(op)  ? flawed_undo(row)
                                              : flawed_rest(op, row);
    if (!said && row.visits == 3 && flaw_ == Flaw::kRedirects) said = Said{307, ""};
    if (!said && row.visits == 3 && flaw_ == Flaw::kSlow) said = Said{0, ""};
    return said ? *said : by_table(op, row);
  }

  Said by_table(Op op, Stored& row) {
    const protocol::BarrierStep& step = protocol::barrier_step(op, row.state);
    if (step.work == protocol::BarrierWork::kApply) row.result = ++applied_;
    row.state = step.next;
    switch (step.answer) {
      case protocol::BarrierAnswer::kSayDone:
        return {200, is_forward(op) ? std::to_string(row.result) : ""};
      case protocol::BarrierAnswer::kSayCommitted:
        return {200, R"({"state":"committed"})"};
      case protocol::BarrierAnswer::kSayAborted:
        return {200, R"({"state":"aborted"})"};
      case protocol::BarrierAnswer::kSayRunning:
        return {425, ""};
      default:
        return {409, "\"too late\""};
    }
  }

  // What the flaw says instead of the table; it also leaves the row as the flaw would.

  std::optional<Said> flawed_forward(Stored& row) {
    const bool is_alive = row.state != Row::kTombstone;
    switch (flaw_) {
      case Flaw::kOtherResult:
        if (is_alive && row.visits > 1) return Said{200, std::to_string(++applied_)};
        break;
      case Flaw::kRepeatRefused:
        if (row.visits > 1) return Said{409, "\"twice\""};
        break;
      case Flaw::kCopiesFail:
        if (is_alive && row.visits == 4) return Said{409, "\"locked\""};
        break;
      case Flaw::kRaceLost:
        return race_forward(row);
      case Flaw::kBrokenForward:
        return Said{500, "\"bug\""};
      case Flaw::kNeverEnds:
        return Said{425, ""};
      case Flaw::kRefuses:
        return Said{409, "\"sold out\""};
      case Flaw::kReadsOnly:
        if (!is_alive) break;
        row.state = Row::kDone;
        return Said{200, R"({"vote":"read-only"})"};
      default:
        break;
    }
    return std::nullopt;
  }

  std::optional<Said> flawed_undo(Stored& row) {
    const bool is_absent = row.state == Row::kAbsent;
    switch (flaw_) {
      case Flaw::kUndoRepeatRefused:
        if (row.undos > 1) return Said{409, "\"already\""};
        break;
      case Flaw::kUndoCopiesFail:
        if (row.undos > 3) return Said{500, "\"deadlock\""};
        break;
      case Flaw::kEmptyUndoNotFound:
        if (is_absent) return Said{404, "\"unknown\""};
        break;
      case Flaw::kEmptyUndoWithoutMark:
        if (is_absent) return Said{200, ""};
        break;
      case Flaw::kUndoDeletesRow:
        if (is_absent || row.state == Row::kTombstone) break;
        row.state = Row::kAbsent;
        return Said{200, ""};
      case Flaw::kRaceLost:
        return race_undo(row);
      case Flaw::kUndoOfFinished:
        if (row.state == Row::kDone) return Said{200, ""};
        break;
      case Flaw::kReadsOnly:
        row.state = Row::kTombstone;
        return Said{200, ""};
      default:
        break;
    }
    return std::nullopt;
  }

  std::optional<Said> flawed_rest(Op op, const Stored& row) const {
    if (op == Op::kCheck) {
      if (flaw_ == Flaw::kCheckGuesses) return Said{200, R"({"state":"committed"})"};
      if (flaw_ == Flaw::kCheckWithoutState) return Said{200, "{}"};
      return std::nullopt;
    }
    if (flaw_ == Flaw::kFinishRepeatRefused && row.finishes > 1) return Said{409, "\"already\""};
    if (flaw_ == Flaw::kFinishCopiesFail && row.finishes > 3) return Said{500, "\"deadlock\""};
    if (flaw_ == Flaw::kFinishAlwaysDone && row.state == Row::kTombstone) return Said{200, ""};
    if (flaw_ == Flaw::kFinishesNothing && row.state == Row::kAbsent) return Said{200, ""};
    return std::nullopt;
  }

  /// The local transaction stays open until the undo has come, or for as many calls as an undo that was sent at the
  /// same moment cannot miss. The undo, too, waits for the forward op that long, so that the order of arrival decides
  /// nothing.
  static constexpr int kCallsMax = 10;

  std::optional<Said> race_forward(Stored& row) {
    if (row.state != Row::kAbsent) return std::nullopt;
    row.is_open = !row.is_lost && row.visits < kCallsMax;
    if (row.is_open) return Said{425, ""};
    return std::nullopt;
  }

  std::optional<Said> race_undo(Stored& row) {
    if (row.state != Row::kAbsent) return std::nullopt;
    if (row.is_open) {
      row.is_lost = true;
      return Said{200, ""};
    }
    if (row.undos < kCallsMax) return Said{425, ""};
    return std::nullopt;
  }

  const Flaw flaw_;
  net::Loop loop_;
  net::HttpServer server_;
  std::string url_;
  std::thread thread_;
  mutable std::mutex lock_;
  std::map<std::pair<std::string, std::string>, Stored> rows_;
  std::string last_gid_;
  int applied_ = 0;
  std::string missing_header_;
};

}  // namespace settle::cli
