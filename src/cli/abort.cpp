#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/printable.h"
#include "cli/waiting.h"

namespace settle::cli {
namespace {

constexpr Option kOptions[] = {
    {"--reason", "TEXT", "why; it stays with the transaction"},
};

constexpr std::int64_t kCheckPatienceMs = 10'000;

/// How an abort that was asked for came out: 0 only if the transaction turns or has turned back.
int tell(Shell& shell, const std::string& body, const Json& document) {
  if (shell.json) {
    print_json(shell, body);
  } else {
    print_summary(shell, document);
  }
  const std::string decision = text_at(document, "decision");
  if (decision == "abort") return kOk;
  return decision == "commit" ? kRefused : kStillRunning;
}

/// Whoever sends `abort` for a prepared message vouches that its local transaction cannot commit. A person at a
/// terminal cannot know that, so the producer is asked now and its check-back decides.
int let_check_decide(Shell& shell, const std::string& gid, const std::string& reason) {
  const std::string why = reason.empty() ? "settlectl abort" : reason;
  const Asked asked = ask(shell, shell.admin, {"POST", transaction_path(gid, "retry"), reason_body(why)});
  if (!asked.body) return asked.exit;
  if (!shell.json) {
    shell.out << printable(gid) << ": a prepared message; its producer is asked now, and the answer decides\n";
  }
  const Waited waited = wait_for(shell, gid, "decision", kCheckPatienceMs);
  if (waited.exit != kOk) return waited.exit;
  return tell(shell, waited.body, waited.document);
}

int run(Shell& shell, const Arguments& arguments) {
  const std::string& gid = arguments.words().front();
  const std::string reason = arguments.get("--reason").value_or("");

  const Asked before = ask(shell, shell.api, {"GET", transaction_path(gid), {}});
  if (!before.body) return before.exit;
  const Json document = read_document(shell, *before.body);
  if (document.is_discarded()) return kNoDaemon;
  if (text_at(document, "pattern") == "message" && text_at(document, "phase") == "prepared") {
    return let_check_decide(shell, gid, reason);
  }

  const std::string body = reason.empty() ? "{}" : reason_body(reason);
  const Asked asked = ask(shell, shell.api, {"POST", transaction_path(gid, "abort"), body});
  if (!asked.body) return asked.exit;
  const Json after = read_document(shell, *asked.body);
  if (after.is_discarded()) return kNoDaemon;
  return tell(shell, *asked.body, after);
}

}  // namespace

const Command kAbort{
    "abort",
    "GID",
    1,
    "turn a transaction back: a saga compensates; for a prepared message the check-back decides",
    "Refused once the outcome is decided the other way. For a prepared message the producer is asked at once\n"
    "(through the admin listener), because only it knows whether its local transaction committed.\n",
    kOptions,
    run};

}  // namespace settle::cli
