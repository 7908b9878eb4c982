#include <array>
#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/destination_table.h"
#include "cli/json.h"
#include "cli/printable.h"

namespace settle::cli {
namespace {

constexpr std::array kOptions = {
    Option{"--reason", "TEXT", "pause, resume: why; it is kept in the audit (required there)"},
    Option{"--limit", "N", "list: so many at most"},
};

int list(Shell& shell, const Arguments& arguments) {
  const auto limit = arguments.get("--limit");
  const std::string query = limit ? "?limit=" + escaped(*limit) : std::string();
  const Asked asked = ask(shell, shell.admin, {"GET", "/v1/destinations" + query, {}});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  const Json answer = parse_json(*asked.body);
  const Json& destinations = part_at(answer, "destinations");
  if (!destinations.is_array()) {
    shell.err << "settlectl: the answer is no list of destinations: " << printable(asked.body->substr(0, 200)) << "\n";
    return kNoDaemon;
  }
  if (destinations.empty()) {
    shell.out << "no destination: nothing has been called yet\n";
    return kOk;
  }
  print_destinations(shell, destinations);
  const auto known = number_at(answer, "known");
  if (known && static_cast<std::size_t>(*known) > destinations.size()) {
    shell.out << "more: " << *known << " are known; add --limit N\n";
  }
  return kOk;
}

int order(Shell& shell, const Arguments& arguments, const std::string& verb) {
  const std::string reason = arguments.get("--reason").value_or("");
  if (arguments.words().size() != 2) return usage_error(shell, "destinations", verb + " takes NAME");
  if (reason.empty()) return usage_error(shell, "destinations", "an operator's order needs --reason TEXT");
  const std::string& name = arguments.words()[1];
  const std::string body = reason_body(reason);
  const Asked asked = ask(shell, shell.admin, {"POST", "/v1/destinations/" + escaped(name) + "/" + verb, body});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  shell.out << printable(name)
            << (verb == "pause" ? ": its calls wait until `settlectl destinations resume`\n"
                                : ": its calls leave again\n");
  if (const Json document = parse_json(*asked.body); document.is_object()) {
    print_destinations(shell, Json::array({document}));
  }
  return kOk;
}

int run(Shell& shell, const Arguments& arguments) {
  const auto& words = arguments.words();
  if (words.empty()) return list(shell, arguments);
  if (words[0] == "pause" || words[0] == "resume") return order(shell, arguments, words[0]);
  return usage_error(shell, "destinations", "destinations takes pause or resume, not '" + printable(words[0]) + "'");
}

}  // namespace

const Command kDestinations{
    "destinations",
    "[pause|resume NAME]",
    0,
    "whom the daemon calls, how that goes, and holding those calls back (admin listener)",
    "NAME is scheme, host and port, as the list has it: http://127.0.0.1:8080\n"
    "A pause holds every call to it, compensations too, in all daemons of the store and over restarts; no attempt is\n"
    "counted meanwhile, and deadlines go on. A resume also makes a broken destination be tried at once.\n",
    kOptions,
    run,
    2};

}  // namespace settle::cli
