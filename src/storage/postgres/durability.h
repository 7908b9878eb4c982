#pragma once

#include <string>

#include "drivers/postgres/connection.h"
#include "settle/result.h"
#include "storage/store.h"

namespace settle {

/// The settings of a server that decide what an acknowledged save survives.
struct Durability {
  std::string fsync;
  std::string full_page_writes;
  std::string synchronous_commit;
  std::string synchronous_standby_names;
  std::string data_checksums;

  /// kHostLoss only if everything is written through: no server's word is better than its weakest setting.
  [[nodiscard]] StorePromise promise() const;
  /// For people: every setting, and what a fail-over may lose.
  [[nodiscard]] std::string text() const;

  bool operator==(const Durability&) const = default;
};

/// As this connection's session has them now.
Result<Durability> read_durability(postgres::Connection& connection);

}  // namespace settle
