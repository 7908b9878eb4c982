#include "calls.h"

#include <algorithm>
#include <string>

#include "world.h"

namespace settle::sim {

bool Calls::is_cut(std::uint8_t node, std::uint8_t service) const {
  const std::size_t link = std::size_t{node} * Ledger::kAccounts + service;
  return link < cut_.size() && cut_[link];
}

void Calls::partition(std::uint8_t node, std::uint8_t service, bool is_cut) {
  const std::size_t link = std::size_t{node} * Ledger::kAccounts + service;
  if (cut_.size() <= link) cut_.resize(link + 1, false);
  cut_[link] = is_cut;
}

void Calls::expect(std::uint32_t flight, Instant at, EventKind kind) {
  ++flights_[flight].events;
  world_.timeline().push(at, kind, flights_[flight].node, flight);
}

void Calls::let_go(std::uint32_t flight) {
  if (--flights_[flight].events == 0) flights_.remove(flight);
}

void Calls::send(std::uint8_t node, std::uint32_t life, TxNo tx, const Call& call) {
  const Options& o = world_.options();
  Random& dice = world_.network_dice();
  Flight flight;
  flight.node = node;
  flight.service = service_of_url(call.url);
  flight.op = call.op;
  flight.life = life;
  flight.tx = tx;
  flight.branch = call.branch;
  flight.id = call.id;
  flight.tid = call.tid;
  const std::uint8_t service = flight.service;
  const std::uint32_t slot = flights_.add(std::move(flight));
  const Instant now = world_.now();
  const bool is_rough = !world_.is_healed();
  world_.op_called(tx, call.op);
  // The daemon's own clock decides when an attempt has lasted too long.
  const Instant limit = world_.nodes()[node]->global(call.sent_at + call.timeout);
  expect(slot, std::max(limit, now), EventKind::kCallTimesOut);

  if (is_cut(node, service) && is_rough) {
    world_.strike(Fault::kPartition, tx, call.op);
    // Either the connection cannot be made, or a live one swallows what is written.
    if (dice.below(2) == 0) end_later(slot, o.network.draw(dice), Outcome::kUnknown, kAnswerRefused, false);
    return;
  }
  if (is_rough && chance(dice, o.unreached)) {
    world_.strike(Fault::kUnreached, tx, call.op);
    const AnswerCode code = dice.below(2) == 0 ? kAnswerRefused : kAnswerUnresolved;
    end_later(slot, o.network.draw(dice), Outcome::kUnknown, code, false);
    return;
  }
  if (is_rough && chance(dice, o.request_lost)) {
    world_.strike(Fault::kRequestLost, tx, call.op);
    return;
  }
  Duration on_way = o.network.draw(dice);
  if (is_rough && chance(dice, o.reset)) {
    world_.strike(Fault::kReset, tx, call.op);
    end_later(slot, o.network.draw(dice), Outcome::kUnknown, kAnswerReset, true);
    flights_[slot].is_written = true;
    if (dice.below(2) == 0) return;
  }
  if (is_rough && chance(dice, o.is_late)) {
    world_.strike(Fault::kLate, tx, call.op);
    on_way += o.late.draw(dice);
    flights_[slot].is_written = true;
  }
  // A copy of a request that was refused may not find a business that has changed its mind: nobody could know of it.
  const bool is_fickle =
      call.branch >= 0 && world_.script(tx).branches[static_cast<std::size_t>(call.branch)].temper == Temper::kFickle;
  if (is_rough && chance(dice, o.duplicate) && !is_fickle) {
    world_.strike(Fault::kDuplicate, tx, call.op);
    flights_[slot].is_written = true;
    const Duration second = o.network.draw(dice);
    const bool is_slow = dice.below(2) == 0;
    const Duration behind = is_slow ? o.late.draw(dice) : Duration{0};
    expect(slot, now + second + behind, EventKind::kCopyArrives);
  }
  expect(slot, now + on_way, EventKind::kCallArrives);
}

void Calls::end_later(std::uint32_t slot, Duration after, Outcome outcome, AnswerCode code, bool reached) {
  Flight& flight = flights_[slot];
  if (flight.is_answered) return;
  flight.is_answered = true;
  flight.end = CallEnded{};
  flight.end.outcome = outcome;
  flight.end.answer = code;
  flight.end.reached = reached;
  expect(slot, world_.now() + after, EventKind::kAnswerArrives);
}

void Calls::end(std::uint32_t slot, CallEnded&& ended) {
  Flight& flight = flights_[slot];
  if (flight.has_ended) return;
  flight.has_ended = true;
  ended.id = flight.id;
  ended.tid = flight.tid;
  ended.op = flight.op;
  ended.branch = flight.branch;
  Node& node = *world_.nodes()[flight.node];
  if (!node.is_alive() || node.life() != flight.life) return;
  node.deliver(engine::Input(std::move(ended)));
}

void Calls::arrives(std::uint32_t slot) {
  const Flight flight = flights_[slot];
  Services& services = world_.services();
  switch (services.door(flight.service)) {
    case Services::Door::kDown: {
      // Nobody listens: the connection is refused, and the daemon knows that nothing was sent. If the request has been
      // under way for long, it was written to a connection that is now reset.
      const AnswerCode code = flight.is_written ? kAnswerReset : kAnswerRefused;
      const Duration after = world_.options().network.draw(world_.network_dice());
      end_later(slot, after, Outcome::kUnknown, code, flight.is_written);
      world_.mark(Fault::kServiceCrash, flight.tx, flight.op);
      break;
    }
    case Services::Door::kHanging:
      world_.strike(Fault::kHang, flight.tx, flight.op);
      flights_[slot].is_written = true;
      expect(slot, services.hanging_until(flight.service) + microseconds{1}, EventKind::kCallArrives);
      break;
    case Services::Door::kOpen: {
      // The request keeps its flight until the service has answered or died.
      ++flights_[slot].events;
      if (const auto answer = services.handle(flight.tx, flight.branch, flight.op, slot)) answered(slot, *answer);
      break;
    }
  }
  let_go(slot);
}

void Calls::copy_arrives(std::uint32_t slot) {
  const Flight flight = flights_[slot];
  // Some proxy has sent the request again; its answer goes nowhere.
  if (world_.services().door(flight.service) == Services::Door::kOpen) {
    (void)world_.services().handle(flight.tx, flight.branch, flight.op, kNoFlight);
  }
  let_go(slot);
}

void Calls::answered(std::uint32_t slot, const ServiceAnswer& answer) {
  if (slot == kNoFlight) return;
  Random& dice = world_.network_dice();
  const Options& o = world_.options();
  Flight& flight = flights_[slot];
  if (!world_.is_healed() && chance(dice, o.answer_lost)) {
    world_.strike(Fault::kAnswerLost, flight.tx, flight.op);
  } else if (!flight.has_ended && !flight.is_answered) {
    flight.is_answered = true;
    CallEnded& end = flight.end;
    end = CallEnded{};
    end.outcome = answer.outcome;
    end.check = answer.check;
    end.answer = answer.code;
    end.retry_after = answer.retry_after;
    end.read_only = answer.read_only;
    // A participant that does not keep its answers gives another result each time it is asked.
    if (answer.outcome == Outcome::kDone && flight.op != Op::kCheck) end.result = "ok" + std::to_string(++results_);
    if (answer.outcome == Outcome::kRefused) end.result = "no";
    expect(slot, world_.now() + o.network.draw(dice), EventKind::kAnswerArrives);
  }
  let_go(slot);
}

void Calls::dropped(std::uint32_t slot) {
  if (slot == kNoFlight) return;
  end_later(slot, world_.options().network.draw(world_.network_dice()), Outcome::kUnknown, kAnswerReset, true);
  let_go(slot);
}

void Calls::answer_arrives(std::uint32_t slot) {
  CallEnded ended = flights_[slot].end;
  end(slot, std::move(ended));
  let_go(slot);
}

void Calls::times_out(std::uint32_t slot) {
  CallEnded ended;
  ended.outcome = Outcome::kUnknown;
  ended.answer = kAnswerTimeout;
  end(slot, std::move(ended));
  let_go(slot);
}

void Calls::mark_open(std::uint8_t node, std::uint32_t life, Fault fault) {
  for (std::uint32_t slot = 0; slot < flights_.bound(); ++slot) {
    if (!flights_.has(slot)) continue;
    const Flight& flight = flights_[slot];
    if (flight.node == node && flight.life == life && !flight.has_ended) world_.mark(fault, flight.tx, flight.op);
  }
}

}  // namespace settle::sim
