#include "storage/embedded/log_tail.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/crc32c.h"
#include "storage/embedded/test_directory.h"

namespace settle {
namespace {

/// Writes a log as the library does. (That it is the library's layout is proved with real logs in
/// embedded_damage_test.)
constexpr std::uint32_t kStamp = 0x5eed;

class LogWriter {
 public:
  explicit LogWriter(std::uint32_t stamp = kStamp) : stamp_(stamp) {}

  /// One write of `count` changes; `filler` bytes stand for them.
  void write(std::uint64_t sequence, std::uint32_t count, std::uint64_t synced, std::size_t filler = 30) {
    std::string entry;
    append(entry, sequence, 8);
    append(entry, count, 4);
    const std::string mark = log_mark(synced, stamp_);
    entry += '\x03';
    entry += static_cast<char>(mark.size());
    entry += mark;
    entry.append(filler, 'c');
    begins_.push_back(log_.size());
    fragments(entry);
    ends_.push_back(log_.size());
  }

  [[nodiscard]] const std::string& log() const { return log_; }
  [[nodiscard]] std::size_t begin_of(std::size_t i) const { return begins_.at(i); }
  [[nodiscard]] std::size_t end_of(std::size_t i) const { return ends_.at(i); }

 private:
  static void append(std::string& to, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) to += static_cast<char>((value >> (8 * i)) & 0xffU);
  }

  void fragments(std::string_view entry) {
    for (bool is_first = true; is_first || !entry.empty(); is_first = false) {
      const std::size_t room = 32768 - log_.size() % 32768;
      if (room < 7) log_.append(room, '\0');
      const std::size_t size = std::min(entry.size(), 32768 - log_.size() % 32768 - 7);
      const bool is_last = size == entry.size();
      const char kind = is_first ? (is_last ? '\1' : '\2') : (is_last ? '\4' : '\3');
      const std::string_view payload = entry.substr(0, size);
      const std::uint32_t crc = crc32c(payload, crc32c(std::string_view(&kind, 1)));
      append(log_, ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U, 4);
      append(log_, size, 2);
      log_ += kind;
      log_ += payload;
      entry.remove_prefix(size);
    }
  }

  std::uint32_t stamp_;
  std::string log_;
  std::vector<std::size_t> begins_;
  std::vector<std::size_t> ends_;
};

class LogTail : public ::testing::Test {
 protected:
  std::string put(const std::string& name, const std::string& bytes) {
    const std::string path = directory_.sub(name);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    return path;
  }

  /// The cuts by file name, or {"refused": 0}.
  static std::map<std::string, std::uint64_t> judge(const std::vector<std::string>& paths) {
    const auto cuts = examine_logs(paths, kStamp);
    if (!cuts) {
      EXPECT_EQ(cuts.error().code, ErrorCode::kCorrupt) << cuts.error().message;
      return {{"refused", 0}};
    }
    std::map<std::string, std::uint64_t> out;
    for (const LogCut& cut : cuts->cuts) out[std::filesystem::path(cut.path).filename().string()] = cut.keep_bytes;
    return out;
  }

