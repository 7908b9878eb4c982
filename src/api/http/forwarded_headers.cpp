#include "api/http/forwarded_headers.h"

#include <algorithm>
#include <array>

namespace settle::api {
namespace {

constexpr std::array<std::string_view, 10> kAllowed{"accept-language", "baggage",   "correlation-id", "idempotency-key",
                                                    "prefer",          "priority",  "purpose",        "request-id",
                                                    "tenant",          "tracestate"};

// They claim where a request comes from or how it should be routed: whoever trusts them trusts the network before us.
constexpr std::array<std::string_view, 9> kRefusedOfX{
    "x-real-ip", "x-client-ip", "x-original-url", "x-rewrite-url",       "x-http-method-override",
    "x-method",  "x-host",      "x-api-key",      "x-amz-security-token"};

constexpr std::size_t kNameBytesMax = 64;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

std::string_view why_not_forwarded(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return "a header name has 1 to 64 characters";
  if (!std::all_of(name.begin(), name.end(), is_token_char)) {
    return "a header name is made of letters, digits and !#$%&'*+-.^_`|~";
  }
  std::array<char, kNameBytesMax> folded{};
  std::transform(name.begin(), name.end(), folded.begin(), lower);
  const std::string_view lowered(folded.data(), name.size());
  const auto among = [lowered](const auto& names) {
    return std::find(names.begin(), names.end(), lowered) != names.end();
  };
  if (among(kAllowed)) return {};
  if (lowered.starts_with("x-") && lowered.size() > 2 && !lowered.starts_with("x-forwarded") && !among(kRefusedOfX)) {
    return {};
  }
  return "this header is not forwarded; allowed are names that begin with x- (but for those of proxies and keys), "
         "accept-language, baggage, correlation-id, idempotency-key, prefer, priority, purpose, request-id, tenant, "
         "tracestate";
}

bool is_forwardable_value(std::string_view value) {
  if (value.empty()) return true;
  if (value.front() == ' ' || value.front() == '\t' || value.back() == ' ' || value.back() == '\t') return false;
  return std::all_of(value.begin(), value.end(), [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\t'; });
}

}  // namespace settle::api
