// Responses, head and body: any input, cut anywhere, keeps the properties of check_any_input().
// input := body-limit: u8  head-limit: u8  seed: u8 (odd: the peer closes at the end)  bytes

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/http_parser_probe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace settle::net;
  if (size < 3) return 0;
  const HttpLimits limits{.head_bytes = 64U + data[1] * 64U, .headers = 16, .body_bytes = data[0] * 16U};
  const std::string_view input(reinterpret_cast<const char*>(data) + 3, size - 3);
  testing::check_any_input(HttpParser::Kind::kResponse, limits, input, data[2]);
  return 0;
}
