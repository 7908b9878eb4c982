// The head of a message: start line and header lines. The body is http_body.cpp's.
//
// request  := method SP target SP "HTTP/1." digit CRLF  fields
// response := "HTTP/1." digit SP 3digit [SP reason] CRLF  fields
// fields   := (token ":" blanks value blanks CRLF)* CRLF

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "net/chars.h"
#include "net/http_parser.h"
#include "net/url.h"

namespace settle::net {
namespace {

constexpr std::size_t kMethodBytesMax = 32;
constexpr std::size_t kVersionBytes = 8;                                        // "HTTP/1.1"
constexpr std::size_t kRequestLineExtra = kMethodBytesMax + kVersionBytes + 4;  // two blanks, CRLF
constexpr std::size_t kLengthDigitsMax = 18;

bool is_target(std::string_view method, std::string_view target) {
  if (!all_of(kTargetChar, target)) return false;
  if (target.front() == '/') return true;
  if (target == "*") return method == "OPTIONS";
  const auto url = parse_url(target);
  return url.ok() && url->scheme == "http";
}

}  // namespace

HttpParser::HttpParser(Kind kind, const HttpLimits& limits) : kind_(kind), limits_(limits) {
  SETTLE_ASSERT(limits.head_bytes <= 65535 && limits.headers <= kHttpHeadersMax);
}

void HttpParser::reset() {
  stage_ = Stage::kStartLine;
  head_done_ = no_body_ = has_length_ = chunked_ = has_host_ = false;
  says_close_ = says_keep_alive_ = expects_continue_ = open_ended_ = false;
  minor_version_ = 1;
  status_ = error_status_ = 0;
  header_count_ = content_length_ = chunk_left_ = extension_bytes_ = trailer_bytes_ = trailer_count_ = 0;
  method_ = target_ = {};
  at_ = scanned_ = kept_ = body_begin_ = body_end_ = 0;
  error_text_ = {};
}

HttpHeader HttpParser::header_at(std::size_t index) const {
  SETTLE_ASSERT(index < header_count_);
  return {view(fields_[index].name), view(fields_[index].value)};
}

std::optional<std::string_view> HttpParser::header(std::string_view name) const {
  for (std::size_t i = 0; i < header_count_; ++i) {
    if (view(fields_[i].name) == name) return view(fields_[i].value);
  }
  return std::nullopt;
}

bool HttpParser::keep_alive() const {
  if (says_close_ || open_ended_) return false;
  return minor_version_ >= 1 || says_keep_alive_;
}

bool HttpParser::fail(int status, std::string_view text) {
  stage_ = Stage::kFailed;
  error_status_ = static_cast<std::uint16_t>(status);
  error_text_ = text;
  return false;
}

// The line that begins at at_, without its end. Nothing: not complete yet, or refused. Length is judged first, so that
// a line in pieces is refused for the same reason as a line in one piece.
std::optional<HttpParser::Slice> HttpParser::next_line(std::size_t size, std::size_t end_max, const Refusal& too_long) {
  const void* feed = scanned_ < size ? std::memchr(data_ + scanned_, '\n', size - scanned_) : nullptr;
  const std::size_t end = feed != nullptr ? static_cast<std::size_t>(static_cast<const char*>(feed) - data_) + 1 : size;
  if (end > end_max) {
    fail(too_long.status, too_long.text);
    return std::nullopt;
  }
  if (feed == nullptr) {
    scanned_ = size;
    return std::nullopt;
  }
  if (end - at_ < 2 || data_[end - 2] != '\r') {
    fail(400, "a line must end with CR LF");
    return std::nullopt;
  }
  const std::size_t begin = at_;
  at_ = scanned_ = end;
  // Lines of a head lie in its first 65535 bytes; those of a chunked body are looked at by their length only.
  return Slice{static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(end - 2 - begin)};
}

bool HttpParser::start_line(std::size_t size) {
  const bool request = kind_ == Kind::kRequest;
  std::size_t end_max = limits_.head_bytes;
  Refusal too_long{431, "the head is too large"};
  if (request && limits_.target_bytes + kRequestLineExtra < end_max) {
    end_max = limits_.target_bytes + kRequestLineExtra;
    too_long = {414, "the request line is too long"};
  }
  const std::optional<Slice> line = next_line(size, end_max, too_long);
  if (!line) return false;
  stage_ = Stage::kHeaders;
  return request ? request_line(*line) : status_line(*line);
}

bool HttpParser::request_line(Slice line) {
  const std::string_view text = view(line);
  const std::size_t method_end = text.find(' ');
  if (method_end == std::string_view::npos) return fail(400, "the request line needs method, target and version");
  const std::size_t target_end = text.find(' ', method_end + 1);
  if (target_end == std::string_view::npos) return fail(400, "the request line needs method, target and version");
  method_ = {line.begin, static_cast<std::uint16_t>(method_end)};
  target_ = {static_cast<std::uint16_t>(line.begin + method_end + 1),
             static_cast<std::uint16_t>(target_end - method_end - 1)};

  if (method_.size == 0 || method_.size > kMethodBytesMax || !all_of(kTokenChar, method())) {
    return fail(400, "the method is not a token");
  }
  if (target_.size == 0) return fail(400, "the target is empty");
  if (!version(text.substr(target_end + 1))) return false;
  if (target_.size > limits_.target_bytes) return fail(414, "the target is too long");
  if (!is_target(method(), target())) return fail(400, "the target is not a path");
  return true;
}

bool HttpParser::status_line(Slice line) {
  const std::string_view text = view(line);
  if (text.size() < kVersionBytes + 4 || text[kVersionBytes] != ' ') return fail(400, "no status line");
  if (!version(text.substr(0, kVersionBytes))) return false;
  const std::string_view code = text.substr(kVersionBytes + 1, 3);
  if (!all_of(kDigit, code) || code[0] == '0') return fail(400, "the status is not a number from 100 to 999");
  const std::string_view reason = text.substr(kVersionBytes + 4);
  // Some servers leave out the blank before an empty reason.
  if (!reason.empty() && (reason[0] != ' ' || !is_field_value(reason)))
    return fail(400, "the reason holds a control byte");
  status_ = static_cast<std::uint16_t>((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
  return true;
}

bool HttpParser::version(std::string_view text) {
  const bool shaped = text.size() == kVersionBytes && text.starts_with("HTTP/") && has(kDigit, text[5]) &&
                      text[6] == '.' && has(kDigit, text[7]);
  if (!shaped) return fail(400, "the version is not of the form HTTP/1.1");
  if (text[5] != '1' || text[7] > '1') return fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  minor_version_ = static_cast<std::uint8_t>(text[7] - '0');
  return true;
}

bool HttpParser::header_line(std::size_t size) {
  const std::optional<Slice> line = next_line(size, limits_.head_bytes, {431, "the head is too large"});
  if (!line) return false;
  if (line->size == 0) return end_of_head();
  if (header_count_ == limits_.headers) return fail(431, "too many headers");
  Field& field = fields_[header_count_];
  if (!field_line(line->begin, line->size, field)) return false;
  ++header_count_;
  return known_header(field);
}

// Checks name and value of the line [begin, begin + size), and folds the name. `field` is right only within a head.
bool HttpParser::field_line(std::size_t begin, std::size_t size, Field& field) {
  char* const text = data_ + begin;
  if (text[0] == ' ' || text[0] == '\t') return fail(400, "folded header lines are not accepted");
  std::size_t colon = 0;
  for (; colon < size; ++colon) {
    const char folded = kLowerToken[static_cast<unsigned char>(text[colon])];
    if (folded == 0) break;
    text[colon] = folded;
  }
  if (colon == 0 || colon == size || text[colon] != ':')
    return fail(400, "a header name must be a token directly before its colon");
  const std::string_view value = trimmed({text + colon + 1, size - colon - 1});
  if (!is_field_value(value)) return fail(400, "a header value holds a control byte");
  field.name = {static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(colon)};
  field.value = {static_cast<std::uint16_t>(value.data() - data_), static_cast<std::uint16_t>(value.size())};
  return true;
}

// Headers that decide about framing and connection. Most names are told apart by their length.
bool HttpParser::known_header(const Field& field) {
  const std::string_view name = view(field.name);
  const std::string_view value = view(field.value);
  switch (name.size()) {
    case 4:
      return name == "host" && kind_ == Kind::kRequest ? host_header(value) : true;
    case 6:
      if (name != "expect" || kind_ != Kind::kRequest) return true;
      if (!same_word(value, "100-continue")) return fail(417, "the only expectation known here is 100-continue");
      expects_continue_ = true;
      return true;
    case 10:
      if (name == "connection") connection_header(value);
      return true;
    case 14:
      return name == "content-length" ? content_length_header(value) : true;
    case 17:
      return name == "transfer-encoding" ? transfer_encoding_header(value) : true;
    default:
      return true;
  }
}

bool HttpParser::content_length_header(std::string_view value) {
  if (has_length_) return fail(400, "content-length is given twice");
  if (value.empty() || !all_of(kDigit, value)) return fail(400, "content-length is not a number");
  has_length_ = true;
  std::uint64_t length = 0;
  if (value.size() > kLengthDigitsMax) return fail(413, "the body is too large");
  for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
  // An answer without a body (to HEAD) may name any length; it is judged at the end of the head.
  content_length_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(length, UINT32_MAX));
  return true;
}

bool HttpParser::transfer_encoding_header(std::string_view value) {
  if (chunked_) return fail(400, "transfer-encoding is given twice");
  if (minor_version_ == 0) return fail(400, "HTTP/1.0 has no transfer-encoding");
  if (!same_word(value, "chunked")) return fail(501, "the only transfer coding known here is chunked");
  chunked_ = true;
  return true;
}

bool HttpParser::host_header(std::string_view value) {
  if (has_host_) return fail(400, "host is given twice");
  if (!all_of(kHostHeaderChar, value)) return fail(400, "host is not a host");
  has_host_ = true;
  return true;
}

void HttpParser::connection_header(std::string_view value) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view word = trimmed(value.substr(0, comma));
    if (same_word(word, "close")) says_close_ = true;
    if (same_word(word, "keep-alive")) says_keep_alive_ = true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

bool HttpParser::end_of_head() {
  const bool request = kind_ == Kind::kRequest;
  if (has_length_ && chunked_) return fail(400, "both content-length and transfer-encoding are given");
  if (request && minor_version_ == 1 && !has_host_) return fail(400, "HTTP/1.1 needs a host header");
  body_begin_ = body_end_ = at_;
  const bool never_a_body = !request && (no_body_ || status_ < 200 || status_ == 204 || status_ == 304);
  if (!never_a_body && content_length_ > limits_.body_bytes) return fail(413, "the body is too large");
  head_done_ = true;
  if (never_a_body) {
    stage_ = Stage::kDone;
  } else if (chunked_) {
    stage_ = Stage::kChunkSize;
  } else if (has_length_ || request) {
    stage_ = Stage::kFixedBody;
  } else {
    open_ended_ = true;
    stage_ = Stage::kUntilClose;
  }
  return stage_ != Stage::kDone;
}

}  // namespace settle::net
