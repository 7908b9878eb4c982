#pragma once

#include <settle/effect.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "resource/barrier/judge.h"

namespace settle::barrier {

/// How a request to the database went.
enum class Went : std::uint8_t {
  kWell,
  kLocked,   ///< somebody else holds what is needed; nothing has happened
  kAgain,    ///< serialization failure or deadlock: this transaction is lost, a new one may succeed
  kFailed,   ///< it has not happened
  kMisfit,   ///< it has not happened: the barrier's tables are missing, or were made by another version
  kUnknown,  ///< of a commit only: it may have happened
};

struct Sent {
  Went went = Went::kWell;
  std::string reason{};

  [[nodiscard]] bool well() const { return went == Went::kWell; }
};

/// The caller's connection, as far as the barrier needs it. One per call of the barrier; never owns the handle.
class Session {
 public:
  virtual ~Session() = default;
  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Whether the handle can be used at all, apart from transactions.
  virtual Sent ready() = 0;
  [[nodiscard]] virtual bool in_transaction() = 0;
  virtual Sent begin() = 0;
  /// The barrier's one statement: a new row, or the next state of the one that is there.
  virtual Sent meet(const Checked& call, Met& met) = 0;
  /// Changes the call's row if it fulfils `condition`; waits for somebody else's lock no longer than meet() does.
  /// `changed`: rows, 0 or 1; `assignments` make a difference to any row that fulfils the condition.
  virtual Sent change_row(const Checked& call, std::string_view assignments, std::string_view condition,
                          std::int64_t& changed) = 0;
  /// kFailed if the row is not there.
  virtual Sent keep_answer(const Checked& call, std::string_view body) = 0;
  virtual Sent commit() = 0;
  /// After work of the business: commits only if the row is still as meet() left it, with `state`.
  virtual Sent commit_work(const Checked& /*call*/, int /*state*/) { return commit(); }
  virtual void roll_back() = 0;
  /// Whether the handle's last request failed because of others, so that a new transaction may succeed.
  [[nodiscard]] virtual bool lost_to_others() = 0;

  /// One statement without values. `changed`: rows.
  virtual Sent execute(const std::string& statement, std::int64_t& changed) = 0;
  /// One statement that gives one number.
  virtual Sent number(const std::string& statement, std::int64_t& value) = 0;
  /// An expression: microseconds since 1970 by the database's clock.
  [[nodiscard]] virtual std::string_view now() const = 0;
  /// A statement that deletes up to `rows` of settle_barrier that fulfil `condition`.
  [[nodiscard]] virtual std::string delete_some(std::string_view condition, int rows) const = 0;
};

/// What to do about Went::kMisfit, with the database's own words.
std::string misfit_reason(std::string_view said);

Result<Verdict> enter(Session& session, const Call& call);
Result<void> store_answer(Session& session, const Call& call, std::string_view body);
Reply run(Session& session, const Call& call, const Business& business, const Options& options);
Reply run_effect(Session& session, const Call& call, const Effect& effect, const Options& options);
/// After the tables were made.
Result<void> set_horizon(Session& session, std::chrono::microseconds horizon);
Result<Pruned> prune(Session& session, std::chrono::microseconds older_than, std::chrono::seconds grace);

}  // namespace settle::barrier
