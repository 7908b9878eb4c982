#include "wire/json_writer.h"

namespace settle::wire {
namespace {

void append_escape(std::string& out, char c) {
  constexpr std::string_view kMeant = "\"\\\b\f\n\r\t";
  constexpr std::string_view kWritten = "\"\\bfnrt";
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::size_t index = kMeant.find(c);
  out.push_back('\\');
  if (index != std::string_view::npos) {
    out.push_back(kWritten[index]);
    return;
  }
  const auto byte = static_cast<unsigned char>(c);
  out.append("u00");
  out.push_back(kHex[byte >> 4U]);
  out.push_back(kHex[byte & 15U]);
}

}  // namespace

void append_json_escaped(std::string& out, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const char* const run = at;
    at = skip_plain(at, end);
    out.append(run, static_cast<std::size_t>(at - run));
    if (at == end) return;
    if ((static_cast<unsigned char>(*at) & 0x80U) == 0) {
      append_escape(out, *at++);
      continue;
    }
    const std::size_t length = utf8_sequence(at, end);
    if (length == 0) {
      out.append("\xef\xbf\xbd");
      ++at;
    } else {
      out.append(at, length);
      at += length;
    }
  }
}

}  // namespace settle::wire
