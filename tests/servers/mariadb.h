#pragma once

#include "servers/private_server.h"

namespace settle::servers {

/// MariaDB 10.11 with one database `settle`, user `root` without password, utf8mb4. Every commit is synced, in InnoDB
/// and in the binary log.
class MariaDb : public PrivateServer {
 public:
  static constexpr const char* kHost = "127.0.0.1";
  static constexpr const char* kUser = "root";
  static constexpr const char* kDatabase = "settle";

  /// Makes the data and starts. `settings`: lines of the section [mariadbd], which win over ours.
  explicit MariaDb(const std::string& settings = {});
  ~MariaDb() override;

 private:
  [[nodiscard]] std::vector<std::string> command() const override;
  [[nodiscard]] bool answers() const override;
  [[nodiscard]] int orderly_signal() const override;
};

}  // namespace settle::servers
