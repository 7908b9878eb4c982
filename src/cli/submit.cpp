#include <fstream>
#include <istream>
#include <iterator>
#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/document.h"
#include "cli/printable.h"
#include "cli/waiting.h"

namespace settle::cli {
namespace {

constexpr Option kOptions[] = {
    {"--wait", "MS", "wait for the end, at most so long; the exit code then tells the outcome"},
};

std::string read_all(std::istream& from) { return {std::istreambuf_iterator<char>(from), {}}; }

std::optional<std::string> read_body(Shell& shell, const std::string& name) {
  if (name == "-") return read_all(shell.in);
  std::ifstream file(name, std::ios::binary);
  std::string body = file ? read_all(file) : std::string();
  if (!file || file.bad()) return std::nullopt;
  return body;
}

/// The file is sent as it is, also if it is no JSON: the daemon says best what is wrong and where. It is only looked
/// into for how long the daemon will hold its answer back.
std::int64_t wait_in(const std::string& body) {
  constexpr std::int64_t kHourMs = 3'600'000;
  const std::int64_t wait = number_at(parse_json(body), "wait_ms").value_or(0);
  return wait < 0 ? 0 : std::min(wait, kHourMs);
}

int run(Shell& shell, const Arguments& arguments) {
  const std::string& name = arguments.words().front();
  std::int64_t wait_ms = 0;
  if (const auto given = arguments.get("--wait")) {
    const Result<std::int64_t> parsed = parse_ms("--wait", *given);
    if (!parsed) return usage_error(shell, "submit", parsed.error().message);
    wait_ms = *parsed;
  }
  const std::optional<std::string> body = read_body(shell, name);
  if (!body) return usage_error(shell, "submit", "cannot read the file " + printable(name));

  const std::int64_t own_wait_ms = wait_in(*body);
  const HttpRequest request{"POST", "/v1/transactions", *body};
  Asked begun = ask(shell, shell.api, request, std::chrono::milliseconds(own_wait_ms));
  if (!begun.body) return begun.exit;
  Json document = read_document(shell, *begun.body);
  if (document.is_discarded()) return kNoDaemon;

  const std::string gid = text_at(document, "gid");
  if (wait_ms > 0 && text_at(document, "outcome") == "running") {
    Waited waited = wait_for(shell, gid, "end", wait_ms);
    if (waited.exit != kOk) {
      shell.err << "  The transaction was begun: " << printable(gid) << "\n";
      return waited.exit;
    }
    *begun.body = std::move(waited.body);
    document = std::move(waited.document);
  }
  if (shell.json) {
    print_json(shell, *begun.body);
  } else {
    print_summary(shell, document);
    shell.out << "  look at it: settlectl show " << printable(gid) << "\n";
  }
  return wait_ms > 0 || own_wait_ms > 0 ? exit_of_outcome(document) : kOk;
}

}  // namespace

const Command kSubmit{"submit",
                      "FILE",
                      1,
                      "begin the transaction that a JSON file describes ('-': standard input)",
                      "The file is the body of POST /v1/transactions and is sent byte for byte:\n"
                      "  {\"pattern\": \"saga\", \"gid\": \"order-17\", \"steps\": [\n"
                      "    {\"id\": \"stock\", \"action\": \"http://127.0.0.1:8001/take\", \"compensate\": "
                      "\"http://127.0.0.1:8001/put-back\",\n"
                      "     \"input\": {\"goods\": \"teapot\", \"quantity\": 1}}]}\n"
                      "With a gid in it, submitting the same file again is safe: it gives the same transaction.\n",
                      kOptions,
                      run};

}  // namespace settle::cli
