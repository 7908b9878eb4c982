// The only file that knows TOML. Values go on as text, so that a file and a flag are read by the same code.

#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "daemon/config.h"

namespace settle::daemon {
namespace {

std::string place(const std::string& path, const toml::source_region& source) {
  return path + ":" + std::to_string(source.begin.line);
}

std::optional<std::string> plain_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  return std::nullopt;
}

Result<void> flatten(const toml::table& table, const std::string& prefix, const std::string& path,
                     std::vector<Setting>& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      if (auto done = flatten(*inner, key + ".", path, out); !done) return done;
      continue;
    }
    auto value = plain_text(node);
    const std::string where = place(path, node.source());
    if (!value) {
      return Error{ErrorCode::kInvalid, where + ": " + key + ": neither a string nor a whole number nor true or false"};
    }
    out.push_back({key, std::move(*value), where});
  }
  return {};
}

}  // namespace

Result<std::vector<Setting>> read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kNotFound, path + ": cannot be opened"};
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return Error{ErrorCode::kNotFound, path + ": cannot be read"};
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    return Error{ErrorCode::kInvalid,
                 place(path, parsed.error().source()) + ": " + std::string(parsed.error().description())};
  }
  std::vector<Setting> settings;
  if (const auto done = flatten(parsed.table(), "", path, settings); !done) return done.error();
  return settings;
}

}  // namespace settle::daemon
