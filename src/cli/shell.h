#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace settle::cli {

/// Exit codes; `settlectl --help` lists them.
enum Exit : int {
  kOk = 0,
  kRefused = 1,       ///< the daemon refused, or a transaction that was waited for ended aborted
  kUsage = 2,         ///< the command line or the file is wrong; nothing was sent
  kNoDaemon = 3,      ///< no daemon answered, or its answer was lost
  kStillRunning = 4,  ///< the wait is over and the transaction is not
};

/// Where a listener of the daemon is.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  std::string origin;  ///< how we came by it, for people: "--api", "SETTLE_API", "the default"

  [[nodiscard]] std::string text() const;  ///< host:port, an IPv6 address in brackets
};

/// What a command acts on; tests hand in streams and a clock of their own.
struct Shell {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Endpoint api;
  Endpoint admin;
  bool json = false;                   ///< print what the daemon sent, byte for byte
  std::int64_t (*now_us)() = nullptr;  ///< microseconds since 1970
  std::string operator_name{};         ///< for the audit: SETTLE_OPERATOR, else USER; may be empty
};

}  // namespace settle::cli
