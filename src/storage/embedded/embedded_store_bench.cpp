// How many saves per second does the embedded store take at 1, 8, 64 and 256 saves per synced group, and how much
// processor time does one cost? And how long does a start take with many open transactions?
//
//   embedded_store_bench DIRECTORY             lives (begin and end, 640 bytes of plan and state) at each group size
//   embedded_store_bench DIRECTORY lives N     only groups of N, gids minted from the tid
//   embedded_store_bench DIRECTORY reopen N    N open transactions; time of open and load, after kill -9 and in good
//   order
//
// The directory must be on a disk; what is in it is removed.

#include <signal.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/embedded/embedded_store.h"

namespace settle {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPlanBytes = 512;
constexpr std::size_t kStateBytes = 128;
constexpr std::size_t kLivesAtOnce = 4096;  // begun before their ends follow, so that groups meet a filled index

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

struct Processor {
  double user = 0;
  double system = 0;
};

Processor processor(int who) {
  rusage usage{};
  (void)::getrusage(who, &usage);
  return {seconds_of(usage.ru_utime), seconds_of(usage.ru_stime)};
}

[[noreturn]] void give_up(const std::string& why) {
  (void)std::fprintf(stderr, "embedded_store_bench: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T take(Result<T> result) {
  if (!result.ok()) give_up(result.error().message);
  return std::move(*result);
}

struct Source {
  Epoch epoch = 0;
  std::uint64_t next = 1'700'000'000'000'000;
  std::shared_ptr<const std::string> plan = std::make_shared<const std::string>(kPlanBytes, 'p');
  std::string state = std::string(kStateBytes, 's');

  Save begin(bool is_named) {
    Save save;
    save.shard = static_cast<ShardNo>(next % 256);
    save.epoch = epoch;
    save.tid = Tid{next++, 1, save.shard, 1};
    save.gid = is_named ? "order-2026-" + std::to_string(next * 0x9e3779b97f4a7c15ULL) : save.tid.text();
    save.version = 1;
    save.forced = true;
    save.summary.phase = Phase::kActing;
    save.summary.created_at = instant_of(static_cast<std::int64_t>(save.tid.sequence));
    save.summary.updated_at = save.summary.created_at;
    save.plan = plan;
    save.state = state;
    return save;
  }

  static Save end(Save save) {
    save.expected = save.version++;
    save.summary.phase = Phase::kEnded;
    save.summary.outcome = GlobalOutcome::kCommitted;
    return save;
  }
};

std::unique_ptr<EmbeddedStore> open_owned(const std::string& directory, Epoch& epoch) {
  EmbeddedOptions options;
  options.directory = directory;
  auto store = take(EmbeddedStore::open(options));
  std::vector<ShardNo> shards(256);
  for (std::size_t i = 0; i < shards.size(); ++i) shards[i] = static_cast<ShardNo>(i);
  epoch = take(store->acquire(shards, "bench", std::chrono::seconds(10))).front().epoch;
  return store;
}

void commit_all(EmbeddedStore& store, const std::vector<Save>& saves, std::size_t per_group) {
  for (std::size_t at = 0; at < saves.size(); at += per_group) {
    const auto group = std::span(saves).subspan(at, std::min(per_group, saves.size() - at));
    for (const Receipt& receipt : take(store.commit(group))) {
      if (receipt.status != SaveStatus::kSaved) give_up("a save was refused");
    }
  }
}

void measure_lives(const std::string& directory, std::size_t per_group, std::size_t lives, bool is_named) {
  std::filesystem::remove_all(directory);
  Source source;
  const auto store = open_owned(directory, source.epoch);
  const Processor before = processor(RUSAGE_SELF);
  Processor thread{};
  double waiting = 0;
  const std::uint64_t syncs = store->syncs();
  std::size_t done = 0;
  while (done < lives) {
    std::vector<Save> saves;
    for (std::size_t i = 0; i < std::min(kLivesAtOnce, lives - done); ++i) saves.push_back(source.begin(is_named));
    const auto run = [&] {
      const Processor start = processor(RUSAGE_THREAD);
      const auto begin = Clock::now();
      commit_all(*store, saves, per_group);
      waiting += seconds_since(begin);
      const Processor stop = processor(RUSAGE_THREAD);
      thread.user += stop.user - start.user;
      thread.system += stop.system - start.system;
    };
    run();
    for (Save& save : saves) save = Source::end(std::move(save));
    run();
    done += saves.size();
  }
  const Processor after = processor(RUSAGE_SELF);
  const auto saves = static_cast<double>(2 * lives);
  std::printf(
      "%-6s group %3zu: %8.0f saves/s %8.0f lives/s; writer thread %.2f us user %.2f us system per save; "
      "process %.2f us user per save; %.3f syncs per save\n",
      is_named ? "named" : "minted", per_group, saves / waiting, static_cast<double>(lives) / waiting,
      thread.user / saves * 1e6, thread.system / saves * 1e6, (after.user - before.user) / saves * 1e6,
      static_cast<double>(store->syncs() - syncs) / saves);
  std::fflush(stdout);
}

void measure_start(const std::string& directory, std::size_t count, const char* how) {
  const auto begin = Clock::now();
  EmbeddedOptions options;
  options.directory = directory;
  auto store = take(EmbeddedStore::open(options));
  const double opened = seconds_since(begin);
  std::vector<ShardNo> shards(256);
  for (std::size_t i = 0; i < shards.size(); ++i) shards[i] = static_cast<ShardNo>(i);
  std::size_t found = 0;
  const auto loaded = store->load_open(
      shards, [&](StoredRecord&& record) { found += record.plan.size() == kPlanBytes ? 1 : 0; },
      [](const Tid&, const Error& error) { give_up(error.message); });
  if (!loaded) give_up(loaded.error().message);
  if (found != count) give_up("found " + std::to_string(found));
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  std::printf("%s: %zu open transactions; open %.3f s, load %.3f s; peak of this process %ld MiB\n", how, found, opened,
              seconds_since(begin) - opened, usage.ru_maxrss / 1024);
  std::fflush(stdout);
}

/// Runs `work` in a process of its own, which ends without closing anything.
template <typename Work>
void in_child(const Work& work) {
  const pid_t child = ::fork();
  if (child < 0) give_up("cannot fork");
  if (child == 0) {
    work();
    (void)::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  (void)::waitpid(child, &status, 0);
}

void measure_reopen(const std::string& directory, std::size_t count) {
  std::filesystem::remove_all(directory);
  in_child([&] {
    Source source;
    const auto store = open_owned(directory, source.epoch);
    for (std::size_t done = 0; done < count;) {
      std::vector<Save> saves;
      for (std::size_t i = 0; i < std::min(kLivesAtOnce, count - done); ++i) saves.push_back(source.begin(true));
      commit_all(*store, saves, 256);
      for (Save& save : saves) {  // every second one has made progress
        save.expected = save.version++;
      }
      saves.resize(saves.size() / 2);
      commit_all(*store, saves, 256);
      done = source.next - 1'700'000'000'000'000;
    }
  });
  in_child([&] { measure_start(directory, count, "after kill -9"); });
  in_child([&] { measure_start(directory, count, "again, log replayed before"); });
}

std::size_t number(std::string_view text) {
  std::size_t out = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc() || out == 0) {
    give_up("not a number: " + std::string(text));
  }
  return out;
}

}  // namespace
}  // namespace settle

int main(int argc, char** argv) {
  using namespace settle;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) give_up("usage: embedded_store_bench DIRECTORY [lives N | reopen N]");
  const std::string directory = arguments[0] + "/settle-store-bench";
  std::filesystem::create_directories(arguments[0]);
  if (take(file_system_type(arguments[0])) == 0x01021994) give_up("a memory file system has no syncs to measure");
  if (arguments.size() == 3 && arguments[1] == "reopen") {
    measure_reopen(directory, number(arguments[2]));
  } else if (arguments.size() == 3 && arguments[1] == "lives") {
    measure_lives(directory, number(arguments[2]), 262144, false);
  } else {
    for (const std::size_t per_group : {1UL, 8UL, 64UL, 256UL})
      measure_lives(directory, per_group, per_group == 1 ? 8192 : 65536, false);
    for (const std::size_t per_group : {64UL, 256UL}) measure_lives(directory, per_group, 65536, true);
  }
  std::filesystem::remove_all(directory);
  return 0;
}
