#include <ostream>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/printable.h"
#include "cli/table.h"

namespace settle::cli {
namespace {

int run(Shell& shell, const Arguments&) {
  const Asked asked = ask(shell, shell.admin, {"GET", "/v1/nodes", {}});
  if (!asked.body) return asked.exit;
  if (shell.json) {
    print_json(shell, *asked.body);
    return kOk;
  }
  const Json answer = parse_json(*asked.body);
  const Json& nodes = part_at(answer, "nodes");
  if (!nodes.is_array()) {
    shell.err << "settlectl: the answer is no list of nodes: " << printable(asked.body->substr(0, 200)) << "\n";
    return kNoDaemon;
  }
  Table table({"NAME", "ADDRESS", "SHARDS", ""});
  for (const Json& node : nodes) {
    table.row({text_at(node, "name"), text_at(node, "address"), text_at(node, "shards"),
               text_at(node, "self") == "true" ? "(this one answers)" : ""});
  }
  table.print(shell.out, 0);
  const auto shards = number_at(answer, "shards");
  const auto owned = number_at(answer, "shards_owned");
  if (shards && owned && *owned < *shards) {
    shell.out << *shards - *owned << " of " << *shards << " shards are nobody's at the moment\n";
  }
  return kOk;
}

}  // namespace

const Command kNodes{"nodes",
                     "",
                     0,
                     "the daemons of the store, and how many shards each has (admin listener)",
                     "A daemon that has died is missing from the list one lease after its last word.\n",
                     {},
                     run};

}  // namespace settle::cli
