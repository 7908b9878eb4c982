#include <algorithm>
#include <optional>

#include "base/failpoint.h"
#include "daemon/config.h"

namespace settle::daemon {
namespace {

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string_view> arguments) {
  CommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "-h" || argument == "--help") {
      line.help = true;
      continue;
    }
    if (argument == "--version" || argument == "--list-failpoints") {
      (argument == "--version" ? line.version : line.list_failpoints) = true;
      continue;
    }
    if (!argument.starts_with("--") || argument == "--") {
      return invalid("'" + std::string(argument) + "' is no flag; write --KEY=VALUE, see --help");
    }
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
      value = arguments[++i];
    } else {
      return invalid("--" + std::string(name) + " has no value; write --" + std::string(name) + "=VALUE");
    }
    if (name == "config") {
      line.config_file = value;
    } else {
      line.settings.push_back({std::string(name), std::string(value), "--" + std::string(name)});
    }
  }
  return line;
}

std::string help_text() {
  std::string text =
      "settled: remembers global transactions and drives each to one outcome.\n\n"
      "  settled [--config FILE] [--KEY=VALUE ...]\n\n"
      "A flag wins over the file (TOML; section.key there is the same as --section.key here).\n\n"
      "  --config FILE        read this file\n"
      "  --help, --version    what they say\n"
      "  --list-failpoints    names for --test.failpoint\n\n";
  for (const Key& key : config_keys()) {
    std::string flag = "  --" + std::string(key.name) + "=" + std::string(key.form);
    flag.append(flag.size() < 40 ? 40 - flag.size() : 1, ' ');
    text += flag + std::string(key.text);
    if (!key.fallback.empty()) text += " (" + std::string(key.fallback) + ")";
    if (!key.served) text += "; accepted, not served by this version";
    text += "\n";
  }
  return text;
}

}  // namespace settle::daemon
