#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/printable.h"

namespace settle::cli {
namespace {

constexpr Option kOptions[] = {
    {"--reason", "TEXT", "why; it is kept in the audit (required)"},
};

int run(Shell& shell, const Arguments& arguments) {
  const std::string reason = arguments.get("--reason").value_or("");
  if (reason.empty()) return usage_error(shell, "stop", "an operator's order needs --reason TEXT");
  const std::string& gid = arguments.words().front();
  const std::string body = reason_body(reason);
  const Asked asked = ask(shell, shell.admin, {"POST", transaction_path(gid, "stop"), body});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  shell.out << printable(gid) << ": nothing is called any more; `settlectl retry` lets it go on\n";
  if (const Json document = parse_json(*asked.body); !text_at(document, "gid").empty()) print_summary(shell, document);
  return kOk;
}

}  // namespace

const Command kStop{
    "stop",
    "GID",
    1,
    "call nobody any more for this transaction (operators; admin listener)",
    "Changes no outcome: it stays open, with an incident, until somebody resolves its branches or lets it\n"
    "go on with `settlectl retry`. A call that is under way ends by itself.\n",
    kOptions,
    run};

}  // namespace settle::cli
