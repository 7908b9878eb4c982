#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mutants.h"
#include "protocol/step.h"
#include "runner.h"
#include "scenario/scenario.h"

// settle-sim: whole clusters on virtual time. See README.md in this folder.

namespace {

using namespace settle;
using namespace settle::sim;

constexpr unsigned kSecondsPerSeedMost = 120;
/// In a short run a rare check may rest; in a long one that is a hole in the net.
constexpr std::uint64_t kSeedsForEveryCheck = 200;

struct Arguments {
  std::optional<std::uint64_t> seed;
  std::uint64_t first = 0, last = 0;
  bool has_range = false;
  std::uint32_t transactions = 1000;
  std::string mutant;
  std::uint64_t mutants = 0;  ///< so many of them, one after the other
  std::string key;            ///< chooses which
  std::optional<std::size_t> entries;
  unsigned jobs = 1;
  bool lists_mutants = false, lists_left_out = false, has_trace = false, has_coverage = false, rewrites = false,
       has_edges = false;
  std::vector<std::string> scenarios;
  std::vector<std::string> without;
};

Options options_for(const Arguments& arguments, std::uint64_t seed) {
  Options options = draw_options(seed, arguments.transactions);
  options.without = arguments.without;
  if (arguments.entries) options.limits.entries_max = *arguments.entries;
  return options;
}

int usage(const char* complaint) {
  std::fprintf(stderr,
               "settle-sim: %s\n"
               "  settle-sim --seed N [--transactions N] [--trace] [--mutant NAME] [--without CHECK]… [--entries N]\n"
               "  settle-sim --seeds A..B [--transactions N] [--jobs N] [--coverage] [--edges] [--mutant NAME]\n"
               "  settle-sim --scenario FILE|DIR… [--rewrite]\n"
               "  settle-sim --mutants N|all [--key TEXT] --seeds A..B [--transactions N] [--jobs N]\n"
               "  settle-sim --list-mutants | --list-left-out\n",
               complaint);
  return 2;
}

bool parse_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

/// What is wrong with the command line; nothing if it can be used.
const char* parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const auto value = [&]() -> std::string_view { return i + 1 < argc ? argv[++i] : std::string_view(); };
    std::uint64_t number = 0;
    if (name == "--seed") {
      if (!parse_number(value(), number)) return "--seed wants a number";
      out.seed = number;
    } else if (name == "--seeds") {
      const std::string_view range = value();
      const std::size_t dots = range.find("..");
      if (dots == std::string_view::npos || !parse_number(range.substr(0, dots), out.first) ||
          !parse_number(range.substr(dots + 2), out.last) || out.last < out.first) {
        return "--seeds wants A..B";
      }
      out.has_range = true;
    } else if (name == "--transactions") {
      if (!parse_number(value(), number) || number == 0 || number > 9'999'999) return "--transactions wants a number";
      out.transactions = static_cast<std::uint32_t>(number);
    } else if (name == "--jobs") {
      if (!parse_number(value(), number) || number == 0 || number > 256) return "--jobs wants a number";
      out.jobs = static_cast<unsigned>(number);
    } else if (name == "--mutant") {
      out.mutant = std::string(value());
    } else if (name == "--mutants") {
      const std::string_view count = value();
      if (count == "all") {
        out.mutants = UINT64_MAX;
      } else if (!parse_number(count, out.mutants) || out.mutants == 0) {
        return "--mutants wants a number or all";
      }
    } else if (name == "--entries") {
      if (!parse_number(value(), number)) return "--entries wants a number";
      out.entries = number;
    } else if (name == "--key") {
      out.key = std::string(value());
    } else if (name == "--scenario") {
      while (i + 1 < argc && argv[i + 1][0] != '-') out.scenarios.emplace_back(argv[++i]);
      if (out.scenarios.empty()) return "--scenario wants files or a folder";
    } else if (name == "--without") {
      out.without.emplace_back(value());
    } else if (name == "--list-mutants") {
      out.lists_mutants = true;
    } else if (name == "--list-left-out") {
      out.lists_left_out = true;
    } else if (name == "--trace") {
      out.has_trace = true;
    } else if (name == "--coverage") {
      out.has_coverage = true;
    } else if (name == "--edges") {
      out.has_edges = true;
    } else if (name == "--rewrite") {
      out.rewrites = true;
    } else {
      return "unknown argument";
    }
  }
  return nullptr;
}

