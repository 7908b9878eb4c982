#include "protocol/step.h"

namespace settle::protocol {

std::string_view name_of(Event event) {
  switch (event) {
    case Event::kBegin:
      return "begin";
    case Event::kPrepare:
      return "prepare";
    case Event::kSubmit:
      return "submit";
    case Event::kAbort:
      return "abort";
    case Event::kDeadline:
      return "deadline";
    case Event::kRecover:
      return "recover";
    case Event::kRetryNow:
      return "retry-now";
    case Event::kActionDone:
      return "action-done";
    case Event::kActionRefused:
      return "action-refused";
    case Event::kActionUnknown:
      return "action-unknown";
    case Event::kActionExhausted:
      return "action-exhausted";
    case Event::kCompensateDone:
      return "compensate-done";
    case Event::kCompensateUnknown:
      return "compensate-unknown";
    case Event::kDeliverDone:
      return "deliver-done";
    case Event::kDeliverRefused:
      return "deliver-refused";
    case Event::kDeliverUnknown:
      return "deliver-unknown";
    case Event::kCheckCommitted:
      return "check-committed";
    case Event::kCheckAborted:
      return "check-aborted";
    case Event::kCheckUnknown:
      return "check-unknown";
    case Event::kContradicted:
      return "contradicted";
    case Event::kAllDone:
      return "all-done";
    case Event::kAllUndone:
      return "all-undone";
    case Event::kAllDelivered:
      return "all-delivered";
  }
  return "?";
}

std::string_view name_of(Action action) {
  switch (action) {
    case Action::kNothing:
      return "nothing";
    case Action::kStart:
      return "start";
    case Action::kArmCheck:
      return "arm check";
    case Action::kNoteDone:
      return "note done";
    case Action::kNoteRefused:
      return "note refused";
    case Action::kNoteUnknown:
      return "note unknown";
    case Action::kScheduleRetry:
      return "schedule retry";
    case Action::kTurnBack:
      return "turn back";
    case Action::kRefusedTurnBack:
      return "note refused, turn back";
    case Action::kExhaustedTurnBack:
      return "note unknown, turn back";
    case Action::kDoubtAllOpen:
      return "doubt all open";
    case Action::kDoubtStays:
      return "doubt stays";
    case Action::kScheduleCheck:
      return "schedule check";
    case Action::kCheckAtOnce:
      return "check at once";
    case Action::kDecideCommit:
      return "decide commit";
    case Action::kDecideAbort:
      return "decide abort";
    case Action::kPark:
      return "park";
    case Action::kDueNow:
      return "due now";
    case Action::kOpenIncident:
      return "open incident";
    case Action::kEndCommitted:
      return "end committed";
    case Action::kEndAborted:
      return "end aborted";
  }
  return "?";
}

std::string_view name_of(Durability durability) {
  switch (durability) {
    case Durability::kLazy:
      return "lazy";
    case Durability::kForcedIfTold:
      return "forced if told";
    case Durability::kForced:
      return "forced";
  }
  return "?";
}

namespace {

std::string_view name_of(Guard guard) {
  switch (guard) {
    case Guard::kAlways:
      return "";
    case Guard::kIfCommit:
      return " if decided commit";
    case Guard::kIfAbort:
      return " if decided abort";
  }
  return "";
}

void append_row(std::string& out, const Edge& edge) {
  out += "| ";
  out += settle::name_of(edge.from);
  out += " | ";
  out += name_of(edge.on);
  out += name_of(edge.guard);
  out += " | ";
  out += settle::name_of(edge.to);
  out += " | ";
  out += name_of(edge.action);
  out += " | ";
  // A row that changes nothing saves nothing; a recovery's marks ride with the next save.
  const bool saves = edge.action != Action::kNothing && edge.on != Event::kRecover;
  out += saves ? name_of(edge.durability) : std::string_view("–");
  out += " |\n";
}

}  // namespace

std::string text_of(Pattern pattern, const Edge& edge) {
  std::string out(settle::name_of(pattern));
  out += ": ";
  out += settle::name_of(edge.from);
  out += " -";
  out += name_of(edge.on);
  out += "-> ";
  out += settle::name_of(edge.to);
  out += name_of(edge.guard);
  return out;
}

std::string describe(Pattern pattern) {
  std::string out = "| from | on | to | what it does | durability |\n| --- | --- | --- | --- | --- |\n";
  for (const Edge& edge : edges(pattern)) append_row(out, edge);
  out += "\n```mermaid\nstateDiagram-v2\n  [*] --> new\n";
  for (const Edge& edge : edges(pattern)) {
    if (edge.from == edge.to) continue;
    out += "  ";
    out += settle::name_of(edge.from);
    out += " --> ";
    out += settle::name_of(edge.to);
    out += ": ";
    out += name_of(edge.on);
    out += edge.durability == Durability::kForced ? " (forced)" : " (forced if told)";
    out += '\n';
  }
  out += "  ended --> [*]\n```\n";
  return out;
}

}  // namespace settle::protocol
