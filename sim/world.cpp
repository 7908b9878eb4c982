#include "world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace settle::sim {
namespace {

/// 2026-01-01T00:00:00Z; every run begins there.
constexpr Instant kDawn = instant_of(1'767'225'600'000'000);

/// After healing, everything must have ended within this much virtual time (I12).
constexpr Duration kBound = std::chrono::minutes{20};

/// So many events at one instant mean that somebody runs in a circle.
constexpr std::uint64_t kEventsPerInstantMost = 200'000;

constexpr Duration kOperatorPeriod = milliseconds{1000};

}  // namespace

World::World(const Options& options, Trace::Text text)
    : options_(options),
      now_(kDawn),
      trace_(text),
      network_dice_(Random::stream(options.seed, "network")),
      disk_dice_(Random::stream(options.seed, "disk")),
      work_dice_(Random::stream(options.seed, "participants")),
      client_dice_(Random::stream(options.seed, "clients")),
      id_dice_(Random::stream(options.seed, "ids")),
      clock_dice_(Random::stream(options.seed, "clock")),
      fault_dice_(Random::stream(options.seed, "faults")),
      script_dice_(Random::stream(options.seed, "workload")),
      timeline_(Random::stream(options.seed, "schedule")),
      oracle_(options_, now_, ledger_),
      store_(options.is_shared ? SimStore::Kind::kShared : SimStore::Kind::kOwnDisk, now_, &oracle_),
      services_(*this),
      calls_(*this),
      clients_(*this) {
  trace_.set_origin(kDawn);
  oracle_.watch(store_);
  for (const std::string& label : options_.without) oracle_.leave_out(label);
  is_paused_.resize(options_.services);
  for (std::uint8_t i = 0; i < options_.nodes; ++i) nodes_.push_back(std::make_unique<Node>(*this, i));
}

TxNo World::add_script() {
  const auto no = static_cast<TxNo>(scripts_.size());
  scripts_.push_back(draw_script(no, options_, script_dice_));
  ledger_.add();
  oracle_.add(scripts_.back());
  struck_.emplace_back();
  const Script& script = scripts_.back();
  trace_.line(now_, "client of %s: %s, %zu branches, deadline %lld us, check after %lld us, delay %lld us",
              gid_of(no).c_str(), std::string(name_of(script.pattern)).c_str(), script.count,
              static_cast<long long>(script.deadline.count()), static_cast<long long>(script.check_after.count()),
              static_cast<long long>(script.delay.count()));
  if (script.deadline.count() > 0) strike(Fault::kDeadline, no);
  if (options_.is_on(Fault::kClock)) strike(Fault::kClock, no);
  return no;
}

// ------------------------------------------------------------------------------------------------------- faults

void World::strike(Fault fault, TxNo tx) {
  strike(fault);
  if (tx != kNoTx) struck_[tx].whole |= std::uint64_t{1} << static_cast<unsigned>(fault);
}
void World::strike(Fault fault, TxNo tx, Op op) {
  strike(fault);
  mark(fault, tx, op);
}
void World::mark(Fault fault, TxNo tx, Op op) {
  struck_[tx].ops[static_cast<std::size_t>(op) - 1] |= std::uint64_t{1} << static_cast<unsigned>(fault);
}
void World::op_called(TxNo tx, Op op) {
  struck_[tx].called = static_cast<std::uint16_t>(struck_[tx].called | (1U << (static_cast<unsigned>(op) - 1)));
}

void World::schedule_faults() {
  const Duration whole = options_.arrival_gap * options_.transactions + milliseconds{200};
  const auto plan = [&](Fault fault, std::uint32_t times) {
    for (std::uint32_t i = 0; i < times; ++i) {
      const Instant at = now_ + Span{Duration{0}, whole}.draw(fault_dice_);
      timeline_.push(at, EventKind::kFault, 0, static_cast<std::uint32_t>(fault));
    }
  };
  plan(Fault::kCrash, options_.crashes);
  plan(Fault::kPause, options_.pauses);
  plan(Fault::kHandOver, options_.hand_overs);
  plan(Fault::kPartition, options_.partitions);
  plan(Fault::kHang, options_.hangs);
  plan(Fault::kServiceCrash, options_.service_crashes);
  plan(Fault::kUndoRefused, options_.undo_refusals);
  plan(Fault::kOperator, options_.operator_acts);
  plan(Fault::kFailOver, options_.fail_overs);
  plan(Fault::kHeldBack, options_.destination_pauses);
  plan(Fault::kStoreFull, options_.store_fills);
  timeline_.push(now_ + whole + Span{Duration{0}, milliseconds{2000}}.draw(fault_dice_), EventKind::kHeal);
}

void World::fault(Fault fault) {
  if (is_healed_) return;
  Node& node = *nodes_[fault_dice_.below(nodes_.size())];
  const auto service = static_cast<std::uint8_t>(fault_dice_.below(options_.services));
  const Duration lasting = options_.hang.draw(fault_dice_);
  switch (fault) {
    case Fault::kCrash:
      if (!node.is_alive()) return;
      strike(fault);
      return node.crash(fault_dice_.below(2) == 0);
    case Fault::kPause:
      if (!node.is_alive() || node.is_paused()) return;
      strike(fault);
      calls_.mark_open(node.number(), node.life(), fault);
      return node.pause(now_ + options_.pause.draw(fault_dice_));
    case Fault::kHandOver:
      return node.hand_over_one();
    case Fault::kPartition:
      strike(fault);
      calls_.partition(node.number(), service, true);
      return timeline_.push(now_ + lasting, EventKind::kPartitionHeals, node.number(), service);
    case Fault::kHang:
      strike(fault);
      return services_.hang(service, now_ + lasting);
    case Fault::kServiceCrash:
      strike(fault);
      return services_.crash(service, now_ + options_.boot.draw(fault_dice_));
    case Fault::kUndoRefused:
      return services_.refuse_undo(service, now_ + lasting);
    case Fault::kFailOver:
      return fail_over();
    case Fault::kHeldBack:
      pause_destination(service, true);
      return timeline_.push(now_ + lasting, EventKind::kDestinationResumes, service);
    case Fault::kStoreFull:
      if (!node.is_alive()) return;
      node.store_has_room(false);
      return timeline_.push(now_ + lasting, EventKind::kStoreHasRoom, node.number(), 0, node.life());
    case Fault::kOperator:
      if (scripts_.empty()) return;
      return operator_retries(static_cast<TxNo>(fault_dice_.below(scripts_.size())));
    default:
      return;
  }
}

void World::fail_over() {
  const auto shard = static_cast<ShardNo>(fault_dice_.below(options_.shards));
  const std::vector<Tid> struck = store_.fail_over(shard, fault_dice_);
  if (struck.empty()) return;
  trace_.line(now_, "the store fails over and has lost the newest progress of %zu transactions of shard %u",
              struck.size(), unsigned{shard});
  for (const Tid& tid : struck) strike(Fault::kFailOver, oracle_.find({}, tid));
}

/// By an operator, at every daemon. Who is paused twice goes on when the first pause ends.
void World::pause_destination(std::uint8_t service, bool paused) {
  if (is_paused_[service] == paused) return;
  is_paused_[service] = paused;
  for (const auto& node : nodes_) node->pause_destination(service, paused);
}

void World::operator_retries(TxNo tx) {
  if (!oracle_.is_begun(tx) || oracle_.has_ended(tx)) return;
  strike(Fault::kOperator, tx);
  clients_.retry_now(tx);
}

void World::heal() {
  is_healed_ = true;
  healed_at_ = now_;
  trace_.line(now_, "everything heals");
  services_.heal_all();
  calls_.heal_all();
  for (const auto& node : nodes_) {
    if (node->is_alive()) node->resume(node->life());
    node->store_has_room(true);
  }
  for (std::uint8_t service = 0; service < options_.services; ++service) pause_destination(service, false);
  timeline_.push(now_ + kOperatorPeriod, EventKind::kOperatorRound);
}

void World::operator_round() {
  // What waits for a person gets one; everything else must find its end alone.
  for (const Tid& tid : store_.open_tids()) {
    const TxNo tx = oracle_.find({}, tid);
    if (tx != kNoTx && oracle_.has_incident(tx)) clients_.retry_now(tx);
  }
  timeline_.push(now_ + kOperatorPeriod * 5, EventKind::kOperatorRound);
}

// ----------------------------------------------------------------------------------------------------------- run

void World::dispatch_node(const Event& event) {
  Node& node = *nodes_[event.who];
  if (node.holds_back(event)) return;
  switch (event.kind) {
    case EventKind::kNodeTick:
      return node.tick(event.b);
    case EventKind::kGroupDone:
      return node.group_done(event.a);
    case EventKind::kKeeperActs:
      return node.keeper_acts(event.a, event.b);
    case EventKind::kLeaseAnswered:
      return node.lease_answered(event.a);
    case EventKind::kLoadReads:
      return node.load_reads(event.a);
    case EventKind::kLoadHands:
      return node.load_hands(event.a);
    case EventKind::kLookupAnswered:
      return node.lookup_answered(event.a);
    default:
      return;
  }
}

void World::dispatch(const Event& event) {
  switch (event.kind) {
    case EventKind::kArrival:
      clients_.arrival();
      if (scripts_.size() < options_.transactions) {
        timeline_.push(now_ + Span{Duration{0}, options_.arrival_gap * 2}.draw(script_dice_), EventKind::kArrival);
      }
      return;
    case EventKind::kClientActs:
      return clients_.acts(event.a, event.b);
    case EventKind::kRequestLeaves:
      return clients_.request_leaves(event.a);
    case EventKind::kRequestArrives:
      return clients_.request_arrives(event.a);
    case EventKind::kReplyArrives:
      return clients_.reply_arrives(event.a);
    case EventKind::kClientImpatient:
      return clients_.impatient(event.a);
    case EventKind::kClientTries:
      clients_.tries(event.a, event.b);
      break;
    case EventKind::kLocalBegins:
      return clients_.local_begins(event.a);
    case EventKind::kLocalEnds:
      return clients_.local_ends(event.a, event.b);
    case EventKind::kGroupWritten:
      return nodes_[event.who]->group_written(event.a);
    case EventKind::kLeaseArrives:
      return nodes_[event.who]->lease_arrives(event.a);
    case EventKind::kLookupReads:
      return nodes_[event.who]->lookup_reads(event.a);
    case EventKind::kNodeBoots:
      if (nodes_[event.who]->life() == event.b) nodes_[event.who]->boot();
      return;
    case EventKind::kNodeResumes:
      return nodes_[event.who]->resume(event.b);
    case EventKind::kCallArrives:
      return calls_.arrives(event.a);
    case EventKind::kCopyArrives:
      return calls_.copy_arrives(event.a);
    case EventKind::kJobEnds:
      return services_.job_ends(event.a, event.b);
    case EventKind::kAnswerArrives:
      return calls_.answer_arrives(event.a);
    case EventKind::kCallTimesOut:
      return calls_.times_out(event.a);
    case EventKind::kServiceHeals:
      return services_.heal(event.who, event.b);
    case EventKind::kFault:
      return fault(static_cast<Fault>(event.a));
    case EventKind::kPartitionHeals:
      return calls_.partition(event.who, static_cast<std::uint8_t>(event.a), false);
    case EventKind::kHeal:
      return heal();
    case EventKind::kOperatorRound:
      return operator_round();
    case EventKind::kDestinationResumes:
      return pause_destination(event.who, false);
    case EventKind::kStoreHasRoom:
      if (nodes_[event.who]->life() == event.b) nodes_[event.who]->store_has_room(true);
      return;
    case EventKind::kGroupCopied:
      return nodes_[event.who]->group_copied(event.a);
    case EventKind::kLeaseCopied:
      return nodes_[event.who]->lease_copied(event.a);
    default:
      return dispatch_node(event);
  }
}

bool World::is_quiet() {
  if (!is_healed_ || scripts_.size() < options_.transactions) return false;
  if (store_.open() != 0 || clients_.busy() != 0 || calls_.under_way() != 0) return false;
  return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->is_idle(); });
}

