#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/plain_run.h"
#include "wire/utf8.h"

namespace settle::wire {

/// Appends `text` without quotes as it stands inside a JSON string. Bytes that are not UTF-8 become U+FFFD: what is
/// shown may come from a participant that sent anything.
void append_json_escaped(std::string& out, std::string_view text);

/// Appends one JSON value to a string. Commas come by themselves; brackets and keys are the caller's business.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { out_.push_back('}'); }
  void begin_array() { open('['); }
  void end_array() { out_.push_back(']'); }

  /// `name` needs no escapes; its value is written next.
  void key(std::string_view name) {
    comma();
    out_.push_back('"');
    out_.append(name);
    out_.append("\":", 2);
  }
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
    key(name);
    plain(text);
  }

 private:
  void open(char bracket) {
    comma();
    out_.push_back(bracket);
  }
  // A complete value never ends in one of these.
  void comma() {
    if (out_.empty()) return;
    const char last = out_.back();
    if (last != '{' && last != '[' && last != ':') out_.push_back(',');
  }

  std::string& out_;
};

}  // namespace settle::wire
