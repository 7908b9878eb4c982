// URLs and header lines: what is accepted holds no byte that could end a line or a host early, and reads the same
// again.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "net/http_fields.h"
#include "net/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace settle::net;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto url = parse_url(input); url.ok()) {
    for (const char c : input) SETTLE_ASSERT(c > ' ' && c < 0x7f && c != '\\' && c != '#');
    SETTLE_ASSERT(url->authority.find_first_of("@/?") == std::string_view::npos);
    SETTLE_ASSERT(!url->host.empty() && url->port != 0 && url->target.starts_with('/'));
    const auto again =
        parse_url(std::string(url->scheme) + "://" + std::string(url->authority) + std::string(url->target));
    SETTLE_ASSERT(again.ok());
  }
  if (are_header_lines(input)) {
    SETTLE_ASSERT(input.empty() || input.ends_with("\r\n"));
    SETTLE_ASSERT(input.find("\r\n\r\n") == std::string_view::npos && !input.starts_with("\r\n"));
  }
  std::string lines;
  const std::size_t half = size / 2;
  if (append_header(lines, input.substr(0, half), input.substr(half))) SETTLE_ASSERT(are_header_lines(lines));
  return 0;
}
