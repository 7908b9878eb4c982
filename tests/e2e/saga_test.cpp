#include <algorithm>

#include "e2e/world.h"

// Sagas as their clients and participants see them.

namespace settle::e2e {
namespace {

class Saga : public World {
 protected:
  Saga() : World({"--participants.per-destination=64"}) {}
};

TEST_F(Saga, CallsItsStepsInTheirOrderAndTellsTheOutcome) {
  const std::string gid = fresh("list");
  Json plan = saga(services, gid, {"a", "b", "c"});
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.status, 201);
  EXPECT_EQ(told.outcome(), "committed");
  EXPECT_EQ(told.text("/decision"), "commit");
  EXPECT_EQ(told.text("/phase"), "ended");
  EXPECT_EQ(services.story(gid), "/act/a /act/b /act/c");
  EXPECT_EQ(client().show(gid).outcome(), "committed");
}

TEST_F(Saga, TellsParticipantsWhoAsksForWhat) {
  const std::string gid = fresh("headers");
  Json plan = saga(services, gid, {"a"});
  plan["wait_ms"] = 20'000;
  plan["headers"] = {{"x-tenant", "blue"}};
  const Reply told = client().begin(plan);
  const std::vector<Heard> heard = services.heard(gid);
  ASSERT_EQ(heard.size(), 1U);
  const live::Message& request = heard[0].request;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.header("content-type"), "application/json");
  EXPECT_EQ(request.header("settle-branch"), "a");
  EXPECT_EQ(request.header("settle-op"), "action");
  EXPECT_EQ(request.header("settle-pattern"), "saga");
  EXPECT_EQ(request.header("settle-attempt"), "1");
  EXPECT_EQ(request.header("settle-tid"), told.text("/tid"));
  EXPECT_EQ(request.header("x-tenant"), "blue");
  EXPECT_EQ(request.body, R"({"of":"a"})");
}

// failures.md D11: what was given at begin is what participants get, byte for byte, also on the way back.
TEST_F(Saga, FAIL_D11_InputsArriveByteForByte) {
  const std::string gid = fresh("bytes");
  const std::string odd = R"({"z" : 1.00, "a":1e2 ,"s":"\u00e9\/", "n":[ 1,2 ], "big":12345678901234567890123})";
  services.on("/act/b", say(409));
  const std::string plan = R"({"pattern":"saga","gid":")" + gid + R"(","wait_ms":20000,"steps":[{"id":"a","action":")" +
                           services.url("/act/a") + R"(","compensate":")" + services.url("/undo/a") + R"(","input":)" +
                           odd + R"(},{"id":"b","action":")" + services.url("/act/b") + R"("}]})";
  const Reply told = client().post("/v1/transactions", plan);
  EXPECT_EQ(told.outcome(), "aborted") << told.body;
  ASSERT_EQ(services.story(gid), "/act/a /act/b /undo/a");
  EXPECT_EQ(services.heard(gid)[0].request.body, odd);
  EXPECT_EQ(services.heard(gid)[1].request.body, "");
  EXPECT_EQ(services.heard(gid)[1].request.header("content-length"), "0");
  EXPECT_EQ(services.heard(gid)[2].request.body, odd);
}

TEST_F(Saga, IsUndoneFromTheLastWhenAParticipantRefuses) {
  const std::string gid = fresh("refused");
  services.on("/act/c", say(409, R"("no more of it")"));
  Json plan = saga(services, gid, {"a", "b", "c", "d"});
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "aborted");
  EXPECT_EQ(told.text("/decision"), "abort");
  EXPECT_EQ(services.story(gid), "/act/a /act/b /act/c /undo/b /undo/a");
  EXPECT_EQ(op_of(told.body, "c", "action")["outcome"], "refused");
}

