#include "figures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace settle::bench {

void print_text(const Figures& figures) {
  std::printf("%s: %u clients, ", figures.question.c_str(), figures.clients);
  if (figures.rate > 0) {
    std::printf("open loop at %.0f/s, ", figures.rate);
  } else {
    std::printf("closed loop, ");
  }
  std::printf("%.1f s\n", figures.seconds);
  std::printf("  transactions/s  %.0f  (%llu)\n", figures.per_second,
              static_cast<unsigned long long>(figures.transactions));
  std::printf("  latency         p50 %.3f  p99 %.3f  p99.9 %.3f ms\n", figures.p50_ms, figures.p99_ms, figures.p999_ms);
  std::printf("  coordinator     %.1f µs CPU per transaction: user %.1f, system %.1f\n", figures.cpu_us(),
              figures.cpu_user_us, figures.cpu_system_us);
  std::printf("  store           %.3f syncs per transaction (%s)", figures.syncs, figures.sync_source.c_str());
  if (figures.syncs_claimed >= 0) std::printf(", %.3f by its own count", figures.syncs_claimed);
  std::printf("; %.0f bytes written\n", figures.written_bytes);
  if (figures.saves_claimed >= 0) {
    std::printf("  saves           %.2f per transaction, %.2f forced; a group commit takes %.3f ms (its own count)\n",
                figures.saves_claimed, figures.forced_claimed, figures.commit_ms);
  }
  std::printf("  beside it       client and participant %.1f µs per transaction; others kept %.2f cores busy\n",
              figures.bench_cpu_us, figures.other_cores);
  std::printf("  exchanges       call %.0f bytes, answer to the client %.0f bytes\n", figures.call_bytes,
              figures.answer_bytes);
  if (figures.rate > 0) std::printf("  behind          %llu\n", static_cast<unsigned long long>(figures.behind));
  std::printf("  effects         %llu of %llu\n", static_cast<unsigned long long>(figures.effects),
              static_cast<unsigned long long>(figures.effects_expected));
  std::printf("  errors          %llu\n", static_cast<unsigned long long>(figures.errors));
  if (!figures.first_error.empty()) std::printf("  first error     %s\n", figures.first_error.c_str());
  std::fflush(stdout);
}

void print_json(const Figures& figures, const std::vector<Extra>& extras) {
  std::printf(R"({"question":"%s","clients":%u,"seconds":%.2f,"transactions":%llu,"per_second":%.0f,)",
              figures.question.c_str(), figures.clients, figures.seconds,
              static_cast<unsigned long long>(figures.transactions), figures.per_second);
  std::printf(R"("p50_ms":%.4f,"p99_ms":%.4f,"p999_ms":%.4f,"mean_ms":%.4f,)", figures.p50_ms, figures.p99_ms,
              figures.p999_ms, figures.mean_ms);
  std::printf(R"("cpu_us_per_tx":%.2f,"cpu_user_us_per_tx":%.2f,"cpu_system_us_per_tx":%.2f,)", figures.cpu_us(),
              figures.cpu_user_us, figures.cpu_system_us);
  std::printf(R"("syncs_per_tx":%.4f,"bytes_per_tx":%.0f,"commit_ms":%.4f,"other_cores":%.2f,"behind":%llu,)",
              figures.syncs, figures.written_bytes, figures.commit_ms, figures.other_cores,
              static_cast<unsigned long long>(figures.behind));
  for (const Extra& extra : extras) std::printf(R"("%s":%.4f,)", extra.name.c_str(), extra.value);
  std::printf(
      R"("effects":%llu,"effects_expected":%llu,"errors":%llu})", static_cast<unsigned long long>(figures.effects),
      static_cast<unsigned long long>(figures.effects_expected), static_cast<unsigned long long>(figures.errors));
  std::printf("\n");
  std::fflush(stdout);
}

int fail(const Error& error) {
  std::fprintf(stderr, "settle-bench: %s\n", error.message.c_str());
  return 1;
}

Figures middle_of(std::vector<Figures> runs, double Figures::* figure) {
  const auto middle = runs.begin() + static_cast<std::ptrdiff_t>(runs.size() / 2);
  std::nth_element(runs.begin(), middle, runs.end(),
                   [figure](const Figures& a, const Figures& b) { return a.*figure < b.*figure; });
  return *middle;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace settle::bench
