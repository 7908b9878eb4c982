#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "protocol/barrier.h"
#include "workload.h"

namespace settle::sim {

/// What one participant's database holds for one (gid, branch).
struct LedgerRow {
  protocol::BarrierRow row = protocol::BarrierRow::kAbsent;
  bool is_locked = false;  ///< an open local transaction holds it
  std::uint8_t applied = 0;
  std::uint8_t undone = 0;

  [[nodiscard]] protocol::BarrierRow seen() const { return is_locked ? protocol::BarrierRow::kLocked : row; }
};

/// The databases of all participants: the only truth about effects. The services write it, the oracle reads it.
class Ledger {
 public:
  static constexpr std::size_t kAccounts = 8;

  struct Rows {
    LedgerRow local;  ///< the producer's own, branch "00"
    std::array<LedgerRow, kBranchesMost> branches{};
  };

  void add() { rows_.emplace_back(); }
  LedgerRow& row(TxNo tx, std::int32_t branch) {
    return branch < 0 ? rows_[tx].local : rows_[tx].branches[static_cast<std::size_t>(branch)];
  }
  [[nodiscard]] const LedgerRow& row(TxNo tx, std::int32_t branch) const {
    return branch < 0 ? rows_[tx].local : rows_[tx].branches[static_cast<std::size_t>(branch)];
  }
  void book(std::uint8_t account, std::int64_t amount) { accounts_[account] += amount; }
  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const std::int64_t account : accounts_) sum += account;
    return sum;
  }

 private:
  std::vector<Rows> rows_;
  std::array<std::int64_t, kAccounts> accounts_{};
};

}  // namespace settle::sim