// failures.md D8: a step is undone after all that were built on it.
TEST_F(Saga, FAIL_D8_AGraphIsUndoneAgainstItsArrows) {
  const std::string gid = fresh("graph");
  services.on("/act/last", say(409));
  Json plan = saga(services, gid, {"root", "left", "right", "last"});
  plan["wait_ms"] = 20'000;
  plan["steps"][1]["after"] = {"root"};
  plan["steps"][2]["after"] = {"root"};
  plan["steps"][3]["after"] = {"left", "right"};
  EXPECT_EQ(client().begin(plan).outcome(), "aborted");
  const auto at = [&](const char* path) { return services.heard(gid, path).at(0).at; };
  ASSERT_EQ(services.count(gid), 7U) << services.story(gid);
  EXPECT_LT(at("/act/root"), at("/act/left"));
  EXPECT_LT(at("/act/root"), at("/act/right"));
  EXPECT_LT(at("/undo/left"), at("/undo/root"));
  EXPECT_LT(at("/undo/right"), at("/undo/root"));
}

TEST_F(Saga, ConcurrentStepsAreCalledWhileOthersWork) {
  const std::string gid = fresh("concurrent");
  Gate gate;
  services.on("/act/a", gate.held());
  Json plan = saga(services, gid, {"a", "b"});
  plan["concurrent"] = true;
  EXPECT_EQ(client().begin(plan).status, 201);
  EXPECT_TRUE(services.hears(gid, "/act/a"));
  EXPECT_TRUE(services.hears(gid, "/act/b"));
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

// R1: the first attempt may still be on its way when the second is refused.
TEST_F(Saga, RULE_R1_ARefusalBehindAnUnknownAttemptIsUndoneToo) {
  const std::string doubtful = fresh("r1");
  services.on("/act/b", in_turn({say(503), say(409)}));
  Json plan = saga(services, doubtful, {"a", "b"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "aborted");
  EXPECT_EQ(services.story(doubtful), "/act/a /act/b /act/b /undo/b /undo/a");

  const std::string certain = fresh("r1");
  services.on("/act/b", say(409));
  plan = saga(services, certain, {"a", "b"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "aborted");
  EXPECT_EQ(services.story(certain), "/act/a /act/b /undo/a");
}

// R7: the attempt hangs, its time limit is 700 ms, and the saga turns back at once because of the other step.
TEST_F(Saga, RULE_R7_NoCompensationBeforeItsActionCannotRunAnyMore) {
  const std::string gid = fresh("r7");
  services.on("/act/slow", hang());
  services.on("/act/no", work(milliseconds{50}, say(409)));
  Json plan = saga(services, gid, {"slow", "no"});
  plan["concurrent"] = true;
  plan["attempt_timeout_ms"] = 700;
  const auto before = std::chrono::steady_clock::now();
  ASSERT_EQ(client().begin(plan).status, 201);
  EXPECT_EQ(client().ended(gid).outcome(), "aborted");
  ASSERT_EQ(services.count(gid, "/act/slow"), 1U);
  ASSERT_EQ(services.count(gid, "/undo/slow"), 1U);
  // The attempt left after `before`; how long it then took to be heard is the machine's affair.
  EXPECT_GE(services.heard(gid, "/undo/slow")[0].at - before, milliseconds{700});
}

TEST_F(Saga, AStepWithoutCompensationIsLeftOutOnTheWayBack) {
  const std::string gid = fresh("bare");
  services.on("/act/c", say(409));
  Json plan = saga(services, gid, {"a", "b", "c"});
  plan["steps"][1].erase("compensate");
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "aborted");
  EXPECT_EQ(services.story(gid), "/act/a /act/b /act/c /undo/a");
}

TEST_F(Saga, BoundedAttemptsThatAreUsedUpTurnBack) {
  const std::string gid = fresh("bounded");
  services.on("/act/b", say(500));
  Json plan = saga(services, gid, {"a", "b"});
  plan["retry"]["attempts"] = 3;
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "aborted");
  EXPECT_EQ(services.story(gid), "/act/a /act/b /act/b /act/b /undo/b /undo/a");
  EXPECT_EQ(services.heard(gid, "/act/b")[2].attempt, 3);
}

TEST_F(Saga, RunningIsAskedAgainNotBeforeRetryAfterAndUsesUpNothing) {
  const std::string gid = fresh("running");
  services.on("/act/a", in_turn({[](const Heard&) { return Said{425, "", {{"retry-after", "1"}}, Said::How::kAnswer}; },
                                 say(425), say(425), say(200)}));
  Json plan = saga(services, gid, {"a"});
  plan["retry"]["attempts"] = 2;
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  const std::vector<Heard> heard = services.heard(gid);
  ASSERT_EQ(heard.size(), 4U);
  EXPECT_GE(heard[1].at - heard[0].at, milliseconds{1000});
}

TEST_F(Saga, TheDeadlineTurnsBack) {
  const std::string gid = fresh("deadline");
  services.on("/act/b", say(425));
  Json plan = saga(services, gid, {"a", "b"});
  plan["deadline_ms"] = 400;
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "aborted");
  EXPECT_EQ(services.count(gid, "/undo/a"), 1U);
  EXPECT_EQ(services.count(gid, "/undo/b"), 1U);  // it may have run
}

