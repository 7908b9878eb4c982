#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/plain_run.h"
#include "wire/utf8.h"

namespace settle::wire {

/// Appends `text` without quotes as it stands inside a JSON string. Bytes that are not UTF-8 become U+FFFD: what is
/// shown may come from a participant that sent anything.
void append_json_escaped(std::string& out, std::string_view text);

/// Appends one JSON value to a string. Commas come by themselves; brackets and keys are the caller's business.
class JsonWriter {
 public:
  static constexpr std::size_t kNameBytesMax = 32;

  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { out_.push_back('}'); }
  void begin_array() { open('['); }
  void end_array() { out_.push_back(']'); }

  /// `name` needs no escapes and has at most kNameBytesMax bytes; its value is written next.
  void key(std::string_view name) { name_and(name, {}); }
  /// A name that comes from outside.
  void escaped_key(std::string_view name) {
    string(name);
    out_.push_back(':');
  }

  void string(std::string_view text) {
    comma();
    out_.push_back('"');
    if (skip_plain(text.data(), text.data() + text.size()) == text.data() + text.size()) {
      out_.append(text);
    } else {
      append_json_escaped(out_, text);
    }
    out_.push_back('"');
  }
  /// `text` needs no escapes: names of ours, ids, instants.
  void plain(std::string_view text) {
    comma();
    out_.push_back('"');
    out_.append(text);
    out_.push_back('"');
  }
  void boolean(bool value) { raw(value ? "true" : "false"); }
  template <typename Integer>
  void number(Integer value) {
    comma();
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_.append(digits, static_cast<std::size_t>(end - digits));
  }
  /// One JSON value, as it is.
  void raw(std::string_view json) {
    comma();
    out_.append(json);
  }

  void member(std::string_view name, std::string_view text) {
    key(name);
    string(text);
  }
  void plain_member(std::string_view name, std::string_view text) {
    name_and(name, "\"");
    out_.append(text);
    out_.push_back('"');
  }

 private:
  void open(char bracket) {
    comma();
    out_.push_back(bracket);
  }
  // A complete value never ends in one of these.
  [[nodiscard]] bool needs_comma() const {
    if (out_.empty()) return false;
    const char last = out_.back();
    return last != '{' && last != '[' && last != ':';
  }
  void comma() {
    if (needs_comma()) out_.push_back(',');
  }
  // One append for comma, quotes, name, colon and what opens the value: names are most of a document's pieces.
  void name_and(std::string_view name, std::string_view opening) {
    SETTLE_ASSERT(name.size() <= kNameBytesMax);
    std::array<char, kNameBytesMax + 8> piece;
    char* at = piece.data();
    if (needs_comma()) *at++ = ',';
    *at++ = '"';
    at = std::copy_n(name.data(), name.size(), at);
    *at++ = '"';
    *at++ = ':';
    at = std::copy_n(opening.data(), opening.size(), at);
    out_.append(piece.data(), static_cast<std::size_t>(at - piece.data()));
  }

  std::string& out_;
};

}  // namespace settle::wire
