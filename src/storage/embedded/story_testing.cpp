#include "storage/embedded/story_testing.h"

#include <map>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/random.h"

namespace settle {
namespace {

constexpr Epoch kToldEpoch = 1;
constexpr std::size_t kOpenMax = 24;

Save begin_of_story(std::uint64_t n, Random& random) {
  Save save;
  save.shard = static_cast<ShardNo>(random.below(Story::kShards));
  save.tid = Tid{1'700'000'000'000'000 + n * 3, 1, save.shard, 1};
  save.gid = random.chance_permille(500) ? save.tid.text() : "order-" + std::to_string(n);
  save.expected = 0;
  save.version = static_cast<Version>(1 + random.below(2));
  save.summary.pattern = random.chance_permille(500) ? Pattern::kSaga : Pattern::kMessage;
  save.summary.phase = Phase::kActing;
  save.summary.created_at = instant_of(static_cast<std::int64_t>(save.tid.sequence));
  save.summary.updated_at = save.summary.created_at;
  save.plan = std::make_shared<const std::string>("plan " + std::to_string(n) + std::string(random.below(200), 'p'));
  save.state = "state " + std::to_string(n) + std::string(random.below(60), 's');
  return save;
}

Save change_of_story(const Save& last, Random& random) {
  Save save = last;
  save.expected = last.version;
  save.version = last.version + static_cast<Version>(1 + random.below(3));
  save.summary.updated_at += Duration{static_cast<std::int64_t>(random.below(1000))};
  save.summary.has_incident = random.chance_permille(100);
  save.state = "state@" + std::to_string(save.version) + std::string(random.below(90), 't');
  if (random.chance_permille(400)) {
    save.summary.phase = Phase::kEnded;
    save.summary.outcome = random.chance_permille(500) ? GlobalOutcome::kCommitted : GlobalOutcome::kAborted;
  }
  return save;
}

}  // namespace

Story::Story(std::uint64_t seed, std::size_t groups, std::size_t saves_per_group_max) {
  Random random = Random::stream(seed, "story");
  MemoryContent& content = end_;
  (void)content.acquire(shards(), "story", Duration{1}, kNoInstant);
  std::map<Tid, Save> open;
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < groups; ++i) {
    std::vector<Save> group;
    std::set<Tid> touched;  // one save per transaction and group
    const std::uint64_t saves = 1 + random.below(saves_per_group_max);
    while (group.size() < saves) {
      const bool begins = open.size() < 3 || (open.size() < kOpenMax && random.chance_permille(400));
      Save save;
      if (begins) {
        save = begin_of_story(next++, random);
      } else {
        auto at = open.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(random.below(open.size())));
        save = change_of_story(at->second, random);
        if (!touched.insert(save.tid).second) break;
      }
      touched.insert(save.tid);
      save.epoch = kToldEpoch;
      SETTLE_ASSERT(content.apply(save) == SaveStatus::kSaved);
      if (save.summary.phase == Phase::kEnded) {
        open.erase(save.tid);
      } else {
        open[save.tid] = save;
      }
      group.push_back(std::move(save));
    }
    groups_.push_back(std::move(group));
  }
}

std::string Story::told_after(std::size_t groups) const {
  MemoryContent content;
  (void)content.acquire(shards(), "story", Duration{1}, kNoInstant);
  for (std::size_t i = 0; i < groups; ++i) {
    for (const Save& save : groups_.at(i)) (void)content.apply(save);
  }
  std::set<Tid> open;
  for (const StoredRecord& record : content.open_of(shards())) open.insert(record.tid);
  ListFilter everything;
  everything.limit = SIZE_MAX;
  return tell(content.list(everything), open);
}

std::vector<Save> Story::group(std::size_t i, Epoch epoch) const {
  std::vector<Save> out = groups_.at(i);
  for (Save& save : out) save.epoch = epoch;
  return out;
}

std::string Story::line_of(const StoredRecord& record, bool is_open) {
  const Summary& summary = record.summary;
  return record.tid.text() + " " + record.gid + " shard " + std::to_string(record.shard) + " v" +
         std::to_string(record.version) + " " + std::string(name_of(summary.pattern)) + " " +
         std::string(name_of(summary.phase)) + " " + std::string(name_of(summary.outcome)) +
         (summary.has_incident ? " incident " : " ") + std::to_string(micros(summary.created_at)) + " " +
         std::to_string(micros(summary.updated_at)) + " plan " + std::to_string(crc32c(record.plan)) + " state " +
         std::to_string(crc32c(record.state)) + (is_open ? " open" : "");
}

std::string Story::tell(const std::vector<StoredRecord>& newest_first, const std::set<Tid>& open) {
  std::string out;
  for (const StoredRecord& record : newest_first) out += line_of(record, open.contains(record.tid)) + "\n";
  return out;
}

std::string Story::tell(Store& store) {
  std::string out;
  std::map<Tid, std::string> open;
  const std::vector<ShardNo> all = shards();
  const auto loaded = store.load_open(
      all, [&](StoredRecord&& record) { open[record.tid] = line_of(record, true); },
      [&](const Tid& tid, const Error& error) { out += "damaged " + tid.text() + ": " + error.message + "\n"; });
  if (!loaded) out += "load_open: " + loaded.error().message + "\n";
  ListFilter everything;
  everything.limit = SIZE_MAX;
  const auto listed = store.list(everything);
  if (!listed) return out + "list: " + listed.error().message + "\n";
  for (const StoredRecord& found : *listed) {
    const bool is_open = found.summary.phase != Phase::kEnded;
    const auto by_tid = store.get(found.tid);
    const auto by_gid = store.get(found.gid);
    if (!by_tid || !by_gid) {
      out += "get " + found.gid + ": " + (by_tid ? by_gid : by_tid).error().message + "\n";
      continue;
    }
    const std::string line = line_of(*by_tid, is_open);
    StoredRecord listed_whole = found;
    listed_whole.plan = by_tid->plan;
    if (line_of(*by_gid, is_open) != line || line_of(listed_whole, is_open) != line) out += "contradiction: ";
    if (is_open && open[found.tid] != line) out += "not loaded: ";
    open.erase(found.tid);
    out += line + "\n";
  }
  for (const auto& [tid, line] : open) {
    if (!line.empty()) out += "not listed: " + line + "\n";
  }
  return out;
}

}  // namespace settle
