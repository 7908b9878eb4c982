#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "model/bytes.h"
#include "model/state.h"

// state record :=  magic: u8 ('S')   major: u8   minor: u8
//                  phase, decision, outcome, cause: u8   cause_branch: svarint   reason: text
//                  created_at: svarint (µs)   updated_at: svarint (µs after created_at)
//                  deadline_at, deliver_at: svarint (µs)
//                  flags: u8 (1: deadline_seen, 2: check follows, 4: incident follows, 8: pivot released, 16: stopped)
//                  check: op?   incident: (cause: u8  since: svarint  branch: svarint  op: u8)?
//                  branches: varint (count)  (forward: op  back: op)*
//                  timeline: varint (count)  line*
//                  (heuristic: u8   read_only: varint (count)  varint*)²
//                  (interval: svarint (µs)   next_at: svarint (µs after created_at)   open: u8)³
//                  crc: u32 le (crc32c of everything before)
// op           :=  head: u8 (bits 0-1 status, 2 doubtful, 3 exhausted, 4 the rest follows, 5-7 last outcome)
//                  rest: (answer: svarint  attempts, running: varint  due: svarint  since: svarint  result: text)?
// line         :=  at: svarint (µs after created_at)  happening: u8  branch: svarint  op: u8  answer: svarint  count:
// varint Times of an op are µs after created_at; -1: none.
// ²: from major version 2 on, ³: from 3 on. A state is written in the lowest version that can say it, as plans are (see
// plan.cpp). Minor versions add bytes before the crc; a reader skips what it does not know.

namespace settle {
namespace {

constexpr std::uint8_t kMagic = 'S';
constexpr std::uint8_t kMajor = 3;
constexpr std::uint8_t kMinor = 0;
constexpr std::size_t kCrcBytes = 4;
constexpr std::int64_t kNone = -1;  // no instant; whatever is due a microsecond before the begin is due at once, too

constexpr unsigned kDoubtfulBit = 4, kExhaustedBit = 8, kRestBit = 16;  // of the head of an op
constexpr unsigned kDeadlineSeenFlag = 1, kCheckFlag = 2, kIncidentFlag = 4, kPivotFlag = 8,
                   kStoppedFlag = 16;  // of a state

/// The origin may have been taken from the clock of another owner, and lie later.
void put_instant(ByteWriter& out, Instant at, Instant origin) {
  out.signed_varint(at == kNoInstant ? kNone : (at - origin).count());
}

Instant take_instant(ByteReader& in, Instant origin) {
  const std::int64_t after = in.signed_varint();
  return after == kNone ? kNoInstant : saturating_add(origin, Duration{after});
}

bool has_rest(const OpState& op) {
  return op.attempts != 0 || op.running != 0 || op.last_answer != kNoAnswer || op.due != kNoInstant ||
         op.since != kNoInstant || !op.result.empty();
}

void put_op(ByteWriter& out, const OpState& op, Instant origin) {
  // R1: the reader of this record cannot know how a running attempt ended.
  const bool doubtful = op.doubtful || op.in_flight();
  const bool rest_follows = has_rest(op);
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(op.status) | (doubtful ? kDoubtfulBit : 0U) |
                                   (op.exhausted ? kExhaustedBit : 0U) | (rest_follows ? kRestBit : 0U) |
                                   (static_cast<unsigned>(op.last) << 5U)));
  if (!rest_follows) return;
  out.signed_varint(op.last_answer);
  out.varint(op.attempts);
  out.varint(op.running);
  put_instant(out, op.due, origin);
  put_instant(out, op.since, origin);
  out.text(op.result);
}

