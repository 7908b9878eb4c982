#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/destination_table.h"
#include "cli/instant.h"
#include "cli/json.h"
#include "cli/table.h"

namespace settle::cli {
namespace {

constexpr std::array kOptions = {
    Option{"--every", "MS", "pause between two looks (1000)"},
    Option{"--times", "N", "so many looks, then end (0: until it is interrupted)"},
};

constexpr const char* kClearScreen = "\x1b[H\x1b[2J";
constexpr std::int64_t kEveryLeast = 100;

/// Samples of one scrape, by name with labels.
using Samples = std::map<std::string, double, std::less<>>;

Samples parse(const std::string& text) {
  Samples out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.rfind(' ');
    if (line.empty() || line.front() == '#' || blank == std::string::npos) continue;
    out[line.substr(0, blank)] = std::strtod(line.c_str() + blank + 1, nullptr);
  }
  return out;
}

double value(const Samples& samples, std::string_view name) {
  const auto found = samples.find(name);
  return found == samples.end() ? 0 : found->second;
}

std::string number(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

/// One line: words and the figures behind them.
void line(Shell& shell, std::string_view head, const std::vector<std::pair<std::string_view, std::string>>& figures) {
  shell.out << head;
  for (std::size_t i = head.size(); i < 14; ++i) shell.out << ' ';
  for (const auto& [name, figure] : figures) shell.out << name << " " << figure << "   ";
  shell.out << "\n";
}

void print_now(Shell& shell, const Samples& now) {
  const auto whole = [&](std::string_view name) { return number(value(now, name), 0); };
  const double oldest = value(now, "settle_transactions_open_oldest_seconds");
  line(shell, "transactions",
       {{"open", whole("settle_transactions_open")},
        {"oldest", duration_text(static_cast<std::int64_t>(oldest * 1e6))},
        {"incidents", whole("settle_incidents_open")}});
  line(shell, "calls", {{"open", whole("settle_calls_open")}, {"held back", whole("settle_calls_waiting")}});
  line(shell, "clients",
       {{"connections", whole("settle_http_connections_open")}, {"requests", whole("settle_http_requests_open")}});
  line(
      shell, "store",
      {{"saves waiting", whole("settle_store_saves_waiting")}, {"reads waiting", whole("settle_store_reads_waiting")}});
}

void print_rates(Shell& shell, const Samples& before, const Samples& now, double seconds) {
  if (seconds <= 0) return;
  const auto rate = [&](std::string_view name) {
    return number(std::max(0.0, value(now, name) - value(before, name)) / seconds, 1);
  };
  line(shell, "per second",
       {{"begun", rate("settle_transactions_begun_total")},
        {"committed", rate("settle_transactions_committed_total")},
        {"aborted", rate("settle_transactions_aborted_total")},
        {"calls", rate("settle_calls_total")},
        {"retries", rate("settle_retries_total")},
        {"syncs", rate("settle_store_syncs_total")}});
}

struct Look {
  Samples samples;
  Json destinations;
  std::int64_t at_us = 0;
};

int look(Shell& shell, Look& out) {
  const Asked metrics = ask(shell, shell.admin, {"GET", "/metrics", {}});
  if (!metrics.body) return metrics.exit;
  const Asked listed = ask(shell, shell.admin, {"GET", "/v1/destinations?limit=20", {}});
  if (!listed.body) return listed.exit;
  out.samples = parse(*metrics.body);
  out.destinations = part_at(parse_json(*listed.body), "destinations");
  out.at_us = shell.now_us();
  return kOk;
}

void print(Shell& shell, const Look* before, const Look& now) {
  const bool is_ready = value(now.samples, "settle_ready") > 0;
  shell.out << "settled at " << shell.admin.text() << (is_ready ? "" : ", not ready") << "\n\n";
  print_now(shell, now.samples);
  if (before != nullptr) {
    print_rates(shell, before->samples, now.samples, static_cast<double>(now.at_us - before->at_us) / 1e6);
  }
  if (now.destinations.empty()) return;
  shell.out << "\n";
  print_destinations(shell, now.destinations);
}

int run(Shell& shell, const Arguments& arguments) {
  const auto every = parse_ms("--every", arguments.get("--every").value_or("1000"));
  if (!every) return usage_error(shell, "top", every.error().message);
  if (*every < kEveryLeast) return usage_error(shell, "top", "--every takes 100 milliseconds at least");
  if (shell.json) return usage_error(shell, "top", "top has no JSON; see `destinations --json`, and /metrics");
  const std::string text = arguments.get("--times").value_or("0");
  std::uint64_t times = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), times);
  if (problem != std::errc{} || stop != text.data() + text.size()) {
    return usage_error(shell, "top", "--times takes a whole number");
  }
  Look before;
  for (std::uint64_t turn = 0; times == 0 || turn < times; ++turn) {
    if (turn > 0) (void)::poll(nullptr, 0, static_cast<int>(*every));
    Look now;
    if (const int exit = look(shell, now); exit != kOk) return exit;
    if (times != 1) shell.out << kClearScreen;
    print(shell, turn > 0 ? &before : nullptr, now);
    shell.out.flush();
    before = std::move(now);
  }
  return kOk;
}

}  // namespace

const Command kTop{"top",
                   "",
                   0,
                   "what the daemon does just now, again and again (admin listener)",
                   "Rates are those between two looks. Destinations that need an eye come first.\n",
                   kOptions,
                   run};

}  // namespace settle::cli
