#include "protocol/guard.h"

#include "protocol/following.h"
#include "protocol/message.h"
#include "protocol/saga.h"

namespace settle::protocol {
namespace {

bool is_followed(const Edge& edge, const Plan& plan, const State& state) {
  const GlobalOutcome outcome =
      edge.action == Action::kEndCommitted ? GlobalOutcome::kCommitted : GlobalOutcome::kAborted;
  return following::is_followed(plan, state, outcome);
}

}  // namespace

bool admits(const Edge& edge, const Plan& plan, const State& state, const Occurrence& what) {
  switch (edge.guard) {
    case Guard::kAlways:
      return true;
    case Guard::kIfCommit:
      return state.decision == Decision::kCommit;
    case Guard::kIfAbort:
      return state.decision == Decision::kAbort;
    case Guard::kIfDaemonDrives:
      return !plan.client_driven;
    case Guard::kIfClientDrives:
      return plan.client_driven;
    case Guard::kIfClientCommitted:
      return plan.client_driven && state.decision == Decision::kCommit;
    case Guard::kIfReturnable:
      return saga::is_returnable(plan, state);
    case Guard::kIfImportant:
    case Guard::kIfOptional:
    case Guard::kIfNoReturn:
      return saga::failure_of(plan, state, what) == edge.guard;
    case Guard::kIfFirm:
      return !plan.is_turnable();
    case Guard::kIfTurnable:
      return plan.is_turnable();
    case Guard::kIfParks:
    case Guard::kIfTurnsBack:
    case Guard::kIfDegrades:
      return message::failure_of(plan, what.branch, what.on) == edge.guard;
    case Guard::kIfFollowed:
      return is_followed(edge, plan, state);
    case Guard::kIfNotFollowed:
      return !is_followed(edge, plan, state);
  }
  return false;
}

}  // namespace settle::protocol
