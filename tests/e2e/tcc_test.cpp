#include "e2e/world.h"

// TCC and two-phase commit, driven by the daemon or by the client; and what the other patterns have beside their steps:
// bound results, optional steps, pivots, policies, follow-ups.

namespace settle::e2e {
namespace {

class Tcc : public World {
 protected:
  Json branch(const std::string& id, bool with_try) const {
    Json branch{{"id", id},
                {"confirm", services.url("/confirm/" + id)},
                {"cancel", services.url("/cancel/" + id)},
                {"input", {{"of", id}}}};
    if (with_try) branch["try"] = services.url("/try/" + id);
    return branch;
  }
  Json driven(const std::string& gid, std::initializer_list<const char*> ids) const {
    Json plan{{"pattern", "tcc"}, {"gid", gid}, {"retry", quick_retry()}, {"branches", Json::array()}};
    for (const char* id : ids) plan["branches"].push_back(branch(id, true));
    return plan;
  }
  Reply enlist(const std::string& gid, const Json& branch) const {
    return client().post("/v1/transactions/" + gid + "/branches", branch.dump());
  }
  Reply report(const std::string& gid, const std::string& id, const Json& body) const {
    return client().post("/v1/transactions/" + gid + "/branches/" + id + "/report", body.dump());
  }
};

TEST_F(Tcc, TheDaemonTriesAllAndConfirmsAll) {
  const std::string gid = fresh("tcc");
  services.on("/try/b", in_turn({say(503), say(200, R"({"lot": 7.50})")}));
  services.on("/confirm/a", in_turn({say(409), say(200)}));
  Json plan = driven(gid, {"a", "b"});
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.status, 201);
  EXPECT_EQ(told.outcome(), "committed");
  EXPECT_EQ(told.text("/phase"), "ended");
  EXPECT_EQ(op_of(told.body, "b", "try")["result"]["lot"], 7.5);
  EXPECT_EQ(op_of(told.body, "a", "confirm")["outcome"], "done");
  EXPECT_EQ(op_of(told.body, "a", "confirm")["attempts"], 2) << "nobody can refuse a confirm";
  EXPECT_TRUE(op_of(told.body, "a", "cancel").is_null());
  EXPECT_EQ(services.count(gid, "/try/a"), 1U);
  EXPECT_EQ(services.count(gid, "/try/b"), 2U);
  const std::vector<Heard> confirms = services.heard(gid, "/confirm/b");
  ASSERT_EQ(confirms.size(), 1U);
  EXPECT_EQ(confirms[0].op, "confirm");
  EXPECT_EQ(confirms[0].request.header("settle-pattern"), "tcc");
  EXPECT_EQ(confirms[0].request.body, R"({"of":"b"})");
  EXPECT_EQ(services.count(gid, "/cancel/a") + services.count(gid, "/cancel/b"), 0U);
}

TEST_F(Tcc, OneRefusalCancelsAllThatMayHaveBeenTried) {
  const std::string gid = fresh("refused");
  services.on("/try/b", say(409, R"({"why":"sold out"})"));
  Json plan = driven(gid, {"a", "b"});
  plan["on_abort"] = {{{"id", "sorry"}, {"url", services.url("/sorry")}}};
  plan["on_commit"] = {{{"id", "thanks"}, {"url", services.url("/thanks")}}};
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "aborted");
  EXPECT_EQ(told.text("/reason"), "\"b\" refused");
  EXPECT_EQ(services.count(gid, "/cancel/a"), 1U);
  EXPECT_EQ(services.count(gid, "/cancel/b"), 0U) << "it refused, so it holds nothing";
  EXPECT_EQ(services.count(gid, "/confirm/a") + services.count(gid, "/confirm/b"), 0U);
  ASSERT_TRUE(services.hears(gid, "/sorry"));
  EXPECT_EQ(services.heard(gid, "/sorry")[0].op, "compensate");
  const Reply shown = client().ended(gid);
  EXPECT_EQ(op_of(shown.body, "sorry", "compensate")["outcome"], "done");
  EXPECT_EQ(shown.body["branches"][2]["follow_up"], true);
  EXPECT_FALSE(shown.body["branches"][0].contains("follow_up"));
  EXPECT_EQ(services.count(gid, "/thanks"), 0U);
}

