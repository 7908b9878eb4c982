// settlectl verify against participants that keep their promises, and against those that break one each.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "cli/json.h"
#include "cli/participant_testing.h"
#include "cli/scripted_daemon_testing.h"
#include "net/socket.h"

namespace settle::cli {
namespace {

using Ids = std::set<std::string>;

/// The ids of the promises with that verdict in a report.
Ids with_verdict(const Ran& ran, std::string_view verdict) {
  Ids ids;
  const Json report = parse_json(ran.out);
  for (const Json& each : part_at(report, "promises")) {
    if (text_at(each, "verdict") == verdict) ids.insert(text_at(each, "id"));
  }
  return ids;
}

Ran verify(const std::string& url, const std::string& pattern, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"verify", url, "--pattern", pattern, "--json"};
  args.insert(args.end(), more.begin(), more.end());
  return run_settlectl(args);
}

const Ids kOfEvery{"ends", "repeat", "copies", "stays", "redirects", "in-time"};
const Ids kOfUndo{"undo", "undo-copies", "empty-undo", "late-forward", "undone", "race", "apart"};
const Ids kOfFinish{"finish", "finish-copies", "finish-undone", "finish-nothing", "undo-finished"};

Ids joined(std::initializer_list<Ids> parts) {
  Ids all;
  for (const Ids& part : parts) all.insert(part.begin(), part.end());
  return all;
}

TEST(Verify, AParticipantOnTheBarrierTableKeepsEveryPromise) {
  const std::pair<std::string, Ids> kPatterns[] = {{"saga", joined({kOfEvery, kOfUndo})},
                                                   {"tcc", joined({kOfEvery, kOfUndo, kOfFinish})},
                                                   {"two_phase", joined({kOfEvery, kOfUndo, kOfFinish})},
                                                   {"message", kOfEvery}};
  for (const auto& [pattern, promises] : kPatterns) {
    const TableParticipant participant;
    const Ran ran = verify(participant.url(), pattern);
    EXPECT_EQ(ran.exit, 0) << pattern << "\n" << ran.out << ran.err;
    EXPECT_EQ(with_verdict(ran, "kept"), promises) << pattern;
    EXPECT_EQ(participant.missing_header(), "") << pattern;
  }
}

TEST(Verify, WhatCanBeTakenBackIsTakenBack) {
  const TableParticipant saga;
  ASSERT_EQ(verify(saga.url(), "saga").exit, 0);
  EXPECT_EQ(saga.effects(), 0U);
  const TableParticipant tcc;
  ASSERT_EQ(verify(tcc.url(), "tcc").exit, 0);
  EXPECT_EQ(tcc.effects(), 3U) << "those that were confirmed: finish, finish-copies, undo-finished";
}

TEST(Verify, TheProducersCheckBackIsProbedWhenItsUrlIsGiven) {
  const TableParticipant participant;
  const Ran ran = verify(participant.url(), "message", {"--check", "/check"});
  EXPECT_EQ(ran.exit, 0) << ran.out;
  EXPECT_EQ(with_verdict(ran, "kept"), joined({kOfEvery, {"check"}}));
}

struct Case {
  Flaw flaw;
  const char* pattern;
  Ids must;      ///< are broken
  Ids may = {};  ///< are broken with it, some of them by the order in which two calls arrive
};

const std::vector<Case> kCases = {
    {Flaw::kOtherResult, "saga", {"repeat"}, {"copies", "stays"}},
    {Flaw::kRepeatRefused, "saga", {"repeat"}, {"copies", "stays"}},
    {Flaw::kCopiesFail, "message", {"copies"}},
    {Flaw::kAnswerFades, "message", {"stays"}},
    {Flaw::kAnswerFades, "tcc", {"stays"}},
    {Flaw::kUndoRepeatRefused, "saga", {"undo"}, {"undo-copies", "empty-undo"}},
    {Flaw::kUndoCopiesFail, "tcc", {"undo-copies"}},
    {Flaw::kEmptyUndoNotFound, "saga", {"empty-undo"}, {"race"}},
    {Flaw::kEmptyUndoNotFound, "two_phase", {"empty-undo"}, {"race"}},
    {Flaw::kEmptyUndoWithoutMark, "saga", {"late-forward"}, {"race"}},
    {Flaw::kEmptyUndoWithoutMark, "tcc", {"late-forward"}, {"race"}},
    {Flaw::kUndoDeletesRow, "saga", {"undone"}, {"race"}},
    {Flaw::kRaceLost, "saga", {"race"}},
    {Flaw::kKeyIsGid, "tcc", {"apart"}},
    {Flaw::kFinishRepeatRefused, "tcc", {"finish"}, {"finish-copies"}},
    {Flaw::kFinishCopiesFail, "two_phase", {"finish-copies"}},
    {Flaw::kFinishAlwaysDone, "tcc", {"finish-undone"}},
    {Flaw::kFinishesNothing, "two_phase", {"finish-nothing"}},
    {Flaw::kUndoOfFinished, "tcc", {"undo-finished"}},
    {Flaw::kCheckGuesses, "message", {"check"}},
    {Flaw::kCheckWithoutState, "message", {"check"}},
    {Flaw::kRedirects, "message", {"redirects"}, {"repeat", "copies"}},
    {Flaw::kSlow, "message", {"in-time"}, {"repeat", "copies"}},
    {Flaw::kBrokenForward, "saga", {"ends"}},
};

TEST(Verify, EachBrokenPromiseIsFoundAndNoOther) {
  for (const Case& each : kCases) {
    const TableParticipant participant(each.flaw);
    std::vector<std::string> more;
    if (each.must.contains("check")) more = {"--check", participant.url()};
    if (each.flaw == Flaw::kSlow) more = {"--timeout", "1000"};
    const Ran ran = verify(participant.url(), each.pattern, more);
    const Ids broken = with_verdict(ran, "broken");
    EXPECT_EQ(ran.exit, 1) << each.pattern << "\n" << ran.out;
    EXPECT_TRUE(std::ranges::includes(broken, each.must)) << *each.must.begin() << "\n" << ran.out;
    const Ids allowed = joined({each.must, each.may});
    EXPECT_TRUE(std::ranges::includes(allowed, broken)) << *each.must.begin() << "\n" << ran.out;
  }
}

TEST(Verify, EveryPromiseHasAParticipantThatBreaksIt) {
  Ids broken;
  for (const Case& each : kCases) broken.insert(each.must.begin(), each.must.end());
  EXPECT_EQ(broken, joined({kOfEvery, kOfUndo, kOfFinish, {"check"}}));
}

TEST(Verify, EveryBreachComesWithEvidenceAndAdvice) {
  const TableParticipant participant(Flaw::kEmptyUndoWithoutMark);
  const Ran ran = verify(participant.url(), "tcc");
  const Json report = parse_json(ran.out);
  const Json& promises = part_at(report, "promises");
  const auto found =
      std::ranges::find_if(promises, [](const Json& each) { return text_at(each, "id") == "late-forward"; });
  ASSERT_NE(found, promises.end()) << ran.out;
  EXPECT_EQ(text_at(*found, "promise"), "the try after its empty cancel is refused");
  EXPECT_NE(text_at(*found, "evidence").find(", cancel 200, try 200 "), std::string::npos) << ran.out;
  EXPECT_NE(text_at(*found, "advice").find("tombstone"), std::string::npos) << ran.out;
}

TEST(Verify, WhatTheBusinessRefusesCannotBeTested) {
  const TableParticipant participant(Flaw::kRefuses);
  const Ran ran = verify(participant.url(), "saga");
  EXPECT_EQ(ran.exit, 2) << ran.out;
  EXPECT_EQ(with_verdict(ran, "broken"), Ids{}) << ran.out;
  EXPECT_EQ(with_verdict(ran, "kept"), (Ids{"ends", "empty-undo", "redirects", "in-time"}))
      << "a refusal by the business is no sign of a tombstone";
  EXPECT_NE(ran.out.find("--input"), std::string::npos) << ran.out;
}

TEST(Verify, ABranchThatOnlyReadsHasNoSecondPhase) {
  const TableParticipant participant(Flaw::kReadsOnly);
  const Ran ran = verify(participant.url(), "two_phase");
  EXPECT_EQ(ran.exit, 2) << ran.out;
  EXPECT_EQ(with_verdict(ran, "broken"), Ids{}) << ran.out;
  EXPECT_EQ(with_verdict(ran, "not testable"), (Ids{"finish", "finish-copies", "finish-undone", "undo-finished"}));
}

TEST(Verify, WhatRunsForEverIsNotWaitedForForEver) {
  const TableParticipant participant(Flaw::kNeverEnds);
  const Ran ran = verify(participant.url(), "saga", {"--timeout", "500"});
  EXPECT_EQ(ran.exit, 2) << ran.out;
  EXPECT_TRUE(with_verdict(ran, "not testable").contains("ends")) << ran.out;
}

TEST(Verify, NobodyThereIsNoVerdict) {
  const net::Fd closed(::socket(AF_INET, SOCK_STREAM, 0));
  const auto address = net::literal_address("127.0.0.1", 0);
  ASSERT_EQ(::bind(closed.get(), address->raw(), address->size), 0);
  const std::string url = "http://127.0.0.1:" + std::to_string(net::local_port(closed.get()));
  const Ran ran = verify(url, "tcc");
  EXPECT_EQ(ran.exit, 2) << ran.out;
  EXPECT_EQ(with_verdict(ran, "kept"), Ids{}) << ran.out;
  EXPECT_EQ(with_verdict(ran, "broken"), Ids{}) << ran.out;
  EXPECT_NE(ran.err.find("nobody answers"), std::string::npos) << ran.err;
}

TEST(Verify, PeopleGetOneLinePerPromise) {
  const TableParticipant participant(Flaw::kFinishesNothing);
  const Ran ran = run_settlectl({"verify", participant.url(), "--pattern", "tcc"});
  EXPECT_EQ(ran.exit, 1);
  const auto lines = static_cast<std::size_t>(std::ranges::count(ran.out, '\n'));
  EXPECT_EQ(lines, 1 + kOfEvery.size() + kOfUndo.size() + kOfFinish.size() + 2) << ran.out;
  EXPECT_NE(ran.out.find("broken   the confirm of what was never held is not done"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("confirm 200"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("\n17 kept, 1 broken, 0 not testable"), std::string::npos) << ran.out;
}

TEST(Verify, AWrongCommandLineSendsNothing) {
  const TableParticipant participant;
  const std::vector<std::vector<std::string>> wrong = {
      {"verify"},
      {"verify", "127.0.0.1:1"},
      {"verify", "https://127.0.0.1:1/x"},
      {"verify", participant.url(), "--pattern", "xa"},
      {"verify", participant.url(), "--try", "/try"},
      {"verify", participant.url(), "--check", "/check"},
      {"verify", participant.url(), "--action", "take"},
      {"verify", participant.url(), "--input", "/no/such/file"},
      {"verify", participant.url(), "--timeout", "0"},
  };
  for (const auto& args : wrong) {
    const Ran ran = run_settlectl(args);
    EXPECT_EQ(ran.exit, 2) << ran.out;
    EXPECT_NE(ran.err.find("settlectl help verify"), std::string::npos) << ran.err;
    EXPECT_EQ(ran.out, "");
  }
  EXPECT_EQ(participant.missing_header(), "") << "nothing came";
}

TEST(Verify, ThePageNamesEveryPromise) {
  std::ifstream file(SETTLE_DOCS "/verify.md");
  Ids named;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `")) named.insert(line.substr(3, line.find('`', 3) - 3));
  }
  EXPECT_EQ(named, joined({kOfEvery, kOfUndo, kOfFinish, {"check"}}));
}

TEST(Verify, TheHelpSaysWhatItCannotSee) {
  const Ran ran = run_settlectl({"help", "verify"});
  EXPECT_NE(ran.out.find("cannot see effects"), std::string::npos) << ran.out;
}

/// A service of the running example, as a process of its own with a database of its own.
class DemoService {
 public:
  explicit DemoService(const std::string& role)
      : database_(::testing::TempDir() + "verify-" + std::to_string(::getpid()) + "-" + role + ".db") {
    remove_database();
    int ends[2] = {-1, -1};
    SETTLE_ASSERT(::pipe2(ends, O_CLOEXEC) == 0);
    log_.reset(ends[0]);
    const net::Fd writing(ends[1]);
    const std::string as = "--role=" + role;
    const std::string with = "--db=" + database_;
    pid_ = ::fork();
    SETTLE_ASSERT(pid_ >= 0);
    if (pid_ == 0) {
      (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
      (void)::dup2(writing.get(), STDERR_FILENO);
      ::execl(DEMO_SERVICE_BINARY, DEMO_SERVICE_BINARY, as.c_str(), with.c_str(), "--port=0", nullptr);
      ::_exit(127);
    }
  }
  ~DemoService() {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    remove_database();
  }
  DemoService(const DemoService&) = delete;
  DemoService& operator=(const DemoService&) = delete;

  /// Reads its log until it listens; "" if it ends before.
  [[nodiscard]] std::string await_url() const {
    std::string line;
    for (char c = 0; ::read(log_.get(), &c, 1) == 1;) {
      if (c != '\n') {
        line.push_back(c);
        continue;
      }
      const std::size_t at = line.find(" port=");
      if (at != std::string::npos) return "http://127.0.0.1:" + line.substr(at + 6, line.find(' ', at + 6) - at - 6);
      line.clear();
    }
    return {};
  }

 private:
  void remove_database() const {
    for (const char* end : {"", "-wal", "-shm", "-journal"}) (void)std::filesystem::remove(database_ + end);
  }

  std::string database_;
  net::Fd log_;
  pid_t pid_ = -1;
};

constexpr const char* kOrderLine = R"({"customer":"c","goods":"teapot","quantity":1,"price":10,"points":1})";

TEST(VerifyOfProcesses, TheServicesOfTheExampleKeepTheirPromises) {
  const DemoService stock("stock");
  const std::string url = stock.await_url();
  ASSERT_NE(url, "") << DEMO_SERVICE_BINARY << " did not start";
  const Ran saga = verify(url, "saga", {"--action", "/take", "--compensate", "/put-back", "--input", kOrderLine});
  EXPECT_EQ(saga.exit, 0) << saga.out << saga.err;
  const Ran message = verify(url, "message", {"--deliver", "/take", "--input", kOrderLine});
  EXPECT_EQ(message.exit, 0) << message.out << message.err;

  const DemoService order("order");
  const std::string producer = order.await_url();
  ASSERT_NE(producer, "");
  const Ran check =
      verify(url, "message", {"--deliver", "/take", "--check", producer + "/check", "--input", kOrderLine});
  EXPECT_EQ(check.exit, 0) << check.out << check.err;
}

TEST(VerifyOfProcesses, AServiceThatWantsOtherInputSaysSo) {
  const DemoService stock("stock");
  const std::string url = stock.await_url();
  ASSERT_NE(url, "");
  const Ran ran = verify(url, "saga", {"--action", "/take", "--compensate", "/put-back", "--input", R"({"goods":1})"});
  EXPECT_EQ(ran.exit, 2) << ran.out;
  const Ran lost = verify(url, "saga", {"--action", "/nowhere"});
  EXPECT_EQ(lost.exit, 1) << "404 is no answer to an op: " << lost.out;
}

}  // namespace
}  // namespace settle::cli
