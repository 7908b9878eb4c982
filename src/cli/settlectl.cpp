#include "cli/settlectl.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/printable.h"

namespace settle::cli {
namespace {

constexpr std::array kCommands = {&kSubmit, &kList,         &kShow,  &kWait,  &kAbort, &kIncidents, &kRetry,  &kResolve,
                                  &kStop,   &kDestinations, &kNodes, &kAudit, &kTop,   &kVerify,    &kBarrier};

constexpr std::array kCommonOptions = {
    Option{"--api", "HOST:PORT", "the daemon's api.http; else SETTLE_API, else 127.0.0.1:36789"},
    Option{"--admin", "HOST:PORT", "the daemon's admin.http; else SETTLE_ADMIN, else 127.0.0.1:36780"},
    Option{"--json", "", "print the daemon's own JSON"},
    Option{"--help", "", "this text, or that of a command"},
    Option{"--version", "", "the version"},
};

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : *found;
}

void print_padded(std::ostream& out, std::string_view left, std::string_view right) {
  constexpr std::size_t kWidth = 24;
  out << "  " << left;
  for (std::size_t i = left.size(); i < kWidth; ++i) out << ' ';
  out << right << "\n";
}

void print_options(std::ostream& out, std::span<const Option> options) {
  for (const Option& option : options) {
    std::string left(option.name);
    if (!option.value.empty()) left.append(" ").append(option.value);
    print_padded(out, left, option.help);
  }
}

void print_help(std::ostream& out) {
  out << "settlectl: look at the global transactions of a settle daemon, and act on them\n\n"
         "usage: settlectl [options] COMMAND …\n\n";
  for (const Command* command : kCommands) {
    std::string left(command->name);
    if (!command->words.empty()) left.append(" ").append(command->words);
    print_padded(out, left, command->summary);
  }
  print_padded(out, "help COMMAND", "more about one of them");
  out << "\noptions, before or behind the command\n";
  print_options(out, kCommonOptions);
  out << "\nexit codes\n"
         "  0  done; where you waited: committed\n"
         "  1  refused; where you waited: aborted\n"
         "  2  the command line or the file is wrong, nothing was sent\n"
         "  3  no daemon answered, or its answer was lost\n"
         "  4  the wait is over, the transaction still runs\n";
}

void print_help_of(std::ostream& out, const Command& command) {
  out << "settlectl " << command.name;
  if (!command.words.empty()) out << " " << command.words;
  if (!command.options.empty()) out << " [options]";
  out << ": " << command.summary << "\n";
  if (!command.text.empty()) out << "\n" << command.text;
  if (!command.options.empty()) {
    out << "\noptions\n";
    print_options(out, command.options);
  }
  out << "\noptions of every command, and exit codes: settlectl --help\n";
}

/// The command line, taken apart: words and options may be mixed.
struct Line {
  const Command* command = nullptr;  ///< nothing: only help or version was asked for
  bool is_help = false;
  Arguments arguments;
};

Result<Line> parse(const std::vector<std::string>& args) {
  Line line;
  std::vector<Option> known(kCommonOptions.begin(), kCommonOptions.end());
  bool only_words = false;
  for (std::size_t at = 0; at < args.size();) {
    if (!only_words && args[at] == "--") {
      only_words = true;
      ++at;
    } else if (!only_words && is_option(args[at])) {
      const Result<std::size_t> next = line.arguments.take_option(args, at, known);
      if (!next) return next.error();
      at = *next;
    } else if (line.command == nullptr && !line.is_help && args[at] == "help") {
      line.is_help = true;
      ++at;
    } else if (line.command == nullptr) {
      line.command = find_command(args[at]);
      if (line.command == nullptr) {
        return Error{ErrorCode::kInvalid, "there is no command '" + printable(args[at]) + "'"};
      }
      known.insert(known.end(), line.command->options.begin(), line.command->options.end());
      ++at;
    } else {
      line.arguments.take_word(args[at++]);
    }
  }
  line.is_help = line.is_help || line.arguments.has("--help");
  return line;
}

Result<Endpoint> endpoint(const Surroundings& around, const Arguments& arguments, std::string_view option,
                          const char* variable, std::string_view standard) {
  if (const auto given = arguments.get(option)) return parse_endpoint(*given, option);
  if (const auto set = around.environment(variable); set && !set->empty()) return parse_endpoint(*set, variable);
  return parse_endpoint(standard, "the default");
}

}  // namespace

int settlectl(const Surroundings& around, const std::vector<std::string>& args) {
  Shell shell{around.in, around.out, around.err, {}, {}, false, around.now_us};
  const Result<Line> line = parse(args);
  if (!line) return usage_error(shell, "", line.error().message);
  const Command* const command = line->command;
  if (line->is_help) {
    if (command == nullptr) {
      print_help(shell.out);
    } else {
      print_help_of(shell.out, *command);
    }
    return kOk;
  }
  if (line->arguments.has("--version")) {
    shell.out << "settlectl " << SETTLE_VERSION << "\n";
    return kOk;
  }
  if (command == nullptr) {
    print_help(shell.err);
    return kUsage;
  }
  const std::size_t words = line->arguments.words().size();
  if (words < command->words_count || words > std::max(command->words_count, command->words_max)) {
    const std::string takes = command->words.empty() ? "no words" : std::string(command->words);
    return usage_error(shell, command->name, std::string(command->name) + " takes " + takes);
  }

  const Result<Endpoint> api = endpoint(around, line->arguments, "--api", "SETTLE_API", "127.0.0.1:36789");
  const Result<Endpoint> admin = endpoint(around, line->arguments, "--admin", "SETTLE_ADMIN", "127.0.0.1:36780");
  if (!api) return usage_error(shell, "", api.error().message);
  if (!admin) return usage_error(shell, "", admin.error().message);
  shell.api = *api;
  shell.admin = *admin;
  shell.json = line->arguments.has("--json");
  shell.operator_name = around.environment("SETTLE_OPERATOR").value_or(around.environment("USER").value_or(""));
  return command->run(shell, line->arguments);
}

}  // namespace settle::cli
