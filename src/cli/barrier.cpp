#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <ostream>

#include "cli/ask.h"
#include "cli/barrier_database.h"
#include "cli/command.h"
#include "cli/instant.h"
#include "cli/printable.h"

namespace settle::cli {
namespace {

constexpr std::array kOptions = {
    Option{"--horizon", "TIME", "install: for how long after its begin a transaction may still call (required there)"},
    Option{"--older-than", "TIME", "prune: rows of transactions that began before that (required there)"},
};

/// A whole number above 0 with s, m, h or d.
std::optional<std::chrono::microseconds> time_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  const std::int64_t seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86'400 : 0;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  if (problem != std::errc{} || seconds == 0 || number <= 0 || number > kMost / seconds) return std::nullopt;
  return std::chrono::seconds{number * seconds};
}

int failed(Shell& shell, const Error& error) {
  shell.err << "settlectl: " << printable(error.message) << "\n";
  switch (error.code) {
    case ErrorCode::kInvalid:
      return kUsage;
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnknownOutcome:
      return kNoDaemon;
    default:
      return kRefused;
  }
}

int install(Shell& shell, BarrierDatabase& database, std::chrono::microseconds horizon) {
  if (const Result<void> done = database.install(horizon); !done) return failed(shell, done.error());
  if (shell.json) {
    shell.out << R"({"installed":true})" << "\n";
  } else {
    shell.out << "the barrier's tables are there; transactions may call for " << duration_text(horizon.count())
              << " after their begin, or longer if the database said so before\n";
  }
  return kOk;
}

int prune(Shell& shell, BarrierDatabase& database, std::chrono::microseconds age) {
  const Result<barrier::Pruned> done = database.prune(std::chrono::microseconds{shell.now_us()} - age);
  if (!done) return failed(shell, done.error());
  const std::int64_t below = done->refused_below.count();
  if (shell.json) {
    shell.out << R"({"rows":)" << done->rows << R"(,"refused_below_us":)" << below << "}\n";
    return kOk;
  }
  shell.out << done->rows << " rows are deleted\n";
  if (below > 0) {
    shell.out << "transactions that began more than " << duration_text(shell.now_us() - below)
              << " ago are refused from now on; their rows go with a later prune\n";
  }
  return kOk;
}

int run(Shell& shell, const Arguments& arguments) {
  const std::string& verb = arguments.words()[0];
  if (verb != "install" && verb != "prune") {
    return usage_error(shell, "barrier", "barrier takes install or prune, not '" + printable(verb) + "'");
  }
  const std::string option = verb == "install" ? "--horizon" : "--older-than";
  const auto time = time_of(arguments.get(option).value_or(""));
  if (!time)
    return usage_error(shell, "barrier", verb + " needs " + option + " TIME, for example 7d; units: s, m, h, d");
  const auto database = open_barrier_database(arguments.words()[1]);
  if (!database) return failed(shell, database.error());
  return verb == "install" ? install(shell, **database, *time) : prune(shell, **database, *time);
}

}  // namespace

const Command kBarrier{
    "barrier",
    "install|prune DATABASE",
    2,
    "look after the barrier's tables in a participant's database (no daemon is asked)",
    "DATABASE is sqlite:PATH, postgres://USER@HOST:PORT/DATABASE or mariadb://USER@HOST:PORT/DATABASE.\n"
    "Passwords come from PGPASSWORD, .pgpass or .my.cnf. Both may be repeated; prune wants to be, now\n"
    "and then: what one forbids, a later one deletes. More: docs/barrier.md\n",
    kOptions,
    run};

}  // namespace settle::cli
