#include "e2e/world.h"

// Transactional messages: delivered if and only if the producer's local transaction happened. The rows MSG-T… are the
// ways in which half messages of others get lost, doubled or invented.

namespace settle::e2e {
namespace {

class Message : public World {};

TEST_F(Message, OneStepIsDeliveredToAllTargets) {
  const std::string gid = fresh("direct");
  services.on("/deliver/b", in_turn({say(503), say(200)}));
  Json plan = message(services, gid, {"a", "b"});
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.status, 201);
  EXPECT_EQ(told.outcome(), "committed");
  EXPECT_EQ(services.count(gid, "/deliver/a"), 1U);
  EXPECT_EQ(services.count(gid, "/deliver/b"), 2U);
  EXPECT_EQ(services.heard(gid, "/deliver/a")[0].op, "deliver");
}

TEST_F(Message, OrderedTargetsWaitForEachOther) {
  const std::string gid = fresh("ordered");
  services.on("/deliver/a", in_turn({say(500), work(milliseconds{60})}));
  Json plan = message(services, gid, {"a", "b"});
  plan["ordered"] = true;
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  EXPECT_EQ(services.story(gid), "/deliver/a /deliver/a /deliver/b");
}

TEST_F(Message, NothingIsDeliveredBeforeItIsSubmitted) {
  const std::string gid = fresh("prepared");
  Json plan = prepared(services, gid, {"a"});
  plan["check_after_ms"] = 60'000;
  const Reply begun = client().begin(plan);
  EXPECT_EQ(begun.status, 201);
  EXPECT_EQ(begun.text("/phase"), "prepared");
  EXPECT_EQ(begun.text("/decision"), "none");
  const Clock::time_point before = Clock::now();
  const Reply submitted = client().submit(gid);
  EXPECT_EQ(submitted.status, 200);
  EXPECT_EQ(submitted.text("/decision"), "commit");
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.story(gid), "/deliver/a");
  EXPECT_GT(services.heard(gid)[0].at, before);
}

TEST_F(Message, AnAbortDropsIt) {
  const std::string gid = fresh("dropped");
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  const Reply told = client().abort(gid);
  EXPECT_EQ(told.status, 200);
  EXPECT_EQ(told.outcome(), "aborted");
  EXPECT_EQ(client().submit(gid).problem(), "wrong-phase");
  EXPECT_EQ(services.count(gid, "/deliver/a"), 0U);
}

// Dies after prepare, before its local transaction: asked back, it says that nothing happened.
TEST_F(Message, MSG_T2_TheProducerDiedBeforeItsLocalTransaction) {
  const std::string gid = fresh("t2");
  services.on("/check", aborted());
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  EXPECT_EQ(client().ended(gid).outcome(), "aborted");
  EXPECT_EQ(services.story(gid), "/check");
  const live::Message check = services.heard(gid, "/check")[0].request;
  EXPECT_EQ(check.header("settle-op"), "check");
  EXPECT_EQ(check.header("settle-branch"), "00");
  EXPECT_EQ(check.header("settle-pattern"), "message");
  EXPECT_EQ(check.body, "");
}

// Dies after its local commit, before submit.
TEST_F(Message, MSG_T3_TheProducerDiedAfterItsLocalTransaction) {
  const std::string gid = fresh("t3");
  services.on("/check", committed());
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.story(gid), "/check /deliver/a");
}

// The check-back comes while the local transaction is open. "running" decides nothing, as often as it is said.
TEST_F(Message, MSG_T4_FAIL_F1_ACheckThatIsTooEarlyLosesNothing) {
  const std::string gid = fresh("t4");
  services.on("/check", in_turn({running(), running(), running(), running(), committed()}));
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  ASSERT_TRUE(services.hears(gid, "/check", 3));
  const Reply shown = client().show(gid);
  EXPECT_EQ(shown.outcome(), "running");
  EXPECT_EQ(shown.text("/decision"), "none");
  EXPECT_EQ(services.count(gid, "/deliver/a"), 0U);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.count(gid, "/deliver/a"), 1U);
  // "not sooner than check_after_ms"
  const std::vector<Heard> checks = services.heard(gid, "/check");
  for (std::size_t i = 1; i < checks.size(); ++i) {
    EXPECT_GE(checks[i].at - checks[i - 1].at, milliseconds{99}) << i;
  }
}

// A commit that is reported while checks still say "running" wins at once.
TEST_F(Message, MSG_T9_ALateSubmitMovesAParkedMessageOnExactlyOnce) {
  const std::string gid = fresh("t9");
  services.on("/check", running());
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  ASSERT_TRUE(services.hears(gid, "/check", 4));
  EXPECT_EQ(client().submit(gid).text("/decision"), "commit");
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.count(gid, "/deliver/a"), 1U);
}

TEST_F(Message, MSG_T5_ASubmitWhoseAnswerWasLostCanBeRepeated) {
  const std::string gid = fresh("t5");
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client().submit(gid).status, 200);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(client().submit(gid).status, 200);
  EXPECT_EQ(services.count(gid, "/deliver/a"), 1U);
}

// The check-back's answer is on its way when submit comes: two words for commit, one delivery.
TEST_F(Message, MSG_T6_FAIL_F2_SubmitAndCheckTogetherDeliverOnce) {
  const std::string gid = fresh("t6");
  Gate gate;
  services.on("/check", gate.held(committed()));
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  ASSERT_TRUE(services.hears(gid, "/check"));
  EXPECT_EQ(client().submit(gid).status, 200);
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_TRUE(
      eventually(kPatience, [&] { return services.heard(gid, "/check")[0].answered_at != Clock::time_point{}; }));
  EXPECT_EQ(client().submit(gid).status, 200);
  EXPECT_EQ(services.count(gid, "/deliver/a"), 1U);
}

