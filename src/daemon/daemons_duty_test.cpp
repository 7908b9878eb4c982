// What operators say to one of several daemons over one real PostgreSQL.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "live/server.h"
#include "live/settled.h"
#include "servers/postgres.h"

namespace settle::daemon {
namespace {

using live::eventually;
using live::Json;
using live::kPatience;

class DaemonsOnDuty : public ::testing::Test {
 protected:
  DaemonsOnDuty() {
    for (const char* node : {"a", "b"}) {
      places_.push_back(std::make_unique<live::Place>(std::string("duty-") + node));
      daemons_.push_back(std::make_unique<live::Settled>(
          places_.back()->path(),
          std::vector<std::string>{
              "--store=postgres://postgres@127.0.0.1:" + std::to_string(server_.port()) + "/postgres",
              std::string("--node=") + node, "--shards=8", "--lease=10m", "--workers=2",
              "--audit.file=" + places_.back()->path("audit.log")}));
    }
  }

  [[nodiscard]] std::string name() const { return "http://127.0.0.1:" + std::to_string(participant_.port()); }
  [[nodiscard]] live::Reply order(int daemon, const std::string& verb) const {
    return daemons_[static_cast<std::size_t>(daemon)]->admin().post("/v1/destinations/" + name() + "/" + verb,
                                                                    R"({"reason":"maintenance"})");
  }
  [[nodiscard]] std::string state_at(const live::Settled& daemon) const {
    const live::Reply reply = daemon.admin().get("/v1/destinations");
    for (const Json& one : reply.body.value("destinations", Json::array())) {
      if (one.value("name", "") == name()) return one.value("state", "");
    }
    return {};
  }

  [[nodiscard]] static std::string shares_at(const live::Settled& daemon) {
    std::string out;
    for (const Json& node : daemon.admin().get("/v1/nodes").body.value("nodes", Json::array())) {
      out += node.value("name", "") + " " + std::to_string(node.value("shards", -1)) + ", ";
    }
    return out;
  }

  std::atomic<int> calls_{0};
  servers::Postgres server_;
  live::Server participant_{live::free_port(), [this](const live::Message&) {
                              ++calls_;
                              return live::Said{200, "{}", {}, live::Said::How::kAnswer};
                            }};
  std::vector<std::unique_ptr<live::Place>> places_;
  std::vector<std::unique_ptr<live::Settled>> daemons_;
};

TEST_F(DaemonsOnDuty, APauseHoldsInAllDaemonsAndEachAuditsWhatItWasTold) {
  live::Settled& a = *daemons_[0];
  live::Settled& b = *daemons_[1];
  ASSERT_TRUE(a.start()) << a.log();
  EXPECT_EQ(order(0, "pause").body.value("state", ""), "paused") << "before the other one is there";
  ASSERT_TRUE(b.start()) << b.log();
  EXPECT_EQ(state_at(b), "paused") << "read before its first call";
  for (const live::Settled* daemon : {&a, &b}) {
    EXPECT_TRUE(eventually(kPatience, [&] { return shares_at(*daemon) == "a 4, b 4, "; })) << shares_at(*daemon);
  }

  std::vector<std::string> gids;
  for (int i = 0; i < 16; ++i) {
    gids.push_back("held-" + std::to_string(i));
    const Json plan{
        {"pattern", "saga"}, {"gid", gids.back()}, {"steps", {{{"id", "pay"}, {"action", name() + "/pay"}}}}};
    ASSERT_TRUE(eventually(kPatience, [&] { return (i % 2 == 0 ? a : b).client().begin(plan).ok(); }));
  }
  EXPECT_EQ(order(1, "resume").body.value("state", ""), "closed");
  EXPECT_TRUE(eventually(kPatience, [&] { return state_at(a) == "closed"; })) << "it looks again by itself";
  for (const std::string& gid : gids) EXPECT_EQ(a.client().ended(gid).outcome(), "committed") << gid;
  EXPECT_EQ(calls_.load(), 16);

  EXPECT_NE(live::read_file(places_[0]->path("audit.log")).find(R"("node":"a","verb":"pause")"), std::string::npos);
  EXPECT_NE(live::read_file(places_[1]->path("audit.log")).find(R"("node":"b","verb":"resume")"), std::string::npos);
}

TEST_F(DaemonsOnDuty, AnOrderToTheWrongDaemonIsRefusedWithTheNameOfTheRightOne) {
  live::Settled& a = *daemons_[0];
  live::Settled& b = *daemons_[1];
  ASSERT_TRUE(a.start()) << a.log();
  ASSERT_TRUE(b.start()) << b.log();
  for (const live::Settled* daemon : {&a, &b}) {
    EXPECT_TRUE(eventually(kPatience, [&] { return shares_at(*daemon) == "a 4, b 4, "; })) << shares_at(*daemon);
  }
  EXPECT_EQ(order(0, "pause").body.value("state", ""), "paused");
  EXPECT_TRUE(eventually(kPatience, [&] { return state_at(b) == "paused"; }));
  std::array<int, 2> taken{};
  for (int i = 0; i < 16; ++i) {
    const std::string gid = "open-" + std::to_string(i);
    const Json plan{{"pattern", "saga"}, {"gid", gid}, {"steps", {{{"id", "pay"}, {"action", name() + "/pay"}}}}};
    ASSERT_TRUE(eventually(kPatience, [&] { return a.client().begin(plan).ok(); }));
    for (const std::size_t which : {0U, 1U}) {
      const live::Reply told = daemons_[which]->admin().post("/v1/transactions/" + gid + "/stop", R"({"reason":"r"})");
      if (told.status == 200) {
        ++taken[which];
        continue;
      }
      EXPECT_EQ(told.status, 503);
      EXPECT_EQ(told.body.value("gid", ""), gid);
      const std::string expected = std::string("driven by daemon ") + (which == 0 ? "b" : "a");
      EXPECT_NE(told.body.value("detail", "").find(expected), std::string::npos) << told.body;
    }
  }
  EXPECT_EQ(taken[0] + taken[1], 16) << "each order was taken by one of them";
  EXPECT_GT(taken[0], 0);
  EXPECT_GT(taken[1], 0);
}

}  // namespace
}  // namespace settle::daemon
