#include "clients.h"

#include <algorithm>
#include <utility>

#include "world.h"

namespace settle::sim {

using engine::AnswerKind;
using engine::Verb;
using engine::Wait;

namespace {

constexpr std::uint32_t kSlotBits = 24;

/// Lines of a client's script, as kClientActs names them.
enum Line : std::uint32_t { kSame, kOther, kAbort, kQuery, kQueryTid, kSubmit, kRetryNow, kWaitLong, kDecide, kStop };

constexpr std::uint8_t kTriesFew = 3;
constexpr std::uint8_t kTriesMany = 14;

}  // namespace

// --------------------------------------------------------------------------------------------------- requests

void Clients::expect(std::uint32_t slot, Instant at, EventKind kind) {
  ++talks_[slot].events;
  world_.timeline().push(at, kind, talks_[slot].node, slot);
}

void Clients::let_go(std::uint32_t slot) {
  Talk& talk = talks_[slot];
  --talk.events;
  if (talk.events == 0 && !talk.is_at_node) talks_.remove(slot);
}

std::string Clients::name_for(TxNo tx) {
  const Client& client = clients_[tx];
  const bool is_named = world_.script(tx).is_named;
  if (client.has_tid && (!is_named || world_.client_dice().below(5) == 0)) return client.tid.text();
  return is_named ? gid_of(tx) : world_.oracle().tid_of(tx).text();
}

std::uint8_t Clients::choose_node(const std::string& name) {
  Random& dice = world_.client_dice();
  const auto& nodes = world_.nodes();
  // Most clients know who owns what; some ask anybody.
  if (!name.empty() && dice.below(8) != 0) {
    const std::string_view owner = world_.store().owner_of(engine::shard_of(name, world_.options().shards));
    for (const auto& node : nodes) {
      if (node->owner() == owner) return node->number();
    }
  }
  return static_cast<std::uint8_t>(dice.below(nodes.size()));
}

void Clients::ask(Talk&& talk, Duration after) {
  const std::uint32_t slot = talks_.add(std::move(talk));
  expect(slot, world_.now() + after, EventKind::kRequestLeaves);
}

void Clients::request_leaves(std::uint32_t slot) {
  Random& dice = world_.client_dice();
  const Options& o = world_.options();
  Talk& talk = talks_[slot];
  talk.token = (++tokens_ << kSlotBits) | slot;
  const bool is_named = world_.script(talk.asked.tx).is_named;
  talk.name = !talk.asked.is_begin ? name_for(talk.asked.tx) : is_named ? gid_of(talk.asked.tx) : std::string();
  talk.knows_name = is_named || world_.oracle().is_begun(talk.asked.tx);
  talk.node = choose_node(talk.name);
  world_.oracle().fill_told(talk.asked);
  const bool is_lost = !world_.is_healed() && chance(dice, o.request_lost);
  if (!is_lost) expect(slot, world_.now() + o.network.draw(dice), EventKind::kRequestArrives);
  const Duration patience = talk.asked.wait.lasting * 3 / 2 + Span{milliseconds{200}, milliseconds{4000}}.draw(dice);
  expect(slot, world_.now() + patience, EventKind::kClientImpatient);
  let_go(slot);
}

void Clients::request_arrives(std::uint32_t slot) {
  Talk& talk = talks_[slot];
  Node& node = *world_.nodes()[talk.node];
  if (talk.is_over) return let_go(slot);
  if (!node.is_alive()) {
    talk.is_over = true;
    talk.kind = AnswerKind::kNotOwner;  // nobody listens there: nothing has happened
    again(slot);
    return let_go(slot);
  }
  Asked& asked = talk.asked;
  talk.life = node.life();
  talk.is_at_node = true;
  asked.arrived = world_.now();
  asked.was_durable = talk.knows_name && world_.oracle().is_durable(asked.tx);
  const engine::Token token = talk.token;
  if (asked.is_begin) {
    world_.oracle().begin_arrives(asked.tx);
    world_.trace().line(world_.now(), "n%u  is asked to begin %s", unsigned{talk.node},
                        world_.oracle().name_of_tx(asked.tx).c_str());
    engine::Begin begin{token, talk.name, plan_of(world_.script(asked.tx), talk.variant), asked.wait};
    node.deliver(std::move(begin));
  } else {
    world_.oracle().verb_arrives(asked.tx, asked.verb, talk.outcome, talk.op, talk.branch);
    world_.trace().line(world_.now(), "n%u  is asked verb %d of %s", unsigned{talk.node}, static_cast<int>(asked.verb),
                        world_.oracle().name_of_tx(asked.tx).c_str());
    engine::Request request;
    request.token = token;
    request.verb = asked.verb;
    request.gid = talk.name;
    request.wait = asked.wait;
    if (asked.verb == Verb::kAbort || asked.verb == Verb::kRetryNow || asked.verb == Verb::kStop)
      request.reason = "simulated";
    if (asked.verb == Verb::kEnlist) {
      const auto branch = static_cast<std::size_t>(talk.branch);
      request.enlisted = std::make_shared<const OwnedPlan>(plan_of_enlisted(world_.script(asked.tx), branch));
    }
    if (asked.verb == Verb::kReport) {
      Text text{};
      request.branch = branch_id_of(static_cast<std::size_t>(talk.branch), text);
      request.op = talk.op;
      request.outcome = talk.outcome;
      request.result = "reported";
    }
    node.deliver(std::move(request));
  }
  let_go(slot);
}

void Clients::handed(engine::Token token) {
  const auto slot = static_cast<std::uint32_t>(token & ((1U << kSlotBits) - 1));
  if (!talks_.has(slot) || talks_[slot].token != token) return;
  Talk& talk = talks_[slot];
  // A verb that is refused does not wait, and nobody can know that beforehand.
  const bool waits = talk.asked.is_begin || talk.asked.verb == Verb::kQuery;
  if (!waits || talk.asked.wait.lasting.count() == 0) return;
  talk.waits_since = world_.inputs();
  clients_[talk.asked.tx].waits.push_back(slot);
}

bool Clients::is_awaited(std::uint8_t node, std::uint32_t life, TxNo tx, std::uint64_t input) {
  return std::any_of(clients_[tx].waits.begin(), clients_[tx].waits.end(), [&](std::uint32_t slot) {
    if (!talks_.has(slot) || talks_[slot].asked.tx != tx) return false;
    const Talk& talk = talks_[slot];
    const bool is_there = talk.is_at_node && !talk.gave_up && talk.node == node && talk.life == life;
    return is_there && talk.waits_since != 0 && talk.waits_since < input;
  });
}

void Clients::replied(engine::Token token, AnswerKind kind, const engine::View* view) {
  const auto slot = static_cast<std::uint32_t>(token & ((1U << kSlotBits) - 1));
  const bool is_known = token != 0 && talks_.has(slot) && talks_[slot].token == token && talks_[slot].is_at_node;
  if (!world_.oracle().check(Check::kAnswered, is_known, kNoTx, "a reply to nobody, or a second one")) return;
  Talk& talk = talks_[slot];
  talk.is_at_node = false;
  talk.kind = kind;
  if (view != nullptr) {
    talk.has_view = true;
    talk.tid = view->tid;
    talk.decision = view->decision;
  }
  world_.trace().line(world_.now(), "n%u    replies %d to %s%s%s%s", unsigned{talk.node}, static_cast<int>(kind),
                      world_.oracle().name_of_tx(talk.asked.tx).c_str(), view != nullptr ? " " : "",
                      view != nullptr ? std::string(name_of(view->decision)).c_str() : "",
                      view != nullptr && view->provisional ? " provisional" : "");
  if (kind == AnswerKind::kOverloaded) world_.strike(Fault::kOverload, talk.asked.tx);
  if (kind == AnswerKind::kStoreFull) world_.strike(Fault::kStoreFull, talk.asked.tx);
  world_.oracle().replied(talk.asked, kind, view);
  Random& dice = world_.client_dice();
  const bool is_lost = !world_.is_healed() && chance(dice, world_.options().answer_lost);
  // The slot stays until its client has heard or given up.
  ++talk.events;
  if (!is_lost) expect(slot, world_.now() + world_.options().network.draw(dice), EventKind::kReplyArrives);
  let_go(slot);
}

void Clients::reply_arrives(std::uint32_t slot) {
  const Talk talk = talks_[slot];
  if (talk.is_over) return let_go(slot);
  talks_[slot].is_over = true;
  switch (talk.kind) {
    case AnswerKind::kCreated:
    case AnswerKind::kDocument:
      acked(talk.asked.tx, talk);
      break;
    case AnswerKind::kOverloaded:
    case AnswerKind::kStoreFull:
    case AnswerKind::kNotOwner:
    case AnswerKind::kStoreUnknown:
      again(slot);
      break;
    case AnswerKind::kGidReused:
    case AnswerKind::kUnknownGid:
    case AnswerKind::kUnknownBranch:
    case AnswerKind::kWrongPhase:
    case AnswerKind::kContradiction:
    case AnswerKind::kBranchReused:
    case AnswerKind::kTooMany:
    case AnswerKind::kEpochClosed:
      break;
  }
  let_go(slot);
}

void Clients::impatient(std::uint32_t slot) {
  if (!talks_[slot].is_over) {
    talks_[slot].is_over = true;
    const Talk talk = talks_[slot];
    if (talk.is_at_node) {
      Node& node = *world_.nodes()[talk.node];
      if (node.is_alive() && node.life() == talk.life && world_.client_dice().below(2) == 0) {
        // The connection was closed; the daemon need not answer any more.
        talks_[slot].gave_up = true;
        node.deliver(engine::GaveUp{talk.token});
      }
    }
    if (!talk.asked.is_begin || world_.script(talk.asked.tx).is_named) {
      world_.strike(Fault::kClientRepeats, talk.asked.tx);
      again(slot);
    }
  }
  let_go(slot);
}

void Clients::again(std::uint32_t slot) {
  Talk talk = talks_[slot];
  if (talk.asked.is_begin && !world_.script(talk.asked.tx).is_named && talk.kind != AnswerKind::kOverloaded &&
      talk.kind != AnswerKind::kNotOwner) {
    return;  // it may have been begun: a second begin without a name would be a second transaction
  }
  if (++talk.tries >= talk.tries_most) {
    if (clients_[talk.asked.tx].is_gone) return;
    if (!world_.is_healed() || talk.asked.verb != Verb::kRetryNow) return;
    talk.tries = 0;  // the operator does not give up
  }
  talk.is_at_node = talk.is_over = talk.has_view = false;
  talk.waits_since = 0;
  talk.events = 0;
  talk.kind = AnswerKind::kDocument;
  const Duration most = milliseconds{50} * (1 << std::min<unsigned>(talk.tries, 6));
  ask(std::move(talk), Span{milliseconds{1}, most}.draw(world_.client_dice()));
}

void Clients::node_gone(std::uint8_t node, std::uint32_t life) {
  for (std::uint32_t slot = 0; slot < talks_.bound(); ++slot) {
    if (!talks_.has(slot)) continue;
    Talk& talk = talks_[slot];
    if (!talk.is_at_node || talk.node != node || talk.life != life) continue;
    talk.is_at_node = false;
    ++talk.events;
    if (!talk.is_over) {
      talk.is_over = true;
      again(slot);
    }
    let_go(slot);
  }
}

std::size_t Clients::waiting_at_nodes() {
  std::size_t count = 0;
  for (std::uint32_t slot = 0; slot < talks_.bound(); ++slot) {
    if (talks_.has(slot) && talks_[slot].is_at_node && !talks_[slot].gave_up) ++count;
  }
  return count;
}

std::size_t Clients::busy() {
  std::size_t count = locals_open_;
  for (std::uint32_t slot = 0; slot < talks_.bound(); ++slot) {
    if (talks_.has(slot) && (talks_[slot].events != 0 || !talks_[slot].gave_up)) ++count;
  }
  return count;
}

// ------------------------------------------------------------------------------------------------ what they want

Wait Clients::draw_wait() {
  Random& dice = world_.client_dice();
  Wait wait;
  if (dice.below(2) == 0) return wait;
  wait.lasting = Span{milliseconds{5}, milliseconds{3000}}.draw(dice);
  wait.until = dice.below(3) == 0 ? engine::WaitFor::kDecision : engine::WaitFor::kEnd;
  return wait;
}

void Clients::begin(TxNo tx, std::uint32_t variant, Wait wait, std::uint8_t tries) {
  Talk talk;
  talk.asked.tx = tx;
  talk.asked.is_begin = true;
  talk.asked.is_other_plan = variant != 0;
  talk.asked.wait = wait;
  talk.variant = variant;
  talk.tries_most = tries;
  ask(std::move(talk), Duration{0});
}

void Clients::verb(TxNo tx, Verb verb, Wait wait, std::uint8_t tries) {
  Talk talk;
  talk.asked.tx = tx;
  talk.asked.verb = verb;
  talk.asked.wait = wait;
  talk.tries_most = tries;
  ask(std::move(talk), Duration{0});
}

void Clients::report(TxNo tx, std::int32_t branch, Op op, Outcome outcome) {
  Talk talk;
  talk.asked.tx = tx;
  talk.asked.verb = Verb::kReport;
  talk.branch = branch;
  talk.op = op;
  talk.outcome = outcome;
  talk.tries_most = kTriesMany;
  ask(std::move(talk), Span{Duration{0}, milliseconds{50}}.draw(world_.client_dice()));
}

void Clients::retry_now(TxNo tx) { verb(tx, Verb::kRetryNow, Wait{}, kTriesMany); }
void Clients::query(TxNo tx) { verb(tx, Verb::kQuery, Wait{}, kTriesFew); }

void Clients::arrival() {
  const TxNo tx = world_.add_script();
  clients_.emplace_back();
  Random& dice = world_.client_dice();
  const Script& script = world_.script(tx);
  const bool waits = !script.two_step && dice.below(3) == 0;
  begin(tx, 0, waits ? draw_wait() : Wait{}, kTriesMany);
  if (script.is_named && chance(dice, world_.options().client_repeats)) {
    // The same begin twice at the same time, perhaps at two daemons.
    world_.strike(Fault::kClientRepeats, tx);
    begin(tx, 0, Wait{}, kTriesFew);
  }
  // Somebody asks for a name that may not be known yet, or never will be.
  if (script.is_named && dice.below(16) == 0) query(tx);
}

void Clients::acked(TxNo tx, const Talk& talk) {
  Client& client = clients_[tx];
  if (talk.has_view && !client.has_tid) {
    client.has_tid = true;
    client.tid = talk.tid;
  }
  Random& dice = world_.client_dice();
  const Options& o = world_.options();
  const bool is_message = world_.script(tx).two_step;
  if (talk.asked.verb == Verb::kEnlist && !talk.asked.is_begin) {
    enlisted(tx, talk.branch);
    return;
  }
  if (!talk.asked.is_begin) {
    // Who has seen a decision may ask for its opposite, and must be refused.
    const bool is_end_verb = talk.asked.verb == Verb::kSubmit || talk.asked.verb == Verb::kAbort;
    if (is_message && is_end_verb && !world_.is_healed() && chance(dice, o.abort_race)) {
      world_.strike(Fault::kAbortRace, tx);
      verb(tx, talk.decision == Decision::kCommit ? Verb::kAbort : Verb::kSubmit, Wait{}, kTriesFew);
    }
    return;
  }
  if (client.is_acked) return;
  client.is_acked = true;
  if (!world_.is_healed() && chance(dice, o.client_gone)) {
    world_.strike(Fault::kClientGone, tx);
    client.is_gone = true;
    if (is_message) return;
  }
  if (is_message && world_.script(tx).fate == Fate::kFalseSubmit) {
    // It comes when the daemon asks back, so that the two cross.
    const Duration around = (o.network.high + o.job.high) * 2;
    const Duration after = world_.script(tx).check_after + Span{Duration{0}, around}.draw(dice);
    world_.strike(Fault::kFalseSubmit, tx);
    world_.timeline().push(world_.now() + after, EventKind::kClientActs, 0, tx, kSubmit);
    return;
  }
  if (is_message && world_.script(tx).fate == Fate::kDiesBefore) {
    world_.strike(Fault::kProducerDies, tx);
    return;
  }
  if (is_message) {
    ++locals_open_;
    world_.timeline().push(world_.now() + o.network.draw(dice), EventKind::kLocalBegins, 0, tx);
  }
  if (world_.script(tx).client_driven) drive(tx);
  if (!client.is_gone) schedule_extras(tx);
}

// ------------------------------------------------------------------------------ who drives tcc and two_phase

/// The branches that the daemon knows since begin are called now; the others are added one by one.
void Clients::drive(TxNo tx) {
  const Script& script = world_.script(tx);
  for (std::size_t i = 0; i < script.count; ++i) {
    if (script.is_main(i) && !script.branches[i].is_enlisted) call(tx, i);
  }
  enlist_next(tx, 0);
}

void Clients::enlist_next(TxNo tx, std::size_t from) {
  Random& dice = world_.client_dice();
  const Script& script = world_.script(tx);
  for (std::size_t i = from; i < script.count; ++i) {
    if (!script.branches[i].is_enlisted) continue;
    if (clients_[tx].is_gone && dice.below(3) == 0) return;
    Talk talk;
    talk.asked.tx = tx;
    talk.asked.verb = Verb::kEnlist;
    talk.branch = talk.asked.branch = static_cast<std::int32_t>(i);
    talk.tries_most = kTriesMany;
    ask(std::move(talk), world_.options().network.draw(dice));
    return;
  }
  const Duration within = (world_.options().network.high + world_.options().job.high) * 6;
  const Duration after = Span{Duration{0}, within}.draw(dice);
  world_.timeline().push(world_.now() + after, EventKind::kClientActs, 0, tx, kDecide);
}

void Clients::enlisted(TxNo tx, std::int32_t branch) {
  const auto index = static_cast<std::size_t>(branch);
  if ((clients_[tx].called & bit(index)) != 0) return;  // the answer to a repeat
  call(tx, index);
  enlist_next(tx, index + 1);
}

/// The client calls the first phase of a branch itself; the network may double it and hold it back.
void Clients::call(TxNo tx, std::size_t branch) {
  Random& dice = world_.client_dice();
  const Options& o = world_.options();
  clients_[tx].called |= bit(branch);
  const auto number = static_cast<std::uint32_t>(branch);
  const bool is_doubled = chance(dice, o.duplicate) && world_.script(tx).branches[branch].temper != Temper::kFickle;
  const bool is_late = chance(dice, o.is_late);
  if (is_late || is_doubled) {
    world_.strike(is_late ? Fault::kLate : Fault::kDuplicate, tx, forward_op_of(world_.script(tx), branch));
    world_.timeline().push(world_.now() + o.late.draw(dice), EventKind::kClientTries, 0, tx, number);
  }
  if (!is_late) world_.timeline().push(world_.now() + o.network.draw(dice), EventKind::kClientTries, 0, tx, number);
}

void Clients::tries(TxNo tx, std::uint32_t branch) {
  const Script& script = world_.script(tx);
  const Op op = forward_op_of(script, branch);
  world_.op_called(tx, op);
  if (world_.services().door(script.branches[branch].service) != Services::Door::kOpen) return;
  (void)world_.services().handle(tx, static_cast<std::int32_t>(branch), op, kNoFlight);
}

/// Commits only what it has seen held everywhere; a client that is gone says nothing, and the deadline decides.
void Clients::decide(TxNo tx) {
  Random& dice = world_.client_dice();
  const Script& script = world_.script(tx);
  if (clients_[tx].is_gone) return;
  bool all = true;
  for (std::size_t i = 0; i < script.count; ++i) {
    if (!script.is_main(i)) continue;
    const LedgerRow& row = world_.ledger().row(tx, static_cast<std::int32_t>(i));
    all = all && row.seen() == protocol::BarrierRow::kHeld;
  }
  const bool heard = !chance(dice, world_.options().answer_lost);
  verb(tx, all && heard ? Verb::kSubmit : Verb::kAbort, dice.below(3) == 0 ? draw_wait() : Wait{}, kTriesMany);
  if (all && heard && chance(dice, world_.options().client_repeats)) verb(tx, Verb::kSubmit, Wait{}, kTriesFew);
}

void Clients::schedule_extras(TxNo tx) {
  Random& dice = world_.client_dice();
  const Options& o = world_.options();
  const Script& script = world_.script(tx);
  const auto later = [&](Line line, Duration within) {
    const Duration after = Span{Duration{0}, within}.draw(dice);
    world_.timeline().push(world_.now() + after, EventKind::kClientActs, 0, tx, line);
  };
  const bool repeats = chance(dice, o.client_repeats);
  const bool races = chance(dice, o.abort_race);
  if (script.is_named && repeats) later(dice.below(2) == 0 ? kSame : kOther, milliseconds{3000});
  if (!script.two_step && races)
    later(kAbort, script.pattern != Pattern::kMessage ? milliseconds{300} : milliseconds{3000});
  if (dice.below(4) == 0) later(kQuery, milliseconds{500});
  if (dice.below(6) == 0) later(kWaitLong, milliseconds{200});
  if (dice.below(12) == 0) later(kQueryTid, milliseconds{4000});
  // Who drives submits only what it has seen; a message in two steps likewise.
  if (!script.two_step && !script.client_driven && dice.below(16) == 0) later(kSubmit, milliseconds{1000});
  if (dice.below(32) == 0) later(kRetryNow, milliseconds{1000});
  if (dice.below(48) == 0) later(kStop, milliseconds{1000});
}

void Clients::acts(TxNo tx, std::uint32_t line) {
  switch (static_cast<Line>(line)) {
    case kSame:
    case kOther:
      world_.strike(Fault::kClientRepeats, tx);
      begin(tx, line == kSame ? 0 : 1, Wait{}, kTriesFew);
      break;
    case kAbort:
      world_.strike(Fault::kAbortRace, tx);
      verb(tx, Verb::kAbort, draw_wait(), kTriesFew);
      break;
    case kQuery:
    case kQueryTid:
      query(tx);
      break;
    case kWaitLong:
      verb(tx, Verb::kQuery, draw_wait(), kTriesFew);
      break;
    case kSubmit:
      verb(tx, Verb::kSubmit, draw_wait(), kTriesFew);
      break;
    case kDecide:
      decide(tx);
      break;
    case kStop:
      world_.strike(Fault::kOperator, tx);
      verb(tx, Verb::kStop, Wait{}, kTriesFew);
      break;
    case kRetryNow:
      world_.strike(Fault::kOperator, tx);
      retry_now(tx);
      break;
  }
}

// --------------------------------------------------------------------------------------------------- producers

void Clients::local_begins(TxNo tx) {
  Random& dice = world_.client_dice();
  const Script& script = world_.script(tx);
  const std::optional<std::uint32_t> life = world_.services().begin_local(tx);
  if (!life) {
    // The check-back was there first, or the database is down: the business does not happen.
    --locals_open_;
    if (dice.below(2) == 0) verb(tx, Verb::kAbort, Wait{}, kTriesFew);
    return;
  }
  Duration lasting = world_.options().job.draw(dice);
  lasting *= dice.between(1, 10);
  if (dice.below(5) == 0) lasting += Duration{dice.between(0, script.check_after.count() * 3)};
  world_.timeline().push(world_.now() + lasting, EventKind::kLocalEnds, script.producer, tx, *life);
}

void Clients::local_ends(TxNo tx, std::uint32_t life) {
  Random& dice = world_.client_dice();
  const Fate fate = world_.script(tx).fate;
  --locals_open_;
  bool commits = fate == Fate::kHonest || fate == Fate::kDiesAfter;
  if (fate == Fate::kUnknownCommit) commits = dice.below(2) == 0;
  const bool is_known = world_.services().end_local(tx, life, commits);
  world_.trace().line(world_.now(), "producer of %s %s its local transaction", world_.oracle().name_of_tx(tx).c_str(),
                      commits && is_known ? "commits" : "rolls back");
  if (fate == Fate::kUnknownCommit) {
    world_.strike(Fault::kUnknownCommit, tx);
    return;  // neither submit nor abort: only the check-back knows
  }
  if (fate == Fate::kDiesAfter || fate == Fate::kDiesInside || fate == Fate::kSilentRollback) {
    world_.strike(Fault::kProducerDies, tx);
    return;
  }
  if (commits && is_known) {
    verb(tx, Verb::kSubmit, dice.below(3) == 0 ? draw_wait() : Wait{}, kTriesMany);
    if (chance(dice, world_.options().client_repeats)) verb(tx, Verb::kSubmit, Wait{}, kTriesFew);
  } else if (dice.below(3) != 0) {
    verb(tx, Verb::kAbort, dice.below(3) == 0 ? draw_wait() : Wait{}, kTriesMany);
  }
}

}  // namespace settle::sim
