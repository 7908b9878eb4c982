#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "net/resolver.h"

namespace settle::participant {

/// The outbound guard of a daemon without TLS and credentials: a free URL may name loopback addresses only, or anybody
/// who can reach the daemon could make it call into the network around it (security.md 6.6). Literal addresses are
/// judged here, names where they are looked up, so that the address which was judged is the one that is connected to.
class LoopbackGuard {
 public:
  /// False: `url` names a literal address outside loopback, or is no http URL.
  [[nodiscard]] bool permits(std::string_view url);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  static constexpr std::size_t kVerdictsMax = 4096;

  std::unordered_map<std::string, bool, Hash, std::equal_to<>> verdicts_;  // by scheme, host and port as written
};

/// `lookup` without the names that have an address outside loopback; one such address refuses the whole name.
net::Resolver::Lookup loopback_only(net::Resolver::Lookup lookup);

}  // namespace settle::participant
