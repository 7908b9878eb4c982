#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "settle/result.h"

namespace settle::example {

inline constexpr const char* kHost = "127.0.0.1";

/// A free port of 127.0.0.1 that is not in `taken`, and puts it there. Below those that the kernel gives to outgoing
/// connections: it must still be free for us after a restart. Errors: kUnavailable.
Result<std::uint16_t> free_port(std::set<std::uint16_t>& taken);

std::string url_of(std::uint16_t port);      ///< http://127.0.0.1:PORT
std::string address_of(std::uint16_t port);  ///< 127.0.0.1:PORT

}  // namespace settle::example
