#pragma once

// For tests and fuzz targets: reads all messages of an input that arrives in given pieces, with a buffer kept as the
// server and the client keep theirs, and writes down everything that can be observed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/random.h"
#include "net/http_parser.h"

namespace settle::net::testing {

struct ProbedMessage {
  std::string method;
  std::string target;
  int status = 0;
  int minor_version = 1;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool keep_alive = false;
  bool expects_continue = false;

  friend bool operator==(const ProbedMessage&, const ProbedMessage&) = default;
};

struct Probe {
  std::vector<ProbedMessage> messages;
  int error_status = 0;  // of the message after them; 0: none
  std::string error_text;
  std::size_t waiting_in_head = 0;  // 1 if the input ends in the middle of a head

  friend bool operator==(const Probe&, const Probe&) = default;
};

inline ProbedMessage observe(const HttpParser& parser, HttpParser::Kind kind) {
  ProbedMessage message;
  if (kind == HttpParser::Kind::kRequest) {
    message.method = parser.method();
    message.target = parser.target();
  }
  message.status = parser.status();
  message.minor_version = parser.minor_version();
  for (std::size_t i = 0; i < parser.header_count(); ++i) {
    message.headers.emplace_back(parser.header_at(i).name, parser.header_at(i).value);
  }
  message.body = parser.body();
  message.keep_alive = parser.keep_alive();
  message.expects_continue = parser.expects_continue();
  return message;
}

/// `cut(position)` gives the length of the piece that begins at `position` (at least 1). `closed`: the peer ends the
/// stream.
template <typename Cut>
Probe probe(HttpParser::Kind kind, const HttpLimits& limits, std::string_view input, Cut cut, bool closed = false) {
  Probe out;
  HttpParser parser(kind, limits);
  std::string kept;
  for (std::size_t position = 0; position < input.size();) {
    const std::size_t size = std::min<std::size_t>(std::max<std::size_t>(static_cast<std::size_t>(cut(position)), 1),
                                                   input.size() - position);
    kept.append(input.substr(position, size));
    position += size;
    // A fresh copy of the exact size each time: the bytes may move between calls, and a sanitizer sees a read past the
    // end.
    std::vector<char> window(kept.begin(), kept.end());
    std::size_t begin = 0;
    while (begin < window.size()) {
      const auto progress = parser.advance(window.data() + begin, window.size() - begin);
      if (progress == HttpParser::Progress::kFailed) {
        out.error_status = parser.error_status();
        out.error_text = parser.error_text();
        return out;
      }
      if (progress == HttpParser::Progress::kNeedMore) {
        SETTLE_ASSERT(parser.kept() <= window.size() - begin);
        window.resize(begin + parser.kept());
        break;
      }
      out.messages.push_back(observe(parser, kind));
      SETTLE_ASSERT(parser.consumed() > 0 && parser.consumed() <= window.size() - begin);
      begin += parser.consumed();
      parser.reset();
    }
    kept.assign(window.begin() + static_cast<std::ptrdiff_t>(begin), window.end());
    // Memory is bounded by the limits, whatever the framing.
    SETTLE_ASSERT(kept.size() <= std::size_t{limits.head_bytes} * 2 + limits.body_bytes + 1024 + size);
    if (closed && position == input.size() && !kept.empty()) {
      std::vector<char> rest(kept.begin(), kept.end());
      (void)parser.advance(rest.data(), rest.size());
      if (parser.finish() == HttpParser::Progress::kDone) out.messages.push_back(observe(parser, kind));
    }
  }
  out.waiting_in_head = !kept.empty() && !parser.head_done() ? 1 : 0;
  return out;
}

/// The message as bytes again, in one chunk if it was chunked.
inline std::string written_again(const ProbedMessage& message, HttpParser::Kind kind) {
  const std::string version = "HTTP/1." + std::to_string(message.minor_version);
  std::string out = kind == HttpParser::Kind::kRequest ? message.method + " " + message.target + " " + version
                                                       : version + " " + std::to_string(message.status);
  bool chunked = false;
  for (const auto& [name, value] : message.headers) {
    out.append("\r\n").append(name).append(": ").append(value);
    chunked = chunked || name == "transfer-encoding";
  }
  out.append("\r\n\r\n");
  if (!chunked) return out + message.body;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string size;
  for (std::size_t left = message.body.size(); left > 0; left /= 16) size.insert(size.begin(), kDigits[left % 16]);
  if (!message.body.empty()) out.append(size).append("\r\n").append(message.body).append("\r\n");
  return out + "0\r\n\r\n";
}

inline Probe probe_whole(HttpParser::Kind kind, const HttpLimits& limits, std::string_view input, bool closed = false) {
  return probe(kind, limits, input, [&](std::size_t) { return input.size(); }, closed);
}

/// The properties that hold for any input: it does not matter how it is cut; nothing exceeds the limits; what was read
/// says the same when it is written and read again. Aborts where one does not hold.
inline void check_any_input(HttpParser::Kind kind, const HttpLimits& limits, std::string_view input,
                            std::uint64_t seed) {
  const bool closed = seed % 2 == 1;
  const Probe whole = probe_whole(kind, limits, input, closed);
  Random random(seed);
  const std::uint64_t longest = 1 + random.below(40);
  SETTLE_ASSERT(probe(kind, limits, input, [&](std::size_t) { return 1 + random.below(longest); }, closed) == whole);
  for (const ProbedMessage& message : whole.messages) {
    SETTLE_ASSERT(message.body.size() <= limits.body_bytes && message.headers.size() <= limits.headers);
    SETTLE_ASSERT(message.target.size() <= limits.target_bytes);
    for (const auto& [name, value] : message.headers) {
      SETTLE_ASSERT(name.find_first_of("\r\n: ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos && !name.empty());
      SETTLE_ASSERT(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    }
    const bool bodiless =
        message.status != 0 && (message.status < 200 || message.status == 204 || message.status == 304);
    if (bodiless) continue;  // may announce a body that does not follow
    const Probe again = probe_whole(kind, {}, written_again(message, kind), true);
    SETTLE_ASSERT(again.error_status == 0 && again.messages.size() == 1 && again.messages[0] == message);
  }
}

}  // namespace settle::net::testing
