#include <algorithm>
#include <array>
#include <thread>

#include "daemon/config.h"
#include "daemon/config_values.h"

namespace settle::daemon {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
constexpr Duration kDay = hours{24};
constexpr Duration kYears = 400 * kDay;
constexpr std::int64_t kWorkersMax = 255;  // a token has 8 bits for its thread
constexpr std::int64_t kMiB = std::int64_t{1} << 20U;
constexpr std::int64_t kDaySeconds = 24 * 60 * 60;

template <auto Member>
Result<void> take(Config& config, auto&& value) {
  if (!value) return value.error();
  using Field = std::remove_cvref_t<decltype(config.*Member)>;
  config.*Member = static_cast<Field>(std::move(*value));
  return {};
}

template <auto Member>
Result<void> set_text(Config& config, std::string_view value) {
  config.*Member = value;
  return {};
}
template <auto Member, std::int64_t Low, std::int64_t High>
Result<void> set_number(Config& config, std::string_view value) {
  return take<Member>(config, parse_number(value, Low, High));
}
template <auto Member, std::int64_t Low, std::int64_t High>
Result<void> set_bytes(Config& config, std::string_view value) {
  return take<Member>(config, parse_bytes(value, Low, High));
}
template <auto Member, std::int64_t LowUs, std::int64_t HighUs>
Result<void> set_duration(Config& config, std::string_view value) {
  return take<Member>(config, parse_duration(value, Duration{LowUs}, Duration{HighUs}));
}
/// As DTM counts.
template <auto Member>
Result<void> set_seconds(Config& config, std::string_view value) {
  const auto number = parse_number(value, 1, kDaySeconds);
  if (!number) return number.error();
  config.*Member = seconds{*number};
  return {};
}
template <auto Member>
Result<void> set_switch(Config& config, std::string_view value) {
  return take<Member>(config, parse_switch(value));
}
template <auto Member, bool MayBeOff>
Result<void> set_endpoint(Config& config, std::string_view value) {
  return take<Member>(config, parse_endpoint(value, MayBeOff));
}

Result<void> set_store(Config& config, std::string_view value) {
  return take<&Config::store>(config, parse_store(value));
}
Result<void> set_log_level(Config& config, std::string_view value) {
  return take<&Config::log_level>(config, parse_log_level(value));
}
Result<void> set_workers(Config& config, std::string_view value) {
  if (value == "cores") {
    config.workers =
        static_cast<std::uint16_t>(std::clamp<std::int64_t>(std::thread::hardware_concurrency(), 1, kWorkersMax));
    return {};
  }
  return take<&Config::workers>(config, parse_number(value, 1, kWorkersMax));
}

constexpr std::int64_t us(Duration duration) { return duration.count(); }

constexpr std::array kKeys{
    Key{"api.http", "ADDRESS:PORT", "127.0.0.1:36789", "native interface /v1", true,
        set_endpoint<&Config::api_http, false>},
    Key{"api.dtm", "ADDRESS:PORT|off", "off",
        "DTM's HTTP interface, for its clients; may be the same as api.http (DTM's own port is 36789)", true,
        set_endpoint<&Config::api_dtm, true>},
    Key{"api.grpc", "ADDRESS:PORT|off", "127.0.0.1:36790", "native and DTM gRPC", false,
        set_endpoint<&Config::api_grpc, true>},
    Key{"api.seata", "ADDRESS:PORT|off", "off", "Seata clients (usually 127.0.0.1:8091)", false,
        set_endpoint<&Config::api_seata, true>},
    Key{"api.channel", "ADDRESS:PORT|off", "127.0.0.1:36788", "native channel of participants", false,
        set_endpoint<&Config::api_channel, true>},
    Key{"admin.http", "ADDRESS:PORT", "127.0.0.1:36780", "health, metrics, operators' verbs", true,
        set_endpoint<&Config::admin_http, false>},
    Key{"store", "KIND:PLACE", "embedded:./settle-data",
        "where transactions are kept: embedded:DIR, postgres://USER@HOST:PORT/DATABASE or memory:", true, set_store},
    Key{"workers", "N|cores", "cores", "threads that run transactions", true, set_workers},
    Key{"shards", "N", "256", "slices of the gid space; fixed for the life of a store", true,
        set_number<&Config::shards, 1, 4096>},
    Key{"cluster", "N", "1", "number of this installation in every tid", true, set_number<&Config::cluster, 1, 65'535>},
    Key{"node", "NAME", "", "this daemon's name among those of a shared store (empty: the host's name)", true,
        set_text<&Config::node>},
    Key{"test-hooks", "on|off", "off",
        "hooks with which tests of DTM's clients step time; only then, no clock begins a pass, and one worker runs",
        true, set_switch<&Config::test_hooks>},
    Key{"dtm.request-timeout", "SECONDS", "3", "time limit of a call, if a DTM client gives none", true,
        set_seconds<&Config::dtm_request_timeout>},
    Key{"dtm.retry-interval", "SECONDS", "10", "between the passes of a DTM transaction, if its client says nothing",
        true, set_seconds<&Config::dtm_retry_interval>},
    Key{"dtm.timeout-to-fail", "SECONDS", "35",
        "age at which a prepared DTM transaction is rolled back or asked about, if its client says nothing", true,
        set_seconds<&Config::dtm_timeout_to_fail>},
    Key{"dtm.alert-web-hook", "URL", "",
        "who is told, as DTM does, of a transaction that keeps failing (empty: nobody)", false,
        set_text<&Config::dtm_alert_web_hook>},
    Key{"dtm.alert-retry-limit", "N", "3", "failing passes in a row after which it is told", false,
        set_number<&Config::dtm_alert_retry_limit, 1, 1'000'000>},
    Key{"drain", "TIME", "10s", "SIGTERM: how long calls and answers may take to end", true,
        set_duration<&Config::drain, 0, us(hours{1})>},
    Key{"lease", "TIME", "15s", "how long a shard of a shared store is owned without renewal", true,
        set_duration<&Config::lease, us(seconds{1}), us(hours{1})>},
    Key{"retention", "TIME", "7d", "how long an ended transaction can be read; not below replay-horizon", true,
        set_duration<&Config::retention, us(seconds{1}), us(kYears)>},
    Key{"replay-horizon", "TIME", "1d", "how long a repeated request must still meet its first", true,
        set_duration<&Config::replay_horizon, us(seconds{1}), us(kYears)>},
    Key{"limits.open", "N", "1000000", "open transactions; more are refused with 503", true,
        set_number<&Config::open_max, 1, 100'000'000>},
    Key{"limits.unsaved", "N", "40000", "saves that wait for the disk; beyond, begins are refused with 503", true,
        set_number<&Config::unsaved_max, 1, 10'000'000>},
    Key{"limits.held-while-loading", "N", "20000", "requests that wait until their shard is loaded", true,
        set_number<&Config::held_while_loading_max, 1, 10'000'000>},
    Key{"limits.store-reserve", "PERCENT", "7",
        "free part of the store's disk below which new transactions are refused with 507; 0: never", true,
        set_number<&Config::store_reserve, 0, 99>},
    Key{"limits.connections", "N", "10000", "connections of clients", true,
        set_number<&Config::connections_max, 1, 1'000'000>},
    Key{"limits.body", "BYTES", "1MiB", "body of a request", true, set_bytes<&Config::body_bytes_max, 1024, kMiB>},
    Key{"limits.reads-waiting", "N", "1000", "reads of the store that wait", true,
        set_number<&Config::reads_waiting_max, 1, 1'000'000>},
    Key{"participants.per-destination", "N", "512", "calls to one host and port at the same time", true,
        set_number<&Config::calls_per_destination, 1, 100'000>},
    Key{"participants.breaker-failures", "N", "20",
        "failures in a row after which a destination is only probed; counted by each worker (0: never)", true,
        set_number<&Config::breaker_failures, 0, 1'000'000>},
    Key{"participants.breaker-pause", "TIME", "500ms", "before the first probe; doubled after each that fails", true,
        set_duration<&Config::breaker_pause, 1000, us(hours{1})>},
    Key{"participants.breaker-pause-max", "TIME", "30s", "between probes at most", true,
        set_duration<&Config::breaker_pause_max, 1000, us(hours{24})>},
    Key{"alert.url", "URL", "", "web hook that is told what somebody should look at (empty: none)", true,
        set_text<&Config::alert_url>},
    Key{"alert.secret-file", "PATH", "", "file with the secret that alerts are signed with; only for its owner", true,
        set_text<&Config::alert_secret_file>},
    Key{"alert.oldest", "TIME", "1h", "an open transaction older than this is worth an alert (0s: none is)", true,
        set_duration<&Config::alert_oldest, 0, us(kYears)>},
    Key{"audit.file", "PATH", "",
        "where operators' verbs are kept (empty: audit.log in the store's directory, else settled-audit-NODE.log)",
        true, set_text<&Config::audit_file>},
    Key{"log.level", "LEVEL", "info", "debug, info, warn or error", true, set_log_level},
    Key{"ports-file", "PATH", "", "write `api=PORT admin=PORT` there once the listeners are open", true,
        set_text<&Config::ports_file>},
    Key{"ready-file", "PATH", "", "write `ready` there once every shard is loaded", true,
        set_text<&Config::ready_file>},
    Key{"test.hooks", "ADDRESS:PORT", "127.0.0.1:36792", "where test-hooks listen", true,
        set_endpoint<&Config::hooks, false>},
    Key{"test.failpoint", "NAME[:N]", "", "kill the process at the N-th passage, see --list-failpoints", true,
        set_text<&Config::failpoint>},
};

}  // namespace

std::span<const Key> config_keys() { return kKeys; }

}  // namespace settle::daemon
