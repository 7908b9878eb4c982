#pragma once

#include <cstdint>
#include <string>

#include "order/process.h"
#include "settle/result.h"

namespace settle::example {

/// A PostgreSQL of our own: the packaged server on fresh data in a folder below the temporary ones, on one port of
/// 127.0.0.1. Run by root it becomes the packaged user. Stopped, and its folder removed, when this object ends.
class PrivatePostgres {
 public:
  PrivatePostgres() = default;
  ~PrivatePostgres();
  PrivatePostgres(const PrivatePostgres&) = delete;
  PrivatePostgres& operator=(const PrivatePostgres&) = delete;

  /// Makes the data and starts; answers when it returns. Errors: kUnavailable with the reason, also that the package is
  /// missing.
  Result<void> start(std::uint16_t port, const std::string& log);
  /// For `settled --store=`.
  [[nodiscard]] std::string url() const;
  /// What `psql` prints for one statement: cells with `|` between them. Errors: kUnavailable: it printed an error.
  [[nodiscard]] Result<std::string> ask(const std::string& statement) const;
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

 private:
  Result<void> make_folder();
  /// `words` as the server's user.
  [[nodiscard]] std::vector<std::string> as_user(std::vector<std::string> words) const;

  bool is_root_ = false;
  std::uint16_t port_ = 0;
  std::string folder_;
  Process process_;
};

}  // namespace settle::example
