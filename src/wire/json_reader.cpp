#include "wire/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "wire/plain_run.h"
#include "wire/utf8.h"

namespace settle::wire {
namespace {

constexpr std::size_t kKeysComparedPairwise = 16;

constexpr bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

inline const char* behind_blanks(const char* at, const char* end) {
  while (at != end && is_blank(*at)) ++at;
  return at;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Value of four hex digits, -1 if they are none.
int hex4(const char* at) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    int digit = 0;
    if (is_digit(c)) {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

void append_utf8(std::string& out, unsigned code) {
  const auto put = [&out](unsigned byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0U | code >> 6U);
    put(0x80U | (code & 0x3fU));
  } else if (code < 0x10000) {
    put(0xe0U | code >> 12U);
    put(0x80U | (code >> 6U & 0x3fU));
    put(0x80U | (code & 0x3fU));
  } else {
    put(0xf0U | code >> 18U);
    put(0x80U | (code >> 12U & 0x3fU));
    put(0x80U | (code >> 6U & 0x3fU));
    put(0x80U | (code & 0x3fU));
  }
}

bool is_high_surrogate(int code) { return code >= 0xd800 && code <= 0xdbff; }
bool is_low_surrogate(int code) { return code >= 0xdc00 && code <= 0xdfff; }

/// Appends what an escape sequence that was validated before stands for; gives what comes behind it.
const char* append_unescaped(std::string& out, const char* backslash) {
  const char kind = backslash[1];
  if (kind != 'u') {
    constexpr std::string_view kWritten = "bfnrt";
    constexpr std::string_view kMeant = "\b\f\n\r\t";
    const std::size_t index = kWritten.find(kind);
    out.push_back(index == std::string_view::npos ? kind : kMeant[index]);
    return backslash + 2;
  }
  const int code = hex4(backslash + 2);
  if (!is_high_surrogate(code)) {
    append_utf8(out, static_cast<unsigned>(code));
    return backslash + 6;
  }
  const int low = hex4(backslash + 8);
  append_utf8(out, static_cast<unsigned>(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)));
  return backslash + 12;
}

}  // namespace

std::string_view with_article(JsonType type) {
  switch (type) {
    case JsonType::kNone:
      return "nothing";
    case JsonType::kObject:
      return "an object";
    case JsonType::kArray:
      return "an array";
    case JsonType::kString:
      return "a string";
    case JsonType::kNumber:
      return "a number";
    case JsonType::kBool:
      return "true or false";
    case JsonType::kNull:
      return "null";
  }
  return "?";
}

void JsonReader::open(std::string_view text) {
  SETTLE_ASSERT(text.size() < UINT32_MAX);
  SETTLE_ASSERT(depth_max_ < first_key_.size());
  begin_ = at_ = token_ = text.data();
  end_ = begin_ + text.size();
  failed_ = first_ = false;
  depth_ = 0;
  objects_ = 0;
  key_count_ = 0;
  scratch_.clear();
  error_ = {};
  if (text.starts_with("\xef\xbb\xbf")) fail(begin_, "a byte order mark; JSON begins with its value");
}

bool JsonReader::fail(const char* where, std::string_view what) {
  if (failed_) return false;
  failed_ = true;
  error_.offset = static_cast<std::size_t>(where - begin_);
  error_.text = what;
  at_ = end_;
  return false;
}

bool JsonReader::fail_twice(std::string_view key, std::size_t offset) {
  if (!failed_) error_.key = std::string(key);
  return fail(begin_ + offset, "this key stands twice in one object");
}

bool JsonReader::unexpected(std::string_view wanted) {
  return fail(at_, at_ == end_ ? std::string_view("the text ends too early") : wanted);
}

/// Takes the string whose quote is at `at_`, decoded.
inline bool JsonReader::take_string(std::string_view& out) {
  const char* const begin = at_ + 1;
  const char* const quote = near_quote(begin, end_);
  if (quote == nullptr) [[unlikely]] {
    return take_odd_string(out);
  }
  out = std::string_view(begin, static_cast<std::size_t>(quote - begin));
  at_ = quote + 1;
  return true;
}

/// Most objects have a few keys that differ in a hash of six bits, so most keys are compared with none.
inline bool JsonReader::note_key(std::string_view key, std::size_t offset) {
  const std::size_t first = key.empty() ? 0 : static_cast<unsigned char>(key.front());
  const std::size_t last = key.empty() ? 0 : static_cast<unsigned char>(key.back());
  const std::uint64_t bit = std::uint64_t{1} << ((key.size() * 11 + first * 3 + last * 5) & 63U);
  const std::uint64_t seen = std::exchange(seen_[depth_], seen_[depth_] | bit);
  if ((seen & bit) != 0 && !compare_key(key, offset)) [[unlikely]] {
    return false;
  }
  if (key_count_ == keys_.size()) [[unlikely]] {
    keys_.resize(keys_.size() * 2 + 64);
  }
  Key& added = keys_.data()[key_count_++];
  added.text = key.data();
  added.size = static_cast<std::uint32_t>(key.size());
  added.offset = static_cast<std::uint32_t>(offset);
  return true;
}

/// Takes `"key":` and stands behind it.
inline bool JsonReader::take_key(std::string_view& key) {
  if (at_ == end_ || *at_ != '"') [[unlikely]] {
    return unexpected("a key in quotes was expected");
  }
  token_ = at_;
  if (!take_string(key) || !note_key(key, static_cast<std::size_t>(token_ - begin_))) return false;
  at_ = behind_blanks(at_, end_);
  if (at_ == end_ || *at_ != ':') [[unlikely]] {
    return unexpected("':' was expected");
  }
  ++at_;
  return true;
}

JsonType JsonReader::peek() {
  at_ = behind_blanks(at_, end_);
  token_ = at_;
  if (at_ == end_) {
    unexpected({});
    return JsonType::kNone;
  }
  switch (*at_) {
    case '{':
      return JsonType::kObject;
    case '[':
      return JsonType::kArray;
    case '"':
      return JsonType::kString;
    case 't':
    case 'f':
      return JsonType::kBool;
    case 'n':
      return JsonType::kNull;
    default:
      if (*at_ == '-' || is_digit(*at_)) return JsonType::kNumber;
      unexpected("a value was expected");
      return JsonType::kNone;
  }
}

bool JsonReader::push(bool object) {
  if (depth_ == depth_max_) return fail(at_, "nested too deeply; objects and arrays go 32 deep");
  ++at_;
  ++depth_;
  const std::uint64_t bit = std::uint64_t{1} << depth_;
  objects_ = object ? objects_ | bit : objects_ & ~bit;
  first_key_[depth_] = static_cast<std::uint32_t>(key_count_);
  seen_[depth_] = 0;
  return true;
}

void JsonReader::pop() {
  ++at_;
  --depth_;
  first_ = false;
}

bool JsonReader::pop_object() {
  if (key_count_ - first_key_[depth_] > kKeysComparedPairwise && has_duplicates()) return false;
  key_count_ = first_key_[depth_];
  pop();
  return true;
}

bool JsonReader::close_container() {
  if ((objects_ >> depth_ & 1U) != 0) return pop_object();
  pop();
  return true;
}

bool JsonReader::enter_object() {
  if (peek() != JsonType::kObject || !push(true)) return failed_ ? false : unexpected("an object was expected");
  first_ = true;
  return true;
}

bool JsonReader::enter_array() {
  if (peek() != JsonType::kArray || !push(false)) return failed_ ? false : unexpected("an array was expected");
  first_ = true;
  return true;
}

bool JsonReader::next_member(std::string_view& key) {
  at_ = behind_blanks(at_, end_);
  if (at_ != end_ && *at_ == '}') {
    pop_object();
    return false;
  }
  if (!first_) {
    if (at_ == end_ || *at_ != ',') return unexpected("',' or '}' was expected");
    ++at_;
    at_ = behind_blanks(at_, end_);
  }
  first_ = false;
  return take_key(key);
}

bool JsonReader::next_element() {
  at_ = behind_blanks(at_, end_);
  if (failed_) return false;
  if (at_ != end_ && *at_ == ']') {
    pop();
    return false;
  }
  if (!first_) {
    if (at_ == end_ || *at_ != ',') return unexpected("',' or ']' was expected");
    ++at_;
  }
  first_ = false;
  return true;
}

bool JsonReader::compare_key(std::string_view key, std::size_t offset) {
  const std::size_t first = first_key_[depth_];
  if (key_count_ - first >= kKeysComparedPairwise) return true;
  for (std::size_t i = first; i < key_count_; ++i) {
    if (key == std::string_view(keys_[i].text, keys_[i].size)) return fail_twice(key, offset);
  }
  return true;
}

/// An object of many keys is sorted once, when it closes, so that no body makes this quadratic.
bool JsonReader::has_duplicates() {
  sorted_.assign(keys_.begin() + first_key_[depth_], keys_.begin() + static_cast<std::ptrdiff_t>(key_count_));
  const auto text_of = [](const Key& key) { return std::string_view(key.text, key.size); };
  std::sort(sorted_.begin(), sorted_.end(), [&text_of](const Key& a, const Key& b) {
    if (a.size != b.size) return a.size < b.size;
    const int order = text_of(a).compare(text_of(b));
    return order != 0 ? order < 0 : a.offset < b.offset;
  });
  for (std::size_t i = 1; i < sorted_.size(); ++i) {
    if (text_of(sorted_[i - 1]) == text_of(sorted_[i])) {
      fail_twice(text_of(sorted_[i]), sorted_[i].offset);
      return true;
    }
  }
  return false;
}

/// A string that is not plain throughout.
bool JsonReader::take_odd_string(std::string_view& out) {
  const char* const quote = at_;
  bool escaped = false;
  while (true) {
    at_ = skip_plain(at_ == quote ? quote + 1 : at_, end_);
    if (at_ == end_) return fail(quote, "this string has no end");
    const char c = *at_;
    if (c == '"') break;
    if (c == '\\') {
      escaped = true;
      if (!scan_escape()) return false;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return fail(at_, "a control character in a string; write it as an escape");
    } else {
      const std::size_t length = utf8_sequence(at_, end_);
      if (length == 0) return fail(at_, "this is not UTF-8");
      at_ += length;
    }
  }
  const std::string_view bytes(quote + 1, static_cast<std::size_t>(at_ - quote - 1));
  ++at_;
  out = escaped ? unescaped(bytes) : bytes;
  return true;
}

std::string_view JsonReader::unescaped(std::string_view written) {
  // What is decoded is never longer than what was written, so one reservation keeps all views valid.
  if (scratch_.empty()) scratch_.reserve(static_cast<std::size_t>(end_ - begin_));
  const std::size_t start = scratch_.size();
  const char* at = written.data();
  const char* const end = at + written.size();
  while (at != end) {
    if (*at == '\\') {
      at = append_unescaped(scratch_, at);
      continue;
    }
    const char* const run = at;
    while (at != end && *at != '\\') ++at;
    scratch_.append(run, static_cast<std::size_t>(at - run));
  }
  return std::string_view(scratch_).substr(start);
}

bool JsonReader::scan_escape() {
  const auto left = static_cast<std::size_t>(end_ - at_);
  if (left < 2) return fail(at_, "the text ends inside an escape");
  const char kind = at_[1];
  if (kind != 'u') {
    if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) return fail(at_, "this escape is unknown");
    at_ += 2;
    return true;
  }
  const int code = left >= 6 ? hex4(at_ + 2) : -1;
  if (code < 0) return fail(at_, "\\u is not followed by four hex digits");
  if (is_low_surrogate(code)) return fail(at_, "a lone surrogate");
  if (!is_high_surrogate(code)) {
    at_ += 6;
    return true;
  }
  const bool pair = left >= 12 && at_[6] == '\\' && at_[7] == 'u' && is_low_surrogate(hex4(at_ + 8));
  if (!pair) return fail(at_, "a lone surrogate");
  at_ += 12;
  return true;
}

