#include "audit/log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace settle::audit {
namespace {

namespace fs = std::filesystem;

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool is_chain(const std::string& text, std::uint64_t records) {
  Verifier verifier;
  return verifier.feed(text) && verifier.torn_bytes() == 0 && verifier.place().records == records;
}

Record record(const std::string& reason) {
  Record out;
  out.at = instant_of(1'767'323'045'000'000);
  out.verb = "stop";
  out.gid = "g";
  out.reason = reason;
  return out;
}

class AuditLog : public testing::Test {
 protected:
  AuditLog() {
    std::string name = (fs::temp_directory_path() / "settle-audit-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/audit.log";
  }
  ~AuditLog() override { fs::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(AuditLog, TheFileIsMadeWithTheFirstRecordForItsOwnerAlone) {
  Log log(path_);
  EXPECT_EQ(*log.read(1, 10), "");
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(*log.append(record("a")), 1U);
  EXPECT_EQ(*log.append(record("b")), 2U);
  EXPECT_TRUE(is_chain(content_of(path_), 2));
  struct stat found{};
  ASSERT_EQ(::stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
}

TEST_F(AuditLog, ANewProcessGoesOnWithTheChain) {
  {
    EXPECT_EQ(*Log(path_).append(record("a")), 1U);
  }
  EXPECT_EQ(*Log(path_).append(record("b")), 2U);
  EXPECT_TRUE(is_chain(content_of(path_), 2));
}

TEST_F(AuditLog, ReadsInParts) {
  Log log(path_);
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(log.append(record("r" + std::to_string(i))).ok());
  std::string all;
  for (std::uint64_t from = 1; from <= 5; from += 2) all += *log.read(from, 2);
  EXPECT_EQ(all, content_of(path_));
  EXPECT_EQ(*log.read(6, 10), "");
  EXPECT_EQ(*log.read(2, 0), "");
  EXPECT_EQ(*log.read(0, 100), all);
}

// Whatever a crash leaves of the last record: it was never acknowledged, and the chain goes on without it.
TEST_F(AuditLog, ATornEndIsCutOffWhereverItWasTorn) {
  std::string whole;
  {
    Log log(path_);
    ASSERT_TRUE(log.append(record("a")).ok());
    ASSERT_TRUE(log.append(record("b")).ok());
    whole = content_of(path_);
  }
  const std::size_t second = whole.find('\n') + 1;
  for (std::size_t size = second; size < whole.size(); size += 11) {
    fs::remove(path_);
    std::ofstream(path_, std::ios::binary) << whole.substr(0, size);
    Log log(path_);
    EXPECT_EQ(*log.append(record("c")), 2U) << size;
    EXPECT_TRUE(is_chain(content_of(path_), 2)) << size;
  }
  // A file system may have the length and not the bytes.
  fs::remove(path_);
  std::ofstream(path_, std::ios::binary) << whole << std::string(300, '\0');
  Log log(path_);
  EXPECT_EQ(*log.append(record("d")), 3U);
  EXPECT_TRUE(is_chain(content_of(path_), 3));
}

TEST_F(AuditLog, FAIL_N18_AChainThatWasChangedIsNotGoneOnWith) {
  {
    Log log(path_);
    ASSERT_TRUE(log.append(record("a")).ok());
    ASSERT_TRUE(log.append(record("b")).ok());
  }
  std::string text = content_of(path_);
  text.replace(text.find("\"a\""), 3, "\"x\"");
  std::ofstream(path_, std::ios::binary) << text;
  Log log(path_);
  const auto refused = log.append(record("c"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(refused.error().message.find("record 1"), std::string::npos) << refused.error().message;
  EXPECT_EQ(content_of(path_), text) << "it is evidence";
  fs::rename(path_, path_ + ".kept");
  EXPECT_EQ(*log.append(record("c")), 1U);
}

TEST_F(AuditLog, TwoProcessesDoNotWriteOneFile) {
  Log first(path_);
  ASSERT_TRUE(first.append(record("a")).ok());
  Log second(path_);
  const auto refused = second.append(record("b"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
}

TEST_F(AuditLog, AFileThatIsMovedAwayIsFollowedByANewOne) {
  Log log(path_);
  ASSERT_TRUE(log.append(record("a")).ok());
  fs::rename(path_, path_ + ".1");
  EXPECT_EQ(*log.append(record("b")), 1U);
  EXPECT_TRUE(is_chain(content_of(path_), 1));
  EXPECT_TRUE(is_chain(content_of(path_ + ".1"), 1));
}

// FAIL O6: the disk is full in the middle of a record.
TEST_F(AuditLog, FAIL_O6_AFullDiskAddsNothingAndLeavesNothing) {
  Log log(path_);
  ASSERT_TRUE(log.append(record("a")).ok());
  const std::string before = content_of(path_);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = old;
  tight.rlim_cur = before.size() + 40;  // a part of the next record fits
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto refused = log.append(record("b"));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  (void)std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(content_of(path_), before);
  EXPECT_EQ(*log.append(record("b")), 2U) << "there is room again";
  EXPECT_TRUE(is_chain(content_of(path_), 2));
}

TEST_F(AuditLog, AFileThatCannotBeMadeIsAnErrorUntilItCan) {
  Log log(folder_ + "/missing/audit.log");
  EXPECT_EQ(log.append(record("a")).error().code, ErrorCode::kUnavailable);
  fs::create_directory(folder_ + "/missing");
  EXPECT_EQ(*log.append(record("a")), 1U);
}

TEST_F(AuditLog, ARecordThatIsTooLargeIsRefused) {
  Log log(path_);
  EXPECT_EQ(log.append(record(std::string(kLineBytesMax, 'x'))).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(*log.append(record("a")), 1U);
}

TEST_F(AuditLog, WithoutAFileItIsKeptInMemory) {
  Log log("");
  EXPECT_EQ(*log.append(record("a")), 1U);
  EXPECT_EQ(*log.append(record("b")), 2U);
  EXPECT_TRUE(is_chain(*log.read(1, 10), 2));
}

}  // namespace
}  // namespace settle::audit