int list_mutants(const std::vector<Mutant>& list) {
  for (const Mutant& one : list) std::printf("%-44s %s\n", one.name.c_str(), one.what.c_str());
  return 0;
}

// ------------------------------------------------------------------------------------------------------ one seed

int run_one(const Arguments& arguments, std::uint64_t seed) {
  const Options options = options_for(arguments, seed);
  std::printf("%s\n", to_text(options).c_str());
  std::fflush(stdout);
  World world(options, arguments.has_trace ? Trace::Text::kPrint : Trace::Text::kNone);
  world.run();
  SeedReport report;
  report.seed = seed;
  report.outcomes = world.outcomes();
  report.violation = world.violation_text();
  if (!report.violation.empty() && !arguments.has_trace) {
    // The same again, this time with words.
    World again(options, Trace::Text::kTail);
    again.run();
    const TxNo tx = again.violation() != nullptr ? again.violation()->tx : kNoTx;
    const std::string name = tx == kNoTx ? std::string() : gid_of(tx);
    const auto& tail = again.trace().tail();
    std::printf("what concerns %s, and the last lines:\n", name.c_str());
    for (std::size_t i = 0; i < tail.size(); ++i) {
      const std::size_t at = name.empty() ? std::string::npos : tail[i].find(name);
      const bool is_mine =
          at != std::string::npos &&
          (at + name.size() == tail[i].size() || tail[i][at + name.size()] < '0' || tail[i][at + name.size()] > '9');
      if (is_mine || i + 40 >= tail.size()) std::printf("%s\n", tail[i].c_str());
    }
  }
  std::fputs(summary_of(report).c_str(), stdout);
  return report.violation.empty() ? 0 : 1;
}

// ------------------------------------------------------------------------------------------------------ many seeds

/// A process that runs every jobs-th seed and writes one report after the other.
struct Child {
  pid_t pid = -1;
  int pipe = -1;
};

bool write_all(int to, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t wrote = ::write(to, bytes, size);
    if (wrote <= 0) return false;
    bytes += wrote;
    size -= static_cast<std::size_t>(wrote);
  }
  return true;
}
bool read_all(int from, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(from, bytes, size);
    if (got <= 0) return false;
    bytes += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}
bool write_frame(int to, const std::string& bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return write_all(to, reinterpret_cast<const char*>(&size), sizeof size) && write_all(to, bytes.data(), bytes.size());
}
bool read_frame(int from, std::string& bytes) {
  std::uint32_t size = 0;
  if (!read_all(from, reinterpret_cast<char*>(&size), sizeof size)) return false;
  bytes.resize(size);
  return read_all(from, bytes.data(), size);
}

/// The rows that no seed of this process has taken, one a line.
std::string rows_not_taken() {
  std::string out;
  for (const Pattern pattern : {Pattern::kSaga, Pattern::kMessage, Pattern::kTcc, Pattern::kTwoPhase}) {
    for (const std::string& row : protocol::edges_not_taken(pattern)) out += row + "\n";
  }
  return out;
}

[[noreturn]] void run_child(const Arguments& arguments, unsigned number, int to) {
  for (std::uint64_t seed = arguments.first + number; seed <= arguments.last; seed += arguments.jobs) {
    ::alarm(kSecondsPerSeedMost);  // a run in a circle is a finding, not a pause
    if (!write_frame(to, run_seed(options_for(arguments, seed)).encode())) std::_Exit(1);
  }
  (void)write_frame(to, rows_not_taken());
  std::_Exit(0);
}

std::vector<Child> start_children(const Arguments& arguments) {
  std::vector<Child> children;
  std::fflush(stdout);
  for (unsigned number = 0; number < arguments.jobs; ++number) {
    int ends[2];
    if (::pipe(static_cast<int*>(ends)) != 0) std::abort();
    const pid_t pid = ::fork();
    if (pid < 0) std::abort();
    if (pid == 0) {
      ::close(ends[0]);
      run_child(arguments, number, ends[1]);
    }
    ::close(ends[1]);
    children.push_back(Child{pid, ends[0]});
  }
  return children;
}