bool JsonReader::scan_number() {
  const char* const start = at_;
  const auto digits = [this] {
    const char* const first = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ != first;
  };
  if (*at_ == '-') ++at_;
  if (at_ != end_ && *at_ == '0') {
    ++at_;
  } else if (!digits()) {
    return fail(start, "this is not a number");
  }
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return fail(start, "this number has no digit behind its point");
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return fail(start, "this number has no digit in its exponent");
  }
  return true;
}

bool JsonReader::scan_literal() {
  const auto left = std::string_view(at_, static_cast<std::size_t>(end_ - at_));
  for (const std::string_view word : {std::string_view("true"), std::string_view("false"), std::string_view("null")}) {
    if (left.starts_with(word)) {
      at_ += word.size();
      return true;
    }
  }
  return fail(at_, "a value was expected");
}

std::string_view JsonReader::string() {
  if (peek() != JsonType::kString) {
    unexpected("a string was expected");
    return {};
  }
  std::string_view value;
  if (!take_string(value)) return {};
  return value;
}

std::string_view JsonReader::number() {
  if (peek() != JsonType::kNumber) {
    unexpected("a number was expected");
    return {};
  }
  const char* const start = at_;
  if (!scan_number()) return {};
  return {start, static_cast<std::size_t>(at_ - start)};
}

