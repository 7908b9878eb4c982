// settled: reads its configuration, opens its store, runs the threads of a Daemon until SIGTERM or SIGINT.

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/failpoint.h"
#include "base/log.h"
#include "daemon/alerts.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/exit_codes.h"
#include "daemon/open_store.h"

namespace settle::daemon {
namespace {

int complain(int code, std::string_view what) {
  (void)std::fprintf(stderr, "settled: %.*s\n", static_cast<int>(what.size()), what.data());
  return code;
}

Result<Config> configure(const CommandLine& line) {
  std::vector<Setting> settings;
  if (!line.config_file.empty()) {
    auto read = read_config_file(line.config_file);
    if (!read) return read.error();
    settings = std::move(*read);
  }
  settings.insert(settings.end(), line.settings.begin(), line.settings.end());
  auto config = make_config(settings);
  if (!config || config->alert_url.empty()) return config;
  auto secret = read_secret(config->alert_secret_file);
  if (!secret) return secret.error();
  config->alert_secret = std::move(*secret);
  return config;
}

// Every client and every participant takes a descriptor.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

// Blocked in every thread, taken by the one that waits for them. A peer that is gone must not kill the process.
sigset_t take_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  (void)std::signal(SIGPIPE, SIG_IGN);
  return ends;
}

void write_file(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  // Whoever waits for the file finds all of it or nothing.
  const std::string half = path + ".new";
  const bool written = static_cast<bool>(std::ofstream(half) << text);
  if (!written || std::rename(half.c_str(), path.c_str()) != 0) {
    log(LogLevel::kWarn, "a file cannot be written", {{"path", path}});
  }
}

void name_missing_parts(const Config& config) {
  for (const std::string_view key : keys_not_served(config)) {
    log(LogLevel::kInfo, std::string(key) + " is accepted but not served by this version");
  }
}

int serve(const Config& config, const sigset_t& ends) {
  auto store = open_store(config);
  if (!store) {
    log(LogLevel::kError, "the store cannot be opened", {{"why", store.error().message}});
    return kExitStoreClosed;
  }
  log(LogLevel::kInfo, "store is open",
      {{"store", (*store)->description()}, {"promise", promise_text((*store)->promise())}});

  Daemon daemon(config, **store);
  const auto listeners = daemon.start();
  if (!listeners) {
    log(LogLevel::kError, "cannot listen", {{"why", listeners.error().message}});
    return kExitCannotListen;
  }
  Endpoint api = config.api_http;
  Endpoint admin = config.admin_http;
  api.port = listeners->api;
  admin.port = listeners->admin;
  log(LogLevel::kInfo, "listening",
      {{"api", api.text()}, {"admin", admin.text()}, {"workers", std::to_string(config.workers)}});
  std::string ports = "api=" + std::to_string(api.port) + " admin=" + std::to_string(admin.port);
  if (listeners->dtm != 0) ports += " dtm=" + std::to_string(listeners->dtm);
  if (listeners->hooks != 0) ports += " hooks=" + std::to_string(listeners->hooks);
  if (config.test_hooks)
    log(LogLevel::kWarn, "test hooks are on; no clock begins a pass", {{"hooks", config.hooks.text()}});
  write_file(config.ports_file, ports + "\n");

  std::thread ready([&] {
    daemon.wait_until_ready();
    if (!daemon.is_ready()) return;
    log(LogLevel::kInfo, "ready");
    write_file(config.ready_file, "ready\n");
  });

  int signal = 0;
  while (::sigwait(&ends, &signal) != 0) {
  }
  log(LogLevel::kInfo, "draining", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  daemon.shut_down();
  ready.join();
  store->reset();
  log(LogLevel::kInfo, "ended");
  return 0;
}

int run(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const auto line = parse_command_line(arguments);
  if (!line) return complain(kExitUsage, line.error().message);
  if (line->help) {
    (void)std::fputs(help_text().c_str(), stdout);
    return 0;
  }
  if (line->version) {
    (void)std::puts("settled " SETTLE_VERSION);
    return 0;
  }
  if (line->list_failpoints) {
    for (const Failpoint& point : kFailpoints) {
      (void)std::printf("%-20.*s %.*s\n", static_cast<int>(point.name.size()), point.name.data(),
                        static_cast<int>(point.text.size()), point.text.data());
    }
    return 0;
  }
  const auto config = configure(*line);
  if (!config) return complain(kExitUsage, config.error().message);
  set_log_level(config->log_level);
  if (!config->failpoint.empty()) {
    if (const auto armed = arm_failpoint(config->failpoint); !armed) {
      return complain(kExitUsage, "--test.failpoint: " + armed.error().message);
    }
    log(LogLevel::kWarn, "a failpoint is armed; this process will kill itself", {{"failpoint", config->failpoint}});
  }
  name_missing_parts(*config);
  raise_descriptor_limit();
  return serve(*config, take_signals());
}

}  // namespace
}  // namespace settle::daemon

int main(int argc, char** argv) { return settle::daemon::run(argc, argv); }
