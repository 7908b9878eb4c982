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

/// The body of `POST /v1/transactions` as a plan: every rule of docs/errors/invalid.md is held here, and the plan is
/// sound in the sense of `check_plan`. It also reads the one branch of an enlist.
///
/// An instance keeps its memory from one body to the next. Not thread-safe.
class PlanReader {
 public:
  /// `now`: what "too far in the future" is measured from. True: plan(), gid() and wait() are set and their views point
  /// into `body`, `trace_parent` and this reader. False: see refusal().
  bool read(std::string_view body, std::string_view trace_parent, Instant now);

  /// The body of an enlist: one branch of a tcc or two_phase whose first phase the client calls. True: plan() has that
  /// branch alone, and the pattern that its fields speak of.
  bool read_enlisted(std::string_view body);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] std::string_view gid() const { return gid_; }  ///< empty: the server names it
  [[nodiscard]] const engine::Wait& wait() const { return wait_; }
  [[nodiscard]] const Refusal& refusal() const { return body_.refusal(); }

 private:
  /// Where a branch object may stand; each place has fields of its own.
  enum class Place : std::uint8_t { kStep, kTarget, kVoter, kEnlisted, kDegrade, kOnCommit, kOnAbort };
  struct Form;
  static const Form& form_of(Place place);

  /// One `after` entry, by name until all steps are known.
  struct Edge {
    std::uint16_t branch;
    std::uint16_t position;
    std::string_view before;
  };
  /// One `bind` entry, likewise.
  struct NamedBind {
    std::uint16_t branch;
    bool back;
    std::uint16_t position;
    std::string_view step, from, into;
  };
  /// What is called behind the outcome; it comes behind the main branches, wherever it stood in the body.
  struct Follower {
    Place place;
    std::uint16_t position;  ///< in its list; of a degrade: index of the branch that it replaces
    std::uint32_t seen;
    BranchPlan plan;
  };

  // plan_json.cpp: the fields of a transaction.
  void start(std::string_view body, std::string_view trace_parent, Instant now);
  bool fields();
  bool field(int index);
  bool common(int index);
  bool pattern();
  bool recovery();
  bool gid_field();
  bool headers();
  bool header(std::string_view name, std::size_t& bytes);
  bool labels();
  bool deliver_at();

  // plan_branches.cpp: what describes a branch.
  bool branches(Place place);
  bool main_branch(Place place);
  bool branch_object(Place place, BranchPlan& branch, std::uint32_t& seen);
  bool branch_field(Place place, int field, BranchPlan& branch);
  bool step_field(int field, BranchPlan& branch);
  bool follower(Place place, std::uint16_t position, const std::string& where);
  bool degrade(Place holder);
  bool followers(Place place);
  bool needs_of_branch(Place place, std::uint32_t seen, const std::string& where);
  bool too_many(Place place);
  bool id(BranchPlan& branch);
  bool url(std::string_view& out);
  bool policy(Policy& out);
  bool after(std::uint16_t index);
  bool binds(std::uint16_t index, bool back);
  bool bind(NamedBind& out);
  bool json_pointer(std::string_view& out);
  bool retry(RetryPolicy& out);

  // plan_sense.cpp: the body as a whole.
  bool whole_sense();
  bool needs_of_pattern();
  bool needs_of_saga();
  bool needs_of_message();
  bool needs_of_voting();
  bool words_of_voting(std::size_t branch);
  void append_followers();
  void inherit();
  bool unique_ids();
  bool graph();
  bool resolve_binds();
  bool sound_binds();
  [[nodiscard]] std::string pointer_of(std::size_t branch, std::string_view field) const;
  [[nodiscard]] std::string cycle_words() const;
  [[nodiscard]] std::int32_t step_named(std::string_view name) const;
  [[nodiscard]] bool has(int index) const { return (seen_ >> static_cast<unsigned>(index) & 1U) != 0; }
  [[nodiscard]] bool branch_has(std::size_t branch, int field) const {
    return (seen_of_[branch] >> static_cast<unsigned>(field) & 1U) != 0;
  }

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
  bool goes_beyond_ = false;  // something that only check_plan can judge: pivot, binds
  RetryPolicy retry_;         // of those who have none of their own
  Duration attempt_timeout_{};
  bool appended_ = false;               // the followers stand in plan_.branches
  std::size_t mains_ = 0;               // branches before the followers
  std::vector<std::uint32_t> seen_of_;  // fields of each branch
  std::vector<Follower> followers_;
  std::vector<Edge> edges_;
  std::vector<NamedBind> binds_;
  std::vector<std::pair<std::string_view, std::uint16_t>> by_id_;
};

}  // namespace settle::api
