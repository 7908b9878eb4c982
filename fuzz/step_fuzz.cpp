// Any sequence of events into any plan: no crash, a decision is set once, the end is final, the record keeps
// everything.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "protocol/step.h"

namespace {

using namespace settle;  // NOLINT(google-build-using-namespace): a program of one file

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}
  [[nodiscard]] bool at_end() const { return at_ == end_; }
  std::uint8_t next() { return at_ == end_ ? 0 : *at_++; }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

Plan any_plan(Bytes& in, std::vector<std::string>& ids) {
  Plan plan;
  plan.pattern = in.next() % 2 == 0 ? Pattern::kSaga : Pattern::kMessage;
  plan.order = static_cast<Order>(in.next() % 3);
  if (plan.pattern == Pattern::kMessage) {
    if (plan.order == Order::kGraph) plan.order = Order::kList;
    plan.two_step = in.next() % 2 == 0;
    if (plan.two_step) plan.check = "http://c/";
  }
  if (in.next() % 2 == 0) plan.deadline = milliseconds{in.next() * 10};
  const int count = 1 + in.next() % 5;
  for (int i = 0; i < count; ++i) ids.push_back("b" + std::to_string(i));
  for (int i = 0; i < count; ++i) {
    BranchPlan branch;
    branch.id = ids[static_cast<std::size_t>(i)];
    branch.forward = "http://f/";
    const std::uint8_t shape = in.next();
    if ((shape & 1U) == 0) branch.back = "http://b/";
    if ((shape & 2U) != 0) branch.retry.attempts = shape >> 5U;
    if (plan.order == Order::kGraph && i > 0 && (shape & 4U) != 0)
      branch.after.push_back(static_cast<std::uint16_t>(shape % i));
    plan.branches.push_back(branch);
  }
  return plan;
}

void check_decision(const State& before, const State& after) {
  SETTLE_ASSERT(before.decision == Decision::kNone || after.decision == before.decision);
  SETTLE_ASSERT(before.outcome == GlobalOutcome::kRunning || after.outcome == before.outcome);
  SETTLE_ASSERT(!before.has_ended() || after.has_ended());
  SETTLE_ASSERT(after.has_ended() == (after.outcome != GlobalOutcome::kRunning));
}

/// Starts whatever is ready, as the engine would; compensations only in an order that the graph allows.
void start_ready(const Plan& plan, State& state, Instant now, std::uint64_t& calls) {
  std::vector<protocol::OpRef> ready;
  protocol::ready(plan, state, now, ready);
  for (const protocol::OpRef ref : ready) {
    OpState& op = protocol::op_state(state, ref);
    SETTLE_ASSERT(!op.in_flight() && op.is_open());
    op.call = ++calls;
    op.sent_at = now;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes in(data, size);
  std::vector<std::string> ids;
  const OwnedPlan plan = OwnedPlan::encode(any_plan(in, ids));
  State state;
  Instant now = instant_of(1'700'000'000'000'000);
  std::uint64_t calls = 0;
  (void)protocol::step(*plan, state,
                       {.on = plan->two_step ? protocol::Event::kPrepare : protocol::Event::kBegin, .now = now});
  for (int steps = 0; !in.at_end() && steps < 200; ++steps) {
    now += milliseconds{in.next() * 20};
    if (in.next() % 2 == 0) start_ready(*plan, state, now, calls);
    protocol::Occurrence what{.now = now, .branch = static_cast<std::int32_t>(in.next() % plan->branches.size())};
    what.op = static_cast<Op>(1 + in.next() % 4);
    what.outcome = static_cast<Outcome>(1 + in.next() % 4);
    what.reached = in.next() % 4 != 0 || what.outcome != Outcome::kUnknown;
    const std::uint8_t kind = in.next();
    const bool is_answer = kind % 2 == 0;
    if (what.op == Op::kCheck) what.branch = -1;
    if (plan->pattern == Pattern::kSaga ? what.op == Op::kDeliver || what.op == Op::kCheck
                                        : what.op == Op::kAction || what.op == Op::kCompensate) {
      continue;
    }
    if (is_answer) {
      if (!protocol::op_state(state, {what.branch, what.op}).in_flight()) continue;
      what.on = protocol::event_of_answer(*plan, state, what, static_cast<CheckState>(kind / 2 % 3));
    } else {
      constexpr protocol::Event kVerbs[] = {protocol::Event::kSubmit, protocol::Event::kAbort,
                                            protocol::Event::kDeadline, protocol::Event::kRecover,
                                            protocol::Event::kRetryNow};
      what.on = kVerbs[kind / 2 % 5];
      what.branch = -1;
    }
    const State before = state;
    const auto step = protocol::step(*plan, state, what);
    if (!step) {
      SETTLE_ASSERT(encode_state(state) == encode_state(before));
      continue;
    }
    check_decision(before, state);
    const std::string record = encode_state(state);
    const Result<State> back = decode_state(record);
    SETTLE_ASSERT(back.ok() && encode_state(*back) == record);
    if (what.on == protocol::Event::kRecover) state = *back;
  }
  return 0;
}
