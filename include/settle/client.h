#pragma once

#include <settle/result.h>
#include <settle/tcc.h>
#include <settle/transaction_plan.h>
#include <settle/two_phase.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace settle {

/// A transaction as the daemon told it. What `outcome` and `decision` say is durable and never changes again, once it
/// is something else than running and none.
struct Transaction {
  enum class Outcome : std::uint8_t {
    kRunning,    ///< not over: a normal answer, no error
    kCommitted,  ///< every branch is done
    kAborted,    ///< every branch that may have done something has taken it back
  };
  enum class Decision : std::uint8_t { kNone, kCommit, kAbort };

  /// It waits for a person. It may still run, and may still end well.
  struct Incident {
    std::string kind;
    std::string text;
  };

  /// What one op of one branch has come to.
  struct BranchOp {
    std::string branch;
    std::string op;       ///< action, compensate, try, …
    std::string outcome;  ///< done, refused, running, unknown
    std::string result;   ///< one JSON value, as the participant wrote it; empty: none
  };

  std::string gid;
  std::string tid;
  std::string pattern;
  std::string phase;
  Outcome outcome = Outcome::kRunning;
  Decision decision = Decision::kNone;
  std::string heuristic;  ///< none, mixed, hazard
  std::string reason;     ///< why it aborted, for people
  std::optional<Incident> incident;
  std::vector<BranchOp> ops;
  std::string document;  ///< all of it, JSON, as it came; empty if the daemon has pruned it

  [[nodiscard]] bool running() const { return outcome == Outcome::kRunning; }
  [[nodiscard]] bool committed() const { return outcome == Outcome::kCommitted; }
  [[nodiscard]] bool aborted() const { return outcome == Outcome::kAborted; }
  /// Null: that op was not called.
  [[nodiscard]] const BranchOp* find(std::string_view branch, std::string_view op) const;
};

struct ClientOptions {
  /// Of the daemons, HOST:PORT; all of them answer for every transaction. The next one is asked when one is not there.
  std::vector<std::string> addresses{"127.0.0.1:36789"};
  /// For one attempt, beside what the daemon was asked to wait for an outcome.
  std::chrono::milliseconds attempt_timeout{3'000};
  /// For a request with all its attempts, beside the wait for an outcome. Repeating is safe: requests are idempotent by
  /// gid.
  std::chrono::milliseconds patience{10'000};
  /// Between two rounds of attempts; doubled up to 20 times as much. A Retry-After that is longer counts.
  std::chrono::milliseconds pause{50};
  /// To one daemon.
  std::size_t connections_max = 64;
};

/// How long an answer may wait for what. Without: it comes as soon as the request is durable.
class Wait {
 public:
  Wait() = default;
  static Wait for_end(std::chrono::milliseconds at_most) { return {at_most, false}; }
  static Wait for_decision(std::chrono::milliseconds at_most) { return {at_most, true}; }

  [[nodiscard]] std::chrono::milliseconds at_most() const { return at_most_; }
  [[nodiscard]] bool decision_is_enough() const { return decision_; }

 private:
  Wait(std::chrono::milliseconds at_most, bool decision) : at_most_(at_most), decision_(decision) {}
  std::chrono::milliseconds at_most_{0};
  bool decision_ = false;
};

/// What a participant tells by itself about an op that it had answered with "running".
class Report {
 public:
  /// `result`: one JSON value, or empty.
  static Report done(std::string_view op, std::string_view result = {});
  static Report refused(std::string_view op, std::string_view reason);
  /// Of a prepare that only read.
  static Report read_only(std::string_view op);

  [[nodiscard]] const sdk_detail::Fields& fields() const { return fields_; }

 private:
  sdk_detail::Fields fields_;
};

/// A user of `/v1`: connections and a thread of its own. Any thread may call it, many at once; they share it and may
/// move it only while nobody uses it. Not to be used in a process that was forked after its making.
///
/// Every request is idempotent by its gid and repeated by itself until it is answered or `patience` is over.
///
/// Errors of all requests
///   kInvalid         the plan, an argument, or an address; nothing has happened
///   kUnavailable     no daemon took it: nothing has happened
///   kUnknownOutcome  it may have happened, the answer is lost. That is no failure: ask again (same gid), or wait()
///   kNotFound        this transaction (or branch) is not known there; that says nothing about its outcome
///   kConflict        the gid or branch stands for something else, or the decision is another one; `message` begins
///                    with the error's name of docs/errors
///   kFenced          its begin was never remembered (epoch-closed): begin anew under a new gid
///   kTooLarge        over a limit of the daemon
///   kCorrupt         what listens there is not settled
class Client {
 public:
  explicit Client(const ClientOptions& options = {});
  /// One daemon, HOST:PORT.
  explicit Client(std::string_view address);
  /// Ends what is open: callbacks hear kUnknownOutcome (or kUnavailable). Not from inside a callback.
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // ---- The blocking form. Not from inside a callback of this client: kInvalid.

  /// Begins it, or finds it begun.
  Result<Transaction> begin(const TransactionPlan& plan, Wait wait = {});
  /// Begins it and waits for its end. An outcome that is still running after `at_most` is no error.
  Result<Transaction> run(const TransactionPlan& plan, std::chrono::milliseconds at_most) {
    return begin(plan, Wait::for_end(at_most));
  }
  /// tcc, two_phase: commit. message: deliver. It may be repeated whatever has become of it.
  Result<Transaction> submit(std::string_view gid, Wait wait = {});
  /// Turn back, as long as that is possible; kConflict if it is not. For a message the caller vouches that its local
  /// transaction did not and cannot commit.
  Result<Transaction> abort(std::string_view gid, std::string_view reason = {}, Wait wait = {});
  Result<Transaction> query(std::string_view gid);
  /// Asks until it has ended (or decided), an incident stops it, or the time is up.
  Result<Transaction> wait(std::string_view gid, Wait wait);
  /// Adds a branch to a transaction that the client drives. Durable when it returns: call the branch after that.
  Result<Transaction> enlist(std::string_view gid, const TccBranch& branch);
  Result<Transaction> enlist(std::string_view gid, const TwoPhaseBranch& branch);
  Result<Transaction> report(std::string_view gid, std::string_view branch, const Report& report);

  // ---- The same with a callback: once, on the client's own thread, which it must not block. It must not throw.

  using Then = std::function<void(Result<Transaction>)>;

  void begin(const TransactionPlan& plan, Wait wait, Then then);
  void submit(std::string_view gid, Wait wait, Then then);
  void abort(std::string_view gid, std::string_view reason, Wait wait, Then then);
  void query(std::string_view gid, Then then);
  void wait(std::string_view gid, Wait wait, Then then);
  void enlist(std::string_view gid, const TccBranch& branch, Then then);
  void enlist(std::string_view gid, const TwoPhaseBranch& branch, Then then);
  void report(std::string_view gid, std::string_view branch, const Report& report, Then then);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace settle