bool JsonReader::boolean() {
  if (peek() != JsonType::kBool) return unexpected("true or false was expected");
  const bool value = *at_ == 't';
  return scan_literal() && value;
}

std::string_view JsonReader::raw() {
  at_ = behind_blanks(at_, end_);
  const char* const start = at_;
  const unsigned base = depth_;
  std::string_view ignored;
  do {
    // A value begins here.
    if (at_ == end_) return unexpected({}), std::string_view();
    bool opened = false;
    const char c = *at_;
    if (c == '"') {
      if (!take_string(ignored)) return {};
    } else if (c == '{' || c == '[') {
      if (!push(c == '{')) return {};
      opened = true;
    } else if (c == '-' || is_digit(c)) {
      if (!scan_number()) return {};
    } else if (!scan_literal()) {
      return {};
    }
    // It ends here, and perhaps what holds it, too.
    while (depth_ != base) {
      at_ = behind_blanks(at_, end_);
      if (at_ == end_) return unexpected({}), std::string_view();
      const bool in_object = (objects_ >> depth_ & 1U) != 0;
      if (*at_ == (in_object ? '}' : ']')) {
        if (!close_container()) return {};
        opened = false;
        continue;
      }
      if (!opened) {
        if (*at_ != ',') return unexpected("',' or the closing bracket was expected"), std::string_view();
        at_ = behind_blanks(at_ + 1, end_);
      }
      if (in_object) {
        if (!take_key(ignored)) return {};
        at_ = behind_blanks(at_, end_);
      }
      break;
    }
  } while (depth_ != base);
  first_ = false;
  token_ = start;
  return {start, static_cast<std::size_t>(at_ - start)};
}

