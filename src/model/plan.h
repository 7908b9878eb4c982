#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/kinds.h"
#include "settle/result.h"

namespace settle {

/// When an op is asked again. Pause before attempt n+1: base · factor^(n-1), at most cap, times 1 ± jitter.
struct RetryPolicy {
  Duration base = milliseconds{500};
  Duration cap = milliseconds{60'000};
  std::uint32_t factor_permille = 2000;
  std::uint32_t jitter_permille = 200;
  std::uint32_t attempts = 0;  ///< bound on attempts that were written out; 0: unlimited
  Duration lasting{0};         ///< bound on the time since the first attempt; 0: unlimited

  bool operator==(const RetryPolicy&) const = default;
  [[nodiscard]] bool is_bounded() const { return attempts != 0 || lasting != Duration{0}; }
};

/// One participant's share as the client described it: a step of a saga or a target of a message.
struct BranchPlan {
  std::string_view id;
  std::string_view forward;     ///< URL of the action, or of the delivery
  std::string_view back;        ///< URL of the compensation; empty: the step has none
  std::string_view input;       ///< bytes sent verbatim
  std::string_view back_input;  ///< bytes sent to the compensation, if has_back_input; otherwise `input`
  bool has_back_input = false;
  std::vector<std::uint16_t> after;  ///< indices of the branches that must be done first (Order::kGraph)
  RetryPolicy retry;
  Duration attempt_timeout = milliseconds{3000};
};

enum class Order : std::uint8_t {
  kList = 0,        ///< one by one
  kConcurrent = 1,  ///< all at once
  kGraph = 2,       ///< by `after`
};

/// What a client asked for; it never changes after begin. The views point into bytes that somebody else owns
/// (a request body, or OwnedPlan).
struct Plan {
  Pattern pattern = Pattern::kSaga;
  Order order = Order::kList;
  bool two_step = false;   ///< message: stays prepared until submitted or checked back
  std::string_view check;  ///< message, two-step: URL asked for the truth
  Duration check_after = milliseconds{5000};
  Duration delay{0};                                                   ///< message: counts from submit
  Instant deliver_at = kNoInstant;                                     ///< message: absolute form of `delay`
  Duration deadline{0};                                                ///< counts from begin; 0: none
  RetryPolicy retry;                                                   ///< of the check
  Duration attempt_timeout = milliseconds{3000};                       ///< of the check
  std::vector<std::pair<std::string_view, std::string_view>> headers;  ///< forwarded to participants
  std::vector<BranchPlan> branches;
  // Below: not part of the digest, two begins that differ here are still "the same plan".
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::string_view trace_parent;
  // Derived by OwnedPlan, not encoded.
  std::vector<std::uint16_t> topological;              ///< branch indices, predecessors first
  std::vector<std::vector<std::uint16_t>> successors;  ///< only for Order::kGraph
};

/// Digest of a plan: equal exactly if the client asked for the same thing.
using PlanDigest = std::array<char, 16>;

/// A plan with its bytes. Movable, not copyable: the views point into `bytes`.
class OwnedPlan {
 public:
  /// Encodes `plan`, whose branches must form an acyclic graph (see `check_plan`).
  static OwnedPlan encode(const Plan& plan);

  /// Reads what `encode` wrote. Errors: kCorrupt (checksum or grammar), kInvalid (a newer major version).
  static Result<OwnedPlan> decode(std::string bytes);

  OwnedPlan(OwnedPlan&&) = default;
  OwnedPlan& operator=(OwnedPlan&&) = default;
  OwnedPlan(const OwnedPlan&) = delete;
  OwnedPlan& operator=(const OwnedPlan&) = delete;
  ~OwnedPlan() = default;

  const Plan* operator->() const { return &plan_; }
  const Plan& operator*() const { return plan_; }
  [[nodiscard]] const std::string& bytes() const { return *bytes_; }
  [[nodiscard]] std::shared_ptr<const std::string> shared_bytes() const { return bytes_; }
  [[nodiscard]] PlanDigest digest() const;

 private:
  OwnedPlan() = default;
  Result<void> read_views();  ///< of `bytes_`
  std::shared_ptr<const std::string> bytes_;
  Plan plan_;
};

/// Digest of the plan in encoded bytes, without decoding them. `bytes` must have come from `encode`.
PlanDigest digest_of_plan(std::string_view bytes);

/// What `encode` and the tables rely on: at least one branch, at most 65,535, unique well-formed ids, `after` in range
/// and acyclic, a check URL exactly if two-step. The message names the branch. Sizes and URLs are the face's business.
Result<void> check_plan(const Plan& plan);

}  // namespace settle
