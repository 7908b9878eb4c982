// What grows with the size of a transaction, with what the store keeps, and with the number of clients?
//
// p11, in three parts:
//   branches  sagas of 2, 10 and 100 branches, 16 clients: the coordinator's CPU per branch. Linear is a ratio of 1;
//             below 1, because the two forced records and the client's exchange are shared by more branches.
//   stored    p1 on a store with 1,000 finished transactions and on one with --count (1,000,000), in turns: the median
//             ratio of the rates. Flat is 1.
//   clients   p1 with 1, 4, 16, 64 and 256 clients that wait. Those that are best make the peak. What four and ten
//             times as many still get done, as a part of it, shows whether it collapses.
#include "p11.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "measure.h"
#include "p1.h"
#include "settled.h"

namespace settle::bench {
namespace {

constexpr std::size_t kFewStored = 1000;
constexpr std::chrono::seconds kPatience{900};

/// p1 with `branches`, on a settled that runs and goes on.
Result<Figures> look_at(const Options& options, const Settled& settled, std::uint32_t clients, std::uint32_t branches) {
  const std::string prefix = fresh_run();
  Participant participant({.run = prefix, .branches = branches, .ops = {"action"}});
  auto measured = measure("p11", options, settled.coordinated(),
                          {saga_job(prefix, participant.port(), {.branches = branches})}, clients);
  if (!measured) return measured.error();
  settle_effects(*measured, participant, branches);
  return measured->figures;
}

Result<Figures> look_alone(const Options& options, std::uint32_t clients, std::uint32_t branches) {
  auto settled = Settled::start(options);
  if (!settled) return settled.error();
  auto figures = look_at(options, **settled, clients, branches);
  if (auto stopped = (*settled)->stop(); !stopped) return stopped.error();
  return figures;
}

/// A settled whose store holds `count` finished transactions.
Result<std::unique_ptr<Settled>> filled(const Options& options, std::size_t count) {
  auto settled = Settled::start(options);
  if (!settled) return settled;
  const std::string prefix = fresh_run();
  Participant participant({.run = prefix, .branches = 2, .ops = {"action"}});
  Load load({.port = (*settled)->coordinated().port, .connections = options.clients, .total = count},
            saga_job(prefix, participant.port()));
  load.complete(kPatience);
  if (load.errors() > 0) return Error{ErrorCode::kUnavailable, "while the store was filled: " + load.first_error()};
  return settled;
}

/// What all parts have shown.
class Answer {
 public:
  explicit Answer(bool json) : json_(json) {}

  void add(const std::string& name, double value, const Figures& figures) {
    extras_.push_back({name, value});
    add_errors(figures);
    if (json_) return;
    std::printf("  %-28s %10.3f   %6.0f/s  p50 %.3f  p99 %.3f ms  CPU %.1f µs  others %.2f cores\n", name.c_str(),
                value, figures.per_second, figures.p50_ms, figures.p99_ms, figures.cpu_us(), figures.other_cores);
    std::fflush(stdout);
  }
  void add_errors(const Figures& figures) {
    errors_ += figures.errors;
    if (first_error_.empty()) first_error_ = figures.first_error;
  }
  int tell(Figures of) const {
    of.errors = errors_;
    if (json_) {
      print_json(of, extras_);
    } else {
      std::printf("  errors                       %llu\n", static_cast<unsigned long long>(errors_));
      if (!first_error_.empty()) std::printf("  first error     %s\n", first_error_.c_str());
    }
    return errors_ == 0 ? 0 : 1;
  }

 private:
  bool json_;
  std::vector<Extra> extras_;
  std::uint64_t errors_ = 0;
  std::string first_error_;
};

Result<void> ask_branches(const Options& options, Answer& answer) {
  constexpr std::uint32_t kClients = 16;
  double of_two = 0;
  for (const std::uint32_t branches : {2U, 10U, 100U}) {
    auto figures = look_alone(options, std::min(kClients, options.clients), branches);
    if (!figures) return figures.error();
    const double each = figures->cpu_us() / branches;
    if (branches == 2) of_two = each;
    answer.add("cpu_per_branch_ratio_" + std::to_string(branches), each / of_two, *figures);
  }
  return {};
}

Result<void> ask_stored(const Options& options, Answer& answer) {
  auto few = filled(options, std::min(kFewStored, options.count));
  if (!few) return few.error();
  auto many = filled(options, options.count);
  if (!many) return many.error();
  const std::uint32_t pairs = options.pairs == 0 ? 5 : options.pairs;
  std::vector<double> ratios;
  Figures last;
  for (std::uint32_t i = 0; i < pairs; ++i) {
    double of_few = 0;
    double of_many = 0;
    for (const bool is_many : {i % 2 == 0, i % 2 != 0}) {
      auto figures = look_at(options, is_many ? **many : **few, options.clients, 2);
      if (!figures) return figures.error();
      answer.add_errors(*figures);
      (is_many ? of_many : of_few) = figures->per_second;
      if (is_many) last = *figures;
    }
    ratios.push_back(of_many / of_few);
  }
  last.errors = 0;  // counted
  answer.add("rate_ratio_stored", median(ratios), last);
  if (auto stopped = (*few)->stop(); !stopped) return stopped.error();
  return (*many)->stop();
}

Result<Figures> ask_clients(const Options& options, Answer& answer) {
  Figures peak;
  for (const std::uint32_t clients : {1U, 4U, 16U, 64U, 256U}) {
    auto figures = look_alone(options, clients, 2);
    if (!figures) return figures.error();
    answer.add("clients_" + std::to_string(clients), figures->per_second, *figures);
    if (figures->per_second > peak.per_second) peak = *figures;
  }
  for (const std::uint32_t times : {4U, 10U}) {
    auto figures = look_alone(options, times * peak.clients, 2);
    if (!figures) return figures.error();
    answer.add("goodput_overload_" + std::to_string(times), figures->per_second / peak.per_second, *figures);
  }
  return peak;
}

}  // namespace

int p11(const Options& options) {
  Answer answer(options.json);
  if (auto asked = ask_branches(options, answer); !asked) return fail(asked.error());
  if (auto asked = ask_stored(options, answer); !asked) return fail(asked.error());
  auto peak = ask_clients(options, answer);
  if (!peak) return fail(peak.error());
  return answer.tell(*peak);
}

}  // namespace settle::bench
