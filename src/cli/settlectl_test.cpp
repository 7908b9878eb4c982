#include "cli/settlectl.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "cli/http.h"
#include "cli/scripted_daemon_testing.h"
#include "net/socket.h"

namespace settle::cli {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kRunning = R"({"gid":"order-1","tid":"X","pattern":"saga","phase":"acting","decision":"none",
  "outcome":"running","heuristic":"none","created_at":"2026-01-02T03:04:05.000100Z","updated_at":"2026-01-02T03:04:09.5Z",
  "waiting_for":[{"branch":"points","op":"action","attempts":3,"last_answer":"HTTP 503","next_due_at":"2026-01-02T03:04:12.250Z"}],
  "branches":[{"id":"stock","ops":{"action":{"outcome":"done","attempts":1,"last_answer":"HTTP 200","result":"lot 7"}}},
              {"id":"points","ops":{"action":{"outcome":"unknown","attempts":3,"last_answer":"HTTP 503"}}}],
  "timeline":[{"at":"2026-01-02T03:04:05.000100Z","event":"begun"},
              {"at":"2026-01-02T03:04:05.020Z","event":"done","branch":"stock","op":"action"},
              {"at":"2026-01-02T03:04:06.020Z","event":"unknown","branch":"points","op":"action","detail":"HTTP 503, 3 times"}]})";

std::string ended(const std::string& outcome) {
  return R"({"gid":"order-1","pattern":"saga","phase":"ended","decision":")" +
         std::string(outcome == "committed" ? "commit" : "abort") + R"(","outcome":")" + outcome +
         R"(","created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:06.5Z","waiting_for":[],"branches":[]})";
}

class Settlectl : public ::testing::Test {
 protected:
  void SetUp() override {
    environment_of_test() = {{"SETTLE_API", api_.address()}, {"SETTLE_ADMIN", admin_.address()}};
  }

  ScriptedDaemon api_;
  ScriptedDaemon admin_;
};

/// A port that nobody listens on: bound, so that nobody else takes it, and never listening.
class ClosedPort {
 public:
  ClosedPort() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const auto address = net::literal_address("127.0.0.1", 0);
    SETTLE_ASSERT(::bind(fd_.get(), address->raw(), address->size) == 0);
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(net::local_port(fd_.get())); }

 private:
  net::Fd fd_;
};

