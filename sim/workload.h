#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "model/plan.h"
#include "options.h"
#include "settle/ids.h"

namespace settle::sim {

/// Number of a transaction in its run; everything in the simulator is found by it.
using TxNo = std::uint32_t;
inline constexpr TxNo kNoTx = UINT32_MAX;

inline constexpr std::size_t kBranchesMost = 16;
/// Set of branches by index.
using BranchSet = std::uint32_t;
constexpr BranchSet bit(std::size_t branch) { return BranchSet{1} << branch; }

/// What the business behind a branch makes of it.
enum class Temper : std::uint8_t {
  kWilling,
  kRefuses,  ///< says no each time
  kFickle,   ///< says no now and then: an account that is short for a moment
};

struct BranchScript {
  std::uint8_t service = 0;
  bool has_back = true;
  bool has_back_input = false;
  Temper temper = Temper::kWilling;
  Role role = Role::kMain;
  bool is_enlisted = false;  ///< client-driven: added after begin
  bool is_pivot = false, is_optional = false;
  bool reads_only = false;  ///< two_phase: votes so
  Policy on_refused = Policy::kPark, on_exhausted = Policy::kPark;
  std::int32_t degrade = kNoBranch;
  std::int32_t bound_to = kNoBranch;  ///< takes the result of that step
  /// The transaction may go on without it.
  [[nodiscard]] bool can_be_left() const {
    return is_optional || on_refused == Policy::kDegrade || on_exhausted == Policy::kDegrade;
  }
  BranchSet after = 0;   ///< direct predecessors, as the plan says
  BranchSet before = 0;  ///< all predecessors, whatever the order's form
  std::int32_t amount = 0;
  RetryPolicy retry;
  Duration attempt_timeout{0};
};

/// What becomes of the producer of a two-step message.
enum class Fate : std::uint8_t {
  kHonest,          ///< commits, then submits
  kRollsBack,       ///< its business fails; it aborts the message
  kSilentRollback,  ///< its business fails, and nobody hears of it
  kDiesBefore,      ///< never opens its local transaction
  kDiesInside,      ///< its local transaction is rolled back by its database
  kDiesAfter,       ///< commits, never submits
  kUnknownCommit,   ///< cannot know whether its COMMIT happened: neither submits nor aborts
  kFalseSubmit,  ///< submits, and never had a local transaction: its message may be delivered or not, once and for all
};

/// A transaction as its client means it.
struct Script {
  TxNo no = kNoTx;
  Pattern pattern = Pattern::kSaga;
  Order order = Order::kList;
  bool two_step = false;
  bool client_driven = false;
  bool forward_recovery = false;
  bool is_named = true;  ///< by the client
  std::uint8_t producer = 0;
  Fate fate = Fate::kHonest;
  Duration check_after{0};
  Duration delay{0};
  Duration deadline{0};
  RetryPolicy check_retry;
  std::size_t count = 0;
  std::array<BranchScript, kBranchesMost> branches{};
  std::int32_t local_amount = 0;  ///< what the producer's local transaction books

  [[nodiscard]] bool is_main(std::size_t branch) const { return branches[branch].role == Role::kMain; }
  [[nodiscard]] bool votes() const { return pattern == Pattern::kTcc || pattern == Pattern::kTwoPhase; }
  /// Message: some target can turn it back.
  [[nodiscard]] bool is_turnable() const;
  /// Saga: from this step on nothing turns back.
  [[nodiscard]] std::int32_t pivot() const;
  /// A failure of this step may turn the saga back.
  [[nodiscard]] bool has_no_return(std::size_t branch) const;
  [[nodiscard]] BranchSet successors_of(std::size_t branch) const {
    BranchSet out = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if ((branches[i].before & bit(branch)) != 0) out |= bit(i);
    }
    return out;
  }
};

Script draw_script(TxNo no, const Options& options, Random& random);

/// The plan a client sends for it. `variant` 0 is the script's own, others differ in what is asked.
OwnedPlan plan_of(const Script& script, std::uint32_t variant = 0);

/// The client's name for a transaction: "g7" is a prefix of "g71" on purpose.
std::string gid_of(TxNo no);
/// The number in such a name, or kNoTx.
TxNo number_of_gid(std::string_view gid);

/// Texts of a plan, for those who must recognise them. Formatted into `buffer`.
using Text = std::array<char, 64>;
/// What a client enlists later.
OwnedPlan plan_of_enlisted(const Script& script, std::size_t branch);
/// The ops of a branch: what it begins with, what makes it final, what undoes it.
Op forward_op_of(const Script& script, std::size_t branch);
Op back_op_of(const Script& script, std::size_t branch);
Op confirm_op_of(const Script& script);
constexpr bool is_forward(Op op) {
  return op == Op::kAction || op == Op::kDeliver || op == Op::kTry || op == Op::kPrepare;
}
constexpr bool is_undo(Op op) { return op == Op::kCompensate || op == Op::kCancel || op == Op::kRollback; }
constexpr bool is_confirm(Op op) { return op == Op::kConfirm || op == Op::kCommit; }

std::string_view branch_id_of(std::size_t branch, Text& buffer);
std::string_view url_of(std::uint8_t service, Op op, Text& buffer);
/// Whose URL it is.
std::uint8_t service_of(std::string_view url);
std::string_view input_of(const Script& script, std::size_t branch, Op op, Text& buffer);
/// The service in a URL made by url_of.
std::uint8_t service_of_url(std::string_view url);

}  // namespace settle::sim
