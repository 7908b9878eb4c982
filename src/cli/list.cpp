#include <array>
#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/instant.h"
#include "cli/json.h"
#include "cli/printable.h"
#include "cli/table.h"

namespace settle::cli {
namespace {

constexpr std::array kOptions = {
    Option{"--pattern", "NAME", "saga, message, tcc or two_phase"},
    Option{"--outcome", "NAME", "running, committed or aborted"},
    Option{"--phase", "NAME", "as `settlectl show` names it, for example acting, trying, delivering or ended"},
    Option{"--incident", "", "only those that wait for a person"},
    Option{"--label", "KEY=VALUE", "only those begun with this label"},
    Option{"--since", "INSTANT", "begun at or after, for example 2026-01-02T03:04:05Z"},
    Option{"--until", "INSTANT", "begun before"},
    Option{"--limit", "N", "so many at most"},
    Option{"--cursor", "TEXT", "go on where an earlier list ended"},
};

/// The options are the query's parameters, name for name.
std::string query_of(const Arguments& arguments) {
  std::string query;
  for (const Option& option : kOptions) {
    const auto value = arguments.get(option.name);
    if (!value) continue;
    query.append(query.empty() ? "?" : "&").append(option.name.substr(2)).append("=");
    query.append(option.value.empty() ? "true" : escaped(*value));
  }
  return query;
}

std::string waits_text(const Json& document) {
  const Json& waits = part_at(document, "waiting_for");
  if (waits.empty()) return {};
  std::string text = text_at(waits.front(), "branch") + " " + text_at(waits.front(), "op");
  if (waits.size() > 1) text += " +" + std::to_string(waits.size() - 1);
  return text;
}

void print_table(Shell& shell, const Json& transactions) {
  Table table({"GID", "PATTERN", "OUTCOME", "PHASE", "WAITS FOR", "INCIDENT", "BEGAN"});
  for (const Json& document : transactions) {
    const bool ended = text_at(document, "phase") == "ended";
    table.row({text_at(document, "gid"), text_at(document, "pattern"), text_at(document, "outcome"),
               ended ? "" : text_at(document, "phase"), ended ? "" : waits_text(document),
               text_at(part_at(document, "incident"), "kind"), date_and_clock_of(text_at(document, "created_at"))});
  }
  if (table.empty()) {
    shell.out << "no such transaction\n";
  } else {
    table.print(shell.out, 0);
  }
}

int run(Shell& shell, const Arguments& arguments) {
  const Asked asked = ask(shell, shell.api, {"GET", "/v1/transactions" + query_of(arguments), {}});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  const Json answer = parse_json(*asked.body);
  if (!part_at(answer, "transactions").is_array()) {
    shell.err << "settlectl: the answer is no list of transactions: " << printable(asked.body->substr(0, 200)) << "\n";
    return kNoDaemon;
  }
  print_table(shell, part_at(answer, "transactions"));
  if (const std::string cursor = text_at(answer, "next_cursor"); !cursor.empty()) {
    shell.out << "more: add --cursor " << printable(cursor) << "\n";
  }
  return kOk;
}

}  // namespace

const Command kList{"list", "", 0, "transactions, newest first", "", kOptions, run};

}  // namespace settle::cli
