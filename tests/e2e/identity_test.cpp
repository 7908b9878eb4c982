#include <set>
#include <thread>

#include "e2e/world.h"

// A gid is a name: the same name is the same transaction, and every other name is another one.

namespace settle::e2e {
namespace {

class Identity : public World {};

TEST_F(Identity, AGidThatBeginsAnotherIsAnother) {
  const std::string stem = fresh("order");
  services.on("/act/a", [](const Heard& heard) {
    return Said{heard.gid.ends_with("x") ? 409 : 200, "{}", {}, Said::How::kAnswer};
  });
  const std::vector<std::string> gids{stem,        stem + "x", stem + "xx",      stem + "-",
                                      stem + "-1", stem + ":", stem.substr(0, 1)};
  for (const std::string& gid : gids) EXPECT_EQ(client().begin(saga(services, gid, {"a"})).status, 201) << gid;
  for (const std::string& gid : gids) {
    EXPECT_EQ(client().ended(gid).outcome(), gid.ends_with("x") ? "aborted" : "committed") << gid;
    EXPECT_EQ(client().show(gid).text("/gid"), gid);
    EXPECT_EQ(services.count(gid), 1U) << gid;
  }
  EXPECT_EQ(client().show(stem + "-2").problem(), "unknown-gid");
  EXPECT_EQ(client().show(stem.substr(0, 3)).problem(), "unknown-gid");
}

TEST_F(Identity, ARepeatedBeginIsTheSameTransaction) {
  const std::string gid = fresh("repeat");
  Json plan = saga(services, gid, {"a", "b"});
  plan["wait_ms"] = 20'000;
  const Reply first = client().begin(plan);
  EXPECT_EQ(first.status, 201);
  plan["wait_ms"] = 100;
  plan["labels"] = {{"try", "second"}};
  const Reply second = client().begin(plan);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.text("/tid"), first.text("/tid"));
  EXPECT_EQ(second.outcome(), "committed");
  EXPECT_EQ(services.count(gid), 2U);
}

TEST_F(Identity, FAIL_M4_AGidWithAnotherPlanIsRefused) {
  const std::string gid = fresh("reused");
  ASSERT_EQ(client().begin(saga(services, gid, {"a"})).status, 201);
  ASSERT_EQ(client().ended(gid).outcome(), "committed");
  const Reply refused = client().begin(saga(services, gid, {"b"}));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.problem(), "gid-reused");
  EXPECT_EQ(refused.text("/gid"), gid);
  EXPECT_EQ(services.story(gid), "/act/a");
}

TEST_F(Identity, ManyBeginsAtTheSameTimeAreOne) {
  const std::string gid = fresh("race");
  Json plan = saga(services, gid, {"a", "b"});
  plan["wait_ms"] = 20'000;
  std::vector<Reply> replies(16);
  std::vector<std::thread> clients;
  for (Reply& reply : replies) {
    clients.emplace_back([&, this] { reply = client().begin(plan); });
  }
  for (std::thread& one : clients) one.join();
  std::set<std::string> tids;
  int made = 0;
  for (const Reply& reply : replies) {
    EXPECT_EQ(reply.outcome(), "committed");
    tids.insert(reply.text("/tid"));
    made += reply.status == 201 ? 1 : 0;
  }
  EXPECT_EQ(tids.size(), 1U);
  EXPECT_EQ(made, 1);
  EXPECT_EQ(services.count(gid), 2U);
}

TEST_F(Identity, TheServerNamesWhatHasNoName) {
  Json plan = saga(services, "", {"a"});
  plan.erase("gid");
  const Reply first = client().begin(plan);
  const Reply second = client().begin(plan);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(second.status, 201);
  EXPECT_NE(first.text("/gid"), second.text("/gid"));
  EXPECT_EQ(client().ended(first.text("/gid")).outcome(), "committed");
  EXPECT_EQ(client().get("/v1/transactions?transaction=" + first.text("/tid")).text("/gid"), first.text("/gid"));
}

TEST_F(Identity, FreshGidsAreFreshAndCanBeUsed) {
  const Reply given = client().post("/v1/gids?count=50", {});
  ASSERT_EQ(given.status, 200);
  const auto gids = given.body.at("gids").get<std::set<std::string>>();
  EXPECT_EQ(gids.size(), 50U);
  const std::string gid = *gids.begin();
  EXPECT_EQ(client().show(gid).problem(), "unknown-gid");
  EXPECT_EQ(client().begin(saga(services, gid, {"a"})).status, 201);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

TEST_F(Identity, TheLongestGidWorks) {
  const std::string gid = std::string(127, 'g') + ":";
  EXPECT_EQ(client().begin(saga(services, gid, {"a"})).status, 201);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(client().show(gid.substr(0, 127)).problem(), "unknown-gid");
}

TEST_F(Identity, ListsFindWhatWasBegunNewestFirst) {
  const std::string label = fresh("list");
  for (int i = 0; i < 5; ++i) {
    Json plan = saga(services, label + "-" + std::to_string(i), {"a"});
    plan["labels"] = {{"run", label}};
    plan["wait_ms"] = 20'000;
    ASSERT_EQ(client().begin(plan).outcome(), "committed");
  }
  const std::string query = "/v1/transactions?limit=2&outcome=committed&label=run=" + label;
  std::string cursor;
  std::string found;
  for (int page = 0; page < 4; ++page) {
    const Reply reply = client().get(query + (cursor.empty() ? "" : "&cursor=" + cursor));
    ASSERT_EQ(reply.status, 200) << reply.body;
    for (const Json& document : reply.body.at("transactions")) found += document.value("gid", "").substr(label.size());
    cursor = reply.text("/next_cursor");
    if (cursor.empty()) break;
  }
  EXPECT_EQ(found, "-4-3-2-1-0");
  EXPECT_EQ(client().get("/v1/transactions?outcom=committed").problem(), "invalid");
}

}  // namespace
}  // namespace settle::e2e
