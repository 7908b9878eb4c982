#include <atomic>

#include "sdk/account.h"
#include "sdk/daemon_world.h"
#include "settle/saga.h"

// A shop whose steps are effects outside of its database: it pays at a foreign bank, which does not know our headers
// and whose answers get lost. The daemon asks until it knows; the barrier sees to it that the bank pays once.

namespace settle::sdk_tests {
namespace {

using barrier::Attempt;
using barrier::Found;
using barrier::Made;
using barrier::Work;

/// The bank: pays whenever it is told to, and can be asked what it has paid.
struct Bank {
  std::atomic<int> paid{0};
  std::atomic<int> refunded{0};
  std::atomic<bool> answers{true};

  Made act(const Attempt& attempt) {
    ++(attempt.work == Work::kUndo ? refunded : paid);
    return answers ? Made::done(R"({"receipt":7})") : Made::failed("the bank did not answer");
  }
  [[nodiscard]] Found find() const { return paid > 0 ? Found::done(R"({"receipt":7})") : Found::never(); }
};

class SdkEffect : public DaemonWorld {
 protected:
  /// `asks`: the shop can ask the bank what it has paid.
  void serve(bool asks) {
    ParticipantRouter router;
    const BranchHandler handler = [this, asks](const BranchCall& call) {
      ++calls;
      barrier::Effect effect;
      effect.act = [this](const Attempt& attempt) { return bank.act(attempt); };
      if (asks) effect.find = [this](const Attempt&) { return bank.find(); };
      effect.time_limit = milliseconds{50};
      const Sqlite db = books.open();
      return effect_through_barrier(db.get(), call, effect);
    };
    router.on("/pay", handler);
    router.on("/refund", handler);
    Result<ParticipantServer> started = ParticipantServer::start(std::move(router));
    ASSERT_TRUE(started) << started.error().message;
    server.emplace(std::move(*started));
  }

  Saga purchase() {
    Saga saga;
    saga.retry(quick());
    saga.step("pay", server->url("/pay")).compensate(server->url("/refund")).input(R"({"cents":30})");
    saga.step("ship", url("/ship")).compensate(url("/unship"));
    return saga;
  }

  Account books{place.path("books.db"), 0};
  Bank bank;
  std::atomic<int> calls{0};
  std::optional<ParticipantServer> server;
};

TEST_F(SdkEffect, FAIL_C5_AnEffectWhoseAnswerWasLostIsFoundOutAndNotRepeated) {
  ASSERT_TRUE(books.good());
  serve(true);
  bank.answers = false;
  Client client(options());
  const auto done = client.run(purchase(), live::kPatience);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->committed());
  ASSERT_NE(done->find("pay", "action"), nullptr);
  EXPECT_EQ(done->find("pay", "action")->result, R"({"receipt":7})");
  EXPECT_GT(calls, 1);
  EXPECT_EQ(bank.paid, 1);
  EXPECT_EQ(bank.refunded, 0);
}

TEST_F(SdkEffect, FAIL_C5_AnEffectThatNobodyCanFindOutIsUndoneWhenTheSagaTurnsBack) {
  ASSERT_TRUE(books.good());
  serve(false);
  bank.answers = false;
  Client client(options());
  Saga saga = purchase();
  saga.deadline(milliseconds{400});
  const auto begun = client.begin(saga);
  ASSERT_TRUE(begun) << begun.error().message;
  ASSERT_TRUE(live::eventually(live::kPatience, [&] { return bank.refunded > 0; }));
  bank.answers = true;
  // The refund's own answer was lost as well, and nobody can ask the bank: so nobody says that it is done.
  const auto told = client.query(saga.gid());
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->decision, Transaction::Decision::kAbort);
  EXPECT_EQ(told->phase, "compensating");
  EXPECT_EQ(bank.paid, 1);
  EXPECT_EQ(bank.refunded, 1);
}

TEST_F(SdkEffect, FAIL_C12_ASecondCallUnderTheSameNameWithAnotherBodyIsNotAnsweredLikeTheFirst) {
  ASSERT_TRUE(books.good());
  serve(true);
  const HeaderList headers = {{"settle-gid", "g"}, {"settle-branch", "pay"}, {"settle-op", "action"}};
  const auto post = [&](const std::string& body) {
    return live::exchange(server->port(), "POST", "/pay", body, live::kPatience, headers).answer;
  };
  EXPECT_EQ(post(R"({"cents":30})").status, 200);
  const live::Message other = post(R"({"cents":31})");
  EXPECT_EQ(other.status, 500) << "neither done nor refused: the first one is done, the second is not";
  EXPECT_NE(other.body.find("another request body"), std::string::npos) << other.body;
  EXPECT_EQ(post(R"({"cents":30})").body, R"({"receipt":7})");
  EXPECT_EQ(bank.paid, 1);
}

}  // namespace
}  // namespace settle::sdk_tests
