#include <algorithm>
#include <array>
#include <fstream>
#include <istream>
#include <iterator>
#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/printable.h"
#include "cli/promises.h"
#include "cli/rehearsal.h"
#include "cli/table.h"
#include "net/url.h"

namespace settle::cli {
namespace {

constexpr std::array kPatterns = {Roles{"saga", "action", "", "compensate"}, Roles{"tcc", "try", "confirm", "cancel"},
                                  Roles{"two_phase", "prepare", "commit", "rollback"},
                                  Roles{"message", "deliver", "", ""}};

constexpr Option kOptions[] = {
    {"--pattern", "NAME", "saga (the default), tcc, two_phase, message"},
    {"--action", "URL", "saga: where its actions go, if not to the URL; /path is enough on the same host"},
    {"--compensate", "URL", "saga, too; the others alike"},
    {"--try", "URL", "tcc"},
    {"--confirm", "URL", "tcc"},
    {"--cancel", "URL", "tcc"},
    {"--prepare", "URL", "two_phase"},
    {"--commit", "URL", "two_phase"},
    {"--rollback", "URL", "two_phase"},
    {"--deliver", "URL", "message"},
    {"--check", "URL", "message: also ask this producer back, about what never happened"},
    {"--input", "FILE|JSON", "body of every call; '-': standard input"},
    {"--timeout", "MS", "time limit of an answer; the default is settle's, 3000"},
};

Result<OpTarget> parse_target(std::string_view option, const std::string& text, const std::string& base) {
  std::string url = text;
  if (text.starts_with('/')) {
    const Result<net::Url> host = net::parse_url(base);
    if (!host) return host.error();
    url = "http://" + std::string(host->authority) + text;
  }
  const Result<net::Url> parsed = net::parse_url(url);
  if (!parsed || parsed->scheme != "http") {
    return Error{ErrorCode::kInvalid, std::string(option) + " takes an http:// URL, for example " +
                                          "http://127.0.0.1:8001/take, not '" + printable(text) + "'" +
                                          (parsed ? "" : " (" + parsed.error().message + ")")};
  }
  return OpTarget{{std::string(parsed->host), parsed->port, std::string(option)}, std::string(parsed->target)};
}

/// JSON as it stands on the command line, or the bytes of a file.
Result<std::string> read_input(Shell& shell, const std::string& text) {
  if (text == "-") return std::string(std::istreambuf_iterator<char>(shell.in), {});
  if (text.starts_with('{') || text.starts_with('[') || text.starts_with('"')) return text;
  std::ifstream file(text, std::ios::binary);
  std::string bytes = file ? std::string(std::istreambuf_iterator<char>(file), {}) : std::string();
  if (!file || file.bad()) return Error{ErrorCode::kInvalid, "cannot read the file " + printable(text)};
  return bytes;
}

Result<Subject> parse_subject(Shell& shell, const Arguments& arguments) {
  Subject subject;
  const std::string pattern = arguments.get("--pattern").value_or("saga");
  const auto roles = std::ranges::find(kPatterns, pattern, &Roles::pattern);
  if (roles == kPatterns.end()) {
    return Error{ErrorCode::kInvalid, "--pattern takes saga, tcc, two_phase or message"};
  }
  subject.roles = *roles;
  const std::string& base = arguments.words().front();
  for (const std::string_view op : {roles->forward, roles->finish, roles->undo}) {
    if (op.empty()) continue;
    const std::string option = "--" + std::string(op);
    const auto given = arguments.get(option);
    Result<OpTarget> target = parse_target(given ? option : "verify", given.value_or(base), base);
    if (!target) return target.error();
    subject.targets.emplace(op, std::move(*target));
  }
  if (const auto check = arguments.get("--check"); check && pattern == "message") {
    Result<OpTarget> target = parse_target("--check", *check, base);
    if (!target) return target.error();
    subject.targets.emplace("check", std::move(*target));
  }
  for (const Option& option : kOptions) {
    const std::string_view op = option.name.substr(2);
    const bool is_op = option.value == "URL";
    if (is_op && arguments.has(option.name) && !subject.targets.contains(op)) {
      return Error{ErrorCode::kInvalid, "a " + pattern + " has no op " + std::string(op)};
    }
  }
  if (const auto input = arguments.get("--input")) {
    Result<std::string> bytes = read_input(shell, *input);
    if (!bytes) return bytes.error();
    subject.input = std::move(*bytes);
  }
  if (const auto limit = arguments.get("--timeout")) {
    const Result<std::int64_t> ms = parse_ms("--timeout", *limit);
    if (!ms) return ms.error();
    if (*ms == 0) return Error{ErrorCode::kInvalid, "--timeout takes at least 1 ms"};
    subject.answer_limit = std::chrono::milliseconds(*ms);
    subject.running_limit = std::min(subject.running_limit, 4 * subject.answer_limit);
  }
  return subject;
}

std::size_t count(const std::vector<Finding>& findings, Verdict verdict) {
  return static_cast<std::size_t>(std::ranges::count(findings, verdict, &Finding::verdict));
}

void print_table(Shell& shell, const std::vector<Finding>& findings) {
  Table table({"VERDICT", "PROMISE", "EVIDENCE", "ADVICE"});
  for (const Finding& each : findings) {
    table.row({std::string(name_of(each.verdict)), each.promise, each.evidence, each.advice});
  }
  table.print(shell.out, 0);
  shell.out << "\n"
            << count(findings, Verdict::kKept) << " kept, " << count(findings, Verdict::kBroken) << " broken, "
            << count(findings, Verdict::kNotTestable) << " not testable; effects cannot be seen from outside\n";
}

void print_findings_json(Shell& shell, const Subject& subject, const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& each : findings) {
    list.push_back({{"id", each.id},
                    {"promise", each.promise},
                    {"verdict", name_of(each.verdict)},
                    {"evidence", each.evidence},
                    {"advice", each.advice}});
  }
  const Json report{{"pattern", subject.roles.pattern},
                    {"kept", count(findings, Verdict::kKept)},
                    {"broken", count(findings, Verdict::kBroken)},
                    {"not_testable", count(findings, Verdict::kNotTestable)},
                    {"promises", std::move(list)}};
  print_json(shell, report.dump(2, ' ', false, Json::error_handler_t::replace));
}

/// Exit codes of this command; the last one is shared with a wrong command line: nothing is known.
enum VerifyExit : int { kAllKept = 0, kSomeBroken = 1, kNotTested = 2 };

int run(Shell& shell, const Arguments& arguments) {
  Result<Subject> subject = parse_subject(shell, arguments);
  if (!subject) return usage_error(shell, "verify", subject.error().message);
  Rehearsal rehearsal(std::move(*subject));
  const std::vector<Finding> findings = probe_promises(rehearsal);
  if (shell.json) {
    print_findings_json(shell, rehearsal.subject(), findings);
  } else {
    print_table(shell, findings);
  }
  if (!rehearsal.ever_answered()) shell.err << "settlectl: nobody answers at the participant's URL\n";
  if (count(findings, Verdict::kBroken) > 0) return kSomeBroken;
  return count(findings, Verdict::kNotTestable) > 0 ? kNotTested : kAllKept;
}

}  // namespace

const Command kVerify{
    "verify",
    "URL",
    1,
    "check whether a participant keeps its promises",
    "Plays the coordinator towards one participant, without a daemon: repeats, copies at the same moment, an undo "
    "that\n"
    "comes first, a forward op that comes late. Every probe is a transaction of its own with a gid that begins with\n"
    "verify-. One line per promise: the verdict, what was called and answered, and what to do.\n"
    "\n"
    "  settlectl verify http://127.0.0.1:8001 --action /take --compensate /put-back --input order.json\n"
    "  settlectl verify http://127.0.0.1:8002/account --pattern tcc --input '{\"cents\": 1}'\n"
    "\n"
    "It hears answers and cannot see effects: a participant that answers well and books twice is not found; look at "
    "its\n"
    "data afterwards. The calls are real: use a test system. What can be undone is undone in the end; what was\n"
    "confirmed, committed or delivered stays.\n"
    "\n"
    "exit codes of this command: 0 all promises kept, 1 one is broken, 2 not everything could be tested\n",
    kOptions,
    run};

}  // namespace settle::cli
