#include "participant/http/loopback.h"

#include <algorithm>
#include <utility>

#include "net/socket.h"
#include "net/url.h"

namespace settle::participant {
namespace {

// "http://host:port" of a URL; what stands behind it cannot change whom it names, because parse_url is strict.
std::string_view authority_of(std::string_view url) {
  const std::size_t slashes = url.find("//");
  if (slashes == std::string_view::npos) return {};
  return url.substr(0, url.find('/', slashes + 2));
}

bool names_loopback(std::string_view authority) {
  const auto url = net::parse_url(authority);
  if (!url || url->scheme != "http") return false;
  // A name is judged when its addresses are known.
  return !net::literal_address(url->host, url->port) || net::is_loopback(url->host);
}

bool is_loopback_address(const net::SocketAddress& address) {
  const std::string text = address.text();
  std::string_view host = std::string_view(text).substr(0, text.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return net::is_loopback(host);
}

}  // namespace

bool LoopbackGuard::permits(std::string_view url) {
  const std::string_view authority = authority_of(url);
  const auto known = verdicts_.find(authority);
  if (known != verdicts_.end()) return known->second;
  if (verdicts_.size() >= kVerdictsMax) verdicts_.clear();
  const bool verdict = names_loopback(authority);
  verdicts_.emplace(authority, verdict);
  return verdict;
}

net::Resolver::Lookup loopback_only(net::Resolver::Lookup lookup) {
  return [lookup = std::move(lookup)](const std::string& host, std::uint16_t port) {
    std::vector<net::SocketAddress> addresses = lookup(host, port);
    if (!std::all_of(addresses.begin(), addresses.end(), is_loopback_address)) addresses.clear();
    return addresses;
  };
}

}  // namespace settle::participant