void stop_children(std::vector<Child>& children) {
  for (Child& child : children) {
    if (child.pid < 0) continue;
    ::kill(child.pid, SIGKILL);
    int status = 0;
    (void)::waitpid(child.pid, &status, 0);
    ::close(child.pipe);
    child.pid = -1;
  }
}

/// How a child ended that has sent no report.
std::string death_of(Child& child) {
  int status = 0;
  (void)::waitpid(child.pid, &status, 0);
  ::close(child.pipe);
  child.pid = -1;
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGALRM) return "the run did not end in time";
    return "the process died by signal " + std::to_string(signal) + (signal == SIGABRT ? " (an assertion)" : "");
  }
  return "the process ended with status " + std::to_string(WEXITSTATUS(status));
}

double cpu_seconds_of_children() {
  rusage used{};
  (void)::getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& at) {
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

int report_coverage(const Totals& totals) {
  RuledOut ruled_out;
  const std::string wrong = ruled_out.read(std::string(SETTLE_SIM_DIR) + "/ruled_out.txt");
  if (!wrong.empty()) {
    std::printf("%s\n", wrong.c_str());
    return 1;
  }
  std::string text;
  const std::size_t empty = print_coverage(totals.coverage, ruled_out, text);
  std::fputs(text.c_str(), stdout);
  const std::vector<std::string> contradicted = ruled_out.contradicted(totals.coverage);
  for (const std::string& line : contradicted) std::printf("  %s\n", line.c_str());
  std::printf("coverage: %zu cells, %zu empty and not ruled out, %zu ruled out and met\n", Coverage::kCells, empty,
              contradicted.size());
  return empty == 0 && contradicted.empty() ? 0 : 1;
}

/// Rows that are in every child's list.
std::vector<std::string> common_lines(const std::vector<std::string>& lists) {
  std::vector<std::string> out;
  if (lists.empty()) return out;
  std::string_view rest = lists.front();
  while (!rest.empty()) {
    const std::string line(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(line.size() + 1);
    bool in_all = true;
    for (const std::string& list : lists)
      in_all = in_all && ("\n" + list).find("\n" + line + "\n") != std::string::npos;
    if (in_all) out.push_back(line);
  }
  return out;
}

void print_totals(const Totals& totals, double wall, double cpu) {
  const Outcomes& s = totals.sums;
  std::printf(
      "seeds %llu: transactions %llu, committed %llu, aborted %llu, never begun %llu, committed share %u permille "
      "(%u to %u by seed), crashes %llu, faults %llu, violations %llu, %.0f transactions/s, %.0f transactions/s and "
      "core, "
      "virtual hours %.1f, hash %016llx\n",
      static_cast<unsigned long long>(totals.seeds), static_cast<unsigned long long>(s.transactions),
      static_cast<unsigned long long>(s.committed), static_cast<unsigned long long>(s.aborted),
      static_cast<unsigned long long>(s.unborn), totals.committed_permille(), totals.share_low, totals.share_high,
      static_cast<unsigned long long>(s.crashes), static_cast<unsigned long long>(s.faults),
      static_cast<unsigned long long>(s.violations), wall > 0 ? static_cast<double>(s.transactions) / wall : 0,
      cpu > 0 ? static_cast<double>(s.transactions) / cpu : 0, static_cast<double>(s.virtual_us) / 3.6e9,
      static_cast<unsigned long long>(s.hash));
}

/// What a run over many seeds came to.
struct ManyResult {
  Totals totals;
  std::optional<SeedReport> violation;  ///< the first one
  std::vector<std::string> not_taken;   ///< rows, by process
};

/// Runs the seeds in processes of their own, so that a crash or an assertion is a finding like any other; stops at the
/// first violation.
ManyResult run_seeds(const Arguments& arguments) {
  std::vector<Child> children = start_children(arguments);
  ManyResult result;
  for (std::uint64_t seed = arguments.first; seed <= arguments.last && !result.violation; ++seed) {
    Child& child = children[(seed - arguments.first) % arguments.jobs];
    std::string bytes;
    SeedReport report;
    if (!read_frame(child.pipe, bytes) || !report.decode(bytes)) {
      report = SeedReport{};
      report.seed = seed;
      report.violation = death_of(child);
      report.outcomes.violations = 1;
    }
    result.totals.add(report);
    if (!report.violation.empty()) result.violation = std::move(report);
  }
  for (std::size_t i = 0; i < children.size() && !result.violation; ++i) {
    std::string bytes;
    if (read_frame(children[i].pipe, bytes)) result.not_taken.push_back(std::move(bytes));
  }
  stop_children(children);
  return result;
}

/// What is wrong with a long run although no seed violated anything.
std::vector<std::string> holes_in(const Totals& totals) {
  std::vector<std::string> out;
  if (totals.seeds < kSeedsForEveryCheck) return out;
  for (const std::string& label : totals.never_checked()) out.push_back("check " + label + " was never evaluated");
  const std::uint32_t share = totals.committed_permille();
  if (share < 200 || share > 800) {
    out.emplace_back("the committed share is outside 200 to 800 permille: such runs prove one half only");
  }
  if (totals.sums.crashes * 50 < totals.sums.transactions)
    out.emplace_back("fewer crashes than one per 50 transactions");
  return out;
}

int run_many(const Arguments& arguments) {
  const auto started = std::chrono::steady_clock::now();
  const ManyResult result = run_seeds(arguments);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  int status = 0;
  if (result.violation) {
    const auto seed = static_cast<unsigned long long>(result.violation->seed);
    std::printf("seed %llu: VIOLATION %s\n", seed, result.violation->violation.c_str());
    std::printf("repeat it: settle-sim --seed %llu --transactions %u%s%s\n", seed, arguments.transactions,
                arguments.mutant.empty() ? "" : " --mutant ", arguments.mutant.c_str());
    status = 1;
  } else {
    if (arguments.has_coverage) status = report_coverage(result.totals);
    if (arguments.has_edges) {
      for (const std::string& row : common_lines(result.not_taken)) std::printf("row not taken: %s\n", row.c_str());
    }
    for (const std::string& hole : holes_in(result.totals)) {
      std::printf("%s\n", hole.c_str());
      status = 1;
    }
  }
  print_totals(result.totals, wall, cpu_seconds_of_children());
  return status;
}

/// One mutant after the other; each must be found.
int run_mutants(const Arguments& arguments) {
  std::size_t missed = 0;
  const std::vector<Mutant> chosen = choose_mutants(arguments.mutants, arguments.key);
  for (const Mutant& mutant : chosen) {
    (void)plant_mutant(mutant.name);
    const ManyResult result = run_seeds(arguments);
    unplant_mutants();
    if (result.violation) {
      std::printf("found %-46s seed %3llu  %s\n", mutant.name.c_str(),
                  static_cast<unsigned long long>(result.violation->seed), result.violation->violation.c_str());
    } else {
      std::printf("MISSED %-45s %s\n", mutant.name.c_str(), mutant.what.c_str());
      ++missed;
    }
    std::fflush(stdout);
  }
  std::printf("%zu mutants of %zu, %zu missed\n", chosen.size(), mutants().size(), missed);
  return missed == 0 ? 0 : 1;
}

int run_mutant(const Arguments& arguments) {
  const int result = run_many(arguments);
  if (result == 0) {
    std::printf("mutant %s was NOT found\n", arguments.mutant.c_str());
    return 0;
  }
  std::printf("mutant %s was found\n", arguments.mutant.c_str());
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const char* complaint = parse(argc, argv, arguments)) return usage(complaint);
  if (arguments.lists_mutants) return list_mutants(mutants());
  if (arguments.lists_left_out) return list_mutants(mutants_left_out());
  if (!arguments.scenarios.empty()) return run_scenarios(arguments.scenarios, arguments.rewrites);
  if (!arguments.mutant.empty() && !plant_mutant(arguments.mutant))
    return usage("no mutant has that name; --list-mutants shows them");
  if (arguments.seed) return run_one(arguments, *arguments.seed);
  if (!arguments.has_range) return usage("nothing to do");
  if (arguments.mutants != 0) return run_mutants(arguments);
  return arguments.mutant.empty() ? run_many(arguments) : run_mutant(arguments);
}