TEST_F(Settlectl, ShowTellsWhatIsAwaitedFromWhomSinceWhenAndWhatComesNext) {
  api_.answer("GET /v1/transactions/order-1?timeline=1", 200, kRunning);
  const Ran ran = run_settlectl({"show", "order-1"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out, R"(order-1  saga  acting
  began     2026-01-02 03:04:05.000 UTC

  WAITS FOR  OP      SINCE                     ATTEMPTS  LAST ANSWER  ASKED AGAIN
  points     action  03:04:06.020 (3.9 s ago)  3         HTTP 503     03:04:12.250 (in 2.2 s)
  next: done leads to the next step; a refusal undoes what was done, in reverse order

  BRANCH  OP      OUTCOME  ATTEMPTS  LAST ANSWER  RESULT
  stock   action  done     1         HTTP 200     lot 7
  points  action  unknown  3         HTTP 503

  TIME (UTC)    EVENT    BRANCH  OP      DETAIL
  03:04:05.000  begun
  03:04:05.020  done     stock   action
  03:04:06.020  unknown  points  action  HTTP 503, 3 times
)");
}

TEST_F(Settlectl, ShowOfAFirstAttemptCountsSinceTheEventThatMadeItDue) {
  api_.answer("GET /v1/transactions/g?timeline=1", 200,
              R"({"gid":"g","pattern":"saga","phase":"acting","outcome":"running","created_at":"2026-01-02T03:04:01Z",
                  "waiting_for":[{"branch":"b","op":"action","attempts":1}],
                  "timeline":[{"at":"2026-01-02T03:04:01Z","event":"begun"},
                              {"at":"2026-01-02T03:04:08Z","event":"done","branch":"a","op":"action"}]})");
  const Ran ran = run_settlectl({"show", "g"});
  EXPECT_NE(ran.out.find("03:04:08.000 (2.0 s ago)"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("an attempt is under way"), std::string::npos) << ran.out;
}

TEST_F(Settlectl, ShowOfAnEndedOneTellsHowLongItTookAndWaitsForNothing) {
  api_.answer("GET /v1/transactions/order-1?timeline=1", 200, ended("aborted"));
  const Ran ran = run_settlectl({"show", "order-1"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "order-1  saga  aborted\n"
            "  began     2026-01-02 03:04:05.000 UTC\n"
            "  ended     2026-01-02 03:04:06.500 UTC, after 1.5 s\n");
}

TEST_F(Settlectl, ShowMarksWhatFollowsVotesAndWhatWasGivenUp) {
  api_.answer("GET /v1/transactions/g?timeline=1", 200,
              R"({"gid":"g","pattern":"two_phase","phase":"following","decision":"commit","outcome":"committed",
                  "heuristic":"mixed","created_at":"2026-01-02T03:04:01Z","branches":[
                  {"id":"a","ops":{"prepare":{"outcome":"done","attempts":1,"vote":"read-only"}}},
                  {"id":"b","ops":{"prepare":{"outcome":"unknown","attempts":2,"given_up":true}}},
                  {"id":"mail","follow_up":true,"ops":{}}],
                  "waiting_for":[{"branch":"mail","op":"deliver","attempts":1}]})");
  const Ran ran = run_settlectl({"show", "g"});
  for (const char* expected :
       {"g  two_phase  following, decided: commit\n", "  heuristic mixed\n",
        "  next: the outcome is reached; what follows", "a               prepare  done, read-only",
        "b               prepare  unknown, given up", "mail (follows)           not called"}) {
    EXPECT_NE(ran.out.find(expected), std::string::npos) << expected << "\n" << ran.out;
  }
}

TEST_F(Settlectl, ShowSaysThatTheClientIsAwaited) {
  api_.answer("GET /v1/transactions/g?timeline=1", 200,
              R"({"gid":"g","pattern":"tcc","phase":"trying","decision":"none","outcome":"running",
                  "created_at":"2026-01-02T03:04:01Z","waiting_for":[],"branches":[]})");
  const Ran ran = run_settlectl({"show", "g"});
  EXPECT_NE(ran.out.find("waits for its client, which calls the branches itself"), std::string::npos) << ran.out;
}

TEST_F(Settlectl, ShowPutsAnIncidentWhereItIsSeen) {
  api_.answer("GET /v1/transactions/g?timeline=1", 200,
              R"({"gid":"g","pattern":"message","phase":"delivering","decision":"commit","outcome":"running",
                  "created_at":"2026-01-02T03:04:01Z","waiting_for":[],"branches":[],
                  "incident":{"kind":"refused","since":"2026-01-02T03:04:07Z","text":"stock says no","suggested":["retry"]}})");
  const Ran ran = run_settlectl({"show", "g"});
  EXPECT_NE(ran.out.find("INCIDENT  refused since 03:04:07.000 (3.0 s ago)\n            stock says no\n"
                         "            you can: retry\n"),
            std::string::npos)
      << ran.out;
}

