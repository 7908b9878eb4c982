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
  Duration lasting{0};         ///< bound on the time since the op was first wanted; 0: unlimited

  bool operator==(const RetryPolicy&) const = default;
  [[nodiscard]] bool is_bounded() const { return attempts != 0 || lasting != Duration{0}; }
};

/// What a branch is for. Values are stored.
enum class Role : std::uint8_t {
  kMain = 0,      ///< one of the branches that make the transaction
  kOnCommit = 1,  ///< delivered once the outcome is `committed`
  kOnAbort = 2,   ///< told, with op compensate, once the outcome is `aborted`
  kDegrade = 3,   ///< takes the place of a branch that the transaction did without; delivered once it is `committed`
};

/// What becomes of a message whose target refuses, or whose bound is used up. Values are stored.
enum class Policy : std::uint8_t {
  kPark = 0,        ///< a person has to look
  kCompensate = 1,  ///< the message turns back
  kDegrade = 2,     ///< it goes on without this target
};

/// In which order a decision is carried to the branches of tcc and two_phase. Values are stored.
enum class PhaseTwo : std::uint8_t {
  kAtOnce = 0,
  kFirstToLast = 1,  ///< one by one
  kLastToFirst = 2,  ///< one by one
};

/// Retries of a transaction in passes: all that can be done is done at once, then everything that did not come to its
/// end rests until the next pass. One clock for the whole transaction tells when that is: after an attempt that stayed
/// unknown its interval is doubled (once in a pass, up to the cap of Plan::retry), `running` keeps it, progress brings
/// it back to the base. The deadline is looked at when a pass begins. Whoever submits or aborts asks for a pass.
struct PassPolicy {
  bool on = false;
  Duration lock{0};               ///< a pass that the clock began moves the next one at least so far away
  std::uint32_t retry_limit = 0;  ///< saga: attempts that a pass repeats at once before it turns back; 0: none

  bool operator==(const PassPolicy&) const = default;
};

inline constexpr std::int32_t kNoBranch = -1;

/// One participant's share as the client described it: a step, a target, a branch, or something that follows the end.
struct BranchPlan {
  std::string_view id;
  std::string_view forward;     ///< URL of the action, try, prepare or delivery; empty: the client calls it, or none
  std::string_view confirm;     ///< URL of confirm or commit (tcc, two_phase)
  std::string_view back;        ///< URL of compensation, cancel or rollback; empty: there is none
  std::string_view input;       ///< bytes sent verbatim, unless something is bound into them
  std::string_view back_input;  ///< bytes sent to the compensation, if has_back_input; otherwise `input`
  bool has_back_input = false;
  bool pivot = false;     ///< saga: once it is called there is no way back but its refusal
  bool optional = false;  ///< saga: the saga goes on if it cannot be done
  Role role = Role::kMain;
  Policy on_refused = Policy::kPark;    ///< message
  Policy on_exhausted = Policy::kPark;  ///< message
  std::int32_t degrade = kNoBranch;     ///< index of the branch that takes this one's place
  std::vector<std::uint16_t> after;     ///< indices of the branches that must be done first (Order::kGraph)
  RetryPolicy retry;
  Duration attempt_timeout = milliseconds{3000};

  bool operator==(const BranchPlan&) const = default;
};

/// A part of one step's result that becomes part of another step's input, byte for byte.
struct Bind {
  std::uint16_t branch = 0;  ///< whose input
  bool back = false;         ///< the input of its compensation
  std::uint16_t source = 0;  ///< whose result
  std::string_view from;     ///< JSON pointer into the result (RFC 6901)
  std::string_view into;     ///< JSON pointer into the input

  bool operator==(const Bind&) const = default;
};

enum class Order : std::uint8_t {
  kList = 0,        ///< one by one
  kConcurrent = 1,  ///< all at once
  kGraph = 2,       ///< by `after`
};

/// What a client asked for. What was asked at begin never changes; tcc and two_phase grow by enlistment. The views
/// point into bytes that somebody else owns (a request body, or OwnedPlan).
struct Plan {
  Pattern pattern = Pattern::kSaga;
  Order order = Order::kList;
  bool two_step = false;          ///< message: stays prepared until submitted or checked back
  bool client_driven = false;     ///< tcc, two_phase: the client enlists, calls the first phase, and submits
  bool forward_recovery = false;  ///< saga: never turns back; what fails is asked on
  bool undoes_refused = false;    ///< saga: a step that was refused is undone like one that ran
  PhaseTwo phase_two = PhaseTwo::kAtOnce;
  Dialect dialect = Dialect::kSettle;
  PassPolicy passes;
  std::string_view check;  ///< message, two-step: URL asked for the truth
  Duration check_after = milliseconds{5000};
  Duration delay{0};                                                   ///< message: counts from submit
  Instant deliver_at = kNoInstant;                                     ///< message: absolute form of `delay`
  Duration deadline{0};                                                ///< counts from begin; 0: none
  RetryPolicy retry;                                                   ///< of the check; in passes: of everything
  Duration attempt_timeout = milliseconds{3000};                       ///< likewise
  std::vector<std::pair<std::string_view, std::string_view>> headers;  ///< forwarded to participants
  std::vector<BranchPlan> branches;  ///< those of Role::kMain first, then the others, then what was enlisted
  std::vector<Bind> binds;
  // Below: not part of the digest, two begins that differ here are still "the same plan".
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  std::string_view trace_parent;
  std::size_t enlisted = 0;  ///< the last so many of `branches` came after begin
  // Derived by OwnedPlan, not encoded.
  std::vector<std::uint16_t> topological;              ///< branch indices, predecessors first
  std::vector<std::vector<std::uint16_t>> successors;  ///< only for Order::kGraph
  std::int32_t pivot = kNoBranch;                      ///< index of the pivot

  [[nodiscard]] bool is_main(std::size_t branch) const { return branches[branch].role == Role::kMain; }
  /// A later step takes a part of this one's result (R6).
  [[nodiscard]] bool is_bound(std::size_t branch) const;
  /// Message: some target may turn it back, so that delivering does not decide yet.
  [[nodiscard]] bool is_turnable() const;
};

/// Digest of a plan: equal exactly if the client asked for the same thing.
using PlanDigest = std::array<char, 16>;

/// A plan with its bytes. Movable, not copyable: the views point into `bytes`.
class OwnedPlan {
 public:
  /// Encodes `plan`, whose branches must form an acyclic graph (see `check_plan`).
  static OwnedPlan encode(const Plan& plan);

  /// The same plan with one branch more; its digest stays, because it speaks of what was asked at begin.
  [[nodiscard]] OwnedPlan with_enlisted(const BranchPlan& branch) const;

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

/// What `encode` and the tables rely on: enough branches, at most 65,535, unique well-formed ids, `after` in range and
/// acyclic, a check URL exactly if two-step, the URLs that the pattern calls, one pivot at most and every step before
/// or behind it, binds from ancestors only. The message names the branch. Sizes and URLs are the face's business.
Result<void> check_plan(const Plan& plan);

/// The same for a branch that is enlisted into `plan`.
Result<void> check_enlisted(const Plan& plan, const BranchPlan& branch);

}  // namespace settle
