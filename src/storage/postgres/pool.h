#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "drivers/postgres/connection.h"
#include "settle/result.h"

namespace settle {

/// Connections for reads and small writes: as many as are used at the same time, a few of them kept. Any thread.
class Pool {
 public:
  explicit Pool(postgres::ConnectOptions options) : options_(std::move(options)) {}

  /// A connection of the caller alone, given back at the end of its life if it is good for another use.
  class Use {
   public:
    Use(Pool& pool, std::unique_ptr<postgres::Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Use(Use&&) = default;
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (connection_) pool_->give_back(std::move(connection_));
    }
    postgres::Connection* operator->() { return connection_.get(); }
    postgres::Connection& operator*() { return *connection_; }

   private:
    Pool* pool_;
    std::unique_ptr<postgres::Connection> connection_;
  };

  /// One that is idle and still connected, otherwise a new one. Errors: those of a new connection.
  Result<Use> take();

  /// A new one. Errors: those of Connection::open.
  Result<Use> take_new();

 private:
  static constexpr std::size_t kIdleMax = 4;

  void give_back(std::unique_ptr<postgres::Connection> connection);

  const postgres::ConnectOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<postgres::Connection>> idle_;  // guarded by mutex_
};

/// A connection whose session knows how we work, whatever the server's defaults are.
Result<std::unique_ptr<postgres::Connection>> open_session(const postgres::ConnectOptions& options);

}  // namespace settle
