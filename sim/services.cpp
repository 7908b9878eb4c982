#include "services.h"

#include <algorithm>

#include "base/planted.h"
#include "world.h"

namespace settle::sim {

using protocol::BarrierAnswer;
using protocol::BarrierOp;
using protocol::BarrierRow;
using protocol::BarrierStep;
using protocol::BarrierWork;

namespace {

ServiceAnswer answer_of(BarrierAnswer said) {
  switch (said) {
    case BarrierAnswer::kSayDone:
      return {Outcome::kDone, CheckState::kUndecided, 200, {}};
    case BarrierAnswer::kSayRefused:
      return {Outcome::kRefused, CheckState::kUndecided, 409, {}};
    case BarrierAnswer::kSayRunning:
      return {Outcome::kRunning, CheckState::kUndecided, 425, {}};
    case BarrierAnswer::kSayCommitted:
      return {Outcome::kDone, CheckState::kCommitted, 200, {}};
    case BarrierAnswer::kSayAborted:
      return {Outcome::kDone, CheckState::kAborted, 200, {}};
    case BarrierAnswer::kSayConflict:
      return {Outcome::kRefused, CheckState::kUndecided, 409, {}};
  }
  return {};
}

}  // namespace

Services::Services(World& world) : world_(world), services_(world.options().services) {}

Services::Door Services::door(std::uint8_t service) const {
  const Service& one = services_[service];
  if (one.is_down) return Door::kDown;
  return one.hangs_until > world_.now() ? Door::kHanging : Door::kOpen;
}

std::uint8_t Services::service_of(TxNo tx, std::int32_t branch) const {
  const Script& script = world_.script(tx);
  return branch < 0 ? script.producer : script.branches[static_cast<std::size_t>(branch)].service;
}

ServiceAnswer Services::with_vote(TxNo tx, std::int32_t branch, Op op, ServiceAnswer answer) const {
  answer.read_only = op == Op::kPrepare && answer.outcome == Outcome::kDone &&
                     world_.script(tx).branches[static_cast<std::size_t>(branch)].reads_only;
  return answer;
}

bool Services::business_refuses(TxNo tx, std::int32_t branch, Op op) {
  if (branch < 0) return false;
  const Temper temper = world_.script(tx).branches[static_cast<std::size_t>(branch)].temper;
  if (temper == Temper::kWilling) return false;
  // Who refuses where nothing can turn back must give way some day, or the transaction never ends.
  const Script& script = world_.script(tx);
  const auto index = static_cast<std::size_t>(branch);
  const bool is_asked_on = op == Op::kDeliver
                               ? !script.is_main(index) || script.branches[index].on_refused == Policy::kPark
                               : script.has_no_return(index) && !script.branches[index].is_optional;
  if (is_asked_on && world_.is_healed() && !world_.oracle().has_turned_back(tx)) return false;
  const bool refuses = temper == Temper::kRefuses || world_.work_dice().below(100) < 40;
  if (refuses) world_.strike(Fault::kRefusal, tx, op);
  return refuses;
}

std::optional<ServiceAnswer> Services::handle(TxNo tx, std::int32_t branch, Op op, std::uint32_t flight) {
  Random& dice = world_.work_dice();
  const std::uint8_t service = service_of(tx, branch);
  LedgerRow& row = world_.ledger().row(tx, branch);
  const BarrierStep step = protocol::barrier_step(protocol::barrier_op(op), row.seen());
  if ((is_undo(op) || is_confirm(op)) && services_[service].no_undo_until > world_.now()) {
    world_.strike(Fault::kUndoRefused, tx, op);
    const bool says_no = dice.below(2) == 0;
    return ServiceAnswer{says_no ? Outcome::kRefused : Outcome::kUnknown,
                         CheckState::kUndecided,
                         says_no ? AnswerCode{409} : AnswerCode{500},
                         {}};
  }
  if (step.work == BarrierWork::kNothing && !(planted(Bug::kBarrierForgets) && step.row == BarrierRow::kDone)) {
    ServiceAnswer answer = answer_of(step.answer);
    if (answer.outcome == Outcome::kRunning) world_.strike(Fault::kRunning, tx, op);
    if (answer.outcome == Outcome::kRunning && dice.below(3) == 0) {
      answer.retry_after = Span{milliseconds{1}, milliseconds{200}}.draw(dice);
    }
    return with_vote(tx, branch, op, answer);
  }
  Job job;
  job.service = service;
  job.tx = tx;
  job.branch = branch;
  job.op = op;
  job.step = step;
  job.flight = flight;
  job.serial = ++serials_;
  job.refuses = step.work == BarrierWork::kApply && business_refuses(tx, branch, op);
  Duration lasting = world_.options().job.draw(dice);
  if (step.work == BarrierWork::kApply && chance(dice, world_.options().runs_long) && !world_.is_healed()) {
    job.is_background = true;
    lasting = lasting * 20;
    world_.strike(Fault::kRunning, tx, op);
  }
  row.is_locked = true;
  const bool is_background = job.is_background;
  const std::uint32_t serial = job.serial;
  const std::uint32_t slot = jobs_.add(job);
  world_.timeline().push(world_.now() + lasting, EventKind::kJobEnds, service, slot, serial);
  if (is_background) return answer_of(BarrierAnswer::kSayRunning);
  return std::nullopt;
}

void Services::commit(const Job& job) {
  LedgerRow& row = world_.ledger().row(job.tx, job.branch);
  row.is_locked = false;
  if (job.refuses) return;
  const std::int32_t amount =
      job.branch < 0 ? 0 : world_.script(job.tx).branches[static_cast<std::size_t>(job.branch)].amount;
  const LedgerRow before = row;
  switch (job.step.work) {
    case BarrierWork::kApply:
      ++row.applied;
      world_.ledger().book(job.service, amount);
      world_.oracle().effect(job.tx, job.branch, job.step.op, before);
      break;
    case BarrierWork::kUndo:
      ++row.undone;
      world_.ledger().book(job.service, -amount);
      world_.oracle().effect(job.tx, job.branch, job.step.op, before);
      break;
    case BarrierWork::kFulfil:
      break;
    case BarrierWork::kMark:
      if (planted(Bug::kBarrierNoTombstone)) return;
      break;
    case BarrierWork::kFind:     // these services have no effects outside of their databases
    case BarrierWork::kNothing:  // only with a planted bug: the repeat is booked again
      ++row.applied;
      world_.ledger().book(job.service, amount);
      world_.oracle().effect(job.tx, job.branch, job.step.op, before);
      break;
  }
  row.row = job.step.next;
}

void Services::report(const Job& job, Outcome outcome) {
  if (job.branch < 0 || !is_forward(job.op) || !world_.script(job.tx).is_main(static_cast<std::size_t>(job.branch)))
    return;
  const bool is_owed = job.is_background && chance(world_.work_dice(), world_.options().reports);
  if (is_owed) {
    world_.strike(Fault::kReport, job.tx, job.op);
    world_.clients().report(job.tx, job.branch, job.op, outcome);
  }
  if (outcome == Outcome::kDone && chance(world_.work_dice(), world_.options().contradiction) && !world_.is_healed()) {
    world_.strike(Fault::kContradiction, job.tx, job.op);
    world_.clients().report(job.tx, job.branch, job.op, Outcome::kRefused);
  }
}

void Services::job_ends(std::uint32_t slot, std::uint32_t serial) {
  if (!jobs_.has(slot) || jobs_[slot].serial != serial) return;  // rolled back by a crash
  const Job job = jobs_[slot];
  jobs_.remove(slot);
  commit(job);
  const ServiceAnswer answer = job.refuses ? answer_of(BarrierAnswer::kSayRefused) : answer_of(job.step.answer);
  world_.trace().line(world_.now(), "s%u  commits %s of %s branch %d: %s", unsigned{job.service},
                      std::string(name_of(job.op)).c_str(), world_.oracle().name_of_tx(job.tx).c_str(), job.branch,
                      std::string(name_of(answer.outcome)).c_str());
  report(job, answer.outcome);
  if (!job.is_background) world_.calls().answered(job.flight, with_vote(job.tx, job.branch, job.op, answer));
}

std::optional<std::uint32_t> Services::begin_local(TxNo tx) {
  const std::uint8_t service = service_of(tx, -1);
  LedgerRow& row = world_.ledger().row(tx, -1);
  if (services_[service].is_down) return std::nullopt;
  const BarrierStep& step = protocol::barrier_step(BarrierOp::kLocal, row.seen());
  if (step.work != BarrierWork::kApply) return std::nullopt;
  // Without its row the local transaction holds nothing that a check-back could meet.
  row.is_locked = !planted(Bug::kLocalWithoutRow);
  locals_.push_back(tx);
  return services_[service].life;
}

bool Services::end_local(TxNo tx, std::uint32_t life, bool commits) {
  const std::uint8_t service = service_of(tx, -1);
  if (services_[service].life != life) return false;
  std::erase(locals_, tx);
  LedgerRow& row = world_.ledger().row(tx, -1);
  row.is_locked = false;
  if (!commits) return true;
  const LedgerRow before = row;
  row.row = BarrierRow::kDone;
  ++row.applied;
  world_.ledger().book(service, world_.script(tx).local_amount);
  world_.oracle().effect(tx, -1, BarrierOp::kLocal, planted(Bug::kLocalWithoutRow) ? LedgerRow{} : before);
  return true;
}

void Services::crash(std::uint8_t service, Instant until) {
  Service& one = services_[service];
  if (one.is_down) return;
  one.is_down = true;
  ++one.life;
  for (std::uint32_t slot = 0; slot < jobs_.bound(); ++slot) {
    if (!jobs_.has(slot) || jobs_[slot].service != service) continue;
    const Job job = jobs_[slot];
    jobs_.remove(slot);
    world_.ledger().row(job.tx, job.branch).is_locked = false;
    world_.strike(Fault::kServiceCrash, job.tx, job.op);
    if (!job.is_background) world_.calls().dropped(job.flight);
  }
  for (const TxNo tx : locals_) {
    if (service_of(tx, -1) == service) world_.ledger().row(tx, -1).is_locked = false;
  }
  std::erase_if(locals_, [&](TxNo tx) { return service_of(tx, -1) == service; });
  world_.timeline().push(until, EventKind::kServiceHeals, service, 0, one.life);
  world_.trace().line(world_.now(), "s%u  crashes", unsigned{service});
}

void Services::heal(std::uint8_t service, std::uint32_t life) {
  if (services_[service].life == life) services_[service].is_down = false;
}

void Services::hang(std::uint8_t service, Instant until) {
  services_[service].hangs_until = until;
  world_.trace().line(world_.now(), "s%u  hangs", unsigned{service});
}

void Services::heal_all() {
  for (Service& one : services_) {
    one.is_down = false;
    one.hangs_until = kNoInstant;
    one.no_undo_until = kNoInstant;
  }
}

}  // namespace settle::sim