bool take_op(ByteReader& in, OpState& op, Instant origin) {
  const std::uint8_t head = in.u8();
  const unsigned status = head & 3U;
  const unsigned last = head >> 5U;
  if (last < 1 || last > 4) return false;
  op.status = static_cast<OpStatus>(status);
  op.doubtful = (head & kDoubtfulBit) != 0;
  op.exhausted = (head & kExhaustedBit) != 0;
  op.last = static_cast<Outcome>(last);
  if ((head & kRestBit) == 0) return in.ok();
  op.last_answer = static_cast<AnswerCode>(in.signed_varint());
  op.attempts = in.bounded<std::uint32_t>(UINT32_MAX);
  op.running = in.bounded<std::uint32_t>(UINT32_MAX);
  op.due = take_instant(in, origin);
  op.since = take_instant(in, origin);
  op.result = std::string(in.text());
  return in.ok();
}

void put_line(ByteWriter& out, const TimelineEntry& line, Instant origin) {
  out.signed_varint((line.at - origin).count());
  out.u8(static_cast<std::uint8_t>(line.happening));
  out.signed_varint(line.branch);
  out.u8(static_cast<std::uint8_t>(line.op));
  out.signed_varint(line.answer);
  out.varint(line.count);
}

bool is_op(unsigned value) { return value >= 1 && value <= static_cast<unsigned>(Op::kRollback); }

bool take_line(ByteReader& in, TimelineEntry& line, Instant origin) {
  line.at = saturating_add(origin, Duration{in.signed_varint()});
  const std::uint8_t happening = in.u8();
  line.branch = static_cast<std::int32_t>(in.signed_varint());
  const std::uint8_t op = in.u8();
  line.answer = static_cast<AnswerCode>(in.signed_varint());
  line.count = in.bounded<std::uint32_t>(UINT32_MAX);
  if (happening < 1 || happening > static_cast<unsigned>(Happening::kFollowedUp) || !is_op(op)) return false;
  line.happening = static_cast<Happening>(happening);
  line.op = static_cast<Op>(op);
  return in.ok();
}

bool take_incident(ByteReader& in, State& state) {
  Incident incident;
  const std::uint8_t cause = in.u8();
  incident.since = instant_of(in.signed_varint());
  if (incident.since < kNoInstant) return false;
  incident.branch = static_cast<std::int32_t>(in.signed_varint());
  const std::uint8_t op = in.u8();
  if (cause > static_cast<unsigned>(Cause::kStopped) || !is_op(op)) return false;
  incident.cause = static_cast<Cause>(cause);
  incident.op = static_cast<Op>(op);
  state.incident = incident;
  return in.ok();
}

bool take_head(ByteReader& in, State& state) {
  const std::uint8_t phase = in.u8();
  const std::uint8_t decision = in.u8();
  const std::uint8_t outcome = in.u8();
  const std::uint8_t cause = in.u8();
  if (phase == 0 || phase >= kPhases || decision > 2 || outcome > 2 || cause > static_cast<unsigned>(Cause::kStopped)) {
    return false;
  }
  state.phase = static_cast<Phase>(phase);
  state.decision = static_cast<Decision>(decision);
  state.outcome = static_cast<GlobalOutcome>(outcome);
  state.cause = static_cast<Cause>(cause);
  state.cause_branch = static_cast<std::int32_t>(in.signed_varint());
  state.reason = std::string(in.text());
  state.created_at = instant_of(in.signed_varint());
  state.updated_at = saturating_add(state.created_at, Duration{in.signed_varint()});
  state.deadline_at = instant_of(in.signed_varint());
  state.deliver_at = instant_of(in.signed_varint());
  const bool before_1970 =
      state.created_at < kNoInstant || state.deadline_at < kNoInstant || state.deliver_at < kNoInstant;
  return in.ok() && !before_1970;
}

