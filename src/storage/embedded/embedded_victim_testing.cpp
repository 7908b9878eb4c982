// A process that tests of the embedded store may kill or give a damaged directory.
//
//   embedded_victim_testing commit DIRECTORY SEED GROUPS FROM   commits the groups of a story from FROM on; writes the
//   number of
//                                                       each acknowledged group as 4 bytes to standard output
//   embedded_victim_testing tell DIRECTORY close|leave          prints what the store holds; `leave` ends without
//   closing it embedded_victim_testing judge DIRECTORY SEED GROUPS SAVES   compares it with a story of at most SAVES
//   saves per group
//
// Exit status: 0 all is there (or: told); 3 the store refused to open; 4 all but the last group is there; 5 something
// is missing, and whoever asks is told so; 1 something is wrong and nobody was told.

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "storage/embedded/embedded_store.h"
#include "storage/embedded/story_testing.h"

namespace settle {
namespace {

constexpr int kAllThere = 0;
constexpr int kWrong = 1;
constexpr int kUsage = 2;
constexpr int kRefused = 3;
constexpr int kLastGroupLost = 4;
constexpr int kQuarantined = 5;

std::size_t number(std::string_view text) {
  std::size_t out = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), out).ec != std::errc()) std::exit(kUsage);
  return out;
}

std::unique_ptr<EmbeddedStore> open_or_exit(const std::string& directory) {
  EmbeddedOptions options;
  options.directory = directory;
  auto store = EmbeddedStore::open(options);
  if (!store) {
    (void)std::printf("%s\n", store.error().message.c_str());
    std::exit(kRefused);
  }
  return std::move(*store);
}

int commit(const std::string& directory, std::uint64_t seed, std::size_t groups, std::size_t from) {
  const Story story(seed, groups);
  const auto store = open_or_exit(directory);
  const auto leases = store->acquire(Story::shards(), "victim", Duration{1});
  if (!leases) return kWrong;
  // One shard's epoch for all: they are raised together from the first start on.
  const Epoch epoch = leases->front().epoch;
  for (std::size_t i = from; i < story.size(); ++i) {
    const auto receipts = store->commit(story.group(i, epoch));
    if (!receipts) return kWrong;
    for (const Receipt& receipt : *receipts) {
      if (receipt.status != SaveStatus::kSaved) return kWrong;
    }
    const auto number_of_group = static_cast<std::uint32_t>(i);
    if (::write(STDOUT_FILENO, &number_of_group, sizeof number_of_group) != sizeof number_of_group) return kWrong;
  }
  return kAllThere;
}

int tell(const std::string& directory, bool closes) {
  auto store = open_or_exit(directory);
  (void)std::fputs(Story::tell(*store).c_str(), stdout);
  (void)std::fflush(stdout);
  if (!closes) std::_Exit(kAllThere);
  return kAllThere;
}

/// Each record of the story as the store gives it: right, or reported as damaged. Silence and lies are wrong.
int compare_records(EmbeddedStore& store, const Story& story) {
  int verdict = kQuarantined;
  const auto wrong = [&](const std::string& what) {
    (void)std::printf("wrong: %s\n", what.c_str());
    verdict = kWrong;
  };
  std::vector<std::string> expected_open;
  const auto compare = [&](const Tid& tid, const Result<StoredRecord>& found, const char* how) {
    const auto right = story.end().get(tid);
    if (!found) {
      if (found.error().code != ErrorCode::kCorrupt) wrong(tid.text() + " by " + how + ": " + found.error().message);
      return;
    }
    if (!right || Story::line_of(*found, false) != Story::line_of(*right, false)) wrong(tid.text() + " by " + how);
  };
  for (const auto& [tid, record] : story.end().records()) {
    compare(tid, store.get(tid), "tid");
    compare(tid, store.get(record.gid), "gid");
  }
  ListFilter everything;
  everything.limit = SIZE_MAX;
  if (const auto listed = store.list(everything); listed) {
    for (StoredRecord found : *listed) {
      if (const auto right = story.end().get(found.tid); right) found.plan = right->plan;
      compare(found.tid, found, "list");
    }
  }
  std::set<Tid> loaded_or_damaged;
  const auto loaded = store.load_open(
      Story::shards(),
      [&](StoredRecord&& found) {
        loaded_or_damaged.insert(found.tid);
        compare(found.tid, found, "load");
      },
      [&](const Tid& tid, const Error&) { loaded_or_damaged.insert(tid); });
  if (loaded) {
    for (const StoredRecord& record : story.end().open_of(Story::shards())) {
      if (!loaded_or_damaged.contains(record.tid)) wrong(record.tid.text() + " is not loaded");
    }
  }
  return verdict;
}

int judge(const std::string& directory, std::uint64_t seed, std::size_t groups, std::size_t saves) {
  const Story story(seed, groups, saves);
  const auto store = open_or_exit(directory);
  const std::string told = Story::tell(*store);
  if (told == story.told_after(groups)) return kAllThere;
  if (told == story.told_after(groups - 1)) return kLastGroupLost;
  return compare_records(*store, story);
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 5 && arguments[0] == "commit") {
    return commit(arguments[1], number(arguments[2]), number(arguments[3]), number(arguments[4]));
  }
  if (arguments.size() == 3 && arguments[0] == "tell") return tell(arguments[1], arguments[2] == "close");
  if (arguments.size() == 5 && arguments[0] == "judge") {
    return judge(arguments[1], number(arguments[2]), number(arguments[3]), number(arguments[4]));
  }
  (void)std::fputs("usage: see the head of embedded_victim_testing.cpp\n", stderr);
  return kUsage;
}

}  // namespace
}  // namespace settle

int main(int argc, char** argv) {
  settle::set_log_level(settle::LogLevel::kError);
  return settle::run({argv + 1, argv + argc});
}
