// Does the reader accept and refuse as two other readers do, where their rules agree with ours? Does pulling a text
// apart give what skipping it as a whole gives? Does a pointer to any place come out without harm?

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "wire/json_reader.h"
#include "wire/json_writer.h"

namespace {

using settle::wire::JsonReader;
using settle::wire::JsonType;
using settle::wire::JsonWriter;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Takes the value by its type, down to the leaves, and writes it again.
void pull(JsonReader& reader, JsonWriter& out) {
  switch (reader.peek()) {
    case JsonType::kObject: {
      out.begin_object();
      std::string_view key;
      if (!reader.enter_object()) return;
      while (reader.next_member(key)) {
        out.escaped_key(key);
        pull(reader, out);
      }
      out.end_object();
      return;
    }
    case JsonType::kArray:
      out.begin_array();
      if (!reader.enter_array()) return;
      while (reader.next_element()) pull(reader, out);
      out.end_array();
      return;
    case JsonType::kString:
      out.string(reader.string());
      return;
    case JsonType::kNumber:
      out.raw(reader.number());
      return;
    case JsonType::kBool:
      out.boolean(reader.boolean());
      return;
    case JsonType::kNull:
      out.raw(reader.raw());
      return;
    case JsonType::kNone:
      return;
  }
}

/// Keeps nothing but the verdict; numbers of any size are fine.
class Acceptor : public nlohmann::json::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    out_of_range = error.id == 406;  // a number that no double holds
    return false;
  }
  bool out_of_range = false;
};

bool ours_alone(std::string_view what) {
  return what.find("twice") != what.npos || what.find("deeply") != what.npos || what.find("byte order") != what.npos;
}

void compare_with_nlohmann(std::string_view text, const std::optional<settle::wire::JsonError>& error) {
  if (text.find('\0') != text.npos) return;  // it takes a zero byte for the end of the text
  Acceptor acceptor;
  const bool theirs = nlohmann::json::sax_parse(text, &acceptor);
  if (acceptor.out_of_range || (error && ours_alone(error->text))) return;
  require(theirs == !error);
}

void compare_with_simdjson(std::string_view text, const std::optional<settle::wire::JsonError>& error) {
  static simdjson::dom::parser parser;
  const simdjson::error_code theirs = parser.parse(text.data(), text.size()).error();
  if (theirs == simdjson::NUMBER_ERROR || theirs == simdjson::DEPTH_ERROR) return;
  if (theirs == simdjson::SUCCESS) {
    // It takes lone surrogates of some forms.
    require(!error || ours_alone(error->text) || error->text.find("surrogate") != std::string_view::npos);
  } else {
    require(error.has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::optional<settle::wire::JsonError> error = settle::wire::check_json(text);
  compare_with_nlohmann(text, error);
  compare_with_simdjson(text, error);

  static JsonReader reader;
  reader.open(text);
  std::string written;
  JsonWriter out(written);
  pull(reader, out);
  require(reader.finish() == !error);
  if (error) {
    require(error->offset <= text.size() && !error->text.empty());
    require(reader.error().offset == error->offset);
    (void)settle::wire::json_pointer_at(text, error->offset);
  } else {
    // What was pulled and written means the same. Their parser has no value for numbers beyond a double.
    const nlohmann::json first = nlohmann::json::parse(text, nullptr, false);
    if (!first.is_discarded()) require(nlohmann::json::parse(written, nullptr, false) == first);
  }
  return 0;
}
