#include "cli/order.h"

#include <ostream>

#include "cli/ask.h"
#include "cli/document.h"
#include "cli/printable.h"

namespace settle::cli {

int give_order(Shell& shell, const Arguments& arguments, std::string_view verb, std::string_view done) {
  const std::string reason = arguments.get("--reason").value_or("");
  if (reason.empty()) return usage_error(shell, verb, "an operator's order needs --reason TEXT");
  const std::string& gid = arguments.words().front();
  const std::string body = reason_body(reason);
  const Asked asked = ask(shell, shell.admin, {"POST", transaction_path(gid, verb), body});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  shell.out << printable(gid) << ": " << done << "\n";
  if (const Json document = parse_json(*asked.body); !text_at(document, "gid").empty()) print_summary(shell, document);
  return kOk;
}

}  // namespace settle::cli
