#include "stage.h"

#include <set>
#include <thread>

#include "net/socket.h"
#include "ports.h"

namespace settle::example {
namespace {

/// Whoever dies is noticed at once; this is for whoever hangs. On a busy machine opening a store alone can take 10 s.
constexpr std::chrono::seconds kPatience{60};
constexpr std::uint16_t kUsualApiPort = 36789;
constexpr std::uint16_t kUsualAdminPort = 36780;

}  // namespace

Stage::Stage(StageOptions options) : options_(std::move(options)) {
  // Participants before the coordinator, or its first call would meet nobody. (It would ask again.)
  for (const char* name : {"order", "stock", "points", "settled"}) members_.try_emplace(name);
}

Result<void> Stage::choose_ports() {
  std::set<std::uint16_t> taken;
  for (auto& [name, each] : members_) {
    const Result<std::uint16_t> port = free_port(taken);
    if (!port) return port.error();
    each.port = *port;
  }
  const Result<std::uint16_t> port = free_port(taken);
  if (!port) return port.error();
  admin_port_ = *port;
  if (options_.wants_usual_ports && net::check_port_free(kHost, kUsualApiPort) &&
      net::check_port_free(kHost, kUsualAdminPort)) {
    member("settled").port = kUsualApiPort;
    admin_port_ = kUsualAdminPort;
  }
  return {};
}

std::vector<std::string> Stage::command_of(std::string_view name) const {
  const std::uint16_t port = members_.find(name)->second.port;
  if (name == "settled") {
    return {options_.programs + "/settled", "--api.http=" + address_of(port), "--admin.http=" + address_of(admin_port_),
            "--store=embedded:" + options_.folder + "/store"};
  }
  std::vector<std::string> command{options_.programs + "/settle-demo-service", "--role=" + std::string(name),
                                   "--db=" + options_.folder + "/" + std::string(name) + ".db",
                                   "--port=" + std::to_string(port)};
  if (name == "order") {
    command.push_back("--settle=" + url("settled"));
    command.push_back("--stock=" + url("stock") + "/take");
    command.push_back("--points=" + url("points") + "/grant");
    command.push_back("--check-after-ms=" + std::to_string(kCheckAfterMs));
  }
  return command;
}

Result<void> Stage::start_all() {
  if (Result<void> chosen = choose_ports(); !chosen) return chosen;
  for (const char* name : {"order", "stock", "points", "settled"}) {
    if (Result<void> started = start(name); !started) return started;
  }
  return {};
}

Result<void> Stage::start(std::string_view name) {
  const std::string ready = name == "settled" ? admin_url() + "/readyz" : url(name) + "/faults";
  Result<Process> process = Process::start_ready(command_of(name), log_of(name), [&] {
    const Result<Reply> reply = client_.get(ready);
    return reply && reply->status == 200;
  });
  if (!process) return process.error();
  member(name).process = std::move(*process);
  return {};
}

void Stage::kill(std::string_view name) { member(name).process.kill(); }

Result<void> Stage::await_death(std::string_view name) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (member(name).process.is_running()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{ErrorCode::kUnavailable, std::string(name) + " was to die and lives; see " + log_of(name)};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {};
}

std::vector<std::string> Stage::fallen() {
  std::vector<std::string> names;
  for (auto& [name, each] : members_) {
    if (!each.process.is_running()) names.push_back(name);
  }
  return names;
}

std::string Stage::url(std::string_view name) const { return url_of(members_.find(name)->second.port); }
std::string Stage::admin_url() const { return url_of(admin_port_); }
std::string Stage::log_of(std::string_view name) const { return options_.folder + "/" + std::string(name) + ".log"; }

Result<std::string> Stage::settlectl(std::vector<std::string> arguments) const {
  std::vector<std::string> command{options_.programs + "/settlectl",
                                   "--api=" + address_of(members_.find("settled")->second.port),
                                   "--admin=" + address_of(admin_port_)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return output_of(command);
}

}  // namespace settle::example
