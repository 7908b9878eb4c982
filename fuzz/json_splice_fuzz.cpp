// Lines of the input: a JSON text, a pointer, another pointer, a JSON text. What is taken out of the last by the second
// pointer and put into the first is found there again, and the whole stays sound JSON.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wire/json_reader.h"
#include "wire/json_splice.h"

namespace {

using namespace settle;  // NOLINT: one short program

constexpr std::size_t kBytesMax = 4096;

void require(bool condition) {
  if (!condition) std::abort();
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string before(take_line(rest));
  const std::string_view into = take_line(rest);
  const std::string_view from = take_line(rest);
  const auto part = wire::json_part(rest, from);
  if (!part) return 0;
  require(wire::is_json_pointer(from) && !wire::check_json(*part));
  std::string text = before;
  if (!wire::splice_json(text, into, *part, kBytesMax)) {
    require(text == before);
    return 0;
  }
  require(text.size() <= kBytesMax && !wire::check_json(text));
  // "-" names the place behind the last element, which is another one afterwards.
  if (into.find('-') == std::string_view::npos) require(wire::json_part(text, into) == part);
  return 0;
}
