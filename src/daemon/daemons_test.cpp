// Several daemons as processes over one real PostgreSQL.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "drivers/postgres/connection.h"
#include "live/server.h"
#include "live/settled.h"
#include "servers/postgres.h"

namespace settle::daemon {
namespace {

using live::eventually;
using live::Json;
using live::kPatience;

constexpr int kShards = 12;

class Daemons : public ::testing::Test {
 protected:
  Daemons() : participant_(live::free_port(), [this](const live::Message& request) { return answer(request); }) {}

  live::Settled& start(const std::string& node) {
    places_.push_back(std::make_unique<live::Place>("daemons-" + node));
    auto daemon = std::make_unique<live::Settled>(
        places_.back()->path(),
        std::vector<std::string>{"--store=" + url(), "--node=" + node, "--shards=" + std::to_string(kShards),
                                 "--lease=" + lease_, "--workers=2", "--drain=2s"});
    live::Settled& out = *daemon;
    daemons_[node] = std::move(daemon);
    EXPECT_TRUE(out.start()) << out.log();
    return out;
  }

  [[nodiscard]] std::string url() const {
    return "postgres://postgres@127.0.0.1:" + std::to_string(server_.port()) + "/postgres";
  }

  std::map<std::string, int> shares() {
    if (!sql_ || !sql_->is_idle()) {
      auto connection = postgres::Connection::open({.url = url(), .name = "test"});
      if (!connection) return {};
      sql_ = std::move(*connection);
    }
    const auto rows =
        sql_->run("SELECT owner, count(*) FROM settle.shard WHERE held_until > clock_timestamp() GROUP BY owner");
    std::map<std::string, int> out;
    for (std::size_t row = 0; rows && row < rows->size(); ++row) {
      out[std::string(rows->bytes(row, 0))] = static_cast<int>(rows->number(row, 1));
    }
    return out;
  }
  bool shared_as(const std::map<std::string, int>& wanted) {
    return eventually(kPatience, [&] { return shares() == wanted; });
  }

  [[nodiscard]] Json saga(const std::string& gid) const {
    return {{"pattern", "saga"},
            {"gid", gid},
            {"steps", {{{"id", "pay"}, {"action", live::url(participant_.port(), "/" + gid)}}}}};
  }
  int calls(const std::string& gid) {
    const std::lock_guard hold(lock_);
    return calls_["/" + gid];
  }
  /// 202 and 201 alike: it is remembered.
  [[nodiscard]] static bool begun(const live::Client& client, const Json& plan) {
    return eventually(kPatience, [&] { return client.begin(plan).ok(); });  // a moved shard answers 503 for a moment
  }

  std::atomic<int> status_{200};
  std::string lease_ = "2s";

 private:
  live::Said answer(const live::Message& request) {
    const std::lock_guard hold(lock_);
    ++calls_[request.target];
    return {status_.load(), "{}", {}, live::Said::How::kAnswer};
  }

  std::mutex lock_;
  std::map<std::string, int> calls_;  // guarded by lock_
  servers::Postgres server_;
  live::Server participant_;
  std::vector<std::unique_ptr<live::Place>> places_;
  std::map<std::string, std::unique_ptr<live::Settled>> daemons_;
  std::unique_ptr<postgres::Connection> sql_;
};

TEST_F(Daemons, ShareTheShardsAndAnswerForEachOther) {
  lease_ = "10m";  // nothing of this waits for the end of a lease
  live::Settled& a = start("a");
  EXPECT_TRUE(shared_as({{"a", kShards}}));
  live::Settled& b = start("b");
  EXPECT_TRUE(shared_as({{"a", kShards / 2}, {"b", kShards / 2}}));
  for (int i = 0; i < 24; ++i) {
    const std::string gid = "order-" + std::to_string(i);
    const live::Client via = (i % 2 == 0 ? a : b).client();
    const live::Client other = (i % 2 == 0 ? b : a).client();
    ASSERT_TRUE(begun(via, saga(gid))) << gid;
    EXPECT_EQ(via.ended(gid).outcome(), "committed") << gid;
    EXPECT_EQ(other.ended(gid).outcome(), "committed") << gid;
    EXPECT_EQ(calls(gid), 1) << gid;
  }
  // Orderly: the shards are there for the others at once.
  EXPECT_EQ(b.terminate(), (live::Exit{0, 0}));
  EXPECT_TRUE(shared_as({{"a", kShards}}));
}

TEST_F(Daemons, TransactionsOfAKilledDaemonAreTakenOver) {
  live::Settled& a = start("a");
  live::Settled& b = start("b");
  ASSERT_TRUE(shared_as({{"a", kShards / 2}, {"b", kShards / 2}}));
  status_ = 503;  // nobody can end yet
  std::vector<std::string> gids;
  for (int i = 0; i < 24; ++i) {
    gids.push_back("order-" + std::to_string(i));
    ASSERT_TRUE(begun((i % 2 == 0 ? a : b).client(), saga(gids.back()))) << gids.back();
  }
  a.kill();
  status_ = 200;
  EXPECT_TRUE(shared_as({{"b", kShards}}));
  for (const std::string& gid : gids) EXPECT_EQ(b.client().ended(gid).outcome(), "committed") << gid;
  EXPECT_TRUE(a.start()) << a.log();
  EXPECT_TRUE(shared_as({{"a", kShards / 2}, {"b", kShards / 2}}));
  for (const std::string& gid : gids) EXPECT_EQ(a.client().ended(gid).outcome(), "committed") << gid;
}

}  // namespace
}  // namespace settle::daemon