  using Cuts = std::map<std::string, std::uint64_t>;
  const Cuts refused_{{"refused", 0}};
  TestDirectory directory_{TestDirectory::Kind::kMemory};
};

/// Twelve writes of two changes; every third one was synced, and the next one knows it.
LogWriter some_log(std::uint64_t first = 101, std::size_t filler = 30) {
  LogWriter log;
  std::uint64_t synced = first - 1;
  for (std::uint64_t i = 0; i < 12; ++i) {
    log.write(first + 2 * i, 2, synced, filler);
    if (i % 3 == 2) synced = first + 2 * i + 1;
  }
  return log;
}

TEST_F(LogTail, WholeLogsAreLeftAlone) {
  EXPECT_EQ(judge({}), Cuts{});
  EXPECT_EQ(judge({put("1.log", "")}), Cuts{});
  EXPECT_EQ(judge({put("1.log", some_log().log())}), Cuts{});
  EXPECT_EQ(judge({put("1.log", some_log(101, 20'000).log())}), Cuts{});  // entries over several blocks
  EXPECT_EQ(judge({put("1.log", some_log(101).log()), put("2.log", some_log(125).log())}), Cuts{});
  EXPECT_EQ(judge({put("1.log", some_log(101).log()), put("2.log", some_log(900).log())}), Cuts{});  // one long flushed
}

TEST_F(LogTail, EntriesAreWalkedWithTheirMarks) {
  for (const std::size_t filler : {0UL, 30UL, 32768UL - 7 - 27, 32768UL - 7 - 26, 70'000UL}) {
    const LogWriter log = some_log(101, filler);
    std::vector<LogEntry> entries;
    walk_log(
        log.log(), kStamp, [&](const LogEntry& entry) { entries.push_back(entry); },
        [](std::uint64_t offset) { ADD_FAILURE() << "broken at " << offset; });
    ASSERT_EQ(entries.size(), 12U);
    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_EQ(entries[i].sequence, 101 + 2 * i);
      EXPECT_EQ(entries[i].count, 2U);
      EXPECT_EQ(entries[i].synced, i < 3 ? 100 : 100 + (i / 3) * 6);
    }
  }
}

TEST_F(LogTail, FAIL_H6_LogCutAnywhereKeepsItsWholeEntries) {
  const LogWriter log = some_log();
  std::size_t whole = 0;
  for (std::size_t size = 0; size < log.log().size(); ++size) {
    while (whole < 12 && log.end_of(whole) <= size) ++whole;
    const std::size_t kept = whole == 0 ? 0 : log.end_of(whole - 1);
    const Cuts expected = kept == size ? Cuts{} : Cuts{{"1.log", kept}};
    EXPECT_EQ(judge({put("1.log", log.log().substr(0, size))}), expected) << "cut at " << size;
  }
}

TEST_F(LogTail, FAIL_H7_DamageThatALaterWriteKnewToBeSyncedIsRefused) {
  for (const std::size_t filler : {30UL, 20'000UL}) {
    const LogWriter log = some_log(101, filler);
    // Entries 9 to 11 were not synced; what came before was, and entry 9 says so.
    for (std::size_t i = 0; i < 9; ++i) {
      for (std::size_t at = log.begin_of(i); at < log.end_of(i); at += filler == 30 ? 1 : 997) {
        std::string bytes = log.log();
        bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
        EXPECT_EQ(judge({put("1.log", bytes)}), refused_) << "entry " << i << " byte " << at;
      }
    }
  }
}

TEST_F(LogTail, FAIL_H6_DamageInWhatNobodyWasToldIsCutOffWithAllBehindIt) {
  const LogWriter log = some_log();
  for (std::size_t i = 9; i < 12; ++i) {
    for (std::size_t at = log.begin_of(i); at < log.end_of(i); ++at) {
      std::string bytes = log.log();
      bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
      EXPECT_EQ(judge({put("1.log", bytes)}), (Cuts{{"1.log", log.begin_of(i)}})) << "entry " << i << " byte " << at;
    }
  }
}

TEST_F(LogTail, FAIL_H6_PageOfZerosEndsTheLogInsteadOfLeavingAHole) {
  LogWriter log;
  log.write(101, 1, 100);
  for (std::uint64_t i = 0; i < 60; ++i) log.write(102 + i, 1, 101, 1000);  // a long tail that was never synced
  std::string bytes = log.log();
  std::fill(bytes.begin() + 8192, bytes.begin() + 12288, '\0');
  std::size_t kept = 0;
  for (std::size_t i = 0; log.end_of(i) <= 8192; ++i) kept = log.end_of(i);
  EXPECT_EQ(judge({put("1.log", bytes)}), (Cuts{{"1.log", kept}}));

  log.write(162, 1, 161);  // now all of it was
  bytes = log.log();
  std::fill(bytes.begin() + 8192, bytes.begin() + 12288, '\0');
  EXPECT_EQ(judge({put("1.log", bytes)}), refused_);
}

TEST_F(LogTail, FAIL_H7_MissingEntryIsNoticedByItsNumber) {
  LogWriter log;
  log.write(101, 1, 100);
  log.write(103, 1, 102);
  EXPECT_EQ(judge({put("1.log", log.log())}), refused_);
  LogWriter unsynced;
  unsynced.write(101, 1, 100);
  unsynced.write(103, 1, 100);
  EXPECT_EQ(judge({put("1.log", unsynced.log())}), (Cuts{{"1.log", unsynced.end_of(0)}}));
}

TEST_F(LogTail, FAIL_H6_LogsBehindATornOneAreDroppedUnlessTheyGoOnWhereItWasKept) {
  LogWriter first;
  first.write(101, 1, 100);
  first.write(102, 1, 100);
  const std::string torn = put("1.log", first.log().substr(0, first.end_of(1) - 1));
  LogWriter lost;
  lost.write(103, 1, 100);
  EXPECT_EQ(judge({torn, put("2.log", lost.log())}), (Cuts{{"1.log", first.end_of(0)}, {"2.log", 0}}));

  LogWriter again;  // an earlier recovery dropped the torn write and gave its number away again
  again.write(102, 1, 101);
  again.write(103, 1, 102);
  EXPECT_EQ(judge({torn, put("2.log", again.log())}), (Cuts{{"1.log", first.end_of(0)}}));

  LogWriter later;
  later.write(103, 1, 102);
  EXPECT_EQ(judge({torn, put("2.log", later.log())}), refused_);
}

TEST_F(LogTail, FAIL_H7_DamagedFirstEntryIsJudgedByWhatFollows) {
  LogWriter log;
  log.write(101, 1, 100);
  log.write(102, 1, 101);
  std::string bytes = log.log();
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  EXPECT_EQ(judge({put("1.log", bytes)}), refused_);
  LogWriter unsynced;
  unsynced.write(101, 1, 100);
  unsynced.write(102, 1, 100);
  bytes = unsynced.log();
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  EXPECT_EQ(judge({put("1.log", bytes)}), (Cuts{{"1.log", 0}}));
}

TEST_F(LogTail, FAIL_H6_PayloadThatLooksLikeALaterWriteProvesNothing) {
  LogWriter forged(kStamp + 1);  // whoever writes payloads does not know the stamp
  forged.write(200, 1, 199);
  LogWriter log;
  log.write(101, 1, 100);
  const std::string bytes = log.log() + "torn" + forged.log();
  EXPECT_EQ(judge({put("1.log", bytes)}), (Cuts{{"1.log", log.end_of(0)}}));
}

TEST_F(LogTail, CutsAreApplied) {
  const std::string path = put("1.log", "0123456789");
  ASSERT_TRUE(cut_logs({{path, 4}}).ok());
  EXPECT_EQ(std::filesystem::file_size(path), 4U);
  EXPECT_FALSE(cut_logs({{directory_.sub("missing.log"), 0}}).ok());
}

}  // namespace
}  // namespace settle
