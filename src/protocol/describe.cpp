#include "model/ops.h"
#include "protocol/step.h"

namespace settle::protocol {

namespace {

std::string_view bare_name_of(Event event) {
  switch (event) {
    case Event::kBegin:
      return "begin";
    case Event::kPrepare:
      return "prepare";
    case Event::kEnlist:
      return "enlist";
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
    case Event::kStop:
      return "stop";
    case Event::kForwardDone:
    case Event::kConfirmDone:
    case Event::kBackDone:
    case Event::kDeliverDone:
      return "-done";
    case Event::kForwardRefused:
    case Event::kDeliverRefused:
      return "-refused";
    case Event::kForwardUnknown:
    case Event::kConfirmUnknown:
    case Event::kBackUnknown:
    case Event::kDeliverUnknown:
      return "-unknown";
    case Event::kForwardExhausted:
    case Event::kDeliverExhausted:
      return "-exhausted";
    case Event::kCheckCommitted:
      return "check-committed";
    case Event::kCheckAborted:
      return "check-aborted";
    case Event::kCheckUnknown:
      return "check-unknown";
    case Event::kContradicted:
      return "contradicted";
    case Event::kPivotDue:
      return "pivot-due";
    case Event::kAllDone:
      return "all-done";
    case Event::kAllConfirmed:
      return "all-confirmed";
    case Event::kAllUndone:
      return "all-undone";
    case Event::kAllDelivered:
      return "all-delivered";
    case Event::kAllFollowed:
      return "all-followed";
  }
  return "?";
}

/// The op that an answer's event is about.
std::string_view op_of(Pattern pattern, Event event) {
  switch (event) {
    case Event::kForwardDone:
    case Event::kForwardRefused:
    case Event::kForwardUnknown:
    case Event::kForwardExhausted:
      return settle::name_of(forward_op(pattern));
    case Event::kConfirmDone:
    case Event::kConfirmUnknown:
      return settle::name_of(confirm_op(pattern));
    case Event::kBackDone:
    case Event::kBackUnknown:
      return settle::name_of(back_op(pattern));
    case Event::kDeliverDone:
    case Event::kDeliverRefused:
    case Event::kDeliverUnknown:
    case Event::kDeliverExhausted:
      return settle::name_of(Op::kDeliver);
    default:
      return {};
  }
}

}  // namespace

std::string name_of(Pattern pattern, Event event) {
  return std::string(op_of(pattern, event)).append(bare_name_of(event));
}

std::string_view name_of(Action action) {
  switch (action) {
    case Action::kNothing:
      return "nothing";
    case Action::kStart:
      return "start";
    case Action::kArmCheck:
      return "arm check";
    case Action::kAddBranch:
      return "enlist";
    case Action::kGiveUp:
      return "go on without it";
    case Action::kReleasePivot:
      return "release the pivot";
    case Action::kRelease:
      return "release for delivery";
    case Action::kStopCalls:
      return "stop";
    case Action::kClose:
      return "close";
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
    case Durability::kForcedIfBound:
      return "forced if bound";
    case Durability::kForced:
      return "forced";
  }
  return "?";
}

std::string_view name_of(Guard guard) {
  switch (guard) {
    case Guard::kAlways:
      return "";
    case Guard::kIfCommit:
      return " if decided commit";
    case Guard::kIfAbort:
      return " if decided abort";
    case Guard::kIfDaemonDrives:
      return " if the daemon drives";
    case Guard::kIfClientDrives:
      return " if the client drives";
    case Guard::kIfClientCommitted:
      return " if the client has submitted";
    case Guard::kIfReturnable:
      return " if it may turn back";
    case Guard::kIfImportant:
      return " if the step matters";
    case Guard::kIfOptional:
      return " if the step is optional";
    case Guard::kIfNoReturn:
      return " if there is no way back";
    case Guard::kIfFirm:
      return " if no target can turn it back";
    case Guard::kIfTurnable:
      return " if a target can turn it back";
    case Guard::kIfParks:
      return " if the target parks";
    case Guard::kIfTurnsBack:
      return " if the target turns it back";
    case Guard::kIfDegrades:
      return " if the target is degraded";
    case Guard::kIfFollowed:
      return " if something follows";
    case Guard::kIfNotFollowed:
      return " if nothing follows";
  }
  return "";
}

namespace {

void append_row(std::string& out, Pattern pattern, const Edge& edge) {
  out += "| ";
  out += settle::name_of(edge.from);
  out += " | ";
  out += name_of(pattern, edge.on);
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
  out += name_of(pattern, edge.on);
  out += "-> ";
  out += settle::name_of(edge.to);
  out += name_of(edge.guard);
  return out;
}

std::string describe(Pattern pattern) {
  std::string out = "| from | on | to | what it does | durability |\n| --- | --- | --- | --- | --- |\n";
  for (const Edge& edge : edges(pattern)) append_row(out, pattern, edge);
  out += "\n```mermaid\nstateDiagram-v2\n  [*] --> new\n";
  for (const Edge& edge : edges(pattern)) {
    if (edge.from == edge.to) continue;
    out += "  ";
    out += settle::name_of(edge.from);
    out += " --> ";
    out += settle::name_of(edge.to);
    out += ": ";
    out += name_of(pattern, edge.on);
    out += edge.durability == Durability::kForced ? " (forced)" : " (forced if told)";
    out += '\n';
  }
  out += "  ended --> [*]\n```\n";
  return out;
}

}  // namespace settle::protocol
