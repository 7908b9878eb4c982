#pragma once

#include <settle/transaction_plan.h>

#include <list>
#include <string_view>

namespace settle {

/// One participant of a two-phase commit over services.
class TwoPhaseBranch : public BranchPart<TwoPhaseBranch> {
 public:
  TwoPhaseBranch(std::string_view id, std::string_view commit, std::string_view rollback) : BranchPart(id) {
    fields_.text("commit", commit);
    fields_.text("rollback", rollback);
  }
  /// The daemon calls it. All branches have one, or none has; then the client enlists and calls.
  TwoPhaseBranch& prepare(std::string_view url) { return fields_.text("prepare", url), *this; }
  TwoPhaseBranch& attempt_timeout(std::chrono::milliseconds most) {
    return fields_.ms("attempt_timeout_ms", most), *this;
  }
};

/// All participants promise first (prepare), then all of them commit, or all roll back.
class TwoPhase : public PlanOf<TwoPhase> {
 public:
  explicit TwoPhase(std::string_view gid = {}) : PlanOf("two_phase", gid) {}

  /// The reference lives as long as the plan.
  TwoPhaseBranch& branch(std::string_view id, std::string_view commit, std::string_view rollback) {
    return branches_.emplace_back(id, commit, rollback);
  }

 private:
  void complete(sdk_detail::Fields& fields) const override;

  std::list<TwoPhaseBranch> branches_;
};

}  // namespace settle
