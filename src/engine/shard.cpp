#include "engine/shard.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "base/reached.h"
#include "engine/awaited.h"
#include "model/ops.h"

namespace settle::engine {
namespace {

Told told_of(const Entry& entry) {
  return {entry.version, entry.state.phase, entry.state.decision, entry.state.outcome};
}

bool somebody_waits(const Entry& entry) {
  return std::any_of(entry.waiters.begin(), entry.waiters.end(), [](const Waiter& waiter) { return waiter.waits; });
}

/// The oldest first, at their own times: so many timers for one instant would be compared by age again and again.
constexpr Duration kBetweenRecovered{1};

std::string_view url_of(const Plan& plan, protocol::OpRef ref) {
  if (ref.op == Op::kCheck) return plan.check;
  const BranchPlan& branch = plan.branches[static_cast<std::size_t>(ref.branch)];
  if (is_forward(ref.op)) return branch.forward;
  return is_confirm(ref.op) ? branch.confirm : branch.back;
}

std::string_view payload_of(const Plan& plan, protocol::OpRef ref) {
  if (ref.op == Op::kCheck) return {};
  const BranchPlan& branch = plan.branches[static_cast<std::size_t>(ref.branch)];
  return is_undo(ref.op) && branch.has_back_input ? branch.back_input : branch.input;
}

std::string_view branch_id_of(const Plan& plan, std::int32_t branch) {
  return branch < 0 ? std::string_view("00") : plan.branches[static_cast<std::size_t>(branch)].id;
}

/// A forward op of a main branch, whose time is over once the transaction has left its first direction.
bool is_overtaken(const Plan& plan, const State& state, protocol::OpRef ref) {
  if (ref.op == Op::kCheck) return state.phase != Phase::kPrepared;
  if (!is_forward(ref.op) || !plan.is_main(static_cast<std::size_t>(ref.branch))) return false;
  return !protocol::is_undecided(state.phase) && state.phase != Phase::kDelivering;
}

}  // namespace

bool Shard::may_act(Instant now) const { return now < lease_end_ || planted(Bug::kCallAfterLease); }

Entry* Shard::find(std::string_view gid) const {
  Entry* const entry = core_.open.find(gid);
  return entry != nullptr && entry->tid.shard == number_ ? entry : nullptr;
}

std::vector<Tid> Shard::tids() const {
  std::vector<Tid> tids;
  for (const Anchor* anchor = by_age_.first(); anchor != nullptr; anchor = by_age_.after(*anchor)) {
    tids.push_back(anchor->tid);
  }
  return tids;
}

Instant Shard::oldest() const {
  if (by_age_.empty()) return kNever;
  const Anchor& oldest = *by_age_.first();
  return oldest.entry ? oldest.entry->state.created_at : oldest.folded.created_at();
}

Entry& Shard::adopt(const Tid& tid, std::string gid, OwnedPlan&& plan) {
  Entry& entry = core_.open.add(tid, std::move(gid), std::move(plan));
  Anchor* elder = by_age_.last();  // almost always; a store may load its records in another order
  while (elder != nullptr && tid < elder->tid) elder = by_age_.before(*elder);
  by_age_.insert_after(elder, *entry.anchor);
  return entry;
}

void Shard::forget(Entry& entry) {
  core_.timers.set(*entry.anchor, kNever);
  note_pass_due(entry, kNever);
  if (entry.lazy.is_in) core_.lazy.erase(entry);
  for (const Waiter& waiter : entry.waiters) core_.waiting.erase(waiter.token);
  if (entry.incident_counted) --core_.incidents;
  if (entry.version > entry.durable.version) --core_.unsaved;
  by_age_.erase(*entry.anchor);
  core_.open.remove(entry);
}

// ------------------------------------------------------------------------------------------------ save, then act

/// A lazy change is held back for a while, because most are overtaken by a forced one: then a saga costs two records
/// instead of four. Until it leaves nothing is encoded.
void Shard::save(Entry& entry, bool forced, Instant now) {
  if (entry.version == entry.durable.version) ++core_.unsaved;
  const bool overtakes = entry.version > entry.handed_over;
  ++entry.version;
  if (overtakes) entry.pending.pop_back();
  entry.pending.push_back(told_of(entry));
  if (forced && !planted(Bug::kSendBeforeSave)) entry.must = entry.version;
  ++(forced ? core_.counters.saves_forced : core_.counters.saves_lazy);

  const bool holds = !forced && core_.options.lazy_wait > Duration{0} && !core_.draining;
  if (!holds) {
    hand_over(entry, forced);
  } else if (!entry.lazy.is_in) {
    entry.lazy_since = now;
    core_.lazy.push_back(entry);
  }
}

void Shard::hand_over(Entry& entry, bool forced) {
  if (entry.lazy.is_in) core_.lazy.erase(entry);
  Save& save = core_.outgoing;
  save.shard = number_;
  save.epoch = epoch_;
  save.tid = entry.tid;
  save.gid = entry.gid;
  save.expected = std::exchange(entry.handed_over, entry.version);
  save.version = entry.version;
  save.forced = forced;
  save.summary = {entry.plan->pattern,
                  entry.state.phase,
                  entry.state.decision,
                  entry.state.outcome,
                  entry.state.incident.has_value(),
                  entry.state.created_at,
                  entry.state.updated_at};
  save.plan = entry.plan.shared_bytes();
  encode_state(entry.state, save.state);
  core_.outputs.save(std::move(save));
}

/// The one place where a change takes effect: remembered first; what it leads to waits in `settle` for the receipt.
void Shard::apply(Entry& entry, protocol::Step step, bool sender_forgets, Instant now) {
  if (!protocol::is_undecided(entry.state.phase) && cancel_queued(entry)) {
    // What held up the end may just have been taken back.
    if (const auto last = protocol::complete(*entry.plan, entry.state, {.now = now})) step.add(*last);
  }
  count_incident(entry);
  if (step.changed) {
    const bool tells = step.durability == protocol::Durability::kForcedIfTold || step.passes_ended != 0;
    const bool told = tells && somebody_waits(entry);
    save(entry, step.durability == protocol::Durability::kForced || told || sender_forgets, now);
  }
  if (step.passes_ended != 0) end_passes(entry, step.passes_ended);
  settle(entry, now);
}

/// Does what the durable state allows: answers, calls, timers, farewell. The entry may be gone afterwards.
void Shard::settle(Entry& entry, Instant now) {
  if (!loaded_) return;  // see on_load_ended
  if (!may_act(now)) {
    // R5: somebody else may own the shard by now, and what is in memory may be old. Neither call nor answer leaves.
    SETTLE_REACHED("lease over: nothing leaves");
    frozen_ = true;
    answer_unsure(entry);
    core_.timers.set(*entry.anchor, kNever);
    core_.open.rest(entry);
    return;
  }
  if (take_deadline(entry, now)) return;
  answer_waiters(entry, now);
  notify(entry, false);
  tell_of_passes(entry);
  const bool remembered = entry.durable.version == entry.version || planted(Bug::kForgetBeforeReceipt);
  if (entry.state.has_ended() && remembered) {
    ++(entry.state.outcome == GlobalOutcome::kCommitted ? core_.counters.committed : core_.counters.aborted);
    if (entry.lazy.is_in) hand_over(entry, false);  // only the planted bug is that early
    forget(entry);
    return;
  }
  drive(entry, now);
  arm(entry, now);
  core_.open.rest(entry);
}

void Shard::drive(Entry& entry, Instant now) {
  if (core_.draining) return;
  if (entry.durable.version < entry.must || entry.version == 0) return;  // remember first
  ready_.clear();
  protocol::ready(*entry.plan, entry.state, now, ready_);
  for (const protocol::OpRef ref : ready_) {
    const DestinationGate::Entry slot = core_.gate.enter(url_of(*entry.plan, ref), now);
    OpState& op = protocol::op_state(entry.state, ref);
    op.call = slot.id;
    if (op.since == kNoInstant) op.since = now;
    if (slot.admitted) {
      call(entry, ref, slot.id, now);
    } else {
      op.sent_at = kNoInstant;
      if (entry.plan->passes.on) op.due = now;  // when it came into the line
      core_.gate.queue({slot.id, entry.tid, ref}, !is_deciding(ref.op));
    }
  }
}

void Shard::call(Entry& entry, protocol::OpRef ref, std::uint64_t id, Instant now) {
  OpState& op = protocol::op_state(entry.state, ref);
  op.sent_at = now;
  ++core_.counters.calls;
  if (op.attempts > 0) ++core_.counters.retries;
  const Plan& plan = *entry.plan;
  Call call;
  call.id = id;
  call.tid = entry.tid;
  call.gid = entry.gid;
  call.pattern = plan.pattern;
  call.dialect = plan.dialect;
  call.op = ref.op;
  call.branch = ref.branch;
  call.branch_id = branch_id_of(plan, ref.branch);
  call.attempt = op.attempts + op.running + 1;
  call.url = url_of(plan, ref);
  call.payload = payload_of(plan, ref);
  if (bind(entry, ref)) call.bound = &bound_;
  call.headers = &plan.headers;
  call.trace_parent = plan.trace_parent;
  call.sent_at = now;
  call.timeout = protocol::attempt_timeout_of(plan, ref);
  core_.outputs.call(call);
}

/// What earlier results become a part of this payload. A compensation without an input of its own takes that of its
/// step as it was sent, and its own parts on top. A step whose own result its compensation takes may not have one: then
/// there is nothing to bind, and the pointer into the empty result says so.
bool Shard::bind(const Entry& entry, protocol::OpRef ref) {
  bound_.clear();
  const Plan& plan = *entry.plan;
  if (plan.binds.empty() || ref.branch < 0) return false;
  const bool back = !is_forward(ref.op);
  const bool as_sent = !back || !plan.branches[static_cast<std::size_t>(ref.branch)].has_back_input;
  const auto add = [&](bool of_back) {
    for (const Bind& bind : plan.binds) {
      if (bind.branch != ref.branch || bind.back != of_back) continue;
      bound_.push_back({bind.from, bind.into, entry.state.branches[bind.source].forward.result});
    }
  };
  if (as_sent) add(false);
  if (back) add(true);
  return !bound_.empty();
}

bool Shard::on_slot(const QueuedCall& queued, Instant now) {
  Entry* const entry = find(queued.tid);
  if (entry == nullptr) return false;
  OpState& op = protocol::op_state(entry->state, queued.ref);
  if (op.call != queued.id) return false;
  if (!may_act(now) || core_.draining || entry->state.stopped ||
      protocol::deadline_is_due(*entry->plan, entry->state, now)) {
    op.call = 0;
    settle(*entry, now);
    return false;
  }
  call(*entry, queued.ref, queued.id, now);
  return true;
}

/// Calls that wait for a slot are not wanted any more once the direction has changed; they have reached nobody.
bool Shard::cancel_queued(Entry& entry) {
  bool cancelled = false;
  for_each_in_flight(*entry.plan, entry.state, [&](protocol::OpRef ref, OpState& op) {
    if (is_overtaken(*entry.plan, entry.state, ref) && op.sent_at == kNoInstant && core_.gate.cancel(op.call)) {
      op.call = 0;
      cancelled = true;
    }
  });
  return cancelled;
}

namespace {

/// When an op whose call is held back is given up; kNever: it waits on.
Instant held_due(const Entry& entry, protocol::OpRef ref, const OpState& op) {
  if (entry.plan->passes.on) {
    // A pass waits for nobody longer than for an answer.
    const Duration limit = protocol::attempt_timeout_of(*entry.plan, ref);
    return op.sent_at == kNoInstant ? saturating_add(op.due, limit) : kNever;
  }
  const Duration lasting = protocol::retry_of(*entry.plan, ref).lasting;
  if (op.sent_at != kNoInstant || lasting == Duration{0} || op.exhausted) return kNever;
  return protocol::bound_decides(*entry.plan, entry.state, ref) ? saturating_add(op.since, lasting) : kNever;
}

Instant next_held_due(const Entry& entry) {
  Instant due = kNever;
  for_each_in_flight(*entry.plan, entry.state,
                     [&](protocol::OpRef ref, const OpState& op) { due = std::min(due, held_due(entry, ref, op)); });
  return due;
}

}  // namespace

namespace {

/// Without what somebody else has to ask for.
Instant next_own_due(const Entry& entry, const WorkerOptions& options) {
  const bool rests = entry.plan->passes.on && !entry.state.clock.is_open;
  return rests && options.passes_on_demand ? kNever : protocol::next_due(*entry.plan, entry.state);
}

}  // namespace

void Shard::arm(Entry& entry, Instant now) {
  Instant due = kNever;
  if (!frozen_) {
    for (const Waiter& waiter : entry.waiters) {
      if (waiter.waits && waiter.needs <= entry.durable.version) due = std::min(due, waiter.give_up);
    }
    if (entry.durable.version >= entry.must && !core_.draining)
      due = std::min({due, next_own_due(entry, core_.options), next_held_due(entry)});
  }
  note_pass_due(entry, core_.options.passes_on_demand ? entry.state.clock.next_at : kNever);
  if (due != kNever) due = std::max(due, now);
  core_.timers.set(*entry.anchor, due);
}

void Shard::on_due(Entry& entry, Instant now) {
  alert(entry, now);
  if (is_pass_due(entry, now) && begin_pass(entry, now)) return;
  if (!give_up_held(entry, now)) settle(entry, now);
}

/// The deadline comes before anything else that could leave at the same time. True: it was taken, the rest is done.
bool Shard::take_deadline(Entry& entry, Instant now) {
  if (!protocol::deadline_is_due(*entry.plan, entry.state, now) || planted(Bug::kDeadlineIgnored)) return false;
  const bool expires = entry.state.phase == Phase::kPrepared && planted(Bug::kPreparedExpires);
  const protocol::Event on = expires ? protocol::Event::kAbort : protocol::Event::kDeadline;
  const auto step = protocol::step(*entry.plan, entry.state, {.on = on, .now = now});
  if (!step) {
    entry.state.deadline_at = kNever;  // no row: nothing to do about it
    return false;
  }
  apply(entry, *step, false, now);
  return true;
}

/// A bound on time ends also for a call that a breaker, a pause or a full destination holds back: it counts like an
/// attempt that reached nobody. True: one was taken, the rest is done.
bool Shard::give_up_held(Entry& entry, Instant now) {
  std::optional<protocol::OpRef> over;
  for_each_in_flight(*entry.plan, entry.state, [&](protocol::OpRef ref, const OpState& op) {
    if (held_due(entry, ref, op) <= now) over = ref;
  });
  if (!over) return false;
  OpState& op = protocol::op_state(entry.state, *over);
  if (!entry.plan->passes.on) op.exhausted = true;  // once, whatever comes of it
  CallEnded unsent;
  unsent.id = op.call;
  unsent.tid = entry.tid;
  unsent.branch = over->branch;
  unsent.op = over->op;
  unsent.answer = kAnswerCancelled;
  unsent.reached = false;
  if (!core_.gate.cancel(unsent.id)) return false;
  on_answer(std::move(unsent), now);
  return true;
}

// ------------------------------------------------------------------------------------------------------- receipts

bool Shard::on_receipt(const Receipt& receipt, Instant now) {
  if (receipt.status == SaveStatus::kConflict || receipt.status == SaveStatus::kFenced) {
    SETTLE_REACHED("store refused a save");
    ++core_.counters.fenced;
    return planted(Bug::kIgnoreFencedReceipt);
  }
  Entry* const entry = find(receipt.tid);
  if (entry == nullptr) return true;
  if (receipt.status == SaveStatus::kGidTaken) {
    gid_taken(*entry);
    return true;
  }
  SETTLE_ASSERT(receipt.version <= entry->version);
  while (!entry->pending.empty() && entry->pending.front().version <= receipt.version) {
    entry->durable = entry->pending.front();
    entry->pending.erase(entry->pending.begin());
  }
  if (entry->durable.version == entry->version) --core_.unsaved;
  std::vector<std::variant<Begin, Request>> held = std::exchange(entry->held, {});
  settle(*entry, now);  // the entry may be gone
  take_held(std::move(held), now);
  return true;
}

// ----------------------------------------------------------------------------------------------- answers of calls

void Shard::on_answer(CallEnded&& answer, Instant now) {
  Entry* const entry = find(answer.tid);
  if (entry == nullptr) return;
  const protocol::OpRef ref{answer.branch, answer.op};
  OpState& op = protocol::op_state(entry->state, ref);
  const bool flips =
      planted(Bug::kLateCheckFlips) && answer.check == CheckState::kAborted && entry->state.phase == Phase::kDelivering;
  if (flips) {
    entry->state.phase = Phase::kEnded;
    entry->state.decision = Decision::kAbort;
    entry->state.outcome = GlobalOutcome::kAborted;
    apply(*entry, {true, protocol::Durability::kForced}, false, now);
    return;
  }
  if (op.call != answer.id && !(planted(Bug::kStaleAnswerAccepted) && op.is_open())) {
    SETTLE_REACHED("answer to an attempt of an earlier life");
    return;
  }
  protocol::Occurrence what{.now = now,
                            .branch = answer.branch,
                            .op = answer.op,
                            .dice = static_cast<std::uint32_t>(core_.random.next()),
                            .outcome = answer.outcome,
                            .answer = answer.answer,
                            .reached = answer.reached,
                            .retry_after = answer.retry_after,
                            .result = answer.result,
                            .read_only = answer.read_only};
  what.on = protocol::event_of_answer(*entry->plan, entry->state, what, answer.check);
  const auto step = protocol::step(*entry->plan, entry->state, what);
  if (!step) {
    // A check-back that comes after the decision, for example: it is over, and changes nothing.
    SETTLE_REACHED("answer that no row takes");
    op.call = 0;
    if (const auto last = protocol::complete(*entry->plan, entry->state, {.now = now})) {
      apply(*entry, *last, false, now);
    } else {
      settle(*entry, now);
    }
    return;
  }
  apply(*entry, *step, false, now);
}

void Shard::count_incident(Entry& entry) {
  const bool has_incident = entry.state.incident.has_value();
  if (has_incident == entry.incident_counted) return;
  entry.incident_counted = has_incident;
  entry.incident_version = entry.version + 1;
  if (has_incident) {
    ++core_.incidents;
    ++core_.counters.incidents_opened;
    const Incident& incident = *entry.state.incident;
    core_.outputs.event(EventLevel::kWarn, "incident opened", entry.gid, branch_id_of(*entry.plan, incident.branch),
                        incident.op);
  } else {
    --core_.incidents;
    core_.outputs.event(EventLevel::kInfo, "incident closed itself", entry.gid, "", Op::kAction);
  }
}

/// Somebody is told only of what a crash cannot take back.
void Shard::notify(Entry& entry, bool again) {
  const bool opened = entry.state.incident.has_value();
  if (opened == entry.incident_told || entry.durable.version < entry.incident_version) return;
  entry.incident_told = opened;
  IncidentNotice notice{.gid = entry.gid, .branch_id = {}, .opened = opened, .again = again};
  if (opened) {
    const Incident& incident = *entry.state.incident;
    if (incident.branch >= 0) notice.branch_id = branch_id_of(*entry.plan, incident.branch);
    notice.cause = incident.cause;
    notice.since = incident.since;
  }
  core_.outputs.incident(notice);
}

/// Says once that an op has been asked for a long time without progress; it is asked on.
void Shard::alert(Entry& entry, Instant now) {
  if (entry.alerted) return;
  const auto stuck = [&](const OpState& op) {
    return op.is_open() && op.since != kNoInstant && now - op.since >= core_.options.limits.alert_after;
  };
  const bool forward = protocol::is_undecided(entry.state.phase) || entry.state.phase == Phase::kDelivering ||
                       entry.state.phase == Phase::kFollowing;
  for (std::size_t i = 0; i < entry.state.branches.size(); ++i) {
    const BranchState& branch = entry.state.branches[i];
    const bool back = stuck(branch.back);
    if (!back && !(forward && stuck(branch.forward))) continue;
    SETTLE_REACHED("alert: no progress");
    entry.alerted = true;
    const Op op = back ? back_op(*entry.plan, entry.state, i) : forward_op(*entry.plan, i);
    core_.outputs.event(EventLevel::kWarn, "no progress", entry.gid, entry.plan->branches[i].id, op);
    return;
  }
}

// ------------------------------------------------------------------------------------------------------ ownership

void Shard::on_loaded(StoredRecord&& record, Instant now) {
  Result<OwnedPlan> plan = OwnedPlan::decode(std::move(record.plan));
  Result<State> state = decode_state(record.state);
  if (!plan || !state || (*plan)->branches.size() != state->branches.size()) {
    // One damaged record stops nobody else (failures.md, H7). Its gid stays taken in the store.
    SETTLE_REACHED("damaged record set aside");
    core_.outputs.event(EventLevel::kWarn, "damaged record set aside", record.gid, "", Op::kAction);
    return;
  }
  Entry& entry = adopt(record.tid, std::move(record.gid), std::move(*plan));
  entry.state = std::move(*state);
  entry.version = record.version;
  entry.handed_over = record.version;
  entry.must = record.version;
  entry.durable = told_of(entry);
  entry.incident_counted = entry.state.incident.has_value();
  if (entry.incident_counted) {
    ++core_.incidents;
    notify(entry, true);
  }
  ++core_.counters.recovered;
  core_.last_sequence = std::max(core_.last_sequence, record.tid.sequence);
  const auto step = protocol::step(*entry.plan, entry.state, {.on = protocol::Event::kRecover, .now = now});
  if (step && step->changed) {
    apply(entry, *step, false, now);
  } else {
    core_.open.rest(entry);
  }
}

/// Nothing is called before everything is loaded: what was open when the last owner ended would else be driven while
/// others, and everybody who asks, still wait for it to be read.
void Shard::on_load_ended(Instant now) {
  loaded_ = true;
  Instant turn = now;
  for (Anchor* anchor = by_age_.first(); anchor != nullptr; anchor = by_age_.after(*anchor)) {
    if (anchor->timer == kNever) core_.timers.set(*anchor, turn += kBetweenRecovered);
  }
  core_.held -= held_.size();
  take_held(std::exchange(held_, {}), now);
}

void Shard::take_held(std::vector<std::variant<Begin, Request>>&& held, Instant now) {
  for (auto& input : held) {
    if (auto* begin = std::get_if<Begin>(&input)) {
      on_begin(std::move(*begin), now);
    } else {
      on_request(std::move(std::get<Request>(input)), now);
    }
  }
}

void Shard::on_renewed(Instant lease_end, Instant now) {
  lease_end_ = lease_end;
  if (!frozen_ || !may_act(now)) return;
  SETTLE_REACHED("lease renewed after a pause");
  frozen_ = false;
  if (!loaded_) return;            // see on_load_ended
  for (const Tid& tid : tids()) {  // settle may forget an entry
    if (Entry* const entry = find(tid)) settle(*entry, now);
  }
}

void Shard::on_lease_end(Instant now) {
  if (may_act(now)) return;  // only a planted bug
  frozen_ = true;
  for (const Tid& tid : tids()) settle(*find(tid), now);
}

void Shard::drop() {
  for (const Tid& tid : tids()) {
    Entry* const entry = find(tid);
    for_each_in_flight(*entry->plan, entry->state, [&](protocol::OpRef, OpState& op) {
      if (op.sent_at == kNoInstant) (void)core_.gate.cancel(op.call);
    });
    answer_unsure(*entry);
    forget(*entry);
  }
  for (auto& input : held_) {
    core_.outputs.reply(token_of(input), AnswerKind::kNotOwner, nullptr);
  }
  core_.held -= held_.size();
  for (const auto& [id, lookup] : lookups_) {
    for (const Begin& begin : lookup.begins) core_.outputs.reply(begin.token, AnswerKind::kStoreUnknown, nullptr);
    for (const Request& request : lookup.requests)
      core_.outputs.reply(request.token, AnswerKind::kStoreUnknown, nullptr);
  }
}

}  // namespace settle::engine
