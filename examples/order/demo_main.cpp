#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <thread>

#include "audit.h"
#include "folder.h"
#include "narrator.h"
#include "scenes.h"
#include "stage.h"

// settle-demo [--once] [--data DIR]
//
// Starts settled and the three services of the example, breaks them in seven ways, and shows that goods, points and
// money are conserved. Without --once it keeps serving until Ctrl-C.

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
    "usage: settle-demo [--once] [--data DIR]\n"
    "  --once      exit after the show; without it the daemon and the services stay until Ctrl-C\n"
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

Balances expected_after(Balances before, bool sells_one) {
  if (!sells_one) return before;
  before.purse -= kCoinsPerTeapot;
  before.paid += kCoinsPerTeapot;
  before.shelf -= 1;
  before.shipped += 1;
  before.fund -= kPointsPerTeapot;
  before.granted += kPointsPerTeapot;
  return before;
}

Result<void> play(Cast& cast, const Scene& scene) {
  const std::string& folder = cast.stage.options().folder;
  const Result<Balances> before = read_balances(folder);
  if (!before) return before.error();
  if (Result<void> played = scene.play(cast, cast.prefix + scene.name); !played) return played;
  const Result<Balances> after = read_balances(folder);
  if (!after) return after.error();
  cast.narrator.balances(*before, *after);
  if (!(*after == expected_after(*before, scene.sells_one))) {
    return Error{ErrorCode::kConflict, std::string("the books must show ") +
                                           (scene.sells_one ? "one teapot sold, once" : "no change at all")};
  }
  return {};
}

Result<void> play_all(Cast& cast) {
  const int count = static_cast<int>(scenes().size());
  int number = 0;
  for (const Scene& scene : scenes()) {
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

Result<void> close_the_books(const Cast& cast, const Balances& opening) {
  const std::string& folder = cast.stage.options().folder;
  const Result<std::int64_t> orders = audit(folder, opening);
  if (!orders) return Error{orders.error().code, "NOT conserved: " + orders.error().message};
  const Result<Balances> now = read_balances(folder);
  if (!now) return now.error();
  cast.narrator.title("Conserved, as the services' own databases say: " + std::to_string(now->pieces()) + " teapots, " +
                      std::to_string(now->points()) + " points and " + std::to_string(now->coins()) +
                      " coins, before and after.");
  cast.narrator.plain(std::to_string(*orders) +
                      " orders stand, each with its goods once and its points once; nothing else went out.");
  return {};
}

std::string address_in(const std::string& url) { return url.substr(std::string_view("http://").size()); }

void explain_how_to_play(const Cast& cast) {
  const Stage& stage = cast.stage;
  const Narrator& say = cast.narrator;
  const std::string file = stage.options().folder + "/order.json";
  std::ofstream(file) << saga_body(stage, "my-order-1", 1) << "\n";
  const std::string settlectl = stage.options().programs + "/settlectl";
  say.title("It keeps running; Ctrl-C stops it. In another terminal:");
  say.plain("  export SETTLE_API=" + address_in(stage.url("settled")) +
            " SETTLE_ADMIN=" + address_in(stage.admin_url()));
  say.plain("  " + settlectl + " list");
  say.plain("  " + settlectl + " show " + cast.prefix + "answer-lost");
  say.plain("  " + settlectl + " submit " + file + " --wait 5000      # twice: the second time changes nothing");
  say.plain("");
  say.plain("  curl -d hang " + stage.url("points") + "/faults          # points takes the next request and is silent");
  say.plain("  curl -d lose-answer " + stage.url("stock") +
            "/faults   # also: refuse, hang-after-commit, die-after-commit, …");
  say.plain(
      "  curl -d "
      "'{\"gid\":\"my-order-2\",\"customer\":\"ann\",\"goods\":\"teapot\",\"quantity\":1,\"price\":30,\"points\":3}' "
      "\\");
  say.plain("       " + stage.url("order") + "/orders                # an order by message");
  say.plain("");
  say.plain("  metrics    " + stage.admin_url() + "/metrics");
  say.plain("  files      " + stage.options().folder + "   (order.db, stock.db, points.db, *.log)");
}

/// Exit code.
int serve(Cast& cast) {
  explain_how_to_play(cast);
  while (g_interrupted == 0) {
    for (const std::string& name : cast.stage.fallen()) {
      cast.narrator.plain("\n" + name + " has ended; starting it again (its log: " + cast.stage.log_of(name) + ")");
      if (const Result<void> started = cast.stage.start(name); !started) {
        if (g_interrupted != 0) break;
        (void)std::fprintf(stderr, "settle-demo: %s\n", started.error().message.c_str());
        return 1;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  cast.narrator.plain("\nstopping");
  return 0;
}

int run(const Options& options, Folder& folder) {
  const Narrator narrator;
  Stage stage({own_folder(), folder.path(), !options.once});
  narrator.title("settle: three services, one outcome");
  narrator.plain("Ann buys teapots. Order, stock and points are three processes, each with a database of its own;");
  narrator.plain("settled is the coordinator. Now they are broken in every classic way, one after the other.\n");
  if (const Result<void> started = stage.start_all(); !started) {
    (void)std::fprintf(stderr, "settle-demo: %s\n", started.error().message.c_str());
    return 1;
  }
  for (const char* name : {"settled", "order", "stock", "points"}) {
    narrator.step(std::string(name) + std::string(9 - std::string_view(name).size(), ' ') + stage.url(name));
  }

  Cast cast{stage, narrator, fresh_prefix()};
  const Result<Balances> opening = read_balances(folder.path());
  Result<void> shown = opening ? play_all(cast) : Result<void>(opening.error());
  if (shown) shown = close_the_books(cast, *opening);
  if (g_interrupted != 0) return 130;
  if (!shown) {
    (void)std::fprintf(stderr, "\nsettle-demo: %s\nsettle-demo: logs and databases are in %s\n",
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
    (void)std::fprintf(stderr, "settle-demo: cannot make a folder for the show\n");
    return 1;
  }
  const int exit = run(options, folder);
  if (exit == 1) folder.keep();
  return exit;
}
