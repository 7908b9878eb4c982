#pragma once

#include "servers/private_server.h"

namespace settle::servers {

/// PostgreSQL 15 with one database `postgres`, superuser `postgres` without password. Every commit is synced. Prepared
/// transactions are allowed.
class Postgres : public PrivateServer {
 public:
  /// Makes the data and starts. `settings`: lines of postgresql.conf, which win over ours.
  explicit Postgres(const std::string& settings = {});
  ~Postgres() override;

  /// For PQconnectdb.
  [[nodiscard]] std::string conninfo() const { return conninfo(port()); }
  /// The same through somebody who listens on `port` in between.
  [[nodiscard]] static std::string conninfo(std::uint16_t port);

 private:
  [[nodiscard]] std::vector<std::string> command() const override;
  [[nodiscard]] bool answers() const override;
  [[nodiscard]] int orderly_signal() const override;
};

}  // namespace settle::servers