TEST_F(Saga, AnAbortTurnsBackOnceAndCanBeRepeated) {
  const std::string gid = fresh("abort");
  Gate gate;
  services.on("/act/b", gate.held());
  ASSERT_EQ(client().begin(saga(services, gid, {"a", "b"})).status, 201);
  ASSERT_TRUE(services.hears(gid, "/act/b"));
  const Reply first = client().abort(gid);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.text("/decision"), "abort");
  EXPECT_EQ(client().abort(gid).status, 200);
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "aborted");
  EXPECT_EQ(client().abort(gid).status, 200);
  EXPECT_EQ(services.story(gid), "/act/a /act/b /undo/b /undo/a");
}

TEST_F(Saga, RULE_R8_NobodyFlipsADecision) {
  const std::string gid = fresh("r8");
  Json plan = saga(services, gid, {"a"});
  plan["wait_ms"] = 20'000;
  ASSERT_EQ(client().begin(plan).outcome(), "committed");
  const Reply refused = client().abort(gid);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.problem(), "wrong-phase");
  EXPECT_EQ(refused.text("/phase"), "ended");
  EXPECT_EQ(client().show(gid).outcome(), "committed");
}

// R11, and the API's word: submit of a started saga is 200 with the document, without effect.
TEST_F(Saga, RULE_R11_ASubmitEndsNothing) {
  const std::string gid = fresh("r11");
  Gate gate;
  services.on("/act/a", gate.held());
  ASSERT_EQ(client().begin(saga(services, gid, {"a"})).status, 201);
  ASSERT_TRUE(services.hears(gid, "/act/a"));
  for (int i = 0; i < 3; ++i) {
    const Reply submitted = client().submit(gid);
    EXPECT_EQ(submitted.status, 200);
    EXPECT_EQ(submitted.outcome(), "running");
  }
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.count(gid), 1U);
}

// -------------------------------------------------------------------------- what others get wrong

TEST_F(Saga, AWaitingCallerHearsRunningAndNeverFailed) {
  const std::string gid = fresh("waiting");
  Gate gate;
  services.on("/act/a", gate.held());
  Json plan = saga(services, gid, {"a"});
  plan["attempt_timeout_ms"] = 60'000;
  plan["wait_ms"] = 300;
  const Reply begun = client().begin(plan);
  EXPECT_EQ(begun.status, 201);
  EXPECT_EQ(begun.outcome(), "running");
  EXPECT_EQ(begun.text("/decision"), "none");
  for (const char* query : {"?wait_ms=200", "?wait_ms=200&wait_for=decision", ""}) {
    const Reply shown = client().show(gid, query);
    EXPECT_EQ(shown.status, 200) << query;
    EXPECT_EQ(shown.outcome(), "running") << query;
  }
  const Reply repeated = client().begin(plan);
  EXPECT_EQ(repeated.status, 200);
  EXPECT_EQ(repeated.outcome(), "running");
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

TEST_F(Saga, LongerThanFiveSecondsRunsThroughWithoutAPause) {
  const std::string gid = fresh("long");
  Json plan = saga(services, gid, {"a", "b", "c", "d", "e", "f"});
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
    services.on(std::string("/act/") + id, work(milliseconds{950}));
  }
  plan["wait_ms"] = 60'000;
  const Clock::time_point begun = Clock::now();
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  EXPECT_GT(Clock::now() - begun, seconds{5});
  const std::vector<Heard> heard = services.heard(gid);
  ASSERT_EQ(heard.size(), 6U) << services.story(gid);
  for (std::size_t i = 1; i < heard.size(); ++i) {
    EXPECT_LT(heard[i].at - heard[i - 1].answered_at, seconds{1}) << heard[i].path;
  }
}

