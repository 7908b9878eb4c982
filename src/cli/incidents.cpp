#include <array>
#include <ostream>
#include <utility>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/instant.h"
#include "cli/json.h"
#include "cli/printable.h"

namespace settle::cli {
namespace {

constexpr std::array kOptions = {
    Option{"--pattern", "NAME", "saga, message, tcc or two_phase"},
    Option{"--label", "KEY=VALUE", "only those begun with this label"},
    Option{"--since", "INSTANT", "begun at or after, for example 2026-01-02T03:04:05Z"},
    Option{"--until", "INSTANT", "begun before"},
    Option{"--limit", "N", "so many at most"},
    Option{"--cursor", "TEXT", "go on where an earlier list ended"},
};

std::string query_of(const Arguments& arguments) {
  std::string query;
  for (const Option& option : kOptions) {
    const auto value = arguments.get(option.name);
    if (!value) continue;
    query.append(query.empty() ? "?" : "&").append(option.name.substr(2)).append("=").append(escaped(*value));
  }
  return query;
}

std::string age_of(Shell& shell, std::string_view since) {
  const auto at = parse_instant(since);
  return at ? duration_text(shell.now_us() - *at) : std::string(since);
}

std::string suggestions_of(const Json& incident) {
  std::string text;
  for (const Json& verb : part_at(incident, "suggested")) {
    if (verb.is_string()) text += (text.empty() ? "" : ", ") + verb.get<std::string>();
  }
  return text;
}

/// What the branches that are waited for said last.
std::string evidence_of(const Json& document) {
  std::string text;
  for (const Json& wait : part_at(document, "waiting_for")) {
    const std::string answer = text_at(wait, "last_answer");
    if (answer.empty()) continue;
    if (!text.empty()) text += "; ";
    text += text_at(wait, "branch") + " " + text_at(wait, "op") + ": " + answer + " after " + text_at(wait, "attempts");
  }
  return text;
}

void print_incident(Shell& shell, const Json& document) {
  const Json& incident = part_at(document, "incident");
  shell.out << printable(text_at(document, "gid")) << "  " << printable(text_at(document, "pattern")) << "  "
            << printable(text_at(document, "phase")) << "\n"
            << "  cause     " << printable(text_at(incident, "kind")) << ", for "
            << printable(age_of(shell, text_at(incident, "since"))) << "\n";
  if (const std::string text = text_at(incident, "text"); !text.empty()) {
    shell.out << "            " << printable(text) << "\n";
  }
  if (const std::string evidence = evidence_of(document); !evidence.empty()) {
    shell.out << "  evidence  " << printable(evidence) << "\n";
  }
  if (const std::string verbs = suggestions_of(incident); !verbs.empty()) {
    shell.out << "  you can   " << printable(verbs) << "\n";
  }
}

int run(Shell& shell, const Arguments& arguments) {
  const Asked asked = ask(shell, shell.admin, {"GET", "/v1/incidents" + query_of(arguments), {}});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  const Json answer = parse_json(*asked.body);
  const Json& transactions = part_at(answer, "transactions");
  if (!transactions.is_array()) {
    shell.err << "settlectl: the answer is no list of incidents: " << printable(asked.body->substr(0, 200)) << "\n";
    return kNoDaemon;
  }
  bool first = true;
  for (const Json& document : transactions) {
    if (!std::exchange(first, false)) shell.out << "\n";
    print_incident(shell, document);
  }
  const std::string cursor = text_at(answer, "next_cursor");
  if (first && cursor.empty()) shell.out << "no incident: nothing waits for a person\n";
  if (!cursor.empty()) shell.out << "more: add --cursor " << printable(cursor) << "\n";
  return kOk;
}

}  // namespace

const Command kIncidents{"incidents",
                         "",
                         0,
                         "what waits for a person: cause, age, evidence, and what you can do (admin listener)",
                         "An incident never expires. It closes itself when its cause is gone.\n",
                         kOptions,
                         run};

}  // namespace settle::cli
