#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client.h"
#include "process.h"
#include "settle/result.h"

namespace settle::example {

struct StageOptions {
  std::string programs;            ///< folder of settled, settlectl and settle-demo-service
  std::string folder;              ///< for the store, the databases and the logs; exists
  bool wants_usual_ports = false;  ///< settled on its default ports if they are free
};

/// The four processes of the show: settled, order, stock, points. They can be killed and started again by name.
class Stage {
 public:
  explicit Stage(StageOptions options);

  /// Chooses ports and starts all four. Errors of everything here: kUnavailable, with the log to look into.
  Result<void> start_all();
  /// Starts one on its old port and waits until it answers.
  Result<void> start(std::string_view name);
  /// SIGKILL.
  void kill(std::string_view name);
  /// Waits for the end of one that kills itself. Errors: it is still there after a minute.
  Result<void> await_death(std::string_view name);
  /// Names of those that have ended by themselves.
  std::vector<std::string> fallen();

  [[nodiscard]] pid_t pid(std::string_view name) const { return members_.find(name)->second.process.pid(); }
  [[nodiscard]] std::string url(std::string_view name) const;  ///< settled: its API
  [[nodiscard]] std::string admin_url() const;
  [[nodiscard]] std::string log_of(std::string_view name) const;
  [[nodiscard]] const StageOptions& options() const { return options_; }
  [[nodiscard]] Client& client() { return client_; }

  /// What `settlectl ARGUMENTS…` prints.
  [[nodiscard]] Result<std::string> settlectl(std::vector<std::string> arguments) const;

 private:
  struct Member {
    std::uint16_t port = 0;
    Process process;
  };

  Result<void> choose_ports();
  [[nodiscard]] std::vector<std::string> command_of(std::string_view name) const;
  Member& member(std::string_view name) { return members_.find(name)->second; }

  StageOptions options_;
  Client client_;
  std::uint16_t admin_port_ = 0;
  std::map<std::string, Member, std::less<>> members_;
};

inline constexpr std::int64_t kCheckAfterMs = 400;  ///< of the order service's messages: soon, for the show's sake

}  // namespace settle::example
