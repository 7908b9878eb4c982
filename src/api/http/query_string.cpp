#include "api/http/query_string.h"

#include <algorithm>

#include "wire/json_reader.h"
#include "wire/utf8.h"

namespace settle::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_utf8(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    if ((static_cast<unsigned char>(*at) & 0x80U) == 0) {
      ++at;
      continue;
    }
    const std::size_t length = wire::utf8_sequence(at, end);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (!is_utf8(out)) return std::nullopt;
  return out;
}

QueryString::QueryString(std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::optional<std::string> name = percent_decoded(pair.substr(0, equals));
    std::optional<std::string> value = percent_decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) {
      refuse(pair.substr(0, equals), "is not percent-encoded UTF-8");
      return;
    }
    for (const Parameter& known : parameters_) {
      if (known.name == *name) {
        refuse(*name, "stands twice");
        return;
      }
    }
    parameters_.push_back({std::move(*name), std::move(*value)});
  }
}

bool QueryString::refuse(std::string_view name, const std::string& text, ErrorName error) {
  if (refused_) return false;
  refused_ = true;
  refusal_ = Refusal{error, {}, "query parameter \"" + excerpt(name) + "\" " + text};
  return false;
}

std::optional<std::string> QueryString::take(std::string_view name) {
  const auto at = std::find_if(parameters_.begin(), parameters_.end(),
                               [name](const Parameter& parameter) { return parameter.name == name; });
  if (at == parameters_.end()) return std::nullopt;
  at->taken = true;
  return at->value;
}

bool QueryString::take_whole(std::string_view name, std::int64_t least, std::int64_t most, ErrorName over,
                             std::int64_t& out) {
  const std::optional<std::string> text = take(name);
  if (!text) return !refused_;
  const std::optional<std::int64_t> value = wire::whole_number(*text);
  if (value && *value >= least && *value <= most) {
    out = *value;
    return !refused_;
  }
  return refuse(name,
                "is \"" + excerpt(*text) + "\"; a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most) + " is expected",
                value && *value > most ? over : ErrorName::kInvalid);
}

bool QueryString::take_flag(std::string_view name, std::optional<bool>& out) {
  const std::optional<std::string> text = take(name);
  if (!text) return !refused_;
  if (*text == "true" || *text == "1") {
    out = true;
  } else if (*text == "false" || *text == "0") {
    out = false;
  } else {
    return refuse(name, "is \"" + excerpt(*text) + "\"; true or false is expected");
  }
  return !refused_;
}

bool QueryString::finish(std::string_view known) {
  for (const Parameter& parameter : parameters_) {
    if (parameter.taken) continue;
    return refuse(parameter.name, known.empty() ? "is unknown; this path takes none"
                                                : "is unknown; this path takes " + std::string(known));
  }
  return !refused_;
}

}  // namespace settle::api
