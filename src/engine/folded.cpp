#include "engine/folded.h"

#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"
#include "engine/entry.h"
#include "model/bytes.h"

// folded :=  plan, state: text (their records)   version, incident_version: varint
//            flags: u8 (1: alerted, 2: incident counted, 4: incident told)   op*
// op     :=  place: varint (0: check, 1 + 2i: forward of branch i, 2 + 2i: back)   doubtful: u8   call, skipped: varint
//            since, sent_at, quiet_at: svarint (µs)

namespace settle::engine {
namespace {

constexpr unsigned kAlertedFlag = 1, kCountedFlag = 2, kToldFlag = 4;

/// What the record of a state leaves out, or says otherwise because its reader would be another life.
bool has_more_than_its_record(const OpState& op) {
  return op.in_flight() || op.skipped != 0 || op.sent_at != kNoInstant || op.quiet_at != kNoInstant;
}

/// Calls `visit(place, op)` for each op. `StateOrConst` is State or const State.
template <typename StateOrConst, typename Visit>
void for_each_op(StateOrConst& state, const Visit& visit) {
  visit(std::size_t{0}, state.check);
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    visit(1 + 2 * i, state.branches[i].forward);
    visit(2 + 2 * i, state.branches[i].back);
  }
}

OpState& op_at(State& state, std::uint64_t place) {
  if (place == 0) return state.check;
  BranchState& branch = state.branches.at((place - 1) / 2);
  return place % 2 == 1 ? branch.forward : branch.back;
}

void put_op(ByteWriter& out, std::size_t place, const OpState& op) {
  out.varint(place);
  out.u8(op.doubtful ? 1 : 0);
  out.varint(op.call);
  out.varint(op.skipped);
  out.signed_varint(micros(op.since));
  out.signed_varint(micros(op.sent_at));
  out.signed_varint(micros(op.quiet_at));
}

void take_op(ByteReader& in, State& state) {
  OpState& op = op_at(state, in.varint());
  op.doubtful = in.u8() != 0;
  op.call = in.varint();
  op.skipped = in.bounded<std::uint32_t>(UINT32_MAX);
  op.since = instant_of(in.signed_varint());
  op.sent_at = instant_of(in.signed_varint());
  op.quiet_at = instant_of(in.signed_varint());
  if (planted(Bug::kFoldForgetsQuiet)) op.quiet_at = kNoInstant;
}

}  // namespace

bool is_at_rest(const Entry& entry) {
  if (entry.version == 0 || entry.durable.version != entry.version || entry.state.has_ended()) return false;
  if (entry.state.clock.is_open || entry.passes_ended != 0) return false;
  if (!entry.pending.empty() || !entry.waiters.empty() || !entry.held.empty() || entry.lazy.is_in) return false;
  bool calls = false;
  for_each_op(entry.state,
              [&](std::size_t, const OpState& op) { calls = calls || (op.in_flight() && op.sent_at != kNoInstant); });
  return !calls;
}

Folded::Folded(const Entry& entry, std::string& scratch) : created_at_(entry.state.created_at) {
  encode_state(entry.state, scratch);
  const std::string state = std::move(scratch);
  scratch.clear();
  {
    ByteWriter out(scratch);
    out.expect(64 + entry.plan.bytes().size() + state.size());
    out.text(entry.plan.bytes());
    out.text(state);
    out.varint(entry.version);
    out.varint(entry.incident_version);
    out.u8(static_cast<std::uint8_t>((entry.alerted ? kAlertedFlag : 0U) |
                                     (entry.incident_counted ? kCountedFlag : 0U) |
                                     (entry.incident_told ? kToldFlag : 0U)));
    for_each_op(entry.state, [&](std::size_t place, const OpState& op) {
      if (has_more_than_its_record(op)) put_op(out, place, op);
    });
  }
  size_ = static_cast<std::uint32_t>(scratch.size());
  bytes_ = std::make_unique_for_overwrite<char[]>(size_);
  std::memcpy(bytes_.get(), scratch.data(), size_);
}

OwnedPlan Folded::plan() const {
  Result<OwnedPlan> plan = OwnedPlan::decode(std::string(ByteReader(bytes()).text()));
  SETTLE_ASSERT(plan.ok());
  return std::move(*plan);
}

void Folded::unfold(Entry& entry) const {
  ByteReader in(bytes());
  (void)in.text();
  Result<State> state = decode_state(in.text());
  SETTLE_ASSERT(state.ok());
  entry.state = std::move(*state);
  entry.version = in.bounded<Version>(UINT32_MAX);
  entry.incident_version = in.bounded<Version>(UINT32_MAX);
  const unsigned flags = in.u8();
  entry.alerted = (flags & kAlertedFlag) != 0;
  entry.incident_counted = (flags & kCountedFlag) != 0;
  entry.incident_told = (flags & kToldFlag) != 0;
  while (!in.at_end()) take_op(in, entry.state);
  SETTLE_ASSERT(in.ok());
  entry.handed_over = entry.version;
  entry.must = entry.version;
  entry.durable = {entry.version, entry.state.phase, entry.state.decision, entry.state.outcome};
}

}  // namespace settle::engine
