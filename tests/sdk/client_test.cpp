#include "settle/client.h"

#include <nlohmann/json.hpp>
#include <thread>

#include "sdk/daemon_world.h"
#include "settle/message.h"
#include "settle/saga.h"
#include "settle/tcc.h"
#include "settle/two_phase.h"
#include "settle/value.h"

namespace settle::sdk_tests {
namespace {

using Json = nlohmann::json;
using Story = std::vector<std::string>;

class SdkClient : public DaemonWorld {
 protected:
  Saga order(std::string_view gid = {}) {
    Saga saga(gid);
    saga.retry(quick());
    saga.step("stock", url("/stock")).compensate(url("/unstock")).input(R"({"item": 7.50})");
    saga.step("pay", url("/pay")).compensate(url("/refund"));
    return saga;
  }
};

TEST_F(SdkClient, ASagaCommits) {
  Client client(options());
  answer("/stock", 200, R"({"lot": 7.50})");
  const Saga saga = order();
  const auto done = client.run(saga, seconds{20});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->gid, saga.gid());
  EXPECT_EQ(done->tid.size(), Tid::kTextChars);
  EXPECT_EQ(done->pattern, "saga");
  EXPECT_EQ(done->phase, "ended");
  EXPECT_TRUE(done->committed());
  EXPECT_EQ(done->decision, Transaction::Decision::kCommit);
  EXPECT_EQ(done->heuristic, "none");
  EXPECT_FALSE(done->incident);
  ASSERT_NE(done->find("stock", "action"), nullptr);
  EXPECT_EQ(done->find("stock", "action")->outcome, "done");
  EXPECT_EQ(done->find("stock", "action")->result, R"({"lot": 7.50})") << "byte for byte";
  EXPECT_EQ(done->find("stock", "compensate"), nullptr);
  EXPECT_EQ(Json::parse(done->document)["gid"], saga.gid());
  EXPECT_EQ(heard(), (Story{"action /stock", "action /pay"}));
  EXPECT_EQ(last("/stock").body, R"({"item": 7.50})");
}

TEST_F(SdkClient, ASagaThatIsRefusedIsCompensated) {
  Client client(options());
  answer("/pay", 409, R"("no money")");
  const auto done = client.run(order(), seconds{20});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->aborted());
  EXPECT_EQ(done->decision, Transaction::Decision::kAbort);
  EXPECT_EQ(done->reason, "\"pay\" refused");
  EXPECT_EQ(heard(), (Story{"action /stock", "action /pay", "compensate /unstock"}));
}

TEST_F(SdkClient, EverythingThatASagaCanSay) {
  Client client(options());
  answer("/lot", 200, R"({"lot": 1.0})");
  answer("/points", 409, "{}");
  Saga saga;
  saga.retry(Retry().base(milliseconds{20}).factor(1.5).cap(seconds{1}).jitter(0.1).attempts(5).for_at_most(seconds{9}))
      .deadline(std::chrono::minutes{1})
      .attempt_timeout(seconds{2})
      .label("shop", "nord")
      .header("x-tenant", "blue")
      .trace_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  saga.step("lot", url("/lot")).compensate(url("/unlot")).compensate_bind("lot", "/lot", "/of");
  saga.step("points", url("/points"))
      .compensate(url("/unpoints"))
      .optional()
      .degrade(FollowUp("sorry", url("/sorry")).input(R"({"a":1})"));
  saga.step("ship", url("/ship"))
      .pivot()
      .after("lot")
      .bind("lot", "/lot", "/ship/lot")
      .retry(quick())
      .attempt_timeout(seconds{1});
  saga.concurrent();
  saga.on_commit("mail", url("/mail")).input(R"({"to":"bob"})").retry(quick());
  saga.on_abort("regret", url("/regret"));
  const auto done = client.run(saga, seconds{20});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->committed());
  ASSERT_TRUE(live::eventually(live::kPatience, [&] { return count("deliver /mail") + count("deliver /sorry") == 2; }));
  EXPECT_EQ(count("deliver /regret"), 0U);
  EXPECT_EQ(last("/ship").body, R"({"ship":{"lot":1.0}})");
  EXPECT_EQ(last("/ship").header("x-tenant"), "blue");
  EXPECT_EQ(last("/ship").header("traceparent").substr(0, 36), "00-4bf92f3577b34da6a3ce929d0e0e4736-");
  EXPECT_EQ(last("/mail").body, R"({"to":"bob"})");
}

TEST_F(SdkClient, ARepeatIsTheSameTransactionAnotherPlanIsAConflict) {
  Client client(options());
  ASSERT_TRUE(client.run(order("order-1"), seconds{20}));
  const auto again = client.run(order("order-1"), seconds{20});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->committed());
  EXPECT_EQ(count("action /pay"), 1U);
  Saga other("order-1");
  other.step("stock", url("/elsewhere"));
  const auto reused = client.begin(other);
  ASSERT_FALSE(reused);
  EXPECT_EQ(reused.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(reused.error().message.starts_with("gid-reused: ")) << reused.error().message;
}

