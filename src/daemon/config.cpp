#include "daemon/config.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/failpoint.h"
#include "daemon/config_values.h"
#include "net/socket.h"
#include "net/url.h"

namespace settle::daemon {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

const Key* find_key(std::string_view name) {
  for (const Key& key : config_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

// Levenshtein distance, one row at a time.
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string_view nearest_key(std::string_view name) {
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(3, name.size() / 2);
  for (const Key& key : config_keys()) {
    // "http" for "api.http" is a likelier slip than its distance says.
    const std::string_view last = key.name.substr(key.name.rfind('.') + 1);
    const std::size_t apart = std::min(distance(name, key.name), distance(name, last) + 1);
    if (apart < least) {
      least = apart;
      nearest = key.name;
    }
  }
  return nearest;
}

Result<void> apply(Config& config, const Setting& setting) {
  const Key* key = find_key(setting.key);
  if (key == nullptr) {
    const std::string_view nearest = nearest_key(setting.key);
    return invalid(setting.where + ": there is no key '" + setting.key + "'" +
                   (nearest.empty() ? "; see --help" : "; did you mean '" + std::string(nearest) + "'?"));
  }
  const auto done = key->set(config, setting.value);
  if (!done) return invalid(setting.where + ": " + setting.key + ": " + done.error().message);
  return {};
}

struct NamedEndpoint {
  std::string_view key;
  const Endpoint& endpoint;
};

std::vector<NamedEndpoint> endpoints_of(const Config& config) {
  std::vector<NamedEndpoint> out{{"api.http", config.api_http},       {"api.dtm", config.api_dtm},
                                 {"api.grpc", config.api_grpc},       {"api.seata", config.api_seata},
                                 {"api.channel", config.api_channel}, {"admin.http", config.admin_http}};
  if (config.test_hooks) out.push_back({"test.hooks", config.hooks});
  return out;
}

Result<void> check_endpoints(const Config& config) {
  const auto all = endpoints_of(config);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Endpoint& here = all[i].endpoint;
    if (!here.on()) continue;
    if (!net::is_loopback(here.host)) {
      return invalid(std::string(all[i].key) + ": " + here.text() +
                     " can be reached from other machines, and this version has neither TLS nor credentials; "
                     "listen on 127.0.0.1, [::1] or localhost");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (all[i].key == "api.dtm") continue;  // it may stand on the listener of /v1
      if (here.port != 0 && all[j].endpoint == here) {
        return invalid(std::string(all[j].key) + " and " + std::string(all[i].key) + " are both " + here.text() +
                       "; give each a port of its own");
      }
    }
  }
  return {};
}

Result<void> check_alerts(const Config& config) {
  if (config.alert_url.empty()) return {};
  const auto url = net::parse_url(config.alert_url);
  if (!url) return invalid("alert.url: " + url.error().message);
  if (url->scheme != "http" || !net::is_loopback(url->host)) {
    return invalid("alert.url: " + std::string(url->authority) +
                   " is not on this machine, and this version has no TLS; give a relay on http://127.0.0.1:PORT/…");
  }
  if (config.alert_secret_file.empty()) {
    return invalid("alert.url: alerts are signed; set alert.secret-file to a file with a secret");
  }
  return {};
}

Result<void> check_dtm(const Config& config) {
  if (config.api_dtm.on() && config.store.is_shared() && !shares_listener(config)) {
    return invalid("api.dtm: daemons that share a store hand requests to each other on api.http (" +
                   config.api_http.text() + "); give api.dtm the same address and port");
  }
  if (config.test_hooks && config.store.is_shared())
    return invalid("test-hooks: they empty the store, and this one is shared; use memory: or embedded:DIR");
  return {};
}

Result<void> check(const Config& config) {
  if (const auto fine = check_endpoints(config); !fine) return fine.error();
  if (const auto fine = check_dtm(config); !fine) return fine.error();
  if (const auto fine = check_alerts(config); !fine) return fine.error();
  if (config.workers > config.shards) {
    return invalid("workers: " + std::to_string(config.workers) + " threads for " + std::to_string(config.shards) +
                   " shards would leave some without work; set workers to at most shards");
  }
  if (config.retention < config.replay_horizon) {
    return invalid("retention: " + duration_text(config.retention) + " is less than replay-horizon, " +
                   duration_text(config.replay_horizon) +
                   ", so a late repetition would run a forgotten transaction again; raise retention or lower "
                   "replay-horizon");
  }
  return {};
}

}  // namespace

std::string Endpoint::text() const {
  if (!on()) return "off";
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Config> make_config(std::span<const Setting> settings) {
  Config config;
  for (const Key& key : config_keys()) {
    const auto done = apply(config, {std::string(key.name), std::string(key.fallback), "default"});
    if (!done) return done.error();
  }
  for (const Setting& setting : settings) {
    if (const auto done = apply(config, setting); !done) return done.error();
  }
  if (config.test_hooks) config.workers = 1;  // one order of all events
  if (const auto fine = check(config); !fine) return fine.error();
  return config;
}

bool shares_listener(const Config& config) {
  return config.api_dtm.on() && config.api_dtm.port != 0 && config.api_dtm == config.api_http;
}

std::string node_name(const Config& config) {
  if (!config.node.empty()) return config.node;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name.front() == 0) return "settled";
  return name.data();
}

std::string audit_path(const Config& config) {
  if (!config.audit_file.empty() || config.store.kind == StoreKind::kMemory) return config.audit_file;
  if (config.store.kind == StoreKind::kEmbedded) return config.store.directory + "/audit.log";
  // Several daemons may stand in one folder.
  std::string name = node_name(config);
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  std::replace_if(name.begin(), name.end(), [&](char c) { return !is_plain(c); }, '_');
  return "settled-audit-" + name + ".log";
}

std::vector<std::string_view> keys_not_served(const Config& config) {
  std::vector<std::string_view> keys;
  for (const Key& key : config_keys()) {
    if (key.served) continue;
    const auto endpoints = endpoints_of(config);
    const bool listens = std::any_of(endpoints.begin(), endpoints.end(), [&](const NamedEndpoint& named) {
      return named.key == key.name && named.endpoint.on();
    });
    const bool alerts = key.name == "dtm.alert-web-hook" && !config.dtm_alert_web_hook.empty();
    if (listens || alerts) keys.push_back(key.name);
  }
  return keys;
}

}  // namespace settle::daemon
