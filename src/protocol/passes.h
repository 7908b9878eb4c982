#pragma once

#include "protocol/step.h"

namespace settle::protocol::passes {

// Transactions whose retries come in passes (PassPolicy). When a pass is open the tables call what they always call;
// what fails in it rests until the next one. A pass is over when nothing of it is under way and nothing waits for
// time. These functions say when, never what: the rows of the pattern stay the same.

/// A verb that the rows would take as a repeat, and that is refused here: any once the transaction was stopped; submit
/// once it turns back or has ended; abort unless its first phase is open, or it turns back already. A saga takes no
/// abort.
bool is_late(const Plan& plan, const State& state, Event on);

/// This event asks for a pass, now that its row has been taken.
bool is_asked_by(const Plan& plan, const State& state, Event on);

/// Sets the clock at begin.
void wind(const Plan& plan, State& state, const Occurrence& what);

/// Begins a pass, or remembers that one more is wanted behind the one under way. What rests is due.
void open(State& state, const Occurrence& what);

/// A message whose time has not come rests until then; one whose time has come does not wait any more.
void heed_delay(State& state, const Occurrence& what);

/// The deadline is over, and this pass may still do something about it.
bool is_overdue(const State& state, const Occurrence& what);

/// The op has not come to its end in this pass. Sets its time and the clock.
void rest(const Plan& plan, State& state, OpState& op, const Occurrence& what);

/// An op has come to its end.
void progress(const Plan& plan, State& state, const Occurrence& what);

/// May one more attempt be made at once (PassPolicy::retry_limit)?
bool may_repeat(const Plan& plan, const State& state);

/// Closes the pass if it is over, and goes on with the next one that is wanted. Returns how many ended.
std::uint32_t close(const Plan& plan, State& state, const Occurrence& what);

/// While a pass is open: when the next op of it is due; kNever: none is. Otherwise: when the next pass is.
Instant next_due(const Plan& plan, const State& state);

}  // namespace settle::protocol::passes
