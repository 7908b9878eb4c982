// What does a coordinator cost that has a million open transactions, and how soon are they all over after a crash?
//
// p9: sagas of two branches are begun, and nobody waits, while their participant refuses connections; then memory is
// looked at, settled is killed with SIGKILL and started again beside a participant that serves. Told are the time from
// its start until /readyz says yes, the CPU time in it, the time until no transaction is open, and the memory at each
// point. Exactly two effects per saga, counted at the participant.
//
// Expected: a plan of 300 bytes and its state twice (in the engine, and in RocksDB's memory and block cache), so 600 to
// 900 bytes per open transaction; the restart reads 300 MB and builds the tables, 2 to 4 s; the end of them all at the
// rate of p1 without a waiting client, so 40 to 60 s.
#include "p9.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "measure.h"
#include "p1.h"
#include "settled.h"

namespace settle::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::chrono::seconds kPatience{600};

struct Answer {
  double begin_s = 0;
  double empty_bytes = 0;  ///< resident before the first one
  double open_bytes = 0;
  double again_bytes = 0;  ///< resident when it is ready again
  double ready_s = 0;
  double ready_cpu_s = 0;  ///< what settled has used until then
  double over_s = 0;       ///< from the restart to the last end
  std::uint64_t errors = 0;
  std::string first_error;
};

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Waits until `settled` has that many open transactions.
Result<void> wait_for_open(const Settled& settled, double wanted) {
  const auto give_up = Clock::now() + kPatience;
  for (;;) {
    const auto open = settled.metric("settle_transactions_open");
    if (!open) return open.error();
    if (*open == wanted) return {};
    if (Clock::now() > give_up) {
      return Error{ErrorCode::kUnavailable, std::to_string(static_cast<std::uint64_t>(*open)) + " are open"};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

Result<std::vector<bool>> begin_all(const Options& options, const Settled& settled, const Job& job, Answer& answer) {
  const auto begin = Clock::now();
  Load load({.port = settled.coordinated().port, .connections = options.clients, .total = options.count}, job);
  load.complete(kPatience);
  answer.begin_s = since(begin);
  if (load.errors() > 0) return Error{ErrorCode::kUnavailable, "not all could be begun: " + load.first_error()};
  if (auto there = wait_for_open(settled, static_cast<double>(options.count)); !there) return there.error();
  return load.committed();
}

Result<Answer> run(const Options& options) {
  Answer answer;
  Options with_room = options;
  with_room.settled_flags += " --limits.open=" + std::to_string(2 * options.count);  // each worker has its part
  auto settled = Settled::start(with_room);
  if (!settled) return settled.error();
  answer.empty_bytes = (*settled)->resident_bytes();

  const std::string prefix = fresh_run();
  std::uint16_t port = 0;
  net::Fd listener = reserve_on_loopback(port);
  auto begun = begin_all(options, **settled, saga_job(prefix, port, {.waits = false}), answer);
  if (!begun) return begun.error();
  answer.open_bytes = (*settled)->resident_bytes();

  start_listening(listener);
  Participant participant({.run = prefix, .branches = 2, .ops = {"action"}}, std::move(listener));
  const auto killed = Clock::now();
  if (auto again = (*settled)->restart_after_kill(kPatience); !again) return again.error();
  answer.ready_s = since(killed);
  const Usage used = (*settled)->coordinated().meter->read();
  answer.ready_cpu_s = (used.user_us + used.system_us) / 1e6;
  answer.again_bytes = (*settled)->resident_bytes();
  if (auto over = wait_for_open(**settled, 0); !over) return over.error();
  answer.over_s = since(killed);

  if (auto stopped = (*settled)->stop(); !stopped) return stopped.error();
  participant.stop();
  const Verdict verdict = participant.judge(*begun);
  answer.errors += verdict.wrong();
  if (verdict.wrong() > 0 && answer.first_error.empty()) answer.first_error = told(verdict);
  return answer;
}

}  // namespace

int p9(const Options& options) {
  auto answer = run(options);
  if (!answer) return fail(answer.error());
  const auto count = static_cast<double>(options.count);
  const double each = (answer->open_bytes - answer->empty_bytes) / count;
  if (options.json) {
    Figures figures;
    figures.question = "p9";
    figures.clients = options.clients;
    figures.seconds = answer->over_s;
    figures.transactions = options.count;
    figures.per_second = count / (answer->over_s - answer->ready_s);
    figures.errors = answer->errors;
    print_json(figures, {{"begun_per_second", count / answer->begin_s},
                         {"open_mib", answer->open_bytes / kMiB},
                         {"bytes_each", each},
                         {"restarted_mib", answer->again_bytes / kMiB},
                         {"ready_s", answer->ready_s},
                         {"ready_cpu_s", answer->ready_cpu_s},
                         {"over_s", answer->over_s}});
  } else {
    std::printf("p9: %zu open transactions, begun at %.0f/s\n", options.count, count / answer->begin_s);
    std::printf("  memory          %.0f MiB resident (%.0f empty, %.0f bytes each); %.0f after the restart\n",
                answer->open_bytes / kMiB, answer->empty_bytes / kMiB, each, answer->again_bytes / kMiB);
    std::printf("  after kill -9   ready after %.2f s (%.2f s of CPU), all over after %.1f s (%.0f/s)\n",
                answer->ready_s, answer->ready_cpu_s, answer->over_s, count / (answer->over_s - answer->ready_s));
    std::printf("  errors          %llu\n", static_cast<unsigned long long>(answer->errors));
    if (!answer->first_error.empty()) std::printf("  first error     %s\n", answer->first_error.c_str());
  }
  return answer->errors == 0 ? 0 : 1;
}

}  // namespace settle::bench
