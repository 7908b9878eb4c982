#pragma once

// For tests and fuzz targets: reads all messages of an input that arrives in given pieces, with a buffer kept as the
// server and the client keep theirs, and writes down everything that can be observed.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
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

inline Probe probe_whole(HttpParser::Kind kind, const HttpLimits& limits, std::string_view input, bool closed = false) {
  return probe(kind, limits, input, [&](std::size_t) { return input.size(); }, closed);
}

}  // namespace settle::net::testing
