#include "cli/document.h"

#include <ostream>

#include "cli/instant.h"
#include "cli/printable.h"
#include "cli/table.h"

namespace settle::cli {
namespace {

/// A participant's body can be 64 KiB; a line of a table cannot.
constexpr std::size_t kTextMax = 120;

std::string shortened(std::string text) {
  if (text.size() <= kTextMax) return text;
  std::size_t end = kTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  text.resize(end);
  return text + "…";
}

bool has_ended(const Json& document) { return text_at(document, "phase") == "ended"; }

std::string state_text(const Json& document) {
  if (has_ended(document)) return text_at(document, "outcome");
  std::string text = text_at(document, "phase");
  if (const std::string decision = text_at(document, "decision"); decision != "none" && !decision.empty()) {
    text += ", decided: " + decision;
  }
  return text;
}

/// The check-back has a reserved branch id that says nothing to people.
std::string name_of_branch(const std::string& branch, std::string_view op) {
  return op == "check" ? "producer" : branch;
}

/// "09:26:15.123 (3.4 s ago)", "09:26:19.000 (in 2.1 s)"; "now" for what is due.
std::string relative(Shell& shell, std::string_view instant, bool due) {
  const auto at = parse_instant(instant);
  if (!at) return std::string(instant);
  const std::int64_t ahead = *at - shell.now_us();
  if (due) return ahead <= 0 ? "now" : clock_of(instant) + " (in " + duration_text(ahead) + ")";
  return clock_of(instant) + " (" + duration_text(-ahead) + " ago)";
}

/// When an op that is still waited for was first due: with the first line that tells of it, or, as long as no attempt
/// has ended, with the last line of all (the one that made it due).
std::string waited_since(const Json& document, std::string_view branch, std::string_view op) {
  std::string last = text_at(document, "created_at");
  for (const Json& line : part_at(document, "timeline")) {
    if (text_at(line, "branch") == branch && text_at(line, "op") == op) return text_at(line, "at");
    last = text_at(line, "at");
  }
  return last;
}

void print_head(Shell& shell, const Json& document) {
  shell.out << printable(text_at(document, "gid")) << "  " << printable(text_at(document, "pattern")) << "  "
            << printable(state_text(document)) << "\n";
  shell.out << "  began     " << printable(date_and_clock_of(text_at(document, "created_at"))) << "\n";
  if (has_ended(document)) {
    const auto from = parse_instant(text_at(document, "created_at"));
    const auto to = parse_instant(text_at(document, "updated_at"));
    shell.out << "  ended     " << printable(date_and_clock_of(text_at(document, "updated_at")));
    if (from && to) shell.out << ", after " << duration_text(*to - *from);
    shell.out << "\n";
  } else if (const std::string deadline = text_at(document, "deadline_at"); !deadline.empty()) {
    shell.out << "  deadline  " << printable(relative(shell, deadline, true)) << "\n";
  }
  if (const std::string reason = text_at(document, "reason"); !reason.empty()) {
    shell.out << "  reason    " << printable(shortened(reason)) << "\n";
  }
  if (const std::string heuristic = text_at(document, "heuristic"); !heuristic.empty() && heuristic != "none") {
    shell.out << "  heuristic " << printable(heuristic) << "\n";
  }
  if (const Json& incident = part_at(document, "incident"); incident.is_object()) {
    shell.out << "  INCIDENT  " << printable(text_at(incident, "kind")) << " since "
              << printable(relative(shell, text_at(incident, "since"), false)) << "\n";
    if (const std::string text = text_at(incident, "text"); !text.empty()) {
      shell.out << "            " << printable(shortened(text)) << "\n";
    }
    std::string suggested;
    for (const Json& action : part_at(incident, "suggested")) {
      if (action.is_string()) suggested += (suggested.empty() ? "" : ", ") + action.get<std::string>();
    }
    if (!suggested.empty()) shell.out << "            you can: " << printable(suggested) << "\n";
  }
}

/// What the next answer leads to, by phase.
std::string_view what_next(std::string_view phase) {
  if (phase == "acting") return "done leads to the next step; a refusal undoes what was done, in reverse order";
  if (phase == "prepared") return "submit, abort, or the check-back's answer decides; time alone never does";
  if (phase == "delivering")
    return "it is asked again until it is done; a refused target rests until `settlectl retry`";
  if (phase == "following") {
    return "the outcome is reached; what follows from it is asked again until it is done, or rests if it was refused";
  }
  if (phase == "trying") return "when all are done they are confirmed; a refusal cancels all of them";
  if (phase == "preparing") return "when all are prepared they are committed; a refusal rolls all of them back";
  return "it is asked again until it is done; the outcome is decided";
}

void print_waits(Shell& shell, const Json& document) {
  const Json& waits = part_at(document, "waiting_for");
  if (has_ended(document)) return;
  const std::string phase = text_at(document, "phase");
  if (waits.empty() && (phase == "trying" || phase == "preparing")) {
    shell.out
        << "\n  waits for its client, which calls the branches itself and then submits or aborts; at the deadline "
           "it is aborted\n";
  }
  if (waits.empty()) return;
  Table table({"WAITS FOR", "OP", "SINCE", "ATTEMPTS", "LAST ANSWER", "ASKED AGAIN"});
  for (const Json& wait : waits) {
    const std::string branch = text_at(wait, "branch");
    const std::string op = text_at(wait, "op");
    const std::string since = waited_since(document, branch, op);
    const std::string next = text_at(wait, "next_due_at");
    table.row({name_of_branch(branch, op), op, relative(shell, since, false), text_at(wait, "attempts"),
               text_at(wait, "last_answer"), next.empty() ? "an attempt is under way" : relative(shell, next, true)});
  }
  shell.out << "\n";
  table.print(shell.out, 2);
  shell.out << "  next: " << what_next(text_at(document, "phase")) << "\n";
}

/// "done", "done, read-only", "unknown, given up".
std::string outcome_text(const Json& op) {
  std::string text = text_at(op, "outcome");
  if (const std::string vote = text_at(op, "vote"); !vote.empty()) text += ", " + vote;
  if (text_at(op, "given_up") == "true") text += ", given up";
  return text;
}

void print_branches(Shell& shell, const Json& document) {
  Table table({"BRANCH", "OP", "OUTCOME", "ATTEMPTS", "LAST ANSWER", "RESULT"});
  for (const Json& branch : part_at(document, "branches")) {
    std::string id = text_at(branch, "id");
    if (text_at(branch, "follow_up") == "true") id += " (follows)";
    const Json& ops = part_at(branch, "ops");
    if (ops.empty()) table.row({id, "", "not called"});
    for (const auto& [op, state] : ops.items()) {
      const Json& result = part_at(state, "result");
      table.row({id, op, outcome_text(state), text_at(state, "attempts"), text_at(state, "last_answer"),
                 shortened(result.is_null() ? text_at(state, "result") : result.dump())});
      id.clear();
    }
  }
  if (table.empty()) return;
  shell.out << "\n";
  table.print(shell.out, 2);
  if (text_at(document, "provisional") == "true") shell.out << "  (what branches show is not on the disk yet)\n";
}

void print_timeline(Shell& shell, const Json& document) {
  const Json& timeline = part_at(document, "timeline");
  if (timeline.empty()) return;
  Table table({"TIME (UTC)", "EVENT", "BRANCH", "OP", "DETAIL"});
  for (const Json& line : timeline) {
    const std::string op = text_at(line, "op");
    table.row({clock_of(text_at(line, "at")), text_at(line, "event"), name_of_branch(text_at(line, "branch"), op), op,
               shortened(text_at(line, "detail"))});
  }
  shell.out << "\n";
  table.print(shell.out, 2);
}

}  // namespace

void print_document(Shell& shell, const Json& document) {
  print_head(shell, document);
  print_waits(shell, document);
  print_branches(shell, document);
  print_timeline(shell, document);
}

void print_summary(Shell& shell, const Json& document) {
  shell.out << printable(text_at(document, "gid")) << "  " << printable(text_at(document, "pattern")) << "  "
            << printable(state_text(document));
  if (const std::string reason = text_at(document, "reason"); !reason.empty()) {
    shell.out << "  (" << printable(shortened(reason)) << ")";
  }
  shell.out << "\n";
  if (has_ended(document)) return;
  for (const Json& wait : part_at(document, "waiting_for")) {
    shell.out << "  waits for " << printable(text_at(wait, "branch")) << " " << printable(text_at(wait, "op"));
    if (const auto attempts = number_at(wait, "attempts"); attempts && *attempts > 0) {
      shell.out << ", attempts " << *attempts << ", last answer " << printable(text_at(wait, "last_answer"));
    }
    shell.out << "\n";
  }
  if (const Json& incident = part_at(document, "incident"); incident.is_object()) {
    shell.out << "  INCIDENT " << printable(text_at(incident, "kind")) << ": "
              << printable(shortened(text_at(incident, "text"))) << "\n";
  }
}

int exit_of_outcome(const Json& document) {
  const std::string outcome = text_at(document, "outcome");
  if (outcome == "committed") return kOk;
  return outcome == "aborted" ? kRefused : kStillRunning;
}

Json read_document(Shell& shell, const std::string& body) {
  Json document = parse_json(body);
  if (!document.is_object() || text_at(document, "gid").empty()) {
    shell.err << "settlectl: the answer is no transaction document: " << printable(body.substr(0, 200)) << "\n";
    return {Json::value_t::discarded};
  }
  return document;
}

}  // namespace settle::cli