/// Phases, ops, causes and happenings that version 1 does not know.
bool needs_version_2(const State& state) {
  const auto is_new = [](const BranchState& branch) {
    return branch.forward.read_only || branch.forward.status == OpStatus::kGivenUp ||
           branch.back.status == OpStatus::kGivenUp;
  };
  return state.phase > Phase::kEnded || state.pivot_released || state.stopped || state.heuristic != Heuristic::kNone ||
         std::any_of(state.timeline.begin(), state.timeline.end(),
                     [](const TimelineEntry& line) {
                       return line.happening > Happening::kCheckDecided || line.op > Op::kCheck;
                     }) ||
         (state.incident && (state.incident->cause > Cause::kUndecided || state.incident->op > Op::kCheck)) ||
         std::any_of(state.branches.begin(), state.branches.end(), is_new);
}

std::uint8_t version_for(const State& state) {
  if (state.clock.interval != Duration{0}) return 3;
  return needs_version_2(state) ? 2 : 1;
}

void put_clock(ByteWriter& out, const State& state) {
  out.signed_varint(state.clock.interval.count());
  out.signed_varint((state.clock.next_at - state.created_at).count());
  out.u8(state.clock.is_open ? 1 : 0);
}

bool take_clock(ByteReader& in, State& state) {
  state.clock.interval = Duration{in.signed_varint()};
  state.clock.next_at = saturating_add(state.created_at, Duration{in.signed_varint()});
  state.clock.is_open = (in.u8() & 1U) != 0;
  return in.ok() && state.clock.interval > Duration{0};
}

void put_extension(ByteWriter& out, const State& state) {
  out.u8(static_cast<std::uint8_t>(state.heuristic));
  out.varint(
      static_cast<std::uint64_t>(std::count_if(state.branches.begin(), state.branches.end(),
                                               [](const BranchState& branch) { return branch.forward.read_only; })));
  for (std::size_t i = 0; i < state.branches.size(); ++i) {
    if (state.branches[i].forward.read_only) out.varint(i);
  }
}

bool take_extension(ByteReader& in, State& state) {
  const std::uint8_t heuristic = in.u8();
  if (heuristic > static_cast<unsigned>(Heuristic::kHazard)) return false;
  state.heuristic = static_cast<Heuristic>(heuristic);
  const auto readers = in.bounded<std::size_t>(state.branches.size());
  for (std::size_t i = 0; i < readers; ++i) {
    const auto branch = in.bounded<std::size_t>(state.branches.size());
    if (!in.ok() || branch >= state.branches.size()) return false;
    state.branches[branch].forward.read_only = true;
  }
  return in.ok();
}

bool take_state(ByteReader& in, std::uint8_t major, State& state) {
  if (!take_head(in, state)) return false;
  const std::uint8_t flags = in.u8();
  state.deadline_seen = (flags & kDeadlineSeenFlag) != 0;
  state.pivot_released = (flags & kPivotFlag) != 0;
  state.stopped = (flags & kStoppedFlag) != 0;
  if ((flags & kCheckFlag) != 0 && !take_op(in, state.check, state.created_at)) return false;
  if ((flags & kIncidentFlag) != 0 && !take_incident(in, state)) return false;
  const auto branches = in.bounded<std::size_t>(in.left());
  state.branches.resize(branches);
  for (BranchState& branch : state.branches) {
    if (!take_op(in, branch.forward, state.created_at) || !take_op(in, branch.back, state.created_at)) return false;
  }
  const auto lines = in.bounded<std::size_t>(kTimelineEntriesMax);
  state.timeline.resize(lines);
  for (TimelineEntry& line : state.timeline) {
    if (!take_line(in, line, state.created_at)) return false;
  }
  if (major >= 2 && !take_extension(in, state)) return false;
  return major < 3 || take_clock(in, state);
}

}  // namespace

std::string encode_state(const State& state) {
  std::string bytes;
  encode_state(state, bytes);
  return bytes;
}