void World::run() {
  for (const auto& node : nodes_) node->boot();
  timeline_.push(now_ + milliseconds{20}, EventKind::kArrival);
  schedule_faults();
  std::uint64_t at_this_instant = 0;
  bool is_done = false;
  while (!timeline_.empty() && violation() == nullptr && !is_done) {
    const Event event = timeline_.pop();
    at_this_instant = event.at == now_ ? at_this_instant + 1 : 0;
    now_ = event.at;
    ++outcomes_.events;
    trace_.mix((static_cast<std::uint64_t>(micros(now_)) << 8U) ^ (static_cast<std::uint64_t>(event.kind) << 4U) ^
               event.who);
    dispatch(event);
    oracle_.check(Check::kEnds, at_this_instant < kEventsPerInstantMost, kNoTx, "somebody runs in a circle");
    if (is_healed_ && outcomes_.events % 64 == 0) is_done = is_quiet() || now_ > healed_at_ + kBound;
  }
  if (violation() == nullptr) {
    std::size_t open = 0;
    std::size_t queued = 0;
    for (const auto& node : nodes_) {
      if (!node->is_alive()) continue;
      open += node->worker().open();
      queued += node->queued();
    }
    const bool is_silent = clients_.waiting_at_nodes() == 0;
    oracle_.check(Check::kAnswered, is_silent, kNoTx, "a request was never answered");
    trace_.line(now_,
                "at the end: %zu open in the store, %zu in workers, %zu saves queued, %zu calls, %zu client talks",
                store_.open(), open, queued, calls_.under_way(), clients_.busy());
    oracle_.finish(is_quiet(), open, queued);
  }
  settle_accounts();
}

