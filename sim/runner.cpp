#include "runner.h"

#include <algorithm>
#include <cstdio>

#include "model/bytes.h"

namespace settle::sim {
namespace {

std::uint32_t permille(std::uint64_t part, std::uint64_t rest) {
  return part + rest == 0 ? 0 : static_cast<std::uint32_t>(part * 1000 / (part + rest));
}

/// Every so many seeds are run twice and must agree (I20).
constexpr std::uint64_t kTwiceEvery = 50;

}  // namespace

std::string SeedReport::encode() const {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(seed);
  const Outcomes& o = outcomes;
  for (const std::uint64_t value : {o.transactions, o.committed, o.aborted, o.unborn, o.faults, o.crashes, o.events,
                                    o.inputs, o.violations, o.hash, static_cast<std::uint64_t>(o.virtual_us)}) {
    out.varint(value);
  }
  for (const std::uint64_t value : o.strikes) out.varint(value);
  for (const std::uint64_t value : o.evaluated) out.varint(value);
  for (std::size_t cell = 0; cell < Coverage::kCells; ++cell) out.varint(coverage.count(cell));
  out.text(violation);
  return bytes;
}

bool SeedReport::decode(std::string_view bytes) {
  ByteReader in(bytes);
  seed = in.varint();
  Outcomes& o = outcomes;
  for (std::uint64_t* value : {&o.transactions, &o.committed, &o.aborted, &o.unborn, &o.faults, &o.crashes, &o.events,
                               &o.inputs, &o.violations, &o.hash}) {
    *value = in.varint();
  }
  o.virtual_us = static_cast<std::int64_t>(in.varint());
  for (std::uint64_t& value : o.strikes) value = in.varint();
  for (std::uint64_t& value : o.evaluated) value = in.varint();
  for (std::size_t cell = 0; cell < Coverage::kCells; ++cell) coverage.set(cell, in.varint());
  violation = std::string(in.text());
  return in.ok() && in.at_end();
}

SeedReport run_seed(const Options& options) {
  SeedReport report;
  report.seed = options.seed;
  World world(options, Trace::Text::kNone);
  world.run();
  report.outcomes = world.outcomes();
  report.coverage = world.coverage();
  report.violation = world.violation_text();
  if (report.violation.empty() && options.seed % kTwiceEvery == 0) {
    World second(options, Trace::Text::kNone);
    second.run();
    ++report.outcomes.evaluated[static_cast<std::size_t>(Check::kSameHash)];
    if (second.outcomes().hash != report.outcomes.hash) {
      ++report.outcomes.violations;
      report.violation = std::string(label_of(Check::kSameHash)) + " (" + std::string(claim_of(Check::kSameHash)) +
                         "): two runs differ";
    }
  }
  return report;
}

void Totals::add(const SeedReport& report) {
  ++seeds;
  const Outcomes& o = report.outcomes;
  sums.transactions += o.transactions;
  sums.committed += o.committed;
  sums.aborted += o.aborted;
  sums.unborn += o.unborn;
  sums.faults += o.faults;
  sums.crashes += o.crashes;
  sums.events += o.events;
  sums.inputs += o.inputs;
  sums.violations += o.violations;
  sums.virtual_us += o.virtual_us;
  // Order matters: the sum of hashes would hide a swap.
  sums.hash = (sums.hash ^ o.hash) * 0x9e3779b97f4a7c15ULL;
  for (std::size_t i = 0; i < kFaults; ++i) sums.strikes[i] += o.strikes[i];
  for (std::size_t i = 0; i < kChecks; ++i) sums.evaluated[i] += o.evaluated[i];
  coverage.merge(report.coverage);
  const std::uint32_t share = permille(o.committed, o.aborted);
  share_low = std::min(share_low, share);
  share_high = std::max(share_high, share);
}

std::vector<std::string> Totals::never_checked() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kChecks; ++i) {
    if (sums.evaluated[i] == 0) out.emplace_back(label_of(static_cast<Check>(i)));
  }
  return out;
}

std::uint32_t Totals::committed_permille() const { return permille(sums.committed, sums.aborted); }

std::string summary_of(const SeedReport& report) {
  const Outcomes& o = report.outcomes;
  std::string out;
  out += "transactions " + std::to_string(o.transactions) + ": committed " + std::to_string(o.committed) +
         ", aborted " + std::to_string(o.aborted) + ", never begun " + std::to_string(o.unborn) + "\n";
  out += "events " + std::to_string(o.events) + ", inputs of workers " + std::to_string(o.inputs) + ", virtual ms " +
         std::to_string(o.virtual_us / 1000) + "\n";
  out += "crashes " + std::to_string(o.crashes) + ", faults " + std::to_string(o.faults) + ":";
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (o.strikes[i] == 0) continue;
    out += " " + std::string(name_of(static_cast<Fault>(i))) + " " + std::to_string(o.strikes[i]);
  }
  out += "\nchecks:";
  for (std::size_t i = 0; i < kChecks; ++i) {
    out += " " + std::string(label_of(static_cast<Check>(i))) + " " + std::to_string(o.evaluated[i]);
  }
  char hash[32];
  (void)std::snprintf(static_cast<char*>(hash), sizeof hash, "%016llx", static_cast<unsigned long long>(o.hash));
  out += "\n";
  if (!report.violation.empty()) out += "VIOLATION " + report.violation + "\n";
  out += "seed " + std::to_string(report.seed) + " trace hash " + static_cast<const char*>(hash) + "\n";
  return out;
}

}  // namespace settle::sim
