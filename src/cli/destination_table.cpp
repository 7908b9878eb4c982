#include "cli/destination_table.h"

#include <ostream>

#include "cli/instant.h"
#include "cli/printable.h"
#include "cli/table.h"

namespace settle::cli {
namespace {

std::string last_error_of(Shell& shell, const Json& destination) {
  const std::string error = text_at(destination, "last_error");
  const auto at = parse_instant(text_at(destination, "last_error_at"));
  return at ? error + " (" + duration_text(shell.now_us() - *at) + " ago)" : error;
}

std::string state_of(Shell& shell, const Json& destination) {
  const std::string state = text_at(destination, "state");
  const auto probe = parse_instant(text_at(destination, "probe_at"));
  return probe ? state + ", probed in " + duration_text(*probe - shell.now_us()) : state;
}

}  // namespace

void print_destinations(Shell& shell, const Json& destinations) {
  Table table({"DESTINATION", "STATE", "OPEN", "WAITING", "CALLS", "FAILED", "IN A ROW", "LAST ERROR"});
  for (const Json& one : destinations) {
    table.row({text_at(one, "name"), state_of(shell, one), text_at(one, "calls_open"), text_at(one, "waiting"),
               text_at(one, "calls"), text_at(one, "failures"), text_at(one, "failures_in_a_row"),
               last_error_of(shell, one)});
  }
  table.print(shell.out, 0);
  for (const Json& one : destinations) {
    const Json& pause = part_at(one, "pause");
    if (!pause.is_object()) continue;
    shell.out << printable(text_at(one, "name")) << " is paused since "
              << printable(date_and_clock_of(text_at(pause, "since")));
    if (const std::string who = text_at(pause, "who"); !who.empty()) shell.out << " by " << printable(who);
    shell.out << ": " << printable(text_at(pause, "reason")) << "\n";
  }
}

}  // namespace settle::cli
