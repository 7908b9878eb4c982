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
  if (reason.empty()) return usage_error(shell, "retry", "an operator's order needs --reason TEXT");
  const std::string& gid = arguments.words().front();
  const std::string body = reason_body(reason);
  const Asked asked = ask(shell, shell.admin, {"POST", transaction_path(gid, "retry"), body});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  shell.out << printable(gid) << ": what it waits for is due now\n";
  if (const Json document = parse_json(*asked.body); !text_at(document, "gid").empty()) print_summary(shell, document);
  return kOk;
}

}  // namespace

const Command kRetry{"retry",
                     "GID",
                     1,
                     "make everything that the transaction waits for due now (operators; admin listener)",
                     "Changes no outcome: it only shortens pauses, and wakes a target that rests after a refusal.\n",
                     kOptions,
                     run};

}  // namespace settle::cli
