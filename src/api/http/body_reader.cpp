#include "api/http/body_reader.h"

#include <cmath>

#include "wire/instant.h"

namespace settle::api {
namespace {

using wire::JsonType;

std::string malformed_text(const wire::JsonError& error, std::string_view body) {
  std::string text = "at byte " + std::to_string(error.offset) + ": ";
  if (!error.key.empty() || error.text.find("twice") != std::string_view::npos) {
    return text + "the key \"" + excerpt(error.key) + "\" stands twice in one object; send it once";
  }
  text += error.text;
  if (error.offset < body.size() && static_cast<signed char>(body[error.offset]) > 0x20) {
    text += "; found '";
    text += body[error.offset];
    text += "'";
  }
  return text;
}

std::string list_of(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

std::string decimal_words(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

std::string duration_words(std::int64_t ms) {
  constexpr std::int64_t kDayMs = std::int64_t{24} * 60 * 60 * 1000;
  if (ms >= kDayMs && ms % kDayMs == 0) return std::to_string(ms) + " (" + std::to_string(ms / kDayMs) + " days)";
  return std::to_string(ms);
}

void BodyReader::open(std::string_view body) {
  body_ = body;
  refused_ = false;
  json_.open(body);
}

bool BodyReader::refuse_at(std::string pointer, std::string text, ErrorName name) {
  if (refused_) return false;
  refused_ = true;
  refusal_ = Refusal{name, std::move(pointer), std::move(text)};
  return false;
}

bool BodyReader::refuse(std::string text, ErrorName name) {
  if (!ok()) return false;
  return refuse_at(wire::json_pointer_at(body_, json_.offset()), std::move(text), name);
}

bool BodyReader::expect(JsonType type) {
  if (!ok()) return false;
  const JsonType found = json_.peek();
  if (found == type) return true;
  if (found == JsonType::kNone) return false;
  std::string text = "is " + std::string(found == JsonType::kBool ? "true or false" : with_article(found));
  text += "; " + std::string(with_article(type)) + " is expected";
  if (found == JsonType::kNull) text += ", or leave the field out";
  return refuse(std::move(text));
}

bool BodyReader::enter_object() { return expect(JsonType::kObject) && json_.enter_object(); }

bool BodyReader::enter_array() { return expect(JsonType::kArray) && json_.enter_array(); }

int BodyReader::next_field(std::span<const std::string_view> names, std::string_view holder) {
  std::string_view key;
  if (!next_member(key)) return -1;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == key) return static_cast<int>(i);
  }
  refuse("unknown field \"" + excerpt(key) + "\"; " + std::string(holder) + " has " + list_of(names));
  return -1;
}

bool BodyReader::string(std::string_view& out) {
  if (!expect(JsonType::kString)) return false;
  out = json_.string();
  return json_.ok();
}

bool BodyReader::boolean(bool& out) {
  if (!expect(JsonType::kBool)) return false;
  out = json_.boolean();
  return json_.ok();
}

bool BodyReader::whole(std::int64_t least, std::int64_t most, std::int64_t& out) {
  if (!expect(JsonType::kNumber)) return false;
  const std::string_view token = json_.number();
  if (!json_.ok()) return false;
  const std::optional<std::int64_t> value = wire::whole_number(token);
  if (value && *value >= least && *value <= most) {
    out = *value;
    return true;
  }
  return refuse("is " + excerpt(token, 32) + "; a whole number from " + std::to_string(least) + " to " +
                duration_words(most) + ", without fraction or exponent, is expected");
}

bool BodyReader::duration_ms(std::int64_t least, std::int64_t most, Duration& out) {
  std::int64_t ms = 0;
  if (!whole(least, most, ms)) return false;
  out = milliseconds{ms};
  return true;
}

bool BodyReader::permille(double least, double most, std::uint32_t& out) {
  if (!expect(JsonType::kNumber)) return false;
  const std::string_view token = json_.number();
  if (!json_.ok()) return false;
  const std::optional<double> value = wire::decimal_number(token);
  if (value && *value >= least && *value <= most) {
    out = static_cast<std::uint32_t>(std::lround(*value * 1000));
    return true;
  }
  return refuse("is " + excerpt(token, 32) + "; a number from " + decimal_words(least) + " to " + decimal_words(most) +
                " is expected");
}

bool BodyReader::instant(Instant& out) {
  std::string_view text;
  if (!string(text)) return false;
  const std::optional<Instant> value = wire::parse_instant(text);
  if (!value) {
    return refuse("is \"" + excerpt(text) +
                  "\"; an instant of the years 1970 to 9999 in UTC is expected, such as 2026-01-02T03:04:05Z");
  }
  out = *value;
  return true;
}

bool BodyReader::raw(std::size_t bytes_max, std::string_view& out) {
  if (!ok()) return false;
  out = json_.raw();
  if (!json_.ok()) return false;
  if (out.size() <= bytes_max) return true;
  return refuse("has " + std::to_string(out.size()) + " bytes, more than " + std::to_string(bytes_max) +
                    "; send a reference instead of the data",
                ErrorName::kTooLarge);
}

bool BodyReader::finish() {
  if (ok() && json_.finish()) return true;
  std::optional<wire::JsonError> error;
  if (json_.ok()) {
    error = wire::check_json(body_);
  } else {
    error = json_.error();
  }
  if (error) {
    const std::string pointer = wire::json_pointer_at(body_, error->offset);
    refusal_ = Refusal{ErrorName::kMalformed, pointer, malformed_text(*error, body_)};
    refused_ = true;
  }
  return false;
}

}  // namespace settle::api