// "An attempt counts when request bytes were written": with two attempts allowed, an outage of dozens changes nothing.
TEST_F(Saga, AnOutageBurnsNoAttempts) {
  const std::string gid = fresh("outage");
  services.close();
  Json plan = saga(services, gid, {"a"});
  plan["retry"] = {{"base_ms", 20}, {"cap_ms", 40}, {"attempts", 2}};
  ASSERT_EQ(client().begin(plan).status, 201);
  Json document;
  EXPECT_TRUE(eventually(kPatience, [&] {
    document = client().show(gid, "?timeline=1").body;
    return times_of(document, "unreached") >= 10;
  })) << document;
  EXPECT_EQ(document.value("outcome", ""), "running");
  EXPECT_EQ(wait_of(document, "a").value("attempts", -1), 0) << document;
  services.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.heard(gid).at(0).attempt, 1);
}

TEST_F(Saga, BackOffGrowsToItsCapAndIsJittered) {
  const std::string gid = fresh("pauses");
  std::vector<Script> scripts(10, say(503));
  scripts.push_back(say(200));
  services.on("/act/a", in_turn(scripts));
  Json plan = saga(services, gid, {"a"});
  plan["retry"] = {{"base_ms", 40}, {"factor", 2}, {"cap_ms", 160}, {"jitter", 0.3}};
  plan["wait_ms"] = 25'000;
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  const std::vector<Heard> heard = services.heard(gid);
  ASSERT_EQ(heard.size(), 11U);
  std::vector<milliseconds> pauses;
  for (std::size_t i = 1; i < heard.size(); ++i) {
    const auto pause = std::chrono::duration_cast<milliseconds>(heard[i].at - heard[i - 1].answered_at);
    const milliseconds planned = std::min(milliseconds{40} * (1 << (i - 1)), milliseconds{160});
    // Never shorter than the jitter allows (less a millisecond of rounding), however busy the machine is.
    EXPECT_GE(pause + milliseconds{1}, planned * 7 / 10) << i;
    // Without the cap the tenth pause would be 20 s.
    EXPECT_LT(pause, seconds{5}) << i;
    if (planned == milliseconds{160}) pauses.push_back(pause);
  }
  std::ranges::sort(pauses);
  EXPECT_NE(pauses.front(), pauses.back()) << "all pauses at the cap are the same";
}

// failures.md L5: they hold every slot of their own destination, and none of anybody else's.
TEST_F(Saga, FAIL_L5_AThousandStuckSagasDoNotDelayAHealthyOne) {
  Services stuck;
  stuck.on("/act/a", hang());
  live::KeptLine line(daemon().api_port());
  const std::string name = fresh("stuck");
  for (int i = 0; i < 1000; ++i) {
    Json plan = saga(stuck, name + "-" + std::to_string(i), {"a"});
    plan["attempt_timeout_ms"] = 60'000;
    ASSERT_EQ(line.exchange("POST", "/v1/transactions", plan.dump(), kPatience).answer.status, 201);
  }
  const std::string gid = fresh("healthy");
  Json plan = saga(services, gid, {"a", "b", "c"});
  plan["wait_ms"] = 5000;
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  EXPECT_EQ(client().show(name + "-999").outcome(), "running");
  // Let them go, or the drain at the end waits for them.
  stuck.on("/act/a", say(200));
  stuck.close();
  stuck.open();
  EXPECT_EQ(client().ended(name + "-999").outcome(), "committed");
}

}  // namespace
}  // namespace settle::e2e
