#include "cli/ask.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/waiting.h"

namespace settle::cli {
namespace {

constexpr Option kOptions[] = {
    {"--for", "MS", "at most so long; without it, until the end"},
    {"--until", "end|decision", "what to wait for; the default is end"},
};

int exit_of_decision(const Json& document) {
  const std::string decision = text_at(document, "decision");
  if (decision == "commit") return kOk;
  return decision == "abort" ? kRefused : kStillRunning;
}

int run(Shell& shell, const Arguments& arguments) {
  const std::string until = arguments.get("--until").value_or("end");
  if (until != "end" && until != "decision") {
    return usage_error(shell, "wait", "--until takes end or decision");
  }
  std::optional<std::int64_t> for_ms;
  if (const auto given = arguments.get("--for")) {
    const Result<std::int64_t> parsed = parse_ms("--for", *given);
    if (!parsed) return usage_error(shell, "wait", parsed.error().message);
    for_ms = *parsed;
  }
  const Waited waited = wait_for(shell, arguments.words().front(), until, for_ms);
  if (waited.exit != kOk) return waited.exit;
  if (shell.json) {
    print_json(shell, waited.body);
  } else {
    print_summary(shell, waited.document);
  }
  return until == "decision" ? exit_of_decision(waited.document) : exit_of_outcome(waited.document);
}

}  // namespace

const Command kWait{"wait",
                    "GID",
                    1,
                    "wait for a transaction's end; the exit code tells the outcome",
                    "Ends early when an incident stops progress: then a person is needed, see `settlectl show GID`.\n",
                    kOptions,
                    run};

}  // namespace settle::cli
