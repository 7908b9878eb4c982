#pragma once

#include <settle/barrier.h>

#include <chrono>
#include <memory>
#include <string>

#include "settle/result.h"

namespace settle::cli {

/// A participant's database, for looking after its barrier. Owns its connection.
class BarrierDatabase {
 public:
  BarrierDatabase() = default;
  BarrierDatabase(const BarrierDatabase&) = delete;
  BarrierDatabase& operator=(const BarrierDatabase&) = delete;
  virtual ~BarrierDatabase() = default;

  virtual Result<void> install(std::chrono::microseconds horizon) = 0;
  virtual Result<barrier::Pruned> prune(std::chrono::microseconds older_than) = 0;
};

/// `url`: sqlite:PATH, postgres://USER@HOST:PORT/DATABASE or mariadb://USER@HOST:PORT/DATABASE. Passwords come from
/// where the client libraries look for them: PGPASSWORD, .pgpass; .my.cnf.
/// Errors: kInvalid: the URL, and a password in it; kUnavailable: no connection.
Result<std::unique_ptr<BarrierDatabase>> open_barrier_database(const std::string& url);

}  // namespace settle::cli
