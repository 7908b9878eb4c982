#include <algorithm>

#include "base/assert.h"
#include "base/planted.h"
#include "base/reached.h"
#include "engine/shard.h"
#include "model/ops.h"
#include "protocol/saga.h"

namespace settle::engine {
namespace {

bool has_reached(const Told& durable, WaitFor until) {
  // The end of its pass makes it one that waits no more; behind the end of all there is none.
  if (until == WaitFor::kPass) return durable.phase == Phase::kEnded;
  return until == WaitFor::kEnd ? durable.outcome != GlobalOutcome::kRunning : durable.decision != Decision::kNone;
}

protocol::Event event_of(Verb verb) {
  switch (verb) {
    case Verb::kSubmit:
      return protocol::Event::kSubmit;
    case Verb::kAbort:
      return protocol::Event::kAbort;
    case Verb::kRetryNow:
      return protocol::Event::kRetryNow;
    case Verb::kStop:
      return protocol::Event::kStop;
    case Verb::kQuery:
    case Verb::kReport:
    case Verb::kEnlist:
    case Verb::kResolve:
    case Verb::kPassDue:
    case Verb::kPass:
      break;
  }
  SETTLE_ASSERT(false);
}

std::int32_t index_of(const Plan& plan, std::string_view branch_id) {
  for (std::size_t i = 0; i < plan.branches.size(); ++i) {
    if (plan.branches[i].id == branch_id) return static_cast<std::int32_t>(i);
  }
  return kNoBranch;
}

/// The begin of something that is there already.
Request submit_of(Begin&& begin) {
  Request request;
  request.token = begin.token;
  request.verb = Verb::kSubmit;
  request.gid = std::move(begin.gid);
  request.wait = begin.wait;
  request.delay = begin.delay;
  request.of_dtm = begin.plan->dialect != Dialect::kSettle;
  return request;
}

/// Text of a tid that some owner has minted or may mint.
bool is_name_of_ours(std::string_view gid) {
  const std::optional<Tid> tid = Tid::parse(gid);
  return tid && tid->epoch < kEpochsOfFreshGids;
}

/// Why a transaction of this plan is not the one that the request means; nothing: it is.
std::optional<AnswerKind> misses(const Request& request, const Plan& plan) {
  if (request.of_dtm && plan.dialect == Dialect::kSettle) return AnswerKind::kUnknownGid;
  if (request.pattern && *request.pattern != plan.pattern) return AnswerKind::kWrongPhase;
  return std::nullopt;
}

/// What a report about an op that has ended already means: nothing new, or another truth.
bool agrees(const OpState& op, Outcome outcome) {
  if (op.status == OpStatus::kGivenUp)
    return true;  // whatever came of it has been undone, or is not asked for any more
  return (op.status == OpStatus::kDone && outcome == Outcome::kDone) ||
         (op.status == OpStatus::kRefused && outcome == Outcome::kRefused);
}

}  // namespace

// ------------------------------------------------------------------------------------------------------- answering

void Shard::reply(const Entry& entry, const Waiter& waiter) {
  Told told = entry.durable;
  if (planted(Bug::kProvisionalTold) || planted(Bug::kReplyBeforeSave)) {
    told = {entry.version, entry.state.phase, entry.state.decision, entry.state.outcome};
  }
  if (planted(Bug::kWaiterHearsAborted) && waiter.waits && told.outcome == GlobalOutcome::kRunning) {
    told.outcome = GlobalOutcome::kAborted;
  }
  const View view{entry.gid,  entry.tid,     *entry.plan,  entry.state,
                  told.phase, told.decision, told.outcome, entry.durable.version < entry.version};
  core_.outputs.reply(waiter.token, waiter.kind, &view);
}

void Shard::add_waiter(Entry& entry, Waiter waiter) {
  if (waiter.token == 0) return;
  if (waiter.waits) (void)core_.waiting.insert({waiter.token, entry.tid});
  entry.waiters.push_back(waiter);
  // An outcome that nobody waited for is waited for now. Nothing changes an ended state, so what leaves is that
  // version.
  if (waiter.waits && entry.lazy.is_in && entry.state.has_ended()) hand_over(entry, true);
}

/// Nobody hears of a version that is not durable. A caller whose time is up hears what is true then, never "failed".
void Shard::answer_waiters(Entry& entry, Instant now) {
  if (entry.waiters.empty()) return;
  const auto is_answered = [&](const Waiter& waiter) {
    if (entry.durable.version < waiter.needs && !planted(Bug::kReplyBeforeSave)) return false;
    const bool stuck = entry.state.incident.has_value() && waiter.until != WaitFor::kPass;
    const bool enough = !waiter.waits || core_.draining || has_reached(entry.durable, waiter.until) || stuck;
    if (!enough && waiter.give_up > now) return false;
    if (!enough) SETTLE_REACHED("caller's wait is over");
    reply(entry, waiter);
    if (waiter.waits) core_.waiting.erase(waiter.token);
    return true;
  };
  entry.waiters.erase(std::remove_if(entry.waiters.begin(), entry.waiters.end(), is_answered), entry.waiters.end());
}

/// What is in memory may be old, and what was handed over may have been refused: they ask again, whoever owns it then.
void Shard::answer_unsure(Entry& entry) {
  for (const Waiter& waiter : entry.waiters) {
    if (waiter.waits) core_.waiting.erase(waiter.token);
    core_.outputs.reply(waiter.token, AnswerKind::kStoreUnknown, nullptr);
  }
  entry.waiters.clear();
  for (const auto& input : entry.held) {
    core_.outputs.reply(token_of(input), AnswerKind::kStoreUnknown, nullptr);
  }
  entry.held.clear();
}

/// Nobody may wait for a process that ends; what they hear is what is durable.
void Shard::on_drain(Instant now) {
  for (const Tid& tid : tids()) {
    if (Entry* const entry = find(tid)) settle(*entry, now);
  }
}

void Shard::on_gave_up(Token token, const Tid& tid) {
  Entry* const entry = find(tid);
  if (entry == nullptr) return;
  SETTLE_REACHED("waiting client gave up");
  std::erase_if(entry->waiters, [token](const Waiter& waiter) { return waiter.token == token; });
}

// ----------------------------------------------------------------------------------------------------------- begin

Tid Shard::mint(Instant now) {
  core_.last_sequence = std::max(core_.last_sequence + 1, static_cast<std::uint64_t>(micros(now)));
  return Tid{core_.last_sequence, core_.options.cluster, number_, epoch_};
}

void Shard::on_begin(Begin&& begin, Instant now) {
  if (!may_act(now)) {
    core_.outputs.reply(begin.token, AnswerKind::kNotOwner, nullptr);
    return;
  }
  if (!loaded_) {
    if (core_.held >= core_.options.limits.waiting_loads_max) {
      core_.outputs.reply(begin.token, AnswerKind::kNotOwner, nullptr);
      return;
    }
    SETTLE_REACHED("request held while its shard loads");
    ++core_.held;
    held_.emplace_back(std::move(begin));
    return;
  }
  Entry* const known = begin.gid.empty() ? nullptr : find(begin.gid);
  if (known == nullptr && is_name_of_ours(begin.gid)) {
    // Only a transaction that has been given this name may be meant; the name must not become ambiguous.
    SETTLE_REACHED("begin with a name of ours");
    const std::uint64_t id = ++core_.lookups;
    const std::string gid = begin.gid;
    lookups_[id].begins.push_back(std::move(begin));
    core_.outputs.look_up(number_, id, gid);
    return;
  }
  if (known == nullptr) {
    begin_new(std::move(begin), now);
    return;
  }
  if (known->durable.version == 0) {
    SETTLE_REACHED("begin met a begin that is not durable");
    known->held.emplace_back(std::move(begin));
    return;
  }
  if (begin.if_known == IfKnown::kShow) {
    answer_now(*known, begin.token, AnswerKind::kDocument, now);
    return;
  }
  if (begin.if_known == IfKnown::kSubmit) {
    verb(*known, submit_of(std::move(begin)), now);
    return;
  }
  if (known->plan.digest() != begin.plan.digest() && !planted(Bug::kRepeatIgnoresPlan)) {
    SETTLE_REACHED("gid reused with another plan");
    core_.outputs.reply(begin.token, AnswerKind::kGidReused, nullptr);
    return;
  }
  SETTLE_REACHED("begin repeated");
  add_waiter(*known, {.token = begin.token,
                      .needs = 1,
                      .waits = begin.wait.lasting > Duration{0},
                      .until = begin.wait.until,
                      .give_up = saturating_add(now, begin.wait.lasting)});
  settle(*known, now);
}

void Shard::begin_new(Begin&& begin, Instant now) {
  const Limits& limits = core_.options.limits;
  if (core_.open.size() >= limits.open_max || core_.unsaved >= limits.unsaved_max) {
    SETTLE_REACHED("begin refused: too much open");
    ++core_.counters.refused_overload;
    core_.outputs.reply(begin.token, AnswerKind::kOverloaded, nullptr);
    return;
  }
  if (core_.is_store_full) {
    SETTLE_REACHED("begin refused: the store is nearly full");
    core_.outputs.reply(begin.token, AnswerKind::kStoreFull, nullptr);
    return;
  }
  const Tid tid = mint(now);
  std::string gid = begin.gid.empty() ? tid.text() : std::move(begin.gid);
  Entry& entry = adopt(tid, std::move(gid), std::move(begin.plan));
  const protocol::Event on = entry.plan->two_step ? protocol::Event::kPrepare : protocol::Event::kBegin;
  auto step = protocol::step(*entry.plan, entry.state, occurrence(on, now));
  if (!step) {  // only a dropped row of the simulator gets here
    core_.outputs.reply(begin.token, AnswerKind::kWrongPhase, nullptr);
    forget(entry);
    return;
  }
  if (begin.if_known == IfKnown::kSubmit && entry.plan->client_driven) {
    if (const auto submitted = protocol::step(*entry.plan, entry.state, occurrence(protocol::Event::kSubmit, now)))
      step->add(*submitted);
  }
  ++core_.counters.begun;
  add_waiter(entry, {.token = begin.token,
                     .kind = AnswerKind::kCreated,
                     .needs = 1,
                     .waits = begin.wait.lasting > Duration{0},
                     .until = begin.wait.until,
                     .passes = 1,
                     .if_known = begin.if_known,
                     .give_up = saturating_add(now, begin.wait.lasting)});
  apply(entry, *step, false, now);
}

/// The store knows the gid from a transaction that has ended: everybody who took part in the new one meets the old one.
void Shard::gid_taken(Entry& entry) {
  SETTLE_REACHED("begin met an ended transaction");
  const std::uint64_t id = ++core_.lookups;
  Lookup& lookup = lookups_[id];
  std::vector<Waiter> waiters = std::move(entry.waiters);
  entry.waiters.clear();
  for (const Waiter& waiter : waiters) {
    core_.waiting.erase(waiter.token);
    Result<OwnedPlan> copy = OwnedPlan::decode(entry.plan.bytes());
    SETTLE_ASSERT(copy.ok());
    lookup.begins.push_back({.token = waiter.token,
                             .gid = std::string(entry.gid),
                             .plan = std::move(*copy),
                             .wait = {},
                             .if_known = waiter.if_known});
  }
  for (auto& input : entry.held) {
    if (auto* begin = std::get_if<Begin>(&input)) {
      lookup.begins.push_back(std::move(*begin));
    } else {
      lookup.requests.push_back(std::move(std::get<Request>(input)));
    }
  }
  entry.held.clear();
  const std::string gid(entry.gid);
  --core_.counters.begun;
  forget(entry);
  core_.outputs.look_up(number_, id, gid);
}

// ----------------------------------------------------------------------------------------------------------- verbs

void Shard::on_request(Request&& request, Instant now) {
  if (!may_act(now)) {
    core_.outputs.reply(request.token, AnswerKind::kNotOwner, nullptr);
    return;
  }
  if (!loaded_ && !planted(Bug::kUnknownGidWhileLoading)) {
    // R9: as long as the log is not read to its end, "not found" is no answer.
    if (core_.held >= core_.options.limits.waiting_loads_max) {
      core_.outputs.reply(request.token, AnswerKind::kNotOwner, nullptr);
      return;
    }
    ++core_.held;
    held_.emplace_back(std::move(request));
    return;
  }
  Entry* entry = find(request.gid);
  if (entry == nullptr) {
    if (const std::optional<Tid> tid = Tid::parse(request.gid)) entry = find(*tid);
  }
  if (entry == nullptr) {
    if (planted(Bug::kUnknownGidWhileLoading) && !loaded_) {
      core_.outputs.reply(request.token, AnswerKind::kUnknownGid, nullptr);
      return;
    }
    look_up(std::move(request));
    return;
  }
  if (entry->durable.version == 0) {
    SETTLE_REACHED("verb held until the begin is durable");
    entry->held.emplace_back(std::move(request));
    return;
  }
  verb(*entry, std::move(request), now);
}

void Shard::look_up(Request&& request) {
  const std::uint64_t id = ++core_.lookups;
  const Request& waiting = lookups_[id].requests.emplace_back(std::move(request));
  core_.outputs.look_up(number_, id, waiting.gid);
}

void Shard::verb(Entry& entry, Request&& request, Instant now) {
  if (const std::optional<AnswerKind> refused = misses(request, *entry.plan)) {
    answer_now(entry, request.token, *refused, now);
    return;
  }
  if (request.verb == Verb::kPass || request.verb == Verb::kPassDue) {
    pass_verb(entry, std::move(request), now);
    return;
  }
  if (request.verb == Verb::kReport) {
    report(entry, std::move(request), now);
    return;
  }
  if (request.verb == Verb::kEnlist) {
    enlist(entry, std::move(request), now);
    return;
  }
  if (request.verb == Verb::kResolve) {
    resolve(entry, std::move(request), now);
    return;
  }
  Waiter waiter{.token = request.token,
                .needs = 1,
                .waits = request.wait.lasting > Duration{0},
                .until = request.wait.until,
                .passes = passes_until_next(entry.state),
                .give_up = saturating_add(now, request.wait.lasting)};
  if (request.verb == Verb::kQuery) {
    if (request.newest) waiter.needs = entry.version;
    add_waiter(entry, waiter);
    settle(entry, now);
    return;
  }
  protocol::Occurrence what = occurrence(event_of(request.verb), now);
  what.reason = request.reason;
  what.delay = request.delay;
  // What was never meant to be stopped: whether anything of it still runs is not known.
  if (request.verb == Verb::kStop && request.of_dtm) what.heuristic = Heuristic::kHazard;
  const auto step = protocol::step(*entry.plan, entry.state, what);
  if (!step) {
    SETTLE_REACHED("verb refused in this phase");
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  // Also a repeat must not be answered before what it repeats is durable.
  waiter.needs = entry.version + (step->changed ? 1 : 0);
  add_waiter(entry, waiter);
  const bool asks = request.verb == Verb::kRetryNow || request.verb == Verb::kStop || entry.plan->passes.on;
  apply(entry, *step, asks, now);
}

/// Answers a verb that changes nothing. What is said follows from the newest state, and so waits until that is durable.
void Shard::answer_now(Entry& entry, Token token, AnswerKind kind, Instant now) {
  add_waiter(entry, {.token = token, .kind = kind, .needs = entry.version});
  settle(entry, now);
}

void Shard::enlist(Entry& entry, Request&& request, Instant now) {
  const BranchPlan& branch = (*request.enlisted)->branches.front();
  const std::int32_t known = index_of(*entry.plan, branch.id);
  if (known != kNoBranch) {
    // DTM's clients do not repeat a registration; one that comes again is told so.
    const bool repeatable = entry.plan->dialect == Dialect::kSettle;
    const bool same = repeatable && entry.plan->branches[static_cast<std::size_t>(known)] == branch;
    SETTLE_REACHED("branch enlisted again");
    answer_now(entry, request.token, same ? AnswerKind::kDocument : AnswerKind::kBranchReused, now);
    return;
  }
  if (entry.plan->branches.size() >= core_.options.limits.branches_max) {
    answer_now(entry, request.token, AnswerKind::kTooMany, now);
    return;
  }
  if ((*request.enlisted)->pattern != entry.plan->pattern) {
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  OwnedPlan more = entry.plan.with_enlisted(branch);
  const auto index = static_cast<std::int32_t>(more->branches.size() - 1);
  const protocol::Occurrence what{
      .on = protocol::Event::kEnlist, .now = now, .branch = index, .op = forward_op(more->pattern)};
  const auto step = protocol::step(*more, entry.state, what);
  if (!step) {
    SETTLE_REACHED("enlisted too late");
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  entry.plan = std::move(more);
  add_waiter(entry, {.token = request.token, .needs = entry.version + 1});
  apply(entry, *step, false, now);
}

/// An operator's evidence about what a branch owes. It ends the op; where it goes against the decision it is recorded
/// as heuristic, and the decision stays (R8). Where there is no way back, "cancelled" ends nothing and is refused.
void Shard::resolve(Entry& entry, Request&& request, Instant now) {
  const std::int32_t branch = index_of(*entry.plan, request.branch);
  if (branch == kNoBranch) {
    answer_now(entry, request.token, AnswerKind::kUnknownBranch, now);
    return;
  }
  const std::optional<Op> owed = protocol::owed_op(*entry.plan, entry.state, branch);
  if (!owed || !(protocol::op_state(entry.state, {branch, *owed}).is_open() ||
                 protocol::op_state(entry.state, {branch, *owed}).status == OpStatus::kRefused)) {
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  const bool decided = !protocol::is_undecided(entry.state.phase);
  const bool aborts = entry.state.decision == Decision::kAbort;
  protocol::Occurrence what{
      .now = now, .branch = branch, .op = *owed, .outcome = Outcome::kDone, .answer = kAnswerResolved};
  if (request.as == Resolution::kSkipped) what.heuristic = decided ? Heuristic::kMixed : Heuristic::kHazard;
  if (request.as == Resolution::kCancelled && !decided) what.outcome = Outcome::kRefused;
  if (request.as == Resolution::kCancelled && decided && !aborts) what.heuristic = Heuristic::kMixed;
  // A later step may take a part of this result: it is the branch's own, never an operator's words.
  what.result = is_forward(*owed) && what.outcome == Outcome::kDone ? request.result : request.reason;
  what.on = protocol::event_of_answer(*entry.plan, entry.state, what, CheckState::kUndecided);
  const bool pointless = what.on == protocol::Event::kForwardRefused && entry.plan->pattern == Pattern::kSaga &&
                         protocol::saga::failure_of(*entry.plan, entry.state, what) == protocol::Guard::kIfNoReturn;
  const auto step = pointless ? std::nullopt : protocol::step(*entry.plan, entry.state, what);
  if (!step) {
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  SETTLE_REACHED("branch resolved by an operator");
  add_waiter(entry, {.token = request.token, .needs = entry.version + 1});
  apply(entry, *step, true, now);
}

/// What a report about this branch may be about: its forward op, or what it owes now.
bool Shard::may_report(const Entry& entry, std::int32_t branch, const Request& request) {
  if (branch == kNoBranch) return false;
  if (request.op == forward_op(*entry.plan, static_cast<std::size_t>(branch))) return true;
  return request.outcome == Outcome::kDone && protocol::owed_op(*entry.plan, entry.state, branch) == request.op;
}

void Shard::report(Entry& entry, Request&& request, Instant now) {
  const std::int32_t branch = index_of(*entry.plan, request.branch);
  if (!may_report(entry, branch, request)) {
    answer_now(entry, request.token, AnswerKind::kUnknownBranch, now);
    return;
  }
  const protocol::OpRef ref{branch, request.op};
  OpState& op = protocol::op_state(entry.state, ref);
  if (!op.is_open()) {
    if (agrees(op, request.outcome)) {
      add_waiter(entry, {.token = request.token, .needs = entry.version});
      settle(entry, now);
      return;
    }
  } else if (!op.may_have_run() && is_forward(request.op)) {
    SETTLE_REACHED("report about an op that was never called");
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  protocol::Occurrence what{.now = now,
                            .branch = branch,
                            .op = request.op,
                            .dice = static_cast<std::uint32_t>(core_.random.next()),
                            .outcome = request.outcome,
                            .answer = kAnswerReported,
                            .result = request.result,
                            .read_only = request.read_only};
  // After a submit the client has vouched for every branch.
  const bool denies = request.outcome == Outcome::kRefused && is_forward(request.op) &&
                      entry.state.decision == Decision::kCommit && entry.plan->client_driven;
  const bool contradicts = !op.is_open() || denies;
  what.on = contradicts ? protocol::Event::kContradicted
                        : protocol::event_of_answer(*entry.plan, entry.state, what, CheckState::kUndecided);
  const auto step = protocol::step(*entry.plan, entry.state, what);
  if (!step) {
    answer_now(entry, request.token, AnswerKind::kWrongPhase, now);
    return;
  }
  SETTLE_REACHED("outcome reported by a participant");
  add_waiter(entry, {.token = request.token,
                     .kind = contradicts ? AnswerKind::kContradiction : AnswerKind::kDocument,
                     .needs = entry.version + 1});
  apply(entry, *step, true, now);
}

// ------------------------------------------------------------------------------------------------- ended and unknown

void Shard::on_found(Found&& found, Instant now) {
  const auto at = lookups_.find(found.lookup);
  if (at == lookups_.end()) return;
  Lookup lookup = std::move(at->second);
  lookups_.erase(at);
  for (Begin& begin : lookup.begins) {
    Found copy;
    copy.failed = found.failed;
    copy.record = found.record;
    found_for_begin(std::move(copy), begin);
  }
  for (Request& request : lookup.requests) {
    if (find(request.gid) != nullptr) {  // begun meanwhile
      on_request(std::move(request), now);
    } else if (found.failed || (!found.record && !may_act(now))) {
      core_.outputs.reply(request.token, AnswerKind::kStoreUnknown, nullptr);
    } else if (!found.record) {
      core_.outputs.reply(request.token, kind_of_absence(request), nullptr);
    } else {
      found_for_request(StoredRecord(*found.record), std::move(request), now);
    }
  }
}

/// R4: what an earlier ownership has named and never made durable can only be begun anew.
AnswerKind Shard::kind_of_absence(const Request& request) const {
  const std::optional<Tid> tid = Tid::parse(request.gid);
  const bool closed = tid && tid->epoch < epoch_ && request.verb != Verb::kQuery;
  if (closed) SETTLE_REACHED("verb for a transaction of a closed epoch");
  return closed ? AnswerKind::kEpochClosed : AnswerKind::kUnknownGid;
}

void Shard::found_for_begin(Found&& found, const Begin& begin) {
  if (!found.failed && !found.record && is_name_of_ours(begin.gid)) {
    core_.outputs.reply(begin.token, AnswerKind::kGidReused, nullptr);
    return;
  }
  if (found.failed || !found.record) {
    core_.outputs.reply(begin.token, AnswerKind::kStoreUnknown, nullptr);
    return;
  }
  const StoredRecord& record = *found.record;
  Result<OwnedPlan> plan = OwnedPlan::decode(record.plan);
  Result<State> state = decode_state(record.state);
  if (!plan || !state) {
    core_.outputs.reply(begin.token, AnswerKind::kStoreUnknown, nullptr);
    return;
  }
  if (begin.if_known == IfKnown::kCompare && (plan->digest() != begin.plan.digest() || record.gid != begin.gid)) {
    core_.outputs.reply(begin.token, AnswerKind::kGidReused, nullptr);
    return;
  }
  const View view{record.gid, record.tid, **plan, *state, state->phase, state->decision, state->outcome};
  const bool submits = begin.if_known == IfKnown::kSubmit;
  core_.outputs.reply(begin.token, submits ? AnswerKind::kWrongPhase : AnswerKind::kDocument, &view);
}

void Shard::found_for_request(StoredRecord&& record, Request&& request, Instant now) {
  Result<OwnedPlan> plan = OwnedPlan::decode(record.plan);
  Result<State> state = decode_state(record.state);
  if (!plan || !state || state->phase != Phase::kEnded) {
    // Open in the store but not here: the shard has changed hands in between.
    core_.outputs.reply(request.token, AnswerKind::kStoreUnknown, nullptr);
    return;
  }
  AnswerKind kind = AnswerKind::kDocument;
  if (const std::optional<AnswerKind> refused = misses(request, **plan)) {
    kind = *refused;
  } else if (request.verb == Verb::kReport) {
    const std::int32_t branch = index_of(**plan, request.branch);
    const auto index = static_cast<std::size_t>(std::max(branch, 0));
    if (branch == kNoBranch ||
        (request.op != forward_op(**plan, index) && request.op != back_op(**plan, *state, index))) {
      kind = AnswerKind::kUnknownBranch;
    } else if (!agrees(protocol::op_state(*state, {branch, request.op}), request.outcome)) {
      kind = AnswerKind::kWrongPhase;
    }
  } else if (request.verb == Verb::kEnlist || request.verb == Verb::kResolve || request.verb == Verb::kPass ||
             request.verb == Verb::kPassDue) {
    kind = AnswerKind::kWrongPhase;
  } else if (request.verb != Verb::kQuery) {
    // The rows of the final phase decide whether the verb agrees with what was decided; they change nothing.
    if (!protocol::step(**plan, *state, {.on = event_of(request.verb), .now = now, .reason = {}}))
      kind = AnswerKind::kWrongPhase;
  }
  const View view{record.gid, record.tid, **plan, *state, state->phase, state->decision, state->outcome};
  core_.outputs.reply(request.token, kind, &view);
}

}  // namespace settle::engine
