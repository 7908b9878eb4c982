// What operators say with settlectl, on the admin listener.

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace settle::cli
