#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "settle/message.h"
#include "settle/participant.h"
#include "settle/saga.h"
#include "settle/tcc.h"
#include "settle/testing.h"

// What a user's test can do with it. The waits end a failing test; nothing here sleeps.

namespace settle {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds kPatience{30};

class TestCoordinatorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = TestCoordinator::start();
    ASSERT_TRUE(started) << started.error().message;
    coordinator.emplace(std::move(*started));
    ParticipantRouter router;
    router.on("/do", [this](const BranchCall&) {
      ++dos;
      return answer();
    });
    router.on("/undo", [this](const BranchCall&) {
      ++undos;
      return BranchAnswer::done();
    });
    auto serving = ParticipantServer::start(std::move(router));
    ASSERT_TRUE(serving) << serving.error().message;
    server.emplace(std::move(*serving));
    ClientOptions options = coordinator->client_options();
    options.patience = kPatience;
    client.emplace(options);
  }

  Saga saga() {
    Saga out;
    out.step("one", server->url("/do")).compensate(server->url("/undo"));
    return out;
  }
  /// A fact about another thread that must come about.
  static bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::optional<TestCoordinator> coordinator;
  std::optional<ParticipantServer> server;
  std::optional<Client> client;
  std::function<BranchAnswer()> answer = [] { return BranchAnswer::done(); };
  std::atomic<int> dos{0};
  std::atomic<int> undos{0};
};

TEST_F(TestCoordinatorTest, ASagaCommitsOrIsCompensated) {
  EXPECT_TRUE(client->run(saga(), kPatience)->committed());
  Saga two = saga();
  two.step("two", server->url("/nowhere")).retry(Retry().attempts(1));
  EXPECT_TRUE(client->run(two, kPatience)->aborted());
  EXPECT_EQ(undos, 1);
}

TEST_F(TestCoordinatorTest, ARetryThatIsDueInAnHourComesWhenTheClockIsMoved) {
  answer = [this] { return dos == 1 ? BranchAnswer::unknown("busy") : BranchAnswer::done(); };
  Saga patient = saga();
  patient.retry(Retry().base(hours{1}).cap(hours{1}).jitter(0));
  ASSERT_TRUE(client->begin(patient));
  ASSERT_TRUE(eventually([&] {
    const auto now = client->query(patient.gid());
    return now && now->find("one", "action") != nullptr && now->document.find("next_due_at") != std::string::npos;
  }));
  EXPECT_TRUE(client->query(patient.gid())->running());
  coordinator->advance(minutes{61});
  EXPECT_TRUE(client->wait(patient.gid(), Wait::for_end(kPatience))->committed());
  EXPECT_EQ(dos, 2);
}

TEST_F(TestCoordinatorTest, ADeadlineOfADayPassesAtOnce) {
  Tcc tcc;
  tcc.deadline(hours{24}).branch("one", server->url("/do"), server->url("/undo"));
  ASSERT_TRUE(client->begin(tcc)->running());
  coordinator->advance(hours{25});
  const auto told = client->wait(tcc.gid(), Wait::for_end(kPatience));
  ASSERT_TRUE(told && told->aborted());
  EXPECT_EQ(told->reason, "the deadline passed");
  EXPECT_EQ(undos, 1);
}

TEST_F(TestCoordinatorTest, WhatIsOpenGoesOnAfterARestart) {
  answer = [this] { return dos == 1 ? BranchAnswer::running(std::chrono::hours{1}) : BranchAnswer::done(); };
  const Saga open = saga();
  ASSERT_TRUE(client->begin(open));
  ASSERT_TRUE(eventually([&] { return dos == 1; }));
  const std::string before = coordinator->address();
  coordinator->restart();
  EXPECT_EQ(coordinator->address(), before);
  coordinator->advance(hours{2});
  EXPECT_TRUE(client->wait(open.gid(), Wait::for_end(kPatience))->committed());
  EXPECT_EQ(dos, 2) << "asked again, because nobody knows the answer any more";
  EXPECT_TRUE(client->submit(open.gid())) << "it is known after its end";
}

TEST_F(TestCoordinatorTest, TwoOfThemAreTwoWorlds) {
  auto other = TestCoordinator::start();
  ASSERT_TRUE(other);
  Client there(other->client_options());
  const Saga mine = saga();
  ASSERT_TRUE(client->run(mine, kPatience)->committed());
  EXPECT_EQ(there.query(mine.gid()).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace settle