TEST_F(SdkClient, WhatIsWrongIsSaidAsAnError) {
  Client client(options());
  Saga broken("order-2");
  broken.step("stock", url("/stock")).input("{\"n\": }");
  auto told = client.begin(broken);
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kInvalid);
  EXPECT_NE(told.error().message.find("\"input\" is no JSON"), std::string::npos) << told.error().message;
  EXPECT_EQ(client.begin(Saga("no gid!")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.query("no gid!").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.query("nobody").error().code, ErrorCode::kNotFound);
  told = client.begin(Saga("empty"));
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(told.error().message.starts_with("invalid: ")) << "the daemon's words: " << told.error().message;
  EXPECT_THROW(value(client.query("nobody")), BadResult);
  EXPECT_EQ(value(client.begin(order("order-3"))).gid, "order-3");
  Saga traced = order();
  traced.trace_parent("00-a\r\nx: y");
  EXPECT_EQ(client.begin(traced).error().code, ErrorCode::kInvalid);
}

TEST_F(SdkClient, AnIncidentEndsAWait) {
  Client client(options());
  answer("/mail", 409, "{}");
  Message mail;
  mail.target("mail", url("/mail"));
  const auto told = client.run(mail, std::chrono::minutes{2});
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->running());
  ASSERT_TRUE(told->incident);
  EXPECT_EQ(told->incident->kind, "refused");
  EXPECT_NE(told->incident->text.find("mail"), std::string::npos);
}

TEST_F(SdkClient, TheClientDrivesATcc) {
  Client client(options());
  Tcc tcc;
  tcc.deadline(seconds{60}).retry(quick());
  ASSERT_TRUE(client.begin(tcc));
  const TccBranch account = TccBranch("account", url("/confirm"), url("/cancel")).input(R"({"n":1})");
  const auto enlisted = client.enlist(tcc.gid(), account);
  ASSERT_TRUE(enlisted) << enlisted.error().message;
  ASSERT_TRUE(client.enlist(tcc.gid(), account)) << "a repeat";
  ASSERT_TRUE(client.report(tcc.gid(), "account", Report::done("try", R"({"lot":1})")));
  const auto done = client.submit(tcc.gid(), Wait::for_end(seconds{20}));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->committed());
  EXPECT_EQ(heard(), (Story{"confirm /confirm"}));
  EXPECT_TRUE(client.submit(tcc.gid())) << "also after its end";
  EXPECT_EQ(client.abort(tcc.gid(), "too late").error().code, ErrorCode::kConflict);
}

TEST_F(SdkClient, TheDaemonDrivesATwoPhaseCommit) {
  Client client(options());
  answer("/prepare/reader", 200, R"({"vote": "read-only"})");
  TwoPhase both;
  both.retry(quick());
  for (const std::string id : {"reader", "writer"}) {
    both.branch(id, url("/commit/" + id), url("/rollback/" + id)).prepare(url("/prepare/" + id));
  }
  const auto done = client.run(both, seconds{20});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->committed());
  EXPECT_EQ(count("commit /commit/writer"), 1U);
  EXPECT_EQ(count("commit /commit/reader"), 0U);
}

TEST_F(SdkClient, AnAbortTurnsBack) {
  Client client(options());
  Tcc tcc;
  tcc.branch("account", url("/confirm"), url("/cancel"));
  ASSERT_TRUE(client.begin(tcc));
  const auto done = client.abort(tcc.gid(), "changed my mind", Wait::for_end(seconds{20}));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->aborted());
  EXPECT_EQ(done->reason, "changed my mind");
  EXPECT_EQ(heard(), (Story{"cancel /cancel"}));
}

TEST_F(SdkClient, AWaitOutlivesARestartOfTheDaemon) {
  Client client(options());
  answer("/pay", 503);
  const Saga saga = order();
  ASSERT_TRUE(client.begin(saga));
  ASSERT_TRUE(live::eventually(live::kPatience, [&] { return count("action /pay") > 0; }));
  Result<Transaction> told = Error{};
  std::thread waiting([&] { told = client.wait(saga.gid(), Wait::for_end(seconds{60})); });
  settled.kill();
  answer("/pay", 200);
  ASSERT_TRUE(settled.start()) << settled.log();
  waiting.join();
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->committed());
}

TEST_F(SdkClient, ManyThreadsShareAClient) {
  Client client(options());
  std::vector<std::thread> threads;
  std::atomic<int> committed{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10; ++n) {
        const auto done = client.run(order(), seconds{30});
        if (done && done->committed()) ++committed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(committed, 80);
  EXPECT_EQ(count("action /pay"), 80U);
}

}  // namespace
}  // namespace settle::sdk_tests
