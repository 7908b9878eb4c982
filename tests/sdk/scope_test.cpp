#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

#include "sdk/account.h"
#include "sdk/daemon_world.h"
#include "settle/tcc_scope.h"

// A shop calls the buyer's bank, which calls the seller's bank: a chain two services deep. Each bank has its own SQLite
// file behind the barrier and enlists itself.

namespace settle::sdk_tests {
namespace {

constexpr int kPrice = 30;

/// One bank: /try, /confirm, /cancel.
class Bank {
 public:
  using Onward = std::function<BranchAnswer(const BranchCall&)>;

  Bank(const std::string& file, int balance, int amount, const ClientOptions& daemon, std::uint16_t port)
      : account(file, balance), client_(daemon), amount_(amount), port_(port) {}

  void start(const Onward& onward = {}) {
    ParticipantRouter router;
    router.on_try("/try", client_, url("/confirm"), url("/cancel"), [this, onward](const BranchCall& call) {
      BranchAnswer held = account.move(call, amount_);
      if (held.response().status != 200 || !onward) return held;
      const BranchAnswer further = onward(call);
      return further.response().status == 200 ? held : further;
    });
    router.on("/confirm", [this](const BranchCall& call) { return account.move(call, amount_); });
    router.on("/cancel", [this](const BranchCall& call) { return account.move(call, amount_); });
    ParticipantServerOptions options;
    options.port = port_;
    Result<ParticipantServer> server = ParticipantServer::start(std::move(router), options);
    ASSERT_TRUE(server) << server.error().message;
    server_.emplace(std::move(*server));
  }

  [[nodiscard]] std::string url(std::string_view path) const { return live::url(port_, path); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  Account account;

 private:
  Client client_;
  int amount_;
  std::uint16_t port_;
  std::optional<ParticipantServer> server_;
};

/// The business code's own HTTP client.
live::Message post(std::uint16_t port, const HeaderList& headers) {
  return live::exchange(port, "POST", "/try", R"({"order":17})", live::kPatience, headers).answer;
}

class SdkScope : public DaemonWorld {
 protected:
  void SetUp() override {
    DaemonWorld::SetUp();
    buyer.emplace(place.path("buyer.db"), 100, kPrice, options(), live::free_port());
    seller.emplace(place.path("seller.db"), 10, -kPrice, options(), live::free_port());
    ASSERT_TRUE(buyer->account.good() && seller->account.good());
    ASSERT_NO_FATAL_FAILURE(seller->start());
    ASSERT_NO_FATAL_FAILURE(buyer->start([this](const BranchCall& call) { return pass_on(call); }));
  }

  /// What the buyer's bank does within its try.
  BranchAnswer pass_on(const BranchCall& call) {
    const Result<HeaderList> headers = call.headers_for("seller");
    if (!headers) return BranchAnswer::unknown(headers.error().message);
    const live::Message held = post(seller->port(), *headers);
    if (held.status == 409 || refuse_at_the_end) return BranchAnswer::refused("the seller's bank does not want it");
    return held.status == 200 ? BranchAnswer::done() : BranchAnswer::unknown("the seller's bank is not there");
  }
  live::Message buy(const TccScope& scope) { return post(buyer->port(), *scope.headers("buyer")); }

  Result<Transaction> ended(const std::string& gid) { return client.wait(gid, Wait::for_end(live::kPatience)); }
  void expect_paid() {
    EXPECT_EQ(buyer->account.free(), 100 - kPrice);
    EXPECT_EQ(seller->account.free(), 10 + kPrice);
    expect_nothing_frozen();
  }
  void expect_untouched() {
    EXPECT_EQ(buyer->account.free(), 100);
    EXPECT_EQ(seller->account.free(), 10);
    expect_nothing_frozen();
  }
  void expect_nothing_frozen() {
    EXPECT_EQ(buyer->account.frozen(), 0);
    EXPECT_EQ(seller->account.frozen(), 0);
  }

