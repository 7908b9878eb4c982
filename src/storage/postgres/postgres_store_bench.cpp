// How many saves per second does the postgres store take at 1, 8, 64 and 256 saves per group, from one daemon and from
// several, and how much processor time of ours does one cost?
//
//   postgres_store_bench URL                 lives (begin and end, 640 bytes of plan and state) at each group size
//   postgres_store_bench URL lives N [K]     only groups of N, from K daemons at once, each with its own shards
//
// The database must be one that may lose its schema `settle`: it is removed before and afterwards.

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "storage/postgres/postgres_store.h"

namespace settle {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPlanBytes = 512;
constexpr std::size_t kStateBytes = 128;
constexpr std::size_t kLivesAtOnce = 4096;  // begun before their ends follow, so that groups meet a filled index
constexpr ShardNo kShardsOfOne = 256;

[[noreturn]] void give_up(const std::string& why) {
  (void)std::fprintf(stderr, "postgres_store_bench: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T take(Result<T> result) {
  if (!result.ok()) give_up(result.error().message);
  return std::move(*result);
}

double processor_seconds() {
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void drop_schema(const std::string& url) {
  auto connection = take(postgres::Connection::open({.url = url, .name = "bench"}));
  if (const auto done = connection->run_script("DROP SCHEMA IF EXISTS settle CASCADE"); !done) {
    give_up(done.error().message);
  }
}

/// One daemon's part: begins and ends its own transactions.
class Daemon {
 public:
  Daemon(const std::string& url, std::uint16_t number)
      : number_(number), store_(take(PostgresStore::open({.url = url, .node = "bench-" + std::to_string(number)}))) {
    std::vector<ShardNo> shards;
    for (ShardNo i = 0; i < kShardsOfOne; ++i) shards.push_back(static_cast<ShardNo>(number * kShardsOfOne + i));
    epoch_ = take(store_->acquire(shards, "bench-" + std::to_string(number), std::chrono::hours(1))).front().epoch;
  }

  void live(std::size_t lives, std::size_t per_group) {
    for (std::size_t done = 0; done < lives;) {
      std::vector<Save> saves;
      for (std::size_t i = 0; i < std::min(kLivesAtOnce, lives - done); ++i) saves.push_back(begin());
      commit_all(saves, per_group);
      for (Save& save : saves) {
        save.expected = save.version++;
        save.summary.phase = Phase::kEnded;
        save.summary.outcome = GlobalOutcome::kCommitted;
      }
      commit_all(saves, per_group);
      done += saves.size();
    }
  }

  /// Time of every group, in seconds, sorted.
  [[nodiscard]] std::vector<double> times() const {
    std::vector<double> out = times_;
    std::sort(out.begin(), out.end());
    return out;
  }
  [[nodiscard]] std::string description() const { return store_->description(); }

 private:
  Save begin() {
    Save save;
    save.shard = static_cast<ShardNo>(number_ * kShardsOfOne + next_ % kShardsOfOne);
    save.epoch = epoch_;
    save.tid = Tid{next_++, 1, save.shard, 1};
    save.gid = save.tid.text();
    save.version = 1;
    save.forced = true;
    save.summary.phase = Phase::kActing;
    save.summary.created_at = instant_of(static_cast<std::int64_t>(save.tid.sequence));
    save.summary.updated_at = save.summary.created_at;
    save.plan = plan_;
    save.state = std::string(kStateBytes, 's');
    return save;
  }

  void commit_all(const std::vector<Save>& saves, std::size_t per_group) {
    for (std::size_t at = 0; at < saves.size(); at += per_group) {
      const auto begin = Clock::now();
      const auto receipts = take(store_->commit(std::span(saves).subspan(at, std::min(per_group, saves.size() - at))));
      times_.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
      for (const Receipt& receipt : receipts) {
        if (receipt.status != SaveStatus::kSaved) give_up("a save was refused");
      }
    }
  }

  std::uint16_t number_;
  std::unique_ptr<PostgresStore> store_;
  Epoch epoch_ = 0;
  std::uint64_t next_ = 1'700'000'000'000'000;
  std::shared_ptr<const std::string> plan_ = std::make_shared<const std::string>(kPlanBytes, 'p');
  std::vector<double> times_;
};

void measure(const std::string& url, std::size_t per_group, std::size_t daemons, std::size_t lives) {
  drop_schema(url);
  std::vector<std::unique_ptr<Daemon>> all;
  for (std::size_t i = 0; i < daemons; ++i) all.push_back(std::make_unique<Daemon>(url, static_cast<std::uint16_t>(i)));
  static bool is_told = false;
  if (!std::exchange(is_told, true)) std::printf("%s\n", all.front()->description().c_str());
  const double processor = processor_seconds();
  const auto begin = Clock::now();
  std::vector<std::thread> threads;
  for (const auto& daemon : all) threads.emplace_back([&] { daemon->live(lives / daemons, per_group); });
  for (std::thread& thread : threads) thread.join();
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::size_t saved = 2 * (lives / daemons) * daemons;
  const auto saves = static_cast<double>(saved);
  const std::vector<double> times = all.front()->times();
  std::printf("group %3zu, daemons %zu: %8.0f saves/s; a group p50 %.2f ms, p99 %.2f ms; %.2f us of ours per save\n",
              per_group, daemons, saves / took, times[times.size() / 2] * 1e3, times[times.size() * 99 / 100] * 1e3,
              (processor_seconds() - processor) / saves * 1e6);
  std::fflush(stdout);
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
  if (arguments.empty()) give_up("usage: postgres_store_bench URL [lives N [K]]");
  set_log_level(LogLevel::kWarn);
  const std::string& url = arguments[0];
  if (arguments.size() >= 3 && arguments[1] == "lives") {
    measure(url, number(arguments[2]), arguments.size() > 3 ? number(arguments[3]) : 1, 65536);
  } else {
    for (const std::size_t per_group : {1UL, 8UL, 64UL, 256UL}) {
      measure(url, per_group, 1, per_group == 1 ? 4096 : 32768);
    }
    measure(url, 64, 2, 65536);
  }
  drop_schema(url);
  return 0;
}
