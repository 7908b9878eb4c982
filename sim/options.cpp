#include "options.h"

#include <algorithm>
#include <array>

namespace settle::sim {
namespace {

constexpr std::array<std::string_view, kFaults> kNames{
#define SIM_FAULT(name, label) label,
#include "faults.def"
#undef SIM_FAULT
};

/// From here on classes are drawn by draw_later.
constexpr Fault kFirstLater = Fault::kStoreTwice;

/// Evenly over the orders of magnitude between low and high.
std::uint64_t spread(Random& random, std::uint64_t low, std::uint64_t high) {
  std::uint64_t steps = 0;
  for (std::uint64_t value = low; value < high; value *= 2) ++steps;
  const std::uint64_t floor = low << random.below(steps + 1);
  return std::min(high, floor + random.below(floor));
}
Duration spread(Random& random, Duration low, Duration high) {
  return Duration{static_cast<std::int64_t>(
      spread(random, static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count())))};
}
Span span(Random& random, Duration low, Duration high) {
  const Duration one = spread(random, low, high);
  const Duration two = spread(random, low, high);
  return Span{std::min(one, two), std::max(one, two)};
}
std::uint32_t rate(Random& random, std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint32_t>(spread(random, low, high));
}

void draw_cluster(Random& random, Options& o) {
  o.is_shared = random.below(100) < 55;
  o.nodes = o.is_shared ? static_cast<std::uint8_t>(random.between(2, 4)) : std::uint8_t{1};
  o.shards = static_cast<std::uint16_t>(random.between(o.nodes, 8));
  o.services = static_cast<std::uint8_t>(random.between(2, 6));
  o.has_lasting_names = random.below(2) == 0;
  o.lease = spread(random, milliseconds{300}, milliseconds{2000});
  o.lazy_wait = random.below(4) == 0 ? Duration{0} : spread(random, milliseconds{1}, milliseconds{20});
  o.limits.calls_per_destination = random.below(3) == 0 ? random.below(4) + 1 : 256;
  if (o.seed % 2 == 0) o.limits.entries_max = o.seed % 40;  // what is folded, and when, changes nothing (repeat.cmake)
}

void draw_load(Random& random, Options& o) {
  o.arrival_gap = spread(random, milliseconds{3}, milliseconds{48});
  o.messages_permille = static_cast<std::uint32_t>(random.between(150, 700));
  o.votes_permille = static_cast<std::uint32_t>(random.between(100, 700));
  o.extras_permille = static_cast<std::uint32_t>(random.between(50, 500));
  o.named_permille = static_cast<std::uint32_t>(random.between(300, 1000));
  o.branches_most = random.below(8) == 0 ? 10 : static_cast<std::uint32_t>(random.between(2, 5));
  o.refusal_permille = rate(random, 60, 600);
  o.bounded_permille = rate(random, 20, 400);
  o.attempt_timeout = span(random, milliseconds{80}, milliseconds{2000});  // a healed round trip takes up to 70
  o.retry_base = span(random, milliseconds{5}, milliseconds{400});
  o.retry_cap = spread(random, milliseconds{200}, milliseconds{5000});
  o.check_after = span(random, milliseconds{100}, milliseconds{2000});
}

void draw_times(Random& random, Options& o) {
  o.write = span(random, microseconds{20}, milliseconds{2});
  o.sync = span(random, microseconds{200}, milliseconds{12});
  o.network = span(random, microseconds{50}, milliseconds{20});
  o.job = span(random, microseconds{50}, milliseconds{30});
  o.boot = span(random, milliseconds{2}, milliseconds{250});
  o.late = span(random, milliseconds{200}, milliseconds{20'000});
  o.stall = span(random, milliseconds{50}, milliseconds{3000});
  o.pause = Span{o.lease / 4, o.lease * 4};
  o.hang = span(random, milliseconds{100}, milliseconds{5000});
}

void draw_classes(Random& random, Options& o) {
  // Half of the classes in most seeds, nearly all or nearly none in some: rare things meet only in such seeds.
  const std::uint64_t share = std::array<std::uint64_t, 4>{15, 50, 50, 85}[random.below(4)];
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (fault >= kFirstLater) break;
    bool is_on = random.below(100) < share;
    // Crashes carry most of the proof.
    if (fault == Fault::kCrash) is_on = random.below(100) < 80;
    if (is_on) o.faults_on |= std::uint64_t{1} << i;
  }
}

void draw_call_faults(Random& random, Options& o) {
  const auto drawn = [&](Fault fault, std::uint32_t low, std::uint32_t high) {
    const std::uint32_t value = rate(random, low, high);
    return o.is_on(fault) ? value : 0U;
  };
  o.request_lost = drawn(Fault::kRequestLost, 500, 20'000);
  o.answer_lost = drawn(Fault::kAnswerLost, 500, 20'000);
  o.duplicate = drawn(Fault::kDuplicate, 500, 20'000);
  o.is_late = drawn(Fault::kLate, 300, 10'000);
  o.reset = drawn(Fault::kReset, 500, 20'000);
  o.unreached = drawn(Fault::kUnreached, 500, 20'000);
  o.stalls = drawn(Fault::kStall, 20, 2'000);
  o.sync_fails = drawn(Fault::kSyncFails, 10, 500);
  o.store_deaf = drawn(Fault::kStoreDeaf, 500, 10'000);
  o.crash_inside = drawn(Fault::kCrashInside, 5, 150);
  o.runs_long = drawn(Fault::kRunning, 500, 20'000);
  o.reports = drawn(Fault::kReport, 10'000, 90'000);
  o.client_repeats = drawn(Fault::kClientRepeats, 1'000, 40'000);
  o.client_gone = drawn(Fault::kClientGone, 500, 20'000);
  o.abort_race = drawn(Fault::kAbortRace, 1'000, 20'000);
  o.producer_dies = drawn(Fault::kProducerDies, 1'000, 40'000);
  o.unknown_commit = drawn(Fault::kUnknownCommit, 1'000, 20'000);
  o.contradiction = drawn(Fault::kContradiction, 100, 2'000);
  o.deadline_permille = o.is_on(Fault::kDeadline) ? rate(random, 20, 400) : 0;
}

void draw_strikes(Random& random, Options& o) {
  const auto drawn = [&](Fault fault, std::uint32_t low, std::uint32_t high) {
    const std::uint32_t value = rate(random, low, high);
    return o.is_on(fault) ? value : 0U;
  };
  const std::uint32_t hundreds = std::max(1U, o.transactions / 100);
  o.crashes = drawn(Fault::kCrash, hundreds * 2, hundreds * 6);
  o.pauses = o.is_shared ? drawn(Fault::kPause, 1, hundreds * 2) : 0;
  o.hand_overs = o.is_shared ? drawn(Fault::kHandOver, 1, hundreds * 2) : 0;
  o.partitions = drawn(Fault::kPartition, 1, hundreds);
  o.hangs = drawn(Fault::kHang, 1, hundreds);
  o.service_crashes = drawn(Fault::kServiceCrash, 1, hundreds * 2);
  o.undo_refusals = drawn(Fault::kUndoRefused, 1, hundreds);
  o.operator_acts = drawn(Fault::kOperator, 1, hundreds * 10);
  if (o.is_on(Fault::kClock)) {
    o.clock_spread = spread(random, milliseconds{1}, milliseconds{2000});
    o.drift_ppm = rate(random, 10, 5'000);
  }
  if (o.is_on(Fault::kOverload)) {
    o.limits.open_max =
        random.below(2) == 0 ? spread(random, std::uint64_t{25}, std::uint64_t{400}) : o.limits.open_max;
    o.limits.unsaved_max =
        random.below(2) == 0 ? spread(random, std::uint64_t{4}, std::uint64_t{80}) : o.limits.unsaved_max;
    o.limits.waiting_loads_max = random.below(2) == 0 ? random.below(20) : o.limits.waiting_loads_max;
  }
}

void draw_later(Random& random, Options& o) {
  const auto drawn = [&](Fault fault, std::uint64_t percent, std::uint32_t low, std::uint32_t high) {
    const bool is_on = random.below(100) < percent;
    const std::uint32_t value = rate(random, low, high);
    if (!is_on) return 0U;
    o.faults_on |= std::uint64_t{1} << static_cast<unsigned>(fault);
    return value;
  };
  const std::uint32_t hundreds = std::max(1U, o.transactions / 100);
  const std::uint32_t store_twice = drawn(Fault::kStoreTwice, 40, 200, 10'000);
  const std::uint32_t fail_overs = drawn(Fault::kFailOver, 40, 1, hundreds * 2);
  if (o.is_shared) o.store_twice = store_twice;
  if (o.is_shared) o.fail_overs = fail_overs;
  o.false_submit = drawn(Fault::kFalseSubmit, 40, 1'000, 10'000);
  o.destination_pauses = drawn(Fault::kHeldBack, 40, 1, hundreds * 2);
  o.store_fills = drawn(Fault::kStoreFull, 40, 1, hundreds * 2);
  if (random.below(2) == 0) {
    o.limits.breaker.failures = 1 + static_cast<std::uint32_t>(random.below(6));
    o.limits.breaker.pause = spread(random, milliseconds{50}, milliseconds{1000});
    o.limits.breaker.pause_max = o.limits.breaker.pause * 8;
  }
}

void put(std::string& out, std::string_view name, std::int64_t value) {
  out.append(" ").append(name).append("=").append(std::to_string(value));
}
void put(std::string& out, std::string_view name, const Span& value) {
  out.append(" ").append(name).append("=").append(std::to_string(value.low.count()));
  out.append("..").append(std::to_string(value.high.count())).append("us");
}

}  // namespace

std::string_view name_of(Fault fault) { return kNames[static_cast<std::size_t>(fault)]; }

Options draw_options(std::uint64_t seed, std::uint32_t transactions) {
  Options options;
  options.seed = seed;
  options.transactions = transactions;
  Random random = Random::stream(seed, "options");
  draw_cluster(random, options);
  draw_load(random, options);
  draw_times(random, options);
  draw_classes(random, options);
  draw_call_faults(random, options);
  draw_strikes(random, options);
  Random later = Random::stream(seed, "later options");
  draw_later(later, options);
  options.limits.alert_after = spread(random, milliseconds{2'000}, milliseconds{300'000});
  return options;
}

std::string to_text(const Options& o) {
  std::string out = "options";
  put(out, "seed", static_cast<std::int64_t>(o.seed));
  put(out, "transactions", o.transactions);
  out += o.is_shared ? "\n  shared store:" : "\n  own disk:";
  put(out, "nodes", o.nodes);
  put(out, "shards", o.shards);
  put(out, "services", o.services);
  put(out, "lasting_names", o.has_lasting_names ? 1 : 0);
  put(out, "lease_us", o.lease.count());
  put(out, "lazy_wait_us", o.lazy_wait.count());
  put(out, "calls_per_destination", static_cast<std::int64_t>(o.limits.calls_per_destination));
  put(out, "open_max", static_cast<std::int64_t>(o.limits.open_max));
  put(out, "unsaved_max", static_cast<std::int64_t>(o.limits.unsaved_max));
  put(out, "waiting_loads_max", static_cast<std::int64_t>(o.limits.waiting_loads_max));
  put(out, "alert_after_us", o.limits.alert_after.count());
  out += "\n  load:";
  put(out, "arrival_gap_us", o.arrival_gap.count());
  put(out, "messages_permille", o.messages_permille);
  put(out, "votes_permille", o.votes_permille);
  put(out, "extras_permille", o.extras_permille);
  put(out, "named_permille", o.named_permille);
  put(out, "branches_most", o.branches_most);
  put(out, "refusal_permille", o.refusal_permille);
  put(out, "deadline_permille", o.deadline_permille);
  put(out, "bounded_permille", o.bounded_permille);
  put(out, "attempt_timeout", o.attempt_timeout);
  put(out, "retry_base", o.retry_base);
  put(out, "retry_cap_us", o.retry_cap.count());
  put(out, "check_after", o.check_after);
  out += "\n  times:";
  put(out, "write", o.write);
  put(out, "sync", o.sync);
  put(out, "network", o.network);
  put(out, "job", o.job);
  put(out, "boot", o.boot);
  put(out, "late", o.late);
  put(out, "stall", o.stall);
  put(out, "pause", o.pause);
  put(out, "hang", o.hang);
  put(out, "clock_spread_us", o.clock_spread.count());
  put(out, "drift_ppm", o.drift_ppm);
  out += "\n  faults per 100,000:";
  put(out, "request_lost", o.request_lost);
  put(out, "answer_lost", o.answer_lost);
  put(out, "duplicate", o.duplicate);
  put(out, "late", o.is_late);
  put(out, "reset", o.reset);
  put(out, "unreached", o.unreached);
  put(out, "stalls", o.stalls);
  put(out, "sync_fails", o.sync_fails);
  put(out, "store_deaf", o.store_deaf);
  put(out, "crash_inside", o.crash_inside);
  put(out, "runs_long", o.runs_long);
  put(out, "reports", o.reports);
  put(out, "client_repeats", o.client_repeats);
  put(out, "client_gone", o.client_gone);
  put(out, "abort_race", o.abort_race);
  put(out, "producer_dies", o.producer_dies);
  put(out, "unknown_commit", o.unknown_commit);
  put(out, "contradiction", o.contradiction);
  put(out, "store_twice", o.store_twice);
  put(out, "false_submit", o.false_submit);
  out += "\n  faults per run:";
  put(out, "crashes", o.crashes);
  put(out, "pauses", o.pauses);
  put(out, "hand_overs", o.hand_overs);
  put(out, "partitions", o.partitions);
  put(out, "hangs", o.hangs);
  put(out, "service_crashes", o.service_crashes);
  put(out, "undo_refusals", o.undo_refusals);
  put(out, "operator_acts", o.operator_acts);
  put(out, "fail_overs", o.fail_overs);
  put(out, "destination_pauses", o.destination_pauses);
  put(out, "store_fills", o.store_fills);
  put(out, "breaker_failures", o.limits.breaker.failures);
  return out;
}

}  // namespace settle::sim
