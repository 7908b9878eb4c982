#pragma once

#include <settle/client.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "books.h"
#include "fault.h"
#include "order/client.h"
#include "order/process.h"

namespace settle::example {

/// The processes of the show: the banks north and south, a ledger of points, and settled. They can be killed and
/// started again by name. One thread.
class Town {
 public:
  /// `programs`: folder of settled, settlectl and settle-demo-bank. `folder`: for databases and logs; it exists.
  Town(std::string programs, std::string folder);

  /// Chooses ports and starts all of them. Errors of everything here: kUnavailable, with the log to look into.
  Result<void> start_all();
  /// One more daemon, on another store.
  Result<void> add_daemon(const std::string& name, const std::vector<std::string>& settings);
  Result<void> start(const std::string& name);
  /// SIGKILL.
  void kill(const std::string& name) { member(name).process.kill(); }
  /// SIGTERM, and forgets it; nothing if it was never there.
  void remove(const std::string& name) { members_.erase(name); }
  /// Names of those that have ended by themselves.
  std::vector<std::string> fallen();

  [[nodiscard]] pid_t pid(const std::string& name) const { return member(name).process.pid(); }
  /// Of a bank: its URL. Of a daemon: its API's.
  [[nodiscard]] std::string url(const std::string& name, std::string_view path = {}) const;
  [[nodiscard]] std::string admin_url(const std::string& daemon) const;
  [[nodiscard]] std::string address(const std::string& name) const;  ///< HOST:PORT
  [[nodiscard]] std::string log_of(const std::string& name) const { return folder_ + "/" + name + ".log"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const std::string& programs() const { return programs_; }
  [[nodiscard]] Result<std::uint16_t> fresh_port();

  /// The SDK's client of the one daemon.
  [[nodiscard]] settle::Client& settle() { return *settle_; }
  /// For everything else.
  [[nodiscard]] example::Client& http() { return http_; }
  /// What `settlectl ARGUMENTS…` prints.
  [[nodiscard]] Result<std::string> settlectl(const std::string& daemon, std::vector<std::string> arguments) const;

  [[nodiscard]] Result<Books> books() const { return read_books(folder_); }
  /// Makes something go wrong in a bank, or ends it.
  [[nodiscard]] Result<void> inject(const std::string& bank, BankFault fault) const;

 private:
  struct Member {
    std::vector<std::string> command;
    std::uint16_t port = 0;
    std::uint16_t admin_port = 0;  // 0: a bank
    Process process;
  };

  Member& member(const std::string& name) { return members_.find(name)->second; }
  [[nodiscard]] const Member& member(const std::string& name) const { return members_.find(name)->second; }
  Result<void> add_bank(const std::string& name, const std::string& account, std::int64_t coins);

  std::string programs_;
  std::string folder_;
  std::set<std::uint16_t> taken_;
  std::map<std::string, Member> members_;
  std::unique_ptr<settle::Client> settle_;
  example::Client http_;
};

/// Something that goes wrong in a bank from begin() on; over at the latest when this object is.
class Trouble {
 public:
  Trouble(const Town& town, std::string bank, BankFault fault) : town_(town), bank_(std::move(bank)), fault_(fault) {}
  ~Trouble() { (void)end(); }
  Trouble(const Trouble&) = delete;
  Trouble& operator=(const Trouble&) = delete;

  [[nodiscard]] Result<void> begin() const { return town_.inject(bank_, fault_); }
  [[nodiscard]] Result<void> end() const { return town_.inject(bank_, BankFault::kNone); }

 private:
  const Town& town_;
  std::string bank_;
  BankFault fault_;
};

/// Asks again and again until `holds`, for at most half a minute.
bool eventually(const std::function<bool()>& holds);

}  // namespace settle::example