  Client client{options()};
  std::optional<Bank> buyer;
  std::optional<Bank> seller;
  std::atomic<bool> refuse_at_the_end{false};
};

TEST_F(SdkScope, FEAT_M5_AChainTwoServicesDeepCommitsAsOne) {
  auto scope = TccScope::open(client, Tcc("purchase-1").label("shop", "nord"));
  ASSERT_TRUE(scope) << scope.error().message;
  EXPECT_EQ(buy(*scope).status, 200);
  EXPECT_EQ(buyer->account.frozen(), kPrice);
  EXPECT_EQ(seller->account.frozen(), -kPrice);
  const auto told = scope->complete(Wait::for_end(live::kPatience));
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->committed());
  ASSERT_NE(told->find("buyer", "confirm"), nullptr);
  ASSERT_NE(told->find("buyer.seller", "confirm"), nullptr) << "the second one is named below the first";
  expect_paid();
}

TEST_F(SdkScope, LeavingItByAnExceptionCancelsAll) {
  std::string gid;
  try {
    auto scope = TccScope::open(client);
    ASSERT_TRUE(scope);
    gid = scope->gid();
    ASSERT_EQ(buy(*scope).status, 200);
    throw std::runtime_error("the shop's own trouble");
  } catch (const std::runtime_error& trouble) {
    EXPECT_STREQ(trouble.what(), "the shop's own trouble");
  }
  const auto told = ended(gid);
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->aborted());
  EXPECT_EQ(told->reason, "the scope was left");
  expect_untouched();
  EXPECT_EQ(seller->account.times(), 2) << "tried and given back";
}

TEST_F(SdkScope, ARefusalAtTheEndOfTheChainCancelsAll) {
  std::string gid;
  {
    auto scope = TccScope::open(client);
    ASSERT_TRUE(scope);
    gid = scope->gid();
    refuse_at_the_end = true;
    EXPECT_EQ(buy(*scope).status, 409);
    // The refusal was reported, so even a shop that does not look at answers cannot complete it.
    const auto told = scope->complete();
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, ErrorCode::kConflict);
  }
  const auto told = ended(gid);
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->aborted());
  expect_untouched();
}

TEST_F(SdkScope, NotEnoughMoneyIsARefusalThatTouchesNobody) {
  ASSERT_TRUE(Account::run(buyer->account.open().get(), "UPDATE account SET free = 20"));
  std::string gid;
  {
    auto scope = TccScope::open(client);
    ASSERT_TRUE(scope);
    gid = scope->gid();
    const live::Message told = buy(*scope);
    EXPECT_EQ(told.status, 409);
    EXPECT_EQ(told.body, "\"not enough\"");
  }
  ASSERT_TRUE(ended(gid)->aborted());
  EXPECT_EQ(buyer->account.free(), 20);
  EXPECT_EQ(seller->account.times(), 0);
  expect_nothing_frozen();
}

TEST_F(SdkScope, FAIL_C11_ADeadProcessIsCoveredByTheDeadline) {
  auto scope = TccScope::open(client, Tcc().deadline(seconds{5}));
  ASSERT_TRUE(scope);
  ASSERT_EQ(buy(*scope).status, 200);
  EXPECT_EQ(seller->account.frozen(), -kPrice);
  const auto told = ended(scope->gid());  // nobody says anything any more
  ASSERT_TRUE(told);
  EXPECT_TRUE(told->aborted());
  EXPECT_EQ(told->reason, "the deadline passed");
  expect_untouched();
  EXPECT_EQ(scope->complete().error().code, ErrorCode::kConflict);
}

TEST_F(SdkScope, FAIL_C6_ARepeatedTryReservesOnce) {
  auto scope = TccScope::open(client);
  ASSERT_TRUE(scope);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(buy(*scope).status, 200);
  EXPECT_EQ(buyer->account.frozen(), kPrice);
  EXPECT_EQ(seller->account.frozen(), -kPrice);
  ASSERT_TRUE(scope->complete(Wait::for_end(live::kPatience))->committed());
  expect_paid();
}

