#include <csignal>
#include <cstdio>
#include <optional>
#include <thread>

#include "order/folder.h"
#include "scenes.h"

// settle-demo-full [--once] [--data DIR]
//
// Starts settled and two banks, and plays what the first show (settle-demo) leaves out: TCC, 2PC, a degraded saga, an
// incident, a takeover. Without --once it keeps serving until Ctrl-C.

namespace {

using namespace settle;
using namespace settle::example;

volatile std::sig_atomic_t g_interrupted = 0;
void on_signal(int) { g_interrupted = 1; }

struct Options {
  bool once = false;
  std::string data;  ///< empty: a fresh folder that goes away with the show
};

constexpr const char* kUsage =
    "usage: settle-demo-full [--once] [--data DIR]\n"
    "  --once      exit after the show; without it the daemon and the banks stay until Ctrl-C\n"
    "  --data DIR  keep store, databases and logs there; without it they go away after the show\n";

/// Exit code if the program is to end now.
std::optional<int> parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--once") {
      options.once = true;
    } else if (argument == "--data" && i + 1 < argc) {
      options.data = argv[++i];
    } else if (argument.starts_with("--data=") && argument.size() > 7) {
      options.data = argument.substr(7);
    } else {
      const bool is_help = argument == "--help" || argument == "-h";
      (void)std::fputs(kUsage, is_help ? stdout : stderr);
      return is_help ? 0 : 2;
    }
  }
  return std::nullopt;
}

void print_books(const Narrator& say, const Books& before, const Books& after) {
  const auto row = [&](const char* name, const Books& books) {
    char text[120];
    (void)std::snprintf(text, sizeof text, "  %-8s %6lld %8lld %8lld %8lld", name, static_cast<long long>(books.bob),
                        static_cast<long long>(books.frozen), static_cast<long long>(books.smith),
                        static_cast<long long>(books.coins()));
    say.plain(text);
  };
  say.plain("\n              bob   frozen    smith    coins");
  row("before", before);
  row("after", after);
}

Result<void> play(BankCast& cast, const BankScene& scene) {
  const Result<Books> before = cast.town.books();
  if (!before) return before.error();
  const Result<Books> must = scene.play(cast, *before);
  if (!must) return must.error();
  const Result<Books> after = cast.town.books();
  if (!after) return after.error();
  print_books(cast.narrator, *before, *after);
  if (!(*after == *must)) {
    return otherwise("the books say " + to_text(*after) + " and must say " + to_text(*must));
  }
  if (after->coins() != before->coins()) return otherwise("NOT conserved: the number of coins has changed");
  cast.narrator.plain("  Conserved: " + std::to_string(after->coins()) + " coins before and after, " +
                      std::to_string(after->frozen) + " of them frozen.");
  return {};
}

Result<void> play_all(BankCast& cast) {
  const int count = static_cast<int>(bank_scenes().size());
  int number = 0;
  for (const BankScene& scene : bank_scenes()) {
    cast.narrator.scene(++number, count, scene.title, scene.story);
    const Result<void> played = play(cast, scene);
    if (g_interrupted != 0) return Error{ErrorCode::kUnavailable, "interrupted"};
    if (!played) {
      return Error{played.error().code,
                   "scene " + std::to_string(number) + ", \"" + scene.title + "\": " + played.error().message};
    }
  }
  return {};
}

Result<void> close_the_books(BankCast& cast, const Books& opening) {
  const Result<Books> now = cast.town.books();
  if (!now) return now.error();
  if (now->coins() != opening.coins() || now->frozen != 0) return otherwise("NOT conserved: " + to_text(*now));
  cast.narrator.title("Conserved, as the banks' own databases say: " + std::to_string(now->coins()) +
                      " coins before and after, none of them frozen.");
  return {};
}

/// Exit code.
int serve(BankCast& cast) {
  Town& town = cast.town;
  const Narrator& say = cast.narrator;
  say.title("It keeps running; Ctrl-C stops it. In another terminal:");
  say.plain("  export SETTLE_API=" + town.address("settled") +
            " SETTLE_ADMIN=" + town.admin_url("settled").substr(std::string_view("http://").size()));
  say.plain("  " + town.programs() + "/settlectl list");
  say.plain("  sqlite3 " + town.folder() + "/north.db \"UPDATE fault SET name = 'closed'\"   # or stuck-undo, none");
  say.plain("  files      " + town.folder() + "   (north.db, south.db, points.db, *.log)");
  while (g_interrupted == 0) {
    for (const std::string& name : town.fallen()) {
      say.plain("\n" + name + " has ended; starting it again (its log: " + town.log_of(name) + ")");
      if (const Result<void> started = town.start(name); !started) {
        if (g_interrupted != 0) break;
        (void)std::fprintf(stderr, "settle-demo-full: %s\n", started.error().message.c_str());
        return 1;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  say.plain("\nstopping");
  return 0;
}

int run(const Options& options, const Folder& folder) {
  const Narrator narrator;
  Town town(own_folder(), folder.path());
  narrator.title("settle: two banks, every pattern");
  narrator.plain(
      "Bob has 1000 coins at the north bank, Smith has 500 at the south bank. Each bank is a process with a");
  narrator.plain("database of its own, the SDK's barrier in it and the SDK's server in front of it.\n");
  if (const Result<void> started = town.start_all(); !started) {
    (void)std::fprintf(stderr, "settle-demo-full: %s\n", started.error().message.c_str());
    return 1;
  }
  for (const char* name : {"settled", "north", "south", "points"}) {
    narrator.step(std::string(name) + std::string(9 - std::string_view(name).size(), ' ') + town.url(name));
  }
  BankCast cast{town, narrator, fresh_prefix()};
  const Result<Books> opening = town.books();
  Result<void> shown = opening ? play_all(cast) : Result<void>(opening.error());
  if (shown) shown = close_the_books(cast, *opening);
  if (g_interrupted != 0) return 130;
  if (!shown) {
    (void)std::fprintf(stderr, "\nsettle-demo-full: %s\nsettle-demo-full: logs and databases are in %s\n",
                       shown.error().message.c_str(), folder.path().c_str());
    return 1;
  }
  return options.once ? 0 : serve(cast);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto exit = parse(argc, argv, options)) return *exit;
  struct sigaction action{};
  action.sa_handler = on_signal;
  (void)::sigaction(SIGINT, &action, nullptr);
  (void)::sigaction(SIGTERM, &action, nullptr);
  Folder folder(options.data);
  if (folder.path().empty()) {
    (void)std::fprintf(stderr, "settle-demo-full: cannot make a folder for the show\n");
    return 1;
  }
  const int exit = run(options, folder);
  if (exit == 1) folder.keep();
  return exit;
}