// Nobody answers for the producer: nothing is counted, nothing is decided, nothing is thrown away.
TEST_F(Message, MSG_T8_MSG_T10_ChecksThatReachNobodyCountNothing) {
  const std::string gid = fresh("t8");
  Services gone;
  Json plan = prepared(services, gid, {"a"});
  plan["check"] = gone.url("/check");
  plan["retry"]["attempts"] = 2;  // bounds deliveries, not checks
  gone.close();
  ASSERT_EQ(client().begin(plan).status, 201);
  Json document;
  EXPECT_TRUE(eventually(kPatience, [&] {
    document = client().show(gid, "?timeline=1").body;
    return times_of(document, "unreached") >= 4;
  })) << document;
  EXPECT_EQ(document.value("phase", ""), "prepared");
  EXPECT_EQ(wait_of(document, "00").value("attempts", -1), 0) << document;
  gone.on("/check", committed());
  gone.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

TEST_F(Message, MSG_T11_FAIL_F4_APoisonousCheckTargetHoldsUpNobodyElse) {
  const std::string poisonous = fresh("poison");
  Services poison;
  poison.on("/check", hang());
  Json plan = prepared(services, poisonous, {"a"});
  plan["check"] = poison.url("/check");
  plan["attempt_timeout_ms"] = 60'000;
  ASSERT_EQ(client().begin(plan).status, 201);
  ASSERT_TRUE(poison.hears(poisonous, "/check"));
  const std::string gid = fresh("t11");
  services.on("/check", committed());
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(client().show(poisonous).outcome(), "running");
  EXPECT_EQ(client().abort(poisonous).outcome(), "aborted");
}

TEST_F(Message, MSG_T14_DelayCountsFromSubmit) {
  const std::string gid = fresh("t14");
  Json plan = prepared(services, gid, {"a"});
  plan["delay_ms"] = 600;
  plan["check_after_ms"] = 60'000;
  ASSERT_EQ(client().begin(plan).status, 201);
  const Clock::time_point submitted = Clock::now();
  ASSERT_EQ(client().submit(gid).status, 200);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_GE(services.heard(gid, "/deliver/a").at(0).at - submitted, milliseconds{600});
}

// Whatever is not exactly one of three words is no word.
TEST_F(Message, MSG_T15_GarbageFromACheckDecidesNothing) {
  const std::string gid = fresh("t15");
  services.on("/check", in_turn({say(200, ""), say(200, "<html>all fine</html>"), say(200, R"({"state":"commited"})"),
                                 say(200, R"({"state":true})"), say(200, "{}"), say(404, R"({"state":"committed"})"),
                                 say(409, R"({"state":"aborted"})"), say(302, R"({"state":"aborted"})"), aborted()}));
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  EXPECT_EQ(client().ended(gid).outcome(), "aborted");
  EXPECT_EQ(services.count(gid, "/check"), 9U);
  EXPECT_EQ(services.count(gid, "/deliver/a"), 0U);
}

// R3: past its deadline it is asked back at once and an incident opens; it is never aborted by time.
TEST_F(Message, RULE_R3_TimeAloneNeverAbortsAPreparedMessage) {
  const std::string gid = fresh("r3");
  services.on("/check", running());
  Json plan = prepared(services, gid, {"a"});
  plan["deadline_ms"] = 300;
  ASSERT_EQ(client().begin(plan).status, 201);
  Reply shown;
  EXPECT_TRUE(eventually(kPatience, [&] {
    shown = client().show(gid);
    return shown.body.contains("incident");
  }));
  EXPECT_EQ(shown.outcome(), "running") << shown.body;
  EXPECT_EQ(shown.text("/phase"), "prepared");
  const std::size_t asked = services.count(gid, "/check");
  EXPECT_TRUE(services.hears(gid, "/check", asked + 2)) << "checks go on";
  EXPECT_EQ(client().submit(gid).status, 200);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.count(gid, "/deliver/a"), 1U);
}

TEST_F(Message, ARefusedDeliveryIsParkedAndGoesOnWhenAPersonSaysSo) {
  const std::string gid = fresh("parked");
  services.on("/deliver/b", in_turn({say(409, R"("not here")"), say(200)}));
  ASSERT_EQ(client().begin(message(services, gid, {"a", "b"})).status, 201);
  Reply shown;
  EXPECT_TRUE(eventually(kPatience, [&] {
    shown = client().show(gid);
    return shown.body.contains("incident");
  }));
  EXPECT_EQ(shown.outcome(), "running");
  EXPECT_EQ(shown.text("/decision"), "commit");
  // Lists show what is on disk; this incident may reach it a moment later.
  EXPECT_TRUE(eventually(kPatience, [&] { return client().list("incident=true").size() == 1; }));
  EXPECT_EQ(services.count(gid, "/deliver/b"), 1U) << "a refused target rests";
  EXPECT_EQ(admin().post("/v1/transactions/" + gid + "/retry", R"({"reason":"the shelf is free again"})").status, 200);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_FALSE(client().show(gid).body.contains("incident"));
}

TEST_F(Message, ASubmittedMessageCannotBeAborted) {
  const std::string gid = fresh("too-late");
  Gate gate;
  services.on("/deliver/a", gate.held());
  ASSERT_EQ(client().begin(prepared(services, gid, {"a"})).status, 201);
  ASSERT_EQ(client().submit(gid).status, 200);
  EXPECT_EQ(client().abort(gid).problem(), "wrong-phase");
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

}  // namespace
}  // namespace settle::e2e
