#include <algorithm>
#include <array>
#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/printable.h"

namespace settle::cli {
namespace {

constexpr Option kOptions[] = {
    {"--as", "WHAT", "done, skipped or cancelled: what is known of the branch (required)"},
    {"--result", "JSON", "with done: the branch's own result, if a later step takes a part of it"},
    {"--reason", "TEXT", "how it is known; it is kept in the audit (required)"},
};

constexpr std::array<std::string_view, 3> kResolutions{"done", "skipped", "cancelled"};

/// `result` goes as it was typed: what later steps take of it is taken byte for byte.
std::string body_of(const std::string& as, const std::string& reason, const std::string& result) {
  std::string body = Json{{"as", as}, {"reason", reason}}.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (result.empty()) return body;
  body.back() = ',';
  return body.append("\"result\":").append(result).append("}");
}

int run(Shell& shell, const Arguments& arguments) {
  const std::string as = arguments.get("--as").value_or("");
  const std::string reason = arguments.get("--reason").value_or("");
  if (std::ranges::find(kResolutions, as) == kResolutions.end()) {
    return usage_error(shell, "resolve", "--as takes done, skipped or cancelled");
  }
  if (reason.empty()) return usage_error(shell, "resolve", "an operator's word needs --reason TEXT");
  const std::string result = arguments.get("--result").value_or("");
  if (!result.empty() && as != "done") return usage_error(shell, "resolve", "--result goes with --as done");
  if (!result.empty() && parse_json(result).is_discarded()) return usage_error(shell, "resolve", "--result is no JSON");
  const std::string& gid = arguments.words()[0];
  const std::string& branch = arguments.words()[1];
  const std::string body = body_of(as, reason, result);
  const std::string under = "branches/" + escaped(branch) + "/resolve";
  const Asked asked = ask(shell, shell.admin, {"POST", transaction_path(gid, under), body});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  shell.out << printable(gid) << ": branch " << printable(branch) << " is recorded as " << as << "\n";
  if (const Json document = parse_json(*asked.body); !text_at(document, "gid").empty()) {
    print_summary(shell, document);
    if (const std::string heuristic = text_at(document, "heuristic"); !heuristic.empty() && heuristic != "none") {
      shell.out << "  heuristic " << printable(heuristic) << ": a branch and the decision differ, or may\n";
    }
  }
  return kOk;
}

}  // namespace

const Command kResolve{"resolve",
                       "GID BRANCH",
                       2,
                       "say what has become of a branch that cannot tell itself (operators; admin listener)",
                       "It is evidence about what this branch owes now, and ends it:\n"
                       "  done       what it owes has been done, you have seen it\n"
                       "  skipped    it will not be done\n"
                       "  cancelled  its effect has been taken back, or never was\n"
                       "The decision never changes. Evidence that goes against it is shown as `heuristic`.\n",
                       kOptions,
                       run};

}  // namespace settle::cli