void World::settle_accounts() {
  outcomes_.hash = trace_.hash();
  outcomes_.transactions = scripts_.size();
  outcomes_.violations = oracle_.violations();
  outcomes_.virtual_us = (now_ - kDawn).count();
  outcomes_.evaluated = oracle_.evaluated();
  for (const std::uint64_t times : outcomes_.strikes) outcomes_.faults += times;
  for (TxNo tx = 0; tx < scripts_.size(); ++tx) {
    const GlobalOutcome outcome = oracle_.outcome_of(tx);
    if (outcome == GlobalOutcome::kRunning) {
      ++outcomes_.unborn;
      continue;
    }
    const bool is_committed = outcome == GlobalOutcome::kCommitted;
    ++(is_committed ? outcomes_.committed : outcomes_.aborted);
    const Struck& struck = struck_[tx];
    for (std::size_t op = 0; op < Coverage::kOps; ++op) {
      const bool was_called = ((struck.called >> op) & 1U) != 0;
      const std::uint64_t faults = struck.ops[op] | (was_called ? struck.whole : 0);
      for (std::size_t f = 0; f < kFaults; ++f) {
        if (((faults >> f) & 1U) == 0) continue;
        coverage_.add(
            Coverage::cell(scripts_[tx].pattern, is_committed, static_cast<Fault>(f), static_cast<Op>(op + 1)));
      }
    }
  }
}

std::string World::violation_text() const {
  const Violation* found = violation();
  if (found == nullptr) return {};
  char stamp[48];
  (void)std::snprintf(static_cast<char*>(stamp), sizeof stamp, "%.3f ms",
                      static_cast<double>((found->at - kDawn).count()) / 1000.0);
  std::string out(label_of(found->check));
  out += " (" + std::string(claim_of(found->check)) + ") at " + static_cast<const char*>(stamp) + ", transaction " +
         oracle_.name_of_tx(found->tx) + ": " + found->text;
  return out;
}

}  // namespace settle::sim