bool JsonReader::finish() {
  at_ = behind_blanks(at_, end_);
  if (at_ != end_) fail(at_, "there is text behind the value");
  return !failed_;
}

std::optional<JsonError> check_json(std::string_view text, unsigned depth_max) {
  JsonReader reader(depth_max);
  reader.open(text);
  (void)reader.raw();
  if (reader.finish()) return std::nullopt;
  return reader.error();
}

void append_pointer_token(std::string& out, std::string_view token) {
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out.push_back(c);
    }
  }
}

std::string json_pointer_at(std::string_view text, std::size_t offset) {
  struct Frame {
    bool object;
    std::size_t index;
    std::string_view key;  // as written
    bool has_key;
  };
  std::vector<Frame> frames;
  bool key_next = false;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    std::size_t length = 1;
    if (c == '"') {
      while (at + length < text.size() && text[at + length] != '"') length += text[at + length] == '\\' ? 2 : 1;
      length = std::min(length + 1, text.size() - at);
      if (key_next) {
        frames.back().key = text.substr(at + 1, length >= 2 ? length - 2 : 0);
        frames.back().has_key = true;
        key_next = false;
      }
    }
    if (at + length > offset) break;
    if (c == '{' || c == '[') {
      frames.push_back({c == '{', 0, {}, false});
      key_next = c == '{';
    } else if ((c == '}' || c == ']') && !frames.empty()) {
      frames.pop_back();
      key_next = false;
    } else if (c == ',' && !frames.empty()) {
      ++frames.back().index;
      frames.back().has_key = false;
      key_next = frames.back().object;
    }
    at += length;
  }
  std::string out;
  for (const Frame& frame : frames) {
    if (frame.object && !frame.has_key) break;
    out.push_back('/');
    if (frame.object) {
      append_pointer_token(out, frame.key);
    } else {
      out += std::to_string(frame.index);
    }
  }
  return out;
}

std::optional<std::int64_t> whole_number(std::string_view token) {
  if (token == "-0") return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return value;
}

std::optional<double> decimal_number(std::string_view token) {
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace settle::wire
