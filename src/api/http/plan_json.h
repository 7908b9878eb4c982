#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/body_reader.h"
#include "api/http/callable_urls.h"
#include "engine/worker.h"
#include "model/plan.h"

namespace settle::api {

/// The body of `POST /v1/transactions` as a plan: every rule of docs/errors/invalid.md is held here, and the graph is
/// sound in the sense of `check_plan`.
///
/// An instance keeps its memory from one body to the next. Not thread-safe.
class PlanReader {
 public:
  /// `now`: what "too far in the future" is measured from. True: plan(), gid() and wait() are set and their views point
  /// into `body`, `trace_parent` and this reader. False: see refusal().
  bool read(std::string_view body, std::string_view trace_parent, Instant now);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] std::string_view gid() const { return gid_; }  ///< empty: the server names it
  [[nodiscard]] const engine::Wait& wait() const { return wait_; }
  [[nodiscard]] const Refusal& refusal() const { return body_.refusal(); }

 private:
  /// One `after` entry, by name until all steps are known.
  struct Edge {
    std::uint16_t branch;
    std::uint16_t position;
    std::string_view before;
  };

  void start(std::string_view body, std::string_view trace_parent, Instant now);
  bool fields();
  bool field(int index);
  bool common(int index);
  bool pattern();
  bool gid_field();
  bool branches(bool saga);
  bool branch(bool saga);
  bool branch_field(bool saga, int index, BranchPlan& branch);
  bool id(BranchPlan& branch);
  bool url(std::string_view& out);
  bool after(std::uint16_t index);
  bool retry(RetryPolicy& out);
  bool headers();
  bool header(std::string_view name, std::size_t& bytes);
  bool labels();
  bool deliver_at();

  bool whole_sense();
  bool needs_of_pattern();
  bool unique_ids();
  bool graph();
  std::string pointer_of(std::size_t branch, std::string_view field) const;
  std::string cycle_words() const;
  [[nodiscard]] bool has(int index) const { return (seen_ >> static_cast<unsigned>(index) & 1U) != 0; }

  BodyReader body_;
  CallableUrls urls_;
  Plan plan_;
  std::string_view gid_;
  engine::Wait wait_;
  Instant now_;
  std::uint32_t seen_ = 0;  // fields of the body
  bool concurrent_ = false;
  bool ordered_ = false;
  bool has_after_ = false;
  RetryPolicy retry_;  // of those who have none of their own
  Duration attempt_timeout_{};
  std::vector<std::uint8_t> own_;  // per branch: bits of Own
  std::vector<Edge> edges_;
  std::vector<std::pair<std::string_view, std::uint16_t>> by_id_;
};

}  // namespace settle::api