TEST_F(Tcc, TheClientEnlistsTriesAndSubmits) {
  const std::string gid = fresh("client");
  const Reply begun = client().begin({{"pattern", "tcc"}, {"gid", gid}, {"branches", Json::array()}});
  EXPECT_EQ(begun.status, 201);
  EXPECT_EQ(begun.text("/phase"), "trying");
  EXPECT_FALSE(begun.text("/deadline_at").empty()) << "nobody else would ever end it";

  EXPECT_EQ(enlist(gid, branch("a", false)).status, 200);
  EXPECT_EQ(enlist(gid, branch("b", false)).status, 200);
  EXPECT_EQ(enlist(gid, branch("a", false)).status, 200) << "a repeat";
  Json other = branch("a", false);
  other["confirm"] = services.url("/elsewhere");
  EXPECT_EQ(enlist(gid, other).problem(), "branch-reused");
  EXPECT_EQ(client().show(gid).body["branches"].size(), 2U);
  EXPECT_EQ(report(gid, "a", {{"op", "try"}, {"outcome", "done"}}).status, 200);
  EXPECT_EQ(client().show(gid).outcome(), "running") << "a report decides nothing";
  EXPECT_EQ(services.count(gid), 0U) << "the daemon calls nobody before it is submitted";

  EXPECT_EQ(client().submit(gid).text("/decision"), "commit");
  EXPECT_EQ(client().submit(gid).status, 200);
  const Reply ended = client().ended(gid);
  EXPECT_EQ(ended.outcome(), "committed");
  EXPECT_EQ(client().submit(gid).status, 200) << "also after its end";
  EXPECT_EQ(services.count(gid, "/confirm/a"), 1U);
  EXPECT_EQ(services.count(gid, "/confirm/b"), 1U);
  EXPECT_EQ(client().abort(gid).problem(), "wrong-phase");
  EXPECT_EQ(enlist(gid, branch("c", false)).problem(), "wrong-phase");
}

TEST_F(Tcc, AnAbortByTheClientCancelsWhatWasEnlisted) {
  const std::string gid = fresh("given-up");
  ASSERT_EQ(client().begin({{"pattern", "tcc"}, {"gid", gid}, {"branches", {branch("a", false)}}}).status, 201);
  EXPECT_EQ(client().abort(gid).text("/decision"), "abort");
  EXPECT_EQ(client().ended(gid).outcome(), "aborted");
  EXPECT_EQ(services.story(gid), "/cancel/a") << "it may have been tried";
  EXPECT_EQ(client().submit(gid).problem(), "wrong-phase");
}

TEST_F(Tcc, ADeadlineCancelsWhatNobodySubmits) {
  const std::string gid = fresh("forgotten");
  ASSERT_EQ(client()
                .begin({{"pattern", "tcc"}, {"gid", gid}, {"deadline_ms", 150}, {"branches", {branch("a", false)}}})
                .status,
            201);
  const Reply ended = client().ended(gid);
  EXPECT_EQ(ended.outcome(), "aborted");
  EXPECT_EQ(ended.text("/reason"), "the deadline passed");
  EXPECT_EQ(services.story(gid), "/cancel/a");
}

