#pragma once

#include <settle/transaction_plan.h>

#include <list>
#include <string_view>

namespace settle {

/// One participant of a TCC: what makes final, and what gives back, that which its try has reserved.
class TccBranch : public BranchPart<TccBranch> {
 public:
  TccBranch(std::string_view id, std::string_view confirm, std::string_view cancel) : BranchPart(id) {
    fields_.text("confirm", confirm);
    fields_.text("cancel", cancel);
  }
  /// The daemon calls it. All branches have one, or none has; then the client enlists and calls.
  TccBranch& call_try(std::string_view url) { return fields_.text("try", url), *this; }
  TccBranch& attempt_timeout(std::chrono::milliseconds most) { return fields_.ms("attempt_timeout_ms", most), *this; }
};

/// Try, then confirm or cancel. For business code that calls the tries itself see TccScope.
class Tcc : public PlanOf<Tcc> {
 public:
  explicit Tcc(std::string_view gid = {}) : PlanOf("tcc", gid) {}

  /// The reference lives as long as the plan.
  TccBranch& branch(std::string_view id, std::string_view confirm, std::string_view cancel) {
    return branches_.emplace_back(id, confirm, cancel);
  }

 private:
  void complete(sdk_detail::Fields& fields) const override;

  std::list<TccBranch> branches_;
};

}  // namespace settle
