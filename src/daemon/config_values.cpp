#include "daemon/config_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "net/socket.h"

namespace settle::daemon {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

constexpr std::string_view kStores = "use embedded:DIR, postgres://USER@HOST:PORT/DATABASE or memory:";

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// The digits of `text` in `number`, what follows them in the answer; nothing if it does not begin with a number.
std::optional<std::string_view> leading_number(std::string_view text, std::int64_t& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{}) return std::nullopt;
  return text.substr(static_cast<std::size_t>(end - text.data()));
}

constexpr std::array kTimeUnits{Unit{"us", 1},         Unit{"ms", 1'000},        Unit{"s", 1'000'000},
                                Unit{"m", 60'000'000}, Unit{"h", 3'600'000'000}, Unit{"d", 86'400'000'000}};
constexpr std::array kByteUnits{Unit{"", 1}, Unit{"KiB", 1024}, Unit{"MiB", std::int64_t{1} << 20},
                                Unit{"GiB", std::int64_t{1} << 30}};

std::optional<std::int64_t> times(std::int64_t number, std::int64_t factor) {
  if (number < 0 || number > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return number * factor;
}

std::string between(std::string_view what, const std::string& low, const std::string& high) {
  return " is out of range: " + std::string(what) + " from " + low + " to " + high;
}

}  // namespace

Result<std::int64_t> parse_number(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  const auto rest = leading_number(text, number);
  if (!rest || !rest->empty()) return invalid(quoted(text) + " is no whole number");
  if (number < low || number > high) {
    return invalid(quoted(text) + between("a number", std::to_string(low), std::to_string(high)));
  }
  return number;
}

Result<std::int64_t> parse_bytes(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  const auto rest = leading_number(text, number);
  const auto unit =
      !rest ? kByteUnits.end()
            : std::find_if(kByteUnits.begin(), kByteUnits.end(), [&](const Unit& u) { return u.name == *rest; });
  if (unit == kByteUnits.end()) return invalid(quoted(text) + " is no size; write for example 65536, 64KiB or 1MiB");
  const auto bytes = times(number, unit->factor);
  if (!bytes || *bytes < low || *bytes > high) {
    return invalid(quoted(text) + between("bytes", std::to_string(low), std::to_string(high)));
  }
  return *bytes;
}

Result<Duration> parse_duration(std::string_view text, Duration low, Duration high) {
  std::int64_t number = 0;
  const auto rest = leading_number(text, number);
  const auto unit =
      !rest ? kTimeUnits.end()
            : std::find_if(kTimeUnits.begin(), kTimeUnits.end(), [&](const Unit& u) { return u.name == *rest; });
  if (unit == kTimeUnits.end()) {
    return invalid(quoted(text) +
                   " is no time; write a whole number with its unit, for example 500ms, 10s, 5m, 2h or 7d");
  }
  const auto us = times(number, unit->factor);
  if (!us || *us < low.count() || *us > high.count()) {
    return invalid(quoted(text) + between("a time", duration_text(low), duration_text(high)));
  }
  return Duration{*us};
}

std::string duration_text(Duration duration) {
  for (auto unit = kTimeUnits.rbegin(); unit != kTimeUnits.rend(); ++unit) {
    if (duration.count() != 0 && duration.count() % unit->factor == 0) {
      return std::to_string(duration.count() / unit->factor) + std::string(unit->name);
    }
  }
  return "0s";
}

Result<bool> parse_switch(std::string_view text) {
  if (text == "on" || text == "true") return true;
  if (text == "off" || text == "false") return false;
  return invalid(quoted(text) + " is neither on nor off");
}

Result<Endpoint> parse_endpoint(std::string_view text, bool may_be_off) {
  if (text == "off" && may_be_off) return Endpoint{};
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    host = {};  // an IPv6 address without brackets: nobody can say where its port begins
  }
  if (colon == std::string_view::npos || (host != "localhost" && !net::literal_address(host, 0))) {
    return invalid(quoted(text) +
                   " is no place to listen; write ADDRESS:PORT, for example 127.0.0.1:36789 or [::1]:36789" +
                   (may_be_off ? ", or off" : ""));
  }
  const auto port = parse_number(text.substr(colon + 1), 0, 65'535);
  if (!port) return invalid("the port of " + quoted(text) + ": " + port.error().message);
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

Result<StoreChoice> parse_store(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view scheme = text.substr(0, colon);
  const std::string_view rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (text == "memory:") return StoreChoice{StoreKind::kMemory, {}, {}};
  if (scheme == "embedded" && !rest.empty()) return StoreChoice{StoreKind::kEmbedded, std::string(rest), {}};
  if (scheme == "embedded") return invalid("'" + std::string(text) + "' names no directory; write embedded:DIR");
  if (scheme == "postgres" || scheme == "postgresql") {
    // What follows may hold a password, so it is not repeated.
    if (!rest.starts_with("//") || rest.size() == 2) return invalid("write postgres://USER@HOST:PORT/DATABASE");
    return StoreChoice{StoreKind::kPostgres, {}, std::string(text)};
  }
  for (const std::string_view other : {"mariadb", "redis", "etcd"}) {
    if (scheme == other)
      return invalid("this version has no " + std::string(other) + " store; " + std::string(kStores));
  }
  return invalid("'" + std::string(scheme) + "' is no kind of store; " + std::string(kStores));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  if (text == "warn") return LogLevel::kWarn;
  if (text == "error") return LogLevel::kError;
  return invalid(quoted(text) + " is no level; use debug, info, warn or error");
}

}  // namespace settle::daemon
