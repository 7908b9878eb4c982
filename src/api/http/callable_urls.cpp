#include "api/http/callable_urls.h"

#include <cstdint>
#include <cstring>

#include "net/socket.h"
#include "net/url.h"

namespace settle::api {
namespace {

constexpr std::size_t kSlots = 128;

/// URLs of one program mostly differ in length or near their end.
std::size_t slot_of(std::string_view url) {
  std::uint64_t tail = 0;
  if (url.size() >= sizeof tail) std::memcpy(&tail, url.data() + url.size() - sizeof tail, sizeof tail);
  const std::uint64_t mixed = (tail + url.size()) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(mixed >> 57U);
}
static_assert(kSlots == 1U << (64U - 57U));

}  // namespace

std::string CallableUrls::check(std::string_view url) {
  if (known_.empty()) known_.resize(kSlots);
  std::string& slot = known_[slot_of(url)];
  if (slot == url && !url.empty()) return {};
  const Result<net::Url> parsed = net::parse_url(url);
  if (!parsed) return "is no URL that can be called; " + parsed.error().message;
  if (parsed->scheme != "http") return "is an https URL; this version calls http:// only, TLS comes later";
  // A name is looked up at each attempt, and the address looked at then.
  if (net::literal_address(parsed->host, parsed->port) && !net::is_loopback(parsed->host)) {
    return "is not on loopback; as long as the daemon listens on loopback only, participants are called there only";
  }
  slot = url;
  return {};
}

}  // namespace settle::api