TEST_F(Tcc, ADaemonDrivenOneTakesNoEnlist) {
  const std::string gid = fresh("closed");
  Gate gate;
  services.on("/try/a", gate.held());
  ASSERT_EQ(client().begin(driven(gid, {"a"})).status, 201);
  EXPECT_EQ(enlist(gid, branch("b", false)).problem(), "wrong-phase");
  EXPECT_EQ(client().submit(gid).status, 200) << "no effect";
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

TEST_F(Tcc, AReadOnlyVoterHearsNoCommit) {
  const std::string gid = fresh("two-phase");
  services.on("/prepare/reader", say(200, R"({"vote": "read-only"})"));
  Json plan{{"pattern", "two_phase"}, {"gid", gid}, {"wait_ms", 20'000}, {"branches", Json::array()}};
  for (const std::string id : {"reader", "writer"}) {
    plan["branches"].push_back({{"id", id},
                                {"prepare", services.url("/prepare/" + id)},
                                {"commit", services.url("/commit/" + id)},
                                {"rollback", services.url("/rollback/" + id)}});
  }
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "committed");
  EXPECT_EQ(op_of(told.body, "reader", "prepare")["vote"], "read-only");
  EXPECT_EQ(services.count(gid, "/commit/reader"), 0U);
  EXPECT_EQ(services.count(gid, "/commit/writer"), 1U);
  EXPECT_EQ(services.heard(gid, "/commit/writer")[0].op, "commit");
}

// Results of earlier steps go into later ones byte for byte; a part that is missing is a refusal, and nothing is sent.
TEST_F(Tcc, ASagaBindsResults) {
  const std::string gid = fresh("bound");
  services.on("/act/a", say(200, R"({"lot": {"id": 7.50}})"));
  Json plan = saga(services, gid, {"a", "b"});
  plan["steps"][1]["bind"] = {{{"step", "a"}, {"from", "/lot"}, {"into", "/lot"}}};
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  EXPECT_EQ(services.heard(gid, "/act/b")[0].request.body, R"({"of":"b","lot":{"id": 7.50}})");

  const std::string missing = fresh("unbound");
  plan["gid"] = missing;
  plan["steps"][1]["bind"][0]["from"] = "/price";
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "aborted");
  EXPECT_EQ(services.count(missing, "/act/b"), 0U);
  EXPECT_EQ(services.count(missing, "/undo/a"), 1U);
}

// What a saga does without is undone and replaced, and the saga commits.
TEST_F(Tcc, AnOptionalStepIsUndoneAndReplaced) {
  const std::string gid = fresh("optional");
  services.on("/act/points", in_turn({say(503), say(409)}));
  Json plan = saga(services, gid, {"stock", "points", "ship"});
  plan["steps"][1]["optional"] = true;
  plan["steps"][1]["degrade"] = {{"id", "points-later"}, {"url", services.url("/later")}, {"input", {{"n", 7}}}};
  plan["on_commit"] = {{{"id", "thanks"}, {"url", services.url("/thanks")}}};
  ASSERT_EQ(client().begin(plan).status, 201);
  const Reply ended = client().ended(gid);
  EXPECT_EQ(ended.outcome(), "committed");
  EXPECT_EQ(ended.text("/phase"), "ended");
  EXPECT_EQ(op_of(ended.body, "points", "action")["outcome"], "refused");
  EXPECT_EQ(op_of(ended.body, "points", "compensate")["outcome"], "done") << "its first attempt may have arrived";
  EXPECT_EQ(op_of(ended.body, "points-later", "deliver")["outcome"], "done");
  EXPECT_EQ(services.heard(gid, "/later")[0].request.body, R"({"n":7})");
  EXPECT_EQ(services.count(gid, "/thanks"), 1U);
  EXPECT_EQ(services.count(gid, "/undo/stock"), 0U);
}

TEST_F(Tcc, ARefusedTargetTurnsTheMessageBackIfItsPolicySaysSo) {
  const std::string gid = fresh("turned");
  services.on("/deliver/b", say(409));
  Json plan = message(services, gid, {"a", "b"});
  plan["ordered"] = true;
  plan["targets"][0]["compensate"] = services.url("/undo/a");
  plan["targets"][1]["on_refused"] = "compensate";
  plan["on_abort"] = {{{"id", "producer"}, {"url", services.url("/undo/producer")}}};
  ASSERT_EQ(client().begin(plan).status, 201);
  const Reply ended = client().ended(gid);
  EXPECT_EQ(ended.outcome(), "aborted");
  EXPECT_EQ(services.story(gid), "/deliver/a /deliver/b /undo/a /undo/producer");
  EXPECT_EQ(services.heard(gid, "/undo/a")[0].op, "compensate");
}

TEST_F(Tcc, PastThePivotNothingTurnsBack) {
  const std::string gid = fresh("pivot");
  services.on("/act/ship", in_turn({say(409), say(200)}));
  Json plan = saga(services, gid, {"stock", "pay", "ship"});
  plan["steps"][1]["pivot"] = true;
  plan["wait_ms"] = 20'000;
  ASSERT_EQ(client().begin(plan).status, 201);
  const Reply ended = client().ended(gid);
  EXPECT_EQ(ended.outcome(), "committed");
  EXPECT_EQ(services.story(gid), "/act/stock /act/pay /act/ship /act/ship");
  EXPECT_EQ(client().abort(gid).problem(), "wrong-phase");
}

// An operator's word about a branch ends what nobody answers.
TEST_F(Tcc, AnOperatorResolvesAndStops) {
  const std::string gid = fresh("stuck");
  services.on("/confirm/a", say(500));
  ASSERT_EQ(client().begin(driven(gid, {"a"})).status, 201);
  ASSERT_TRUE(services.hears(gid, "/confirm/a"));
  const std::string path = "/v1/transactions/" + gid;
  const Reply stopped = admin().post(path + "/stop", R"({"reason":"wrong amounts"})");
  EXPECT_EQ(stopped.status, 200);
  EXPECT_EQ(stopped.text("/incident/kind"), "stopped");
  bool listed = false;
  const Reply incidents = admin().get("/v1/incidents");
  for (const Json& one : incidents.body.value("transactions", Json::array())) {
    listed = listed || one.value("gid", "") == gid;
  }
  EXPECT_TRUE(listed) << incidents.body;
  EXPECT_EQ(admin().post(path + "/branches/b/resolve", R"({"as":"done","reason":"x"})").problem(), "unknown-branch");
  const Reply resolved = admin().post(path + "/branches/a/resolve", R"({"as":"skipped","reason":"lost for good"})");
  EXPECT_EQ(resolved.status, 200);
  EXPECT_EQ(resolved.text("/heuristic"), "mixed");
  EXPECT_EQ(client().ended(gid).outcome(), "committed") << "the decision never changes";
}

}  // namespace
}  // namespace settle::e2e
