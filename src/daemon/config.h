#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "settle/result.h"

namespace settle::daemon {

/// Where a listener stands; an empty host means that it is off.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;  ///< 0: the kernel chooses

  [[nodiscard]] bool on() const { return !host.empty(); }
  [[nodiscard]] std::string text() const;
  bool operator==(const Endpoint&) const = default;
};

enum class StoreKind : std::uint8_t { kMemory, kEmbedded, kPostgres };

struct StoreChoice {
  StoreKind kind = StoreKind::kEmbedded;
  std::string directory;  ///< kEmbedded
  std::string url;        ///< kPostgres; may hold a password: not for the log

  /// Several daemons may use it at the same time.
  [[nodiscard]] bool is_shared() const { return kind == StoreKind::kPostgres; }
};

/// Everything that a person can set, in the units of the code. The keys, their defaults and ranges: config_keys.cpp.
struct Config {
  Endpoint api_http;
  Endpoint api_dtm;  ///< may be the same as api_http: then they share a listener
  Endpoint api_grpc;
  Endpoint api_seata;
  Endpoint api_channel;
  Endpoint admin_http;
  StoreChoice store;
  std::uint16_t workers = 1;
  std::uint16_t shards = 256;
  std::uint16_t cluster = 1;
  std::string node;  ///< empty: the host's name; see node_name()
  bool test_hooks = false;
  Endpoint hooks;  ///< where they listen, if they are on
  Duration dtm_request_timeout{};
  Duration dtm_retry_interval{};
  Duration dtm_timeout_to_fail{};
  std::string dtm_alert_web_hook;  ///< empty: none
  std::uint32_t dtm_alert_retry_limit = 0;
  Duration drain{};
  Duration lease{};
  Duration retention{};
  Duration replay_horizon{};
  LogLevel log_level = LogLevel::kInfo;

  std::size_t open_max = 0;     ///< of the whole daemon
  std::size_t unsaved_max = 0;  ///< of the whole daemon
  std::size_t held_while_loading_max = 0;
  std::size_t connections_max = 0;
  std::size_t body_bytes_max = 0;
  std::size_t reads_waiting_max = 0;
  unsigned store_reserve = 0;             ///< percent of the store's disk
  std::size_t calls_per_destination = 0;  ///< of the whole daemon
  std::uint32_t breaker_failures = 0;     ///< 0: breakers never open
  Duration breaker_pause{};
  Duration breaker_pause_max{};

  std::string alert_url;  ///< empty: no alerts
  std::string alert_secret_file;
  std::string alert_secret;  ///< what stands there; not a key, and not for the log
  Duration alert_oldest{};   ///< 0: age is worth no alert
  std::string audit_file;    ///< empty: see audit_path()
  std::string failpoint;     ///< empty: none
  std::string ports_file;    ///< empty: none
  std::string ready_file;    ///< empty: none
};

/// One key with its value as it was written, and where: "settled.toml:3" or "--api.http".
struct Setting {
  std::string key;
  std::string value;
  std::string where;
};

/// One key that can be set.
struct Key {
  std::string_view name;
  std::string_view form;      ///< what a value looks like, for the help
  std::string_view fallback;  ///< the value if nobody sets it, written as a user would
  std::string_view text;      ///< what it does, for the help
  bool served = true;         ///< false: accepted, but this version has no such part yet
  Result<void> (*set)(Config& config, std::string_view value) = nullptr;
};
std::span<const Key> config_keys();

/// Applies the defaults and then `settings` in their order, so the last one wins, and checks the whole.
///
/// Errors: kInvalid; the message says where, what, and what instead.
Result<Config> make_config(std::span<const Setting> settings);

/// DTM's interface is on, and stands on the listener of /v1.
bool shares_listener(const Config& config);

/// This daemon's name in its store.
std::string node_name(const Config& config);

/// Where this daemon's audit is kept; empty: in memory, like the store's transactions.
std::string audit_path(const Config& config);

/// Keys of parts that are on in `config` and that this version does not have.
std::vector<std::string_view> keys_not_served(const Config& config);

/// Reads a TOML file. Errors: kInvalid (syntax, a value that is no plain one), kNotFound (cannot be read).
Result<std::vector<Setting>> read_config_file(const std::string& path);

/// What was typed.
struct CommandLine {
  bool help = false;
  bool version = false;
  bool list_failpoints = false;
  std::string config_file;
  std::vector<Setting> settings;
};

/// `arguments` without the program's name. Errors: kInvalid.
Result<CommandLine> parse_command_line(std::span<const std::string_view> arguments);

/// The text of --help.
std::string help_text();

}  // namespace settle::daemon
