#include "cli/ask.h"
#include "cli/command.h"
#include "cli/document.h"

namespace settle::cli {
namespace {

int run(Shell& shell, const Arguments& arguments) {
  const HttpRequest request{"GET", transaction_path(arguments.words().front()) + "?timeline=1", {}};
  const Asked asked = ask(shell, shell.api, request);
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  const Json document = read_document(shell, *asked.body);
  if (document.is_discarded()) return kNoDaemon;
  print_document(shell, document);
  return kOk;
}

}  // namespace

const Command kShow{
    "show", "GID", 1,  "one transaction: what is awaited, from whom, since when, what comes next, and its timeline",
    "",     {},    run};

}  // namespace settle::cli