void encode_state(const State& state, std::string& bytes) {
  bytes.clear();
  ByteWriter out(bytes);
  out.expect(96 + 32 * state.branches.size() + 16 * state.timeline.size());
  const std::uint8_t major = version_for(state);
  out.u8(kMagic);
  out.u8(major);
  out.u8(kMinor);
  out.u8(static_cast<std::uint8_t>(state.phase));
  out.u8(static_cast<std::uint8_t>(state.decision));
  out.u8(static_cast<std::uint8_t>(state.outcome));
  out.u8(static_cast<std::uint8_t>(state.cause));
  out.signed_varint(state.cause_branch);
  out.text(state.reason);
  out.signed_varint(micros(state.created_at));
  out.signed_varint((state.updated_at - state.created_at).count());
  out.signed_varint(micros(state.deadline_at));
  out.signed_varint(micros(state.deliver_at));
  const bool has_check = !state.check.is_open() || state.check.in_flight() || has_rest(state.check);
  out.u8(static_cast<std::uint8_t>((state.deadline_seen ? kDeadlineSeenFlag : 0U) | (has_check ? kCheckFlag : 0U) |
                                   (state.incident ? kIncidentFlag : 0U) | (state.pivot_released ? kPivotFlag : 0U) |
                                   (state.stopped ? kStoppedFlag : 0U)));
  if (has_check) put_op(out, state.check, state.created_at);
  if (state.incident) {
    out.u8(static_cast<std::uint8_t>(state.incident->cause));
    out.signed_varint(micros(state.incident->since));
    out.signed_varint(state.incident->branch);
    out.u8(static_cast<std::uint8_t>(state.incident->op));
  }
  out.varint(state.branches.size());
  for (const BranchState& branch : state.branches) {
    put_op(out, branch.forward, state.created_at);
    put_op(out, branch.back, state.created_at);
  }
  out.varint(state.timeline.size());
  for (const TimelineEntry& line : state.timeline) put_line(out, line, state.created_at);
  if (major >= 2) put_extension(out, state);
  if (major >= 3) put_clock(out, state);
  out.finish();
  out.u32(crc32c(bytes));
}

Result<State> decode_state(std::string_view bytes) {
  if (bytes.size() < 3 + kCrcBytes) return Error{ErrorCode::kCorrupt, "state record: shorter than its frame"};
  const std::string_view covered = bytes.substr(0, bytes.size() - kCrcBytes);
  ByteReader tail(bytes.substr(covered.size()));
  if (tail.u32() != crc32c(covered)) return Error{ErrorCode::kCorrupt, "state record: checksum does not match"};
  ByteReader in(covered);
  if (in.u8() != kMagic) return Error{ErrorCode::kCorrupt, "state record: not a state"};
  const std::uint8_t major = in.u8();
  if (major < 1 || major > kMajor) {
    return Error{ErrorCode::kInvalid, "state record: format " + std::to_string(major) +
                                          " is not known to this version, which reads up to " + std::to_string(kMajor)};
  }
  (void)in.u8();
  State state;
  if (!take_state(in, major, state)) return Error{ErrorCode::kCorrupt, "state record: bad field"};
  return state;
}

void clear_state(State& state) {
  std::vector<BranchState> branches = std::move(state.branches);
  std::vector<TimelineEntry> timeline = std::move(state.timeline);
  branches.clear();
  timeline.clear();
  state = State{};
  state.branches = std::move(branches);
  state.timeline = std::move(timeline);
}

void note(State& state, TimelineEntry entry) {
  if (!state.timeline.empty()) {
    TimelineEntry& last = state.timeline.back();
    if (last.happening == entry.happening && last.branch == entry.branch && last.op == entry.op &&
        last.answer == entry.answer) {
      last.at = entry.at;
      ++last.count;
      return;
    }
  }
  if (state.timeline.size() >= kTimelineEntriesMax) {
    // Begin and recent past explain a life best: forget a line of the middle.
    state.timeline.erase(state.timeline.begin() + kTimelineEntriesMax / 4);
  }
  state.timeline.push_back(entry);
}

}  // namespace settle
