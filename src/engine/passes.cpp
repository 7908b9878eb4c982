#include <algorithm>

#include "base/reached.h"
#include "engine/awaited.h"
#include "engine/shard.h"

// Transactions whose retries come in passes (PassPolicy): who begins one, and who is told of its end.

namespace settle::engine {

protocol::Occurrence Shard::occurrence(protocol::Event on, Instant now) {
  protocol::Occurrence what{.on = on, .now = now};
  what.older = core_.older;
  what.sooner = core_.sooner;
  return what;
}

std::uint32_t Shard::passes_until_next(const State& state) { return state.clock.is_open ? state.clock.wanted + 2 : 1; }

bool Shard::is_pass_due(const Entry& entry, Instant now) const {
  if (!entry.plan->passes.on || entry.state.clock.is_open || core_.options.passes_on_demand) return false;
  if (!may_act(now) || core_.draining || entry.durable.version < entry.must) return false;
  return protocol::next_due(*entry.plan, entry.state) <= now;
}

/// False: there is nothing to begin.
bool Shard::begin_pass(Entry& entry, Instant now) {
  protocol::Occurrence what = occurrence(protocol::Event::kBegin, now);
  what.dice = static_cast<std::uint32_t>(core_.random.next());
  const auto step = protocol::start_pass(*entry.plan, entry.state, what);
  if (!step) return false;
  apply(entry, *step, false, now);
  return true;
}

/// Whoever waits for one of them is answered when what it changed is durable.
void Shard::end_passes(Entry& entry, std::uint32_t ended) {
  entry.passes_ended += ended;
  entry.pass_version = entry.version;
  for (Waiter& waiter : entry.waiters) {
    if (!waiter.waits || waiter.until != WaitFor::kPass) continue;
    waiter.passes -= std::min(waiter.passes, ended);
    if (waiter.passes != 0) continue;
    waiter.waits = false;
    waiter.needs = entry.version;
    core_.waiting.erase(waiter.token);
  }
}

void Shard::tell_of_passes(Entry& entry) {
  if (entry.passes_ended == 0 || entry.durable.version < entry.pass_version) return;
  for (; entry.passes_ended > 0; --entry.passes_ended) core_.outputs.pass_ended(entry.gid);
}

void Shard::note_pass_due(Entry& entry, Instant due) {
  if (entry.state.stopped) due = kNever;
  Anchor& anchor = *entry.anchor;
  if (due == anchor.pass_due) return;
  if (anchor.pass_due != kNever) core_.passes_due.erase({anchor.pass_due, anchor.tid});
  anchor.pass_due = due;
  if (due != kNever) core_.passes_due.insert({{due, anchor.tid}, &anchor});
}

void Shard::end_all(Instant now) {
  for (const Tid& tid : tids()) {
    Entry& entry = *find(tid);
    answer_unsure(entry);
    for_each_in_flight(*entry.plan, entry.state, [&](protocol::OpRef, OpState& op) {
      if (op.sent_at == kNoInstant) (void)core_.gate.cancel(op.call);
      op.call = 0;  // its answer finds nobody
    });
    entry.state.phase = Phase::kEnded;
    entry.state.decision = Decision::kAbort;
    entry.state.outcome = GlobalOutcome::kAborted;
    apply(entry, {.changed = true, .durability = protocol::Durability::kForced}, false, now);
  }
}

void Shard::pass_verb(Entry& entry, Request&& request, Instant now) {
  const bool takes_part = entry.plan->passes.on && !entry.state.has_ended();
  if (!takes_part || (request.verb == Verb::kPass && entry.state.stopped)) {
    SETTLE_REACHED("no pass for this one");
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  if (request.verb == Verb::kPass) {
    add_waiter(entry, {.token = request.token,
                       .needs = entry.version + 1,
                       .waits = request.wait.lasting > Duration{0},
                       .until = WaitFor::kPass,
                       .passes = passes_until_next(entry.state),
                       .give_up = saturating_add(now, request.wait.lasting)});
    if (!begin_pass(entry, now)) settle(entry, now);
    return;
  }
  entry.state.clock.next_at = now;
  entry.state.updated_at = now;
  add_waiter(entry, {.token = request.token, .needs = entry.version + 1});
  apply(entry, {.changed = true}, true, now);
}

}  // namespace settle::engine
