#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "daemon/config.h"
#include "settle/result.h"

/// What values look like in the configuration. Every error says what stands there and what should.
namespace settle::daemon {

/// A whole number in [low, high].
Result<std::int64_t> parse_number(std::string_view text, std::int64_t low, std::int64_t high);

/// Bytes in [low, high]: a whole number, with or without KiB, MiB, GiB.
Result<std::int64_t> parse_bytes(std::string_view text, std::int64_t low, std::int64_t high);

/// A time in [low, high] with its unit: us, ms, s, m, h or d.
Result<Duration> parse_duration(std::string_view text, Duration low, Duration high);

/// The way parse_duration reads it back.
std::string duration_text(Duration duration);

/// on, off, true, false.
Result<bool> parse_switch(std::string_view text);

/// ADDRESS:PORT with a literal address or "localhost"; `may_be_off`: also "off".
Result<Endpoint> parse_endpoint(std::string_view text, bool may_be_off);

/// memory: or embedded:DIR. Names of stores that this version does not have get an error of their own, which shows no
/// more than their scheme, because what follows may hold a password.
Result<StoreChoice> parse_store(std::string_view text);

Result<LogLevel> parse_log_level(std::string_view text);

}  // namespace settle::daemon
