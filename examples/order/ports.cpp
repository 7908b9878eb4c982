#include "ports.h"

#include <sys/random.h>

#include "net/socket.h"

namespace settle::example {

Result<std::uint16_t> free_port(std::set<std::uint16_t>& taken) {
  constexpr std::uint16_t kFirst = 20'000;
  constexpr std::uint16_t kCount = 10'000;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::uint16_t draw = 0;
    (void)!::getrandom(&draw, sizeof draw, 0);
    const auto port = static_cast<std::uint16_t>(kFirst + draw % kCount);
    if (!taken.contains(port) && net::check_port_free(kHost, port)) {
      taken.insert(port);
      return port;
    }
  }
  return Error{ErrorCode::kUnavailable, "no free port between 20000 and 29999"};
}

std::string url_of(std::uint16_t port) { return std::string("http://") + kHost + ":" + std::to_string(port); }
std::string address_of(std::uint16_t port) { return std::string(kHost) + ":" + std::to_string(port); }

}  // namespace settle::example
