#include "wire/json_splice.h"

#include <charconv>

#include "wire/json_reader.h"
#include "wire/json_writer.h"
#include "wire/utf8.h"

namespace settle::wire {
namespace {

/// Takes the first token off, decoded; `pointer` begins with '/'.
std::string take_token(std::string_view& pointer) {
  pointer.remove_prefix(1);
  std::string token;
  while (!pointer.empty() && pointer.front() != '/') {
    char c = pointer.front();
    pointer.remove_prefix(1);
    if (c == '~') {
      c = pointer.front() == '1' ? '/' : '~';
      pointer.remove_prefix(1);
    }
    token.push_back(c);
  }
  return token;
}

/// "0", "17"; not "017", "-1", "+1".
std::optional<std::size_t> index_of(std::string_view token) {
  if (token.size() > 1 && token.front() == '0') return std::nullopt;
  std::size_t index = 0;
  const auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (problem != std::errc{} || end != token.data() + token.size()) return std::nullopt;
  return index;
}

/// A container seen from one token.
struct Look {
  bool is_object = false;
  bool is_array = false;
  std::size_t size = 0;
  std::optional<std::string_view> child;
};

/// `value` is well-formed and has no blanks around it.
Look look_into(std::string_view value, std::string_view token) {
  Look look;
  look.is_object = value.front() == '{';
  look.is_array = value.front() == '[';
  JsonReader reader;
  reader.open(value);
  if (look.is_object && reader.enter_object()) {
    std::string_view key;
    while (reader.next_member(key)) {
      const bool is_it = key == token;
      const std::string_view child = reader.raw();
      if (is_it) look.child = child;
      ++look.size;
    }
  } else if (look.is_array && reader.enter_array()) {
    const std::optional<std::size_t> index = index_of(token);
    while (reader.next_element()) {
      const std::string_view child = reader.raw();
      if (index == look.size) look.child = child;
      ++look.size;
    }
  }
  return look;
}

std::optional<std::string_view> whole_of(std::string_view text) {
  JsonReader reader;
  reader.open(text);
  const std::string_view value = reader.raw();
  if (!reader.finish()) return std::nullopt;
  return value;
}

/// {"a":{"b":value}} for what is left of the pointer.
std::string wrapped(std::string_view pointer, std::string_view value) {
  std::string text;
  std::size_t braces = 0;
  for (; !pointer.empty(); ++braces) {
    text += "{\"";
    append_json_escaped(text, take_token(pointer));
    text += "\":";
  }
  text += value;
  text.append(braces, '}');
  return text;
}

/// What stands in for `length` bytes at `offset`.
struct Edit {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string bytes;
};

/// Behind the last member or element of the container at [offset, offset + size).
Edit appended(std::size_t offset, std::size_t size, bool is_first, const std::string& bytes) {
  return {offset + size - 1, 0, (is_first ? "" : ",") + bytes};
}

std::optional<Edit> edit_of(std::string_view text, std::string_view pointer, std::string_view value) {
  const std::optional<std::string_view> whole = whole_of(text);
  if (!whole) return std::nullopt;
  std::string_view at = *whole;
  const auto offset = [&] { return static_cast<std::size_t>(at.data() - text.data()); };
  while (!pointer.empty()) {
    const std::string token = take_token(pointer);
    const Look look = look_into(at, token);
    if (look.child) {
      at = *look.child;
    } else if (look.is_object) {
      std::string key = "\"";
      append_json_escaped(key, token);
      return appended(offset(), at.size(), look.size == 0, key + "\":" + wrapped(pointer, value));
    } else if (look.is_array && (token == "-" || index_of(token) == look.size)) {
      return appended(offset(), at.size(), look.size == 0, wrapped(pointer, value));
    } else {
      return std::nullopt;
    }
  }
  return Edit{offset(), at.size(), std::string(value)};
}

}  // namespace

bool is_json_pointer(std::string_view text) {
  if (!text.empty() && text.front() != '/') return false;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    if (*at == '~' && (at + 1 == end || (at[1] != '0' && at[1] != '1'))) return false;
    const std::size_t length = static_cast<signed char>(*at) >= 0 ? 1 : utf8_sequence(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::optional<std::string_view> json_part(std::string_view text, std::string_view pointer) {
  std::optional<std::string_view> at = whole_of(text);
  if (!is_json_pointer(pointer)) return std::nullopt;
  while (at && !pointer.empty()) {
    const std::string token = take_token(pointer);
    at = look_into(*at, token).child;
  }
  return at;
}

bool splice_json(std::string& text, std::string_view pointer, std::string_view value, std::size_t bytes_max) {
  const std::optional<std::string_view> bare = whole_of(value);
  if (!bare || !is_json_pointer(pointer)) return false;
  const std::string_view base = text.empty() ? std::string_view("{}") : std::string_view(text);
  const std::optional<Edit> edit = edit_of(base, pointer, *bare);
  if (!edit || base.size() - edit->length + edit->bytes.size() > bytes_max) return false;
  std::string out;
  out.reserve(base.size() - edit->length + edit->bytes.size());
  out.append(base.substr(0, edit->offset)).append(edit->bytes).append(base.substr(edit->offset + edit->length));
  // What was put together must be read by the other side: nesting has a bound there, too.
  if (check_json(out)) return false;
  text = std::move(out);
  return true;
}

}  // namespace settle::wire
