#include "town.h"

#include <thread>

#include "order/ports.h"

namespace settle::example {
namespace {

constexpr std::int64_t kBobsCoins = 1000;
constexpr std::int64_t kSmithsCoins = 500;

}  // namespace

Town::Town(std::string programs, std::string folder) : programs_(std::move(programs)), folder_(std::move(folder)) {}

Result<std::uint16_t> Town::fresh_port() { return free_port(taken_); }

Result<void> Town::start_all() {
  // The daemon is named first, because the banks are told where it is, and started last: its calls are to meet
  // somebody.
  const std::string name = "settled";
  for (std::uint16_t* port : {&members_[name].port, &members_[name].admin_port}) {
    const Result<std::uint16_t> fresh = fresh_port();
    if (!fresh) return fresh.error();
    *port = *fresh;
  }
  Member& daemon = member(name);
  daemon.command = {programs_ + "/settled", "--api.http=" + address_of(daemon.port),
                    "--admin.http=" + address_of(daemon.admin_port), "--store=embedded:" + folder_ + "/store"};
  for (const auto& [bank, account, coins] :
       {std::tuple("north", "bob", kBobsCoins), std::tuple("south", "smith", kSmithsCoins),
        std::tuple("points", "bob", std::int64_t{0})}) {
    if (Result<void> added = add_bank(bank, account, coins); !added) return added;
  }
  if (Result<void> started = start(name); !started) return started;
  settle_ = std::make_unique<settle::Client>(address(name));
  return {};
}

Result<void> Town::add_bank(const std::string& name, const std::string& account, std::int64_t coins) {
  const Result<std::uint16_t> port = fresh_port();
  if (!port) return port.error();
  Member& bank = members_[name];
  bank.port = *port;
  bank.command = {programs_ + "/settle-demo-bank",
                  "--db=" + folder_ + "/" + name + ".db",
                  "--port=" + std::to_string(*port),
                  "--settle=" + address("settled"),
                  "--account=" + account,
                  "--coins=" + std::to_string(coins)};
  return start(name);
}

Result<void> Town::add_daemon(const std::string& name, const std::vector<std::string>& settings) {
  const Result<std::uint16_t> port = fresh_port();
  const Result<std::uint16_t> admin_port = fresh_port();
  if (!port) return port.error();
  if (!admin_port) return admin_port.error();
  Member& daemon = members_[name];
  daemon.port = *port;
  daemon.admin_port = *admin_port;
  daemon.command = {programs_ + "/settled", "--api.http=" + address_of(*port),
                    "--admin.http=" + address_of(*admin_port)};
  daemon.command.insert(daemon.command.end(), settings.begin(), settings.end());
  return start(name);
}

Result<void> Town::start(const std::string& name) {
  Member& one = member(name);
  const bool is_daemon = one.admin_port != 0;
  const std::string ready = is_daemon ? admin_url(name) + "/readyz" : url(name, "/account");
  Result<Process> process = Process::start_ready(one.command, log_of(name), [&] {
    const Result<Reply> reply = http_.get(ready);
    return reply && (is_daemon ? reply->status == 200 : reply->status == 405);  // a bank is only ever asked by POST
  });
  if (!process) return process.error();
  one.process = std::move(*process);
  return {};
}

std::vector<std::string> Town::fallen() {
  std::vector<std::string> names;
  for (auto& [name, each] : members_) {
    if (!each.process.is_running()) names.push_back(name);
  }
  return names;
}

std::string Town::url(const std::string& name, std::string_view path) const {
  return url_of(member(name).port) + std::string(path);
}
std::string Town::admin_url(const std::string& daemon) const { return url_of(member(daemon).admin_port); }
std::string Town::address(const std::string& name) const { return address_of(member(name).port); }

Result<std::string> Town::settlectl(const std::string& daemon, std::vector<std::string> arguments) const {
  std::vector<std::string> command{programs_ + "/settlectl", "--api=" + address(daemon),
                                   "--admin=" + address_of(member(daemon).admin_port)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return output_of(command);
}

Result<void> Town::inject(const std::string& bank, BankFault fault) const {
  Result<Database> database = Database::open(folder_ + "/" + bank + ".db", std::chrono::seconds(5));
  if (!database) return database.error();
  return write_fault(*database, fault);
}

bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace settle::example