TEST_F(SdkScope, FAIL_C2_ATryAfterTheEndIsRefused) {
  auto scope = TccScope::open(client);
  ASSERT_TRUE(scope);
  ASSERT_EQ(buy(*scope).status, 200);
  ASSERT_TRUE(scope->cancel("no", Wait::for_end(live::kPatience))->aborted());
  EXPECT_EQ(buy(*scope).status, 409);
  expect_untouched();
}

TEST_F(SdkScope, ADaemonThatIsRestartedInBetweenConfirmsAll) {
  auto scope = TccScope::open(client);
  ASSERT_TRUE(scope);
  ASSERT_EQ(buy(*scope).status, 200);
  settled.kill();
  ASSERT_TRUE(settled.start()) << settled.log();
  const auto told = scope->complete(Wait::for_end(live::kPatience));
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->committed());
  expect_paid();
}

TEST_F(SdkScope, FAIL_C1_ACancelOfATryThatNeverRanIsEmpty) {
  // Enlisted, and then the bank's own code fails before it reaches its data.
  Client bank(options());
  ParticipantRouter router;
  router.on_try("/try", bank, buyer->url("/confirm"), buyer->url("/cancel"),
                [](const BranchCall&) -> BranchAnswer { throw std::runtime_error("out of memory"); });
  std::string gid;
  {
    auto scope = TccScope::open(client);
    ASSERT_TRUE(scope);
    gid = scope->gid();
    EXPECT_EQ(router.handle({"POST", "/try", *scope->headers("buyer"), "{}"}).status, 500);
  }
  const auto told = ended(gid);
  ASSERT_TRUE(told && told->aborted());
  ASSERT_NE(told->find("buyer", "cancel"), nullptr);
  EXPECT_EQ(told->find("buyer", "cancel")->outcome, "done");
  EXPECT_EQ(buyer->account.times(), 0);
}

TEST_F(SdkScope, FAIL_C12_ParallelTriesAreBranchesOfTheirOwn) {
  ASSERT_TRUE(Account::run(buyer->account.open().get(), "UPDATE account SET free = 1000"));
  for (const bool completes : {true, false}) {
    const int before = buyer->account.free();
    auto scope = TccScope::open(client);
    ASSERT_TRUE(scope);
    std::atomic<int> held{0};
    std::vector<std::thread> threads;
    // Five purchases at once, each asked for twice at the same moment: busy is an answer too, so ask until it is done.
    for (int i = 0; i < 10; ++i) {
      threads.emplace_back([&, i] {
        const auto headers = scope->headers("purchase-" + std::to_string(i / 2));
        if (live::eventually(live::kPatience, [&] { return post(buyer->port(), *headers).status == 200; })) ++held;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(held, 10);
    EXPECT_EQ(buyer->account.frozen(), 5 * kPrice);
    EXPECT_EQ(seller->account.frozen(), -5 * kPrice);
    const Wait end = Wait::for_end(live::kPatience);
    const auto told = completes ? scope->complete(end) : scope->cancel("no", end);
    ASSERT_TRUE(told) << told.error().message;
    EXPECT_EQ(told->committed(), completes);
    EXPECT_EQ(told->aborted(), !completes);
    EXPECT_EQ(buyer->account.free(), before - (completes ? 5 * kPrice : 0));
    expect_nothing_frozen();
  }
}

TEST_F(SdkScope, WithoutADaemonNothingIsTried) {
  auto scope = TccScope::open(client);
  ASSERT_TRUE(scope);
  // A try that cannot enlist itself must not reserve: nobody would ever call it again.
  settled.kill();
  Client hurried([&] {
    ClientOptions out = options();
    out.patience = milliseconds{200};
    return out;
  }());
  bool tried = false;
  ParticipantRouter router;
  router.on_try("/try", hurried, "http://127.0.0.1:1/c", "http://127.0.0.1:1/x", [&](const BranchCall&) {
    tried = true;
    return BranchAnswer::done();
  });
  const ParticipantResponse told = router.handle({"POST", "/try", *scope->headers("buyer"), "{}"});
  EXPECT_EQ(told.status, 500);
  EXPECT_FALSE(tried);
  ASSERT_TRUE(settled.start()) << settled.log();
}

}  // namespace
}  // namespace settle::sdk_tests
