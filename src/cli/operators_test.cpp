// What operators say with settlectl, on the admin listener.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "audit/chain.h"
#include "cli/scripted_daemon_testing.h"

namespace settle::cli {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kStuck = R"({"gid":"order-1","pattern":"tcc","phase":"confirming","decision":"commit",
  "outcome":"running","heuristic":"none","created_at":"2026-01-02T03:00:05Z",
  "incident":{"kind":"exhausted","since":"2026-01-02T03:02:05Z","text":"\"stock\" used up the bound of its retries",
              "suggested":["retry","resolve","stop"]},
  "waiting_for":[{"branch":"stock","op":"confirm","attempts":7,"last_answer":"HTTP 503"}],"branches":[]})";

class Operators : public ::testing::Test {
 protected:
  void SetUp() override {
    environment_of_test() = {{"SETTLE_API", api_.address()}, {"SETTLE_ADMIN", admin_.address()}};
  }

  ScriptedDaemon api_;
  ScriptedDaemon admin_;
};

TEST_F(Operators, IncidentsTellCauseAgeEvidenceAndWhatHelps) {
  admin_.answer("GET /v1/incidents", 200, "{\"transactions\":[" + std::string(kStuck) + "]}");
  const Ran ran = run_settlectl({"incidents"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, R"(order-1  tcc  confirming
  cause     exhausted, for 2 min 5 s
            "stock" used up the bound of its retries
  evidence  stock confirm: HTTP 503 after 7
  you can   retry, resolve, stop
)");
}

TEST_F(Operators, IncidentsPassTheirFiltersOnAndTellOfMore) {
  const std::string line = "GET /v1/incidents?pattern=tcc&label=tenant%3Dblue&limit=1&cursor=T1";
  admin_.answer(line, 200, "{\"transactions\":[" + std::string(kStuck) + "],\"next_cursor\":\"T2\"}");
  const Ran ran =
      run_settlectl({"incidents", "--pattern=tcc", "--label", "tenant=blue", "--limit=1", "--cursor", "T1"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(admin_.lines(), Lines{line});
  EXPECT_NE(ran.out.find("more: add --cursor T2\n"), std::string::npos) << ran.out;
  EXPECT_TRUE(api_.seen().empty());
}

TEST_F(Operators, NoIncidentIsSaidInWordsAndAsJsonInTheDaemonsOwnBytes) {
  admin_.answer("GET /v1/incidents", 200, R"({"transactions":[]})");
  EXPECT_EQ(run_settlectl({"incidents"}).out, "no incident: nothing waits for a person\n");
  EXPECT_EQ(run_settlectl({"incidents", "--json"}).out, "{\"transactions\":[]}\n");
}

TEST_F(Operators, AnAnswerThatIsNoListOfIncidentsIsNotTakenForNone) {
  admin_.answer("GET /v1/incidents", 200, R"({"status":"ok"})");
  const Ran ran = run_settlectl({"incidents"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "");
}

TEST_F(Operators, ResolveSendsWhatIsKnownAndWhy) {
  admin_.answer("POST /v1/transactions/order-1/branches/stock/resolve", 200,
                R"({"gid":"order-1","pattern":"tcc","phase":"ended","outcome":"committed","heuristic":"mixed"})");
  const Ran ran = run_settlectl({"resolve", "order-1", "stock", "--as", "skipped", "--reason", "the shop is closed"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  ASSERT_EQ(admin_.seen().size(), 1U);
  EXPECT_EQ(admin_.seen()[0].body, R"({"as":"skipped","reason":"the shop is closed"})");
  EXPECT_NE(ran.out.find("order-1: branch stock is recorded as skipped\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("heuristic mixed"), std::string::npos) << ran.out;
}

TEST_F(Operators, ResolveSendsAResultByteForByte) {
  admin_.answer("POST /v1/transactions/g/branches/b/resolve", 200, R"({"gid":"g"})");
  EXPECT_EQ(run_settlectl({"resolve", "g", "b", "--as=done", "--reason=r", R"(--result={"n":1.50})"}).exit, 0);
  ASSERT_EQ(admin_.seen().size(), 1U);
  EXPECT_EQ(admin_.seen()[0].body, R"({"as":"done","reason":"r","result":{"n":1.50}})");
}

TEST_F(Operators, StopGoesToTheAdminListenerWithItsReason) {
  admin_.answer("POST /v1/transactions/order-1/stop", 200, kStuck);
  const Ran ran = run_settlectl({"stop", "order-1", "--reason=stock is being repaired"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  ASSERT_EQ(admin_.seen().size(), 1U);
  EXPECT_EQ(admin_.seen()[0].body, R"({"reason":"stock is being repaired"})");
  EXPECT_NE(ran.out.find("order-1: nothing is called any more"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("INCIDENT exhausted"), std::string::npos) << ran.out;
}

TEST_F(Operators, WithJsonTheDaemonsOwnBytesArePrinted) {
  admin_.answer("POST /v1/transactions/g/stop", 200, R"({"gid":"g",  "x":1.50})");
  admin_.answer("POST /v1/transactions/g/branches/b/resolve", 200, R"({"gid":"g",  "x":1.50})");
  EXPECT_EQ(run_settlectl({"--json", "stop", "g", "--reason=r"}).out, "{\"gid\":\"g\",  \"x\":1.50}\n");
  EXPECT_EQ(run_settlectl({"--json", "resolve", "g", "b", "--as=done", "--reason=r"}).out,
            "{\"gid\":\"g\",  \"x\":1.50}\n");
}

TEST_F(Operators, NothingIsSentWithoutAReasonOrWithoutWhatIsKnown) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"stop", "g"}, "needs --reason"},
      {{"stop", "g", "--reason="}, "needs --reason"},
      {{"resolve", "g", "b", "--as=done"}, "needs --reason"},
      {{"resolve", "g", "b", "--reason=r"}, "--as takes done, skipped or cancelled"},
      {{"resolve", "g", "b", "--reason=r", "--as=committed"}, "--as takes done, skipped or cancelled"},
      {{"resolve", "g", "b", "--reason=r", "--as=skipped", "--result=1"}, "--result goes with --as done"},
      {{"resolve", "g", "b", "--reason=r", "--as=done", R"(--result=1,"as":"skipped")"}, "--result is no JSON"},
      {{"resolve", "g", "--reason=r", "--as=done"}, "resolve takes GID BRANCH"},
      {{"incidents", "g"}, "incidents takes no words"},
  };
  for (const auto& [args, says] : wrong) {
    const Ran ran = run_settlectl(args);
    EXPECT_EQ(ran.exit, 2) << says;
    EXPECT_NE(ran.err.find(says), std::string::npos) << says << "\n" << ran.err;
  }
  EXPECT_TRUE(admin_.seen().empty());
}

TEST_F(Operators, ARefusalKeepsTheDaemonsWords) {
  admin_.answer("POST /v1/transactions/g/branches/b/resolve", 409,
                R"({"type":"/errors/wrong-phase","title":"not in this phase","detail":"b owes nothing"})");
  const Ran ran = run_settlectl({"resolve", "g", "b", "--as=done", "--reason=r"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_NE(ran.err.find("b owes nothing"), std::string::npos) << ran.err;
}

TEST_F(Operators, HelpNamesTheCommandsAndTheirOptions) {
  const Ran all = run_settlectl({"--help"});
  for (const char* word : {"incidents", "resolve GID BRANCH", "stop GID"}) {
    EXPECT_NE(all.out.find(word), std::string::npos) << word;
  }
  EXPECT_NE(run_settlectl({"help", "resolve"}).out.find("--as WHAT"), std::string::npos);
  EXPECT_NE(run_settlectl({"help", "stop"}).out.find("--reason TEXT"), std::string::npos);
}

// ------------------------------------------------------------------------------------------------------- destinations

constexpr const char* kDown = R"({"name":"http://127.0.0.1:9","state":"open","calls":40,"calls_open":0,"waiting":9,
  "failures":22,"failures_in_a_row":21,"last_error":"HTTP 503","last_error_at":"2026-01-02T03:04:05Z",
  "breaker_opened":1,"probe_at":"2026-01-02T03:04:12Z"})";
constexpr const char* kPaused = R"({"name":"http://127.0.0.1:8","state":"paused","calls":0,"calls_open":0,"waiting":2,
  "failures":0,"failures_in_a_row":0,"breaker_opened":0,
  "pause":{"since":"2026-01-02T03:00:00Z","reason":"they move house","who":"ada"}})";

TEST_F(Operators, DestinationsAreATableAndPausesSayWhy) {
  admin_.answer("GET /v1/destinations", 200,
                "{\"known\":3,\"destinations\":[" + std::string(kDown) + "," + kPaused + "]}");
  const Ran ran = run_settlectl({"destinations"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out, R"(DESTINATION         STATE                  OPEN  WAITING  CALLS  FAILED  IN A ROW  LAST ERROR
http://127.0.0.1:9  open, probed in 2.0 s  0     9        40     22      21        HTTP 503 (5.0 s ago)
http://127.0.0.1:8  paused                 0     2        0      0       0
http://127.0.0.1:8 is paused since 2026-01-02 03:00:00.000 UTC by ada: they move house
more: 3 are known; add --limit N
)");
}

TEST_F(Operators, PauseAndResumeNameTheDestinationAndSayWhyAndWho) {
  environment_of_test()["SETTLE_OPERATOR"] = "ada";
  admin_.answer("POST /v1/destinations/http:%2F%2F127.0.0.1:8/pause", 200, kPaused);
  admin_.answer("POST /v1/destinations/http:%2F%2F127.0.0.1:8/resume", 200, R"({"name":"http://127.0.0.1:8"})");
  const Ran paused = run_settlectl({"destinations", "pause", "http://127.0.0.1:8", "--reason", "they move house"});
  EXPECT_EQ(paused.exit, 0) << paused.err;
  EXPECT_TRUE(paused.out.starts_with("http://127.0.0.1:8: its calls wait until")) << paused.out;
  const Ran resumed = run_settlectl({"--json", "destinations", "resume", "http://127.0.0.1:8", "--reason=r"});
  EXPECT_EQ(resumed.out, "{\"name\":\"http://127.0.0.1:8\"}\n");
  ASSERT_EQ(admin_.seen().size(), 2U);
  EXPECT_EQ(admin_.seen()[0].body, R"({"reason":"they move house"})");
  EXPECT_EQ(admin_.seen()[0].who, "ada");
}

TEST_F(Operators, WhoAsksIsNotSentWhereItCannotBeAHeader) {
  environment_of_test()["USER"] = "ev\r\nil: x";
  admin_.answer("POST /v1/transactions/g/stop", 200, "{}");
  EXPECT_EQ(run_settlectl({"stop", "g", "--reason=r"}).exit, 0);
  EXPECT_EQ(admin_.seen().back().who, "");
  environment_of_test()["USER"] = "bob";
  EXPECT_EQ(run_settlectl({"stop", "g", "--reason=r"}).exit, 0);
  EXPECT_EQ(admin_.seen().back().who, "bob");
}

TEST_F(Operators, WrongDestinationsCommandsAreNotSent) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"destinations", "pause", "http://h:1"}, "needs --reason"},
      {{"destinations", "pause", "--reason=r"}, "pause takes NAME"},
      {{"destinations", "stop", "http://h:1", "--reason=r"}, "pause or resume, not 'stop'"},
      {{"destinations", "pause", "http://h:1", "more", "--reason=r"}, "destinations takes [pause|resume NAME]"},
  };
  for (const auto& [args, says] : wrong) {
    const Ran ran = run_settlectl(args);
    EXPECT_EQ(ran.exit, 2) << says;
    EXPECT_NE(ran.err.find(says), std::string::npos) << says << "\n" << ran.err;
  }
  EXPECT_TRUE(admin_.seen().empty());
}

// --------------------------------------------------------------------------------------------------------- nodes, top

TEST_F(Operators, NodesAreATableAndOrphansAreSaid) {
  admin_.answer("GET /v1/nodes", 200,
                R"({"shards":8,"shards_owned":6,"nodes":[{"name":"n1","address":"127.0.0.1:1","shards":4,"self":true},
                    {"name":"n2","address":"127.0.0.1:2","shards":2,"self":false}]})");
  EXPECT_EQ(run_settlectl({"nodes"}).out,
            "NAME  ADDRESS      SHARDS\n"
            "n1    127.0.0.1:1  4       (this one answers)\n"
            "n2    127.0.0.1:2  2\n"
            "2 of 8 shards are nobody's at the moment\n");
}

TEST_F(Operators, TopShowsFiguresRatesAndTheDestinationsThatNeedAnEye) {
  admin_.answer("GET /metrics", 200,
                "# HELP x\nsettle_ready 1\nsettle_transactions_open 12\nsettle_incidents_open 1\n"
                "settle_transactions_open_oldest_seconds 90\nsettle_calls_waiting 9\n"
                "settle_transactions_begun_total 100\n");
  admin_.answer("GET /v1/destinations?limit=20", 200, "{\"known\":1,\"destinations\":[" + std::string(kDown) + "]}");
  const Ran once = run_settlectl({"top", "--times", "1"});
  EXPECT_EQ(once.exit, 0) << once.err;
  for (const char* words : {"settled at ", "open 12", "oldest 1 min 30 s", "incidents 1", "held back 9",
                            "http://127.0.0.1:9", "open, probed in"}) {
    EXPECT_NE(once.out.find(words), std::string::npos) << words << "\n" << once.out;
  }
  EXPECT_EQ(once.out.find('\x1b'), std::string::npos) << "one look can go to a file";
  EXPECT_EQ(once.out.find("per second"), std::string::npos);
  const Ran twice = run_settlectl({"top", "--times=2", "--every=100"});
  EXPECT_EQ(twice.exit, 0) << twice.err;
  EXPECT_NE(twice.out.find("\x1b[H"), std::string::npos);
  EXPECT_EQ(run_settlectl({"top", "--every=5"}).exit, 2);
  EXPECT_EQ(run_settlectl({"top", "--times=x"}).exit, 2);
}

// -------------------------------------------------------------------------------------------------------------- audit

class AuditFile : public Operators {
 protected:
  AuditFile() {
    for (const char* reason : {"first", "second", "third"}) {
      audit::Record record;
      record.at = instant_of(1'767'323'045'000'000);
      record.who = "ada";
      record.verb = "resolve";
      record.gid = "order-1";
      record.branch = "stock";
      record.as = "done";
      record.reason = reason;
      lines_.push_back(audit::next_line(chain_, record));
    }
    write(lines_[0] + lines_[1] + lines_[2]);
  }
  ~AuditFile() override { (void)std::remove(path_.c_str()); }
  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  audit::Place chain_;
  std::vector<std::string> lines_;
  std::string path_ = testing::TempDir() + "settlectl-audit-" + std::to_string(::getpid());
};

TEST_F(AuditFile, IsListed) {
  const Ran ran = run_settlectl({"audit", "list", path_});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "NO  TIME                         WHO  VERB     WHAT                   REASON\n"
            "1   2026-01-02 03:04:05.000 UTC  ada  resolve  order-1 stock as done  first\n"
            "2   2026-01-02 03:04:05.000 UTC  ada  resolve  order-1 stock as done  second\n"
            "3   2026-01-02 03:04:05.000 UTC  ada  resolve  order-1 stock as done  third\n");
  const Ran part = run_settlectl({"--json", "audit", "list", path_, "--from=2", "--limit=1"});
  EXPECT_EQ(part.out, std::string(audit::json_of(lines_[1])) + "\n");
}

TEST_F(AuditFile, FAIL_N18_VerifyTellsTheFirstRecordThatDoesNotFit) {
  const Ran sound = run_settlectl({"audit", "verify", path_});
  EXPECT_EQ(sound.exit, 0) << sound.err;
  EXPECT_EQ(sound.out, "sound: 3 records, head " + chain_.head + "\n");
  EXPECT_EQ(run_settlectl({"audit", "verify", path_, "--head", lines_[1].substr(0, 64)}).exit, 0);

  write(lines_[0] + lines_[2]);
  const Ran gap = run_settlectl({"audit", "verify", path_});
  EXPECT_EQ(gap.exit, 1);
  EXPECT_NE(gap.err.find("record 2 does not fit"), std::string::npos) << gap.err;

  write(lines_[0] + lines_[1]);
  EXPECT_EQ(run_settlectl({"audit", "verify", path_}).exit, 0) << "a chain cut short fits";
  const Ran cut = run_settlectl({"audit", "verify", path_, "--head", chain_.head});
  EXPECT_EQ(cut.exit, 1);
  EXPECT_NE(cut.err.find("its end was cut off"), std::string::npos) << cut.err;

  write(lines_[0] + lines_[1].substr(0, 90));
  const Ran torn = run_settlectl({"audit", "verify", path_});
  EXPECT_EQ(torn.exit, 0);
  EXPECT_NE(torn.out.find("90 bytes of a record that is not complete"), std::string::npos) << torn.out;
}

TEST_F(AuditFile, OfADaemonIsReadPageByPage) {
  admin_.answer("GET /v1/audit?from=1&limit=1000", 200, lines_[0] + lines_[1]);
  admin_.answer("GET /v1/audit?from=3&limit=1000", 200, lines_[2]);
  admin_.answer("GET /v1/audit?from=4&limit=1000", 200, "");
  EXPECT_EQ(run_settlectl({"audit", "verify"}).out, "sound: 3 records, head " + chain_.head + "\n");
  EXPECT_NE(run_settlectl({"audit", "list", "--from=3"}).out.find("third"), std::string::npos);
}

TEST_F(AuditFile, WrongCommandLinesAreRefusedByName) {
  for (const auto& [args, says] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"audit"}, "audit takes list|verify [FILE]"},
           {{"audit", "prune"}, "list or verify, not 'prune'"},
           {{"audit", "list", "--from=0"}, "a number from 1 on"},
           {{"audit", "verify", path_ + "-missing"}, "cannot be opened"}}) {
    const Ran ran = run_settlectl(args);
    EXPECT_EQ(ran.exit, 2) << says;
    EXPECT_NE(ran.err.find(says), std::string::npos) << says << "\n" << ran.err;
  }
}

}  // namespace
}  // namespace settle::cli
