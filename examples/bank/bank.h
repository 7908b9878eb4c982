#pragma once

#include <settle/client.h>
#include <settle/participant.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fault.h"
#include "order/database.h"

namespace settle::example {

struct BankOptions {
  std::string database_path;
  std::uint16_t port = 0;                 ///< on 127.0.0.1; not 0: settle must find it again
  std::vector<std::string> coordinators;  ///< HOST:PORT of the daemons
  std::string account;                    ///< opened at the first start
  std::int64_t coins = 0;                 ///< put on it then
  std::int64_t limit = 500;               ///< the most that one payment may take
};

/// A bank: accounts in a SQLite database of its own, behind the SDK's barrier and on the SDK's server.
///
///   /try       a try that enlists itself (TccScope)
///   /account   every other op of every pattern
///   /limit     prepare: reads, and votes so
///   /voucher   deliver: what the customer gets instead of points
class Bank {
 public:
  explicit Bank(BankOptions options);
  Bank(const Bank&) = delete;
  Bank& operator=(const Bank&) = delete;

  /// Opens the database, makes its tables, serves. Errors: with the reason.
  Result<void> start();
  /// Empty before it serves.
  [[nodiscard]] std::string url(std::string_view path) const { return server_ ? server_->url(path) : std::string(); }

 private:
  BranchAnswer account(const BranchCall& call);
  BranchAnswer limit(const BranchCall& call) const;
  BranchAnswer voucher(const BranchCall& call);
  Result<BankFault> fault();
  /// A try that lies in a queue, as far as the world can tell.
  void stall();

  BankOptions options_;
  Client coordinator_;
  std::mutex lock_;                     // the server has threads, a connection serves one of them at a time
  std::unique_ptr<Database> database_;  // guarded by lock_
  std::optional<ParticipantServer> server_;
};

}  // namespace settle::example