TEST_F(Settlectl, TerminalEscapesOfAParticipantAreSpelledOut) {
  api_.answer("GET /v1/transactions/g?timeline=1", 200,
              "{\"gid\":\"g\",\"pattern\":\"saga\",\"phase\":\"ended\",\"outcome\":\"aborted\","
              "\"reason\":\"no \\u001b[2J\\u009b31m teapots\"}");
  const Ran ran = run_settlectl({"show", "g"});
  EXPECT_NE(ran.out.find("no \\x1b[2J\\xc2\\x9b31m teapots"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
}

TEST_F(Settlectl, JsonIsTheDaemonsOwnBytes) {
  const std::string odd = R"({"gid":"g",  "outcome":"running", "n":100.50})";
  api_.answer("GET /v1/transactions/g?timeline=1", 200, odd);
  const Ran ran = run_settlectl({"show", "g", "--json"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, odd + "\n");
}

TEST_F(Settlectl, SubmitSendsTheFileByteForByte) {
  const std::string plan = "{\"pattern\": \"saga\",\n \"steps\": [ {\"input\": 100.50} ] }\n";
  const std::string name = ::testing::TempDir() + "settlectl-plan-" + std::to_string(::getpid()) + ".json";
  std::ofstream(name) << plan;
  api_.answer("POST /v1/transactions", 201, kRunning);
  const Ran ran = run_settlectl({"submit", name});
  EXPECT_EQ(::unlink(name.c_str()), 0);
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "order-1  saga  acting\n  waits for points action, attempts 3, last answer HTTP 503\n"
            "  look at it: settlectl show order-1\n");
  ASSERT_EQ(api_.seen().size(), 1U);
  EXPECT_EQ(api_.seen()[0].body, plan);
}

TEST_F(Settlectl, SubmitReadsStandardInput) {
  api_.answer("POST /v1/transactions", 200, ended("committed"));
  EXPECT_EQ(run_settlectl({"submit", "-"}, "{}").exit, 0);
  EXPECT_EQ(api_.seen().at(0).body, "{}");
}

TEST_F(Settlectl, SubmitOfAFileThatIsNotThereSendsNothing) {
  const Ran ran = run_settlectl({"submit", "/no/such/file.json"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_NE(ran.err.find("cannot read the file /no/such/file.json"), std::string::npos);
  EXPECT_TRUE(api_.seen().empty());
}

TEST_F(Settlectl, SubmitWithWaitTellsTheOutcomeByItsExitCode) {
  api_.answer("POST /v1/transactions", 201, kRunning);
  const std::string wait = "GET /v1/transactions/order-1?wait_ms=5000&wait_for=end&timeline=1";
  api_.answer(wait, 200, ended("committed"));
  api_.answer(wait, 200, ended("aborted"));
  EXPECT_EQ(run_settlectl({"submit", "-", "--wait", "5000"}, "{}").exit, 0);
  EXPECT_EQ(run_settlectl({"submit", "-", "--wait=5000"}, "{}").exit, 1);
}

TEST_F(Settlectl, SubmitWithoutWaitIsFineWhateverTheOutcome) {
  api_.answer("POST /v1/transactions", 200, ended("aborted"));
  EXPECT_EQ(run_settlectl({"submit", "-"}, "{}").exit, 0);
}

TEST_F(Settlectl, SubmitOfAPlanThatWaitsItselfTellsTheOutcomeToo) {
  api_.answer("POST /v1/transactions", 200, ended("aborted"));
  EXPECT_EQ(run_settlectl({"submit", "-"}, R"({"wait_ms": 100})").exit, 1);
}

TEST_F(Settlectl, WaitAsksUntilTheEnd) {
  const std::string wait = "GET /v1/transactions/order-1?wait_ms=10000&wait_for=end&timeline=1";
  api_.answer(wait, 200, kRunning);
  api_.answer(wait, 200, kRunning);
  api_.answer(wait, 200, ended("committed"));
  const Ran ran = run_settlectl({"wait", "order-1"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, "order-1  saga  committed\n");
  EXPECT_EQ(api_.lines(), (Lines{wait, wait, wait}));
}

TEST_F(Settlectl, AWaitThatIsOverIsNoFailure) {
  api_.answer("GET /v1/transactions/order-1?wait_ms=20&wait_for=end&timeline=1", 200, kRunning);
  EXPECT_EQ(run_settlectl({"wait", "order-1", "--for", "20"}).exit, 4);
}

TEST_F(Settlectl, WaitEndsAtAnIncident) {
  api_.answer("GET /v1/transactions/order-1?wait_ms=10000&wait_for=end&timeline=1", 200,
              R"({"gid":"order-1","pattern":"saga","phase":"compensating","decision":"abort","outcome":"running",
                  "incident":{"kind":"exhausted","text":"no answer"}})");
  const Ran ran = run_settlectl({"wait", "order-1"});
  EXPECT_EQ(ran.exit, 4);
  EXPECT_NE(ran.out.find("INCIDENT exhausted: no answer"), std::string::npos) << ran.out;
}

TEST_F(Settlectl, WaitForTheDecisionIsContentWithIt) {
  api_.answer("GET /v1/transactions/order-1?wait_ms=10000&wait_for=decision&timeline=1", 200,
              R"({"gid":"order-1","pattern":"message","phase":"delivering","decision":"commit","outcome":"running"})");
  EXPECT_EQ(run_settlectl({"wait", "order-1", "--until", "decision"}).exit, 0);
}

TEST_F(Settlectl, AbortOfASagaSendsTheReason) {
  api_.answer("GET /v1/transactions/order-1", 200, kRunning);
  api_.answer("POST /v1/transactions/order-1/abort", 200,
              R"({"gid":"order-1","pattern":"saga","phase":"compensating","decision":"abort","outcome":"running"})");
  const Ran ran = run_settlectl({"abort", "order-1", "--reason", "customer \"changed\" her mind"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, "order-1  saga  compensating, decided: abort\n");
  EXPECT_EQ(api_.seen().at(1).body, R"({"reason":"customer \"changed\" her mind"})");
}

TEST_F(Settlectl, AbortOfAPreparedMessageLetsTheCheckBackDecide) {
  api_.answer("GET /v1/transactions/m", 200,
              R"({"gid":"m","pattern":"message","phase":"prepared","decision":"none","outcome":"running"})");
  admin_.answer("POST /v1/transactions/m/retry", 200, R"({"gid":"m","pattern":"message","phase":"prepared"})");
  const std::string wait = "GET /v1/transactions/m?wait_ms=10000&wait_for=decision&timeline=1";
  api_.answer(wait, 200,
              R"({"gid":"m","pattern":"message","phase":"delivering","decision":"commit","outcome":"running"})");
  const Ran ran = run_settlectl({"abort", "m"});
  EXPECT_EQ(ran.exit, 1) << "the local transaction had committed";
  EXPECT_EQ(admin_.lines(), (Lines{"POST /v1/transactions/m/retry"}));
  EXPECT_EQ(api_.lines(), (Lines{"GET /v1/transactions/m", wait})) << "nobody vouches for an abort";
}

TEST_F(Settlectl, RetryGoesToTheAdminListenerWithItsReason) {
  admin_.answer("POST /v1/transactions/order-1/retry", 200, kRunning);
  const Ran ran = run_settlectl({"retry", "order-1", "--reason", "points is up again"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(admin_.seen().at(0).body, R"({"reason":"points is up again"})");
  EXPECT_TRUE(api_.seen().empty());
}

TEST_F(Settlectl, RetryWithoutAReasonIsNotSent) {
  const Ran ran = run_settlectl({"retry", "order-1"});
  EXPECT_EQ(ran.exit, 2);
  EXPECT_TRUE(admin_.seen().empty());
}

TEST_F(Settlectl, ListShowsATableAndHowToGoOn) {
  api_.answer("GET /v1/transactions?pattern=saga&incident=true&label=shop%3Dnorth%20%26%20south&limit=2", 200,
              std::string(R"({"transactions":[)") + kRunning + "," + ended("committed") + R"(],"next_cursor":"abc"})");
  const Ran ran =
      run_settlectl({"list", "--pattern", "saga", "--incident", "--label", "shop=north & south", "--limit", "2"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "GID      PATTERN  OUTCOME    PHASE   WAITS FOR      BEGAN\n"
            "order-1  saga     running    acting  points action  2026-01-02 03:04:05.000 UTC\n"
            "order-1  saga     committed                         2026-01-02 03:04:05.000 UTC\n"
            "more: add --cursor abc\n");
}

TEST_F(Settlectl, AProblemDocumentIsReadable) {
  api_.answer(
      "GET /v1/transactions/nobody?timeline=1", 404,
      R"({"type":"/errors/unknown-gid","title":"Not known here","status":404,"detail":"no transaction 'nobody'; ask …",
                  "gid":"nobody"})");
  const Ran ran = run_settlectl({"show", "nobody"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "settlectl: refused with 404 unknown-gid: Not known here\n"
            "  no transaction 'nobody'; ask …\n"
            "  gid       nobody\n"
            "  more      docs/errors/unknown-gid.md\n");
}

TEST_F(Settlectl, ARefusalSaysWhenToComeBack) {
  api_.answer("POST /v1/transactions", 429, R"({"type":"/errors/overloaded","title":"Too much open"})",
              "retry-after: 2\r\n");
  const Ran ran = run_settlectl({"submit", "-"}, "{}");
  EXPECT_EQ(ran.exit, 1);
  EXPECT_NE(ran.err.find("again in  2 s"), std::string::npos) << ran.err;
}

TEST_F(Settlectl, AProblemDocumentAsJsonStaysOne) {
  const std::string problem = R"({"type":"/errors/unknown-gid","title":"Not known here"})";
  api_.answer("GET /v1/transactions/nobody?timeline=1", 404, problem);
  const Ran ran = run_settlectl({"--json", "show", "nobody"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_EQ(ran.out, problem + "\n");
}

TEST_F(Settlectl, WithoutADaemonItSaysWhatWasTriedAndHowToStartOne) {
  const ClosedPort nobody;
  const Ran ran = run_settlectl({"--api", nobody.address(), "list"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("no daemon answers at " + nobody.address()), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("GET http://" + nobody.address() + "/v1/transactions\n"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("from --api"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("./run serve"), std::string::npos) << ran.err;
}

TEST_F(Settlectl, AnOptionWinsOverTheEnvironment) {
  environment_of_test()["SETTLE_API"] = "127.0.0.1:1";
  api_.answer("GET /v1/transactions", 200, R"({"transactions":[]})");
  const Ran ran = run_settlectl({"list", "--api=http://" + api_.address()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "no such transaction\n");
}

TEST_F(Settlectl, WrongCommandLinesAreRefusedByName) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"frobnicate"}, "there is no command 'frobnicate'"},
      {{"show"}, "show takes GID"},
      {{"show", "a", "b"}, "show takes GID"},
      {{"list", "all"}, "list takes no words"},
      {{"show", "a", "--wait", "1"}, "there is no option --wait"},
      {{"wait", "a", "--for"}, "--for needs a value: MS"},
      {{"wait", "a", "--for", "soon"}, "--for takes milliseconds"},
      {{"wait", "a", "--for", "-5"}, "--for takes milliseconds"},
      {{"wait", "a", "--for=1", "--for=2"}, "--for is given twice"},
      {{"wait", "a", "--until", "tea"}, "--until takes end or decision"},
      {{"list", "--json=yes"}, "--json takes no value"},
      {{"list", "--api", "127.0.0.1"}, "--api takes HOST:PORT"},
      {{"list", "--api", "127.0.0.1:0x50"}, "--api takes HOST:PORT"},
      {{"list", "--api", "http://127.0.0.1:80/v1"}, "--api takes HOST:PORT"},
  };
  for (const auto& [args, says] : wrong) {
    const Ran ran = run_settlectl(args);
    EXPECT_EQ(ran.exit, 2) << says;
    EXPECT_NE(ran.err.find(says), std::string::npos) << says << "\n" << ran.err;
  }
  EXPECT_TRUE(api_.seen().empty());
}

TEST_F(Settlectl, HelpNamesEveryCommandAndExitCode) {
  const Ran all = run_settlectl({"--help"});
  EXPECT_EQ(all.exit, 0);
  for (const char* word : {"submit", "list", "show", "wait", "abort", "retry", "exit codes", "  4  "}) {
    EXPECT_NE(all.out.find(word), std::string::npos) << word;
  }
  EXPECT_NE(run_settlectl({"help", "retry"}).out.find("--reason"), std::string::npos);
  EXPECT_NE(run_settlectl({"retry", "--help"}).out.find("--reason"), std::string::npos);
  EXPECT_EQ(run_settlectl({}).exit, 2);
  EXPECT_EQ(run_settlectl({"--version"}).out.rfind("settlectl ", 0), 0U);
}

TEST_F(Settlectl, WordsBehindTwoDashesAreNoOptions) {
  api_.answer("GET /v1/transactions/--json?timeline=1", 200, ended("committed"));
  EXPECT_EQ(run_settlectl({"show", "--", "--json"}).exit, 0);
}

/// Takes one connection, reads until the request is complete, sends `answer`, closes.
class RawServer {
 public:
  explicit RawServer(std::string answer) : listener_(std::move(*net::listen_on("127.0.0.1", 0))) {
    thread_ = std::thread([this, answer = std::move(answer)] {
      pollfd_wait(listener_.get());
      const net::Fd peer(::accept(listener_.get(), nullptr, nullptr));
      std::string request;
      char byte = 0;
      while (!request.ends_with("\r\n\r\n{}") && ::read(peer.get(), &byte, 1) == 1) request.push_back(byte);
      (void)!::write(peer.get(), answer.data(), answer.size());
    });
  }
  ~RawServer() { thread_.join(); }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(net::local_port(listener_.get())); }

 private:
  static void pollfd_wait(int fd) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    (void)::select(fd + 1, &set, nullptr, nullptr, nullptr);
  }
  net::Fd listener_;
  std::thread thread_;
};

TEST_F(Settlectl, ALostAnswerIsNotTakenForARefusal) {
  const RawServer dies("HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{\"gid\":");
  const Ran ran = run_settlectl({"--api", dies.address(), "submit", "-"}, "{}");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("may have acted on it or not"), std::string::npos) << ran.err;
}

TEST_F(Settlectl, SomethingElseThatListensThereIsNotTakenForADaemon) {
  const RawServer other("SSH-2.0-OpenSSH_9.2\r\n");
  const Ran ran = run_settlectl({"--api", other.address(), "submit", "-"}, "{}");
  EXPECT_EQ(ran.exit, 3);
  EXPECT_NE(ran.err.find("is not settled"), std::string::npos) << ran.err;
}

TEST_F(Settlectl, AnswersInChunksAndAfterInterimOnesAreRead) {
  const RawServer chunked(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: "
      "chunked\r\n\r\n"
      "8\r\n{\"gid\":\"\r\n5\r\ng-1\"}\r\n0\r\n\r\n");
  const Ran ran = run_settlectl({"--json", "--api", chunked.address(), "submit", "-"}, "{}");
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, "{\"gid\":\"g-1\"}\n");
}

TEST_F(Settlectl, NothingListensToAnAnswerForEver) {
  const Result<net::Fd> silent = net::listen_on("127.0.0.1", 0);
  ASSERT_TRUE(silent.ok());
  const Endpoint to{"127.0.0.1", net::local_port(silent->get()), "test"};
  const Result<HttpAnswer> answer = exchange(to, {"GET", "/", {}}, std::chrono::milliseconds(30));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, ErrorCode::kUnknownOutcome);
}

}  // namespace
}  // namespace settle::cli
