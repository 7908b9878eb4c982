#include "service.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <thread>

#include "audit.h"
#include "client.h"

namespace settle::example {
namespace {

/// One loop in a thread of its own, and what lives on it.
class Running {
 public:
  Running() = default;
  ~Running() { stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  void start() {
    thread_ = std::thread([this] { loop_.run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }
  net::Loop& loop() { return loop_; }

 private:
  net::Loop loop_;
  std::thread thread_;
};

/// Stands in for settled: writes down what it is asked, and answers 200 (or what it was told).
class FakeSettle {
 public:
  FakeSettle()
      : server_(running_.loop(), {}, [this](const net::HttpRequest& request, net::ResponseSlot slot) {
          const std::lock_guard held(lock_);
          seen_.push_back(std::string(request.method) + " " + std::string(request.target));
          server_.respond(slot, status_, "application/json", "{}");
        }) {
    const auto port = server_.listen("127.0.0.1", 0);
    url_ = "http://127.0.0.1:" + std::to_string(*port);
    running_.start();
  }
  ~FakeSettle() { running_.stop(); }
  FakeSettle(const FakeSettle&) = delete;
  FakeSettle& operator=(const FakeSettle&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  void answer_with(int status) {
    const std::lock_guard held(lock_);
    status_ = status;
  }
  [[nodiscard]] std::vector<std::string> seen() const {
    const std::lock_guard held(lock_);
    return seen_;
  }

 private:
  Running running_;
  mutable std::mutex lock_;
  std::vector<std::string> seen_;
  int status_ = 200;
  std::string url_;
  net::HttpServer server_;
};

class OneService {
 public:
  OneService(const Role& role, const std::string& folder, const std::string& settle_url)
      : path_(folder + "/" + std::string(role.name) + ".db"), service_(running_.loop(), options(role, settle_url)) {
    const Result<std::uint16_t> port = service_.start();
    EXPECT_TRUE(port.ok());
    url_ = "http://127.0.0.1:" + std::to_string(*port);
    running_.start();
  }
  ~OneService() { running_.stop(); }
  OneService(const OneService&) = delete;
  OneService& operator=(const OneService&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::int64_t ask(std::string_view question) const {
    Result<Database> database = Database::open(path_, std::chrono::seconds(2));
    return database->query(question)->at(0).integer(0);
  }

 private:
  ServiceOptions options(const Role& role, const std::string& settle_url) {
    ServiceOptions options;
    options.role = &role;
    options.database_path = path_;
    options.producer = {settle_url, "http://127.0.0.1:1/take", "http://127.0.0.1:1/grant", 400};
    options.die = [] {};
    return options;
  }

  Running running_;
  std::string path_;
  std::string url_;
  Service service_;
};

constexpr const char* kLine = R"({"customer":"ann","goods":"teapot","quantity":2,"price":60,"points":6})";

class OrderExample : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "order-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    order_ = std::make_unique<OneService>(kOrder, folder_, settle_.url());
    stock_ = std::make_unique<OneService>(kStock, folder_, settle_.url());
    points_ = std::make_unique<OneService>(kPoints, folder_, settle_.url());
  }
  void TearDown() override {
    points_.reset();
    stock_.reset();
    order_.reset();
    std::filesystem::remove_all(folder_);
  }

  int call(const OneService& service, const char* path, const char* op, const char* gid, const char* body = kLine) {
    const std::string headers = std::string("settle-gid: ") + gid + "\r\nsettle-branch: b\r\nsettle-op: " + op + "\r\n";
    const Result<Reply> reply = client_.call("POST", service.url() + path, body, std::chrono::seconds(5), headers);
    return reply ? reply->status : reply.error().code == ErrorCode::kUnknownOutcome ? -1 : -2;
  }
  int order_by_message(const std::string& gid) {
    const std::string body = std::string(R"({"gid":")") + gid + R"(",)" + (kLine + 1);
    const Result<Reply> reply = client_.post(order_->url() + "/orders", body);
    return reply ? reply->status : -1;
  }
  void inject(const OneService& service, const char* fault) {
    ASSERT_EQ(client_.post(service.url() + "/faults", fault)->status, 200);
  }
  std::string check(const std::string& gid) {
    return client_.call("POST", order_->url() + "/check", "", std::chrono::seconds(5), "settle-gid: " + gid + "\r\n")
        ->body;
  }

  std::string folder_;
  FakeSettle settle_;
  std::unique_ptr<OneService> order_;
  std::unique_ptr<OneService> stock_;
  std::unique_ptr<OneService> points_;
  Client client_;
};

TEST_F(OrderExample, EveryRoleActsOnceAndUndoesCompletely) {
  const Result<Balances> opening = read_balances(folder_);
  ASSERT_TRUE(opening.ok());
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_EQ(call(*order_, "/place", "action", "g"), 200);
    EXPECT_EQ(call(*stock_, "/take", "deliver", "g"), 200);
    EXPECT_EQ(call(*points_, "/grant", "action", "g"), 200);
  }
  EXPECT_EQ(*read_balances(folder_), (Balances{940, 60, 18, 2, 494, 6}));
  EXPECT_TRUE(audit(folder_, *opening).ok());
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_EQ(call(*order_, "/cancel", "compensate", "g", ""), 200);
    EXPECT_EQ(call(*stock_, "/put-back", "compensate", "g", ""), 200);
    EXPECT_EQ(call(*points_, "/take-back", "compensate", "g", ""), 200);
  }
  EXPECT_EQ(*read_balances(folder_), *opening);
  EXPECT_TRUE(audit(folder_, *opening).ok());
}

TEST_F(OrderExample, TheBusinessRefusesWhatItCannotDo) {
  EXPECT_EQ(call(*order_, "/place", "action", "g",
                 R"({"customer":"ann","goods":"teapot","quantity":1,"price":1001,"points":1})"),
            409);
  EXPECT_EQ(call(*order_, "/place", "action", "g",
                 R"({"customer":"bob","goods":"teapot","quantity":1,"price":1,"points":1})"),
            409);
  EXPECT_EQ(call(*stock_, "/take", "action", "g",
                 R"({"customer":"ann","goods":"teapot","quantity":21,"price":1,"points":1})"),
            409);
  EXPECT_EQ(call(*points_, "/grant", "action", "g",
                 R"({"customer":"ann","goods":"teapot","quantity":1,"price":1,"points":501})"),
            409);
  for (const char* odd :
       {"", "{}", "[]", "nonsense", R"({"customer":"ann","goods":"teapot","quantity":-1,"price":1,"points":1})",
        R"({"customer":"ann","goods":"teapot","quantity":1.5,"price":1,"points":1})",
        R"({"customer":7,"goods":"teapot","quantity":1,"price":1,"points":1})",
        R"({"customer":"ann","goods":"teapot","quantity":1000001,"price":1,"points":1})"}) {
    EXPECT_EQ(call(*stock_, "/take", "action", "g", odd), 409) << odd;
  }
  EXPECT_EQ(*read_balances(folder_), (Balances{1000, 0, 20, 0, 500, 0}));
}

TEST_F(OrderExample, ARequestThatIsNotSettlesIsNoOp) {
  EXPECT_EQ(client_.post(stock_->url() + "/take", kLine)->status, 400);
  EXPECT_EQ(call(*stock_, "/take", "compensate", "g"), 400);
  EXPECT_EQ(call(*stock_, "/put-back", "action", "g"), 400);
  EXPECT_EQ(call(*stock_, "/grant", "action", "g"), 404);
  EXPECT_EQ(client_.get(stock_->url() + "/take")->status, 405);
  EXPECT_EQ(client_.post(stock_->url() + "/faults", "earthquake")->status, 400);
  EXPECT_EQ(client_.post(stock_->url() + "/orders", kLine)->status, 404) << "only order takes orders";
}

TEST_F(OrderExample, ALostAnswerIsLostAfterTheCommit) {
  inject(*points_, "lose-answer");
  EXPECT_EQ(call(*points_, "/grant", "action", "g"), -1);
  EXPECT_EQ(points_->ask("SELECT points FROM accounts"), 6);
  EXPECT_EQ(call(*points_, "/grant", "action", "g"), 200) << "the fault strikes once, and the port is open again";
  EXPECT_EQ(points_->ask("SELECT points FROM accounts"), 6);
}

TEST_F(OrderExample, AFaultStrikesOnce) {
  inject(*stock_, "refuse");
  EXPECT_EQ(call(*stock_, "/take", "action", "g"), 409);
  EXPECT_EQ(call(*stock_, "/take", "action", "g"), 200);
}

TEST_F(OrderExample, AHangingRequestIsCountedAndNothingIsDone) {
  inject(*stock_, "hang");
  const Result<Reply> silent = client_.call("POST", stock_->url() + "/take", kLine, std::chrono::milliseconds(50),
                                            "settle-gid: g\r\nsettle-branch: b\r\nsettle-op: action\r\n");
  EXPECT_FALSE(silent.ok());
  EXPECT_EQ(client_.get(stock_->url() + "/faults")->body, R"({"hanging":1})");
  EXPECT_EQ(stock_->ask("SELECT COUNT(*) FROM shipments"), 0);
}

TEST_F(OrderExample, AnOrderByMessageIsPreparedThenPlacedThenSubmitted) {
  EXPECT_EQ(order_by_message("m"), 200);
  EXPECT_EQ(settle_.seen(), (std::vector<std::string>{"POST /v1/transactions", "POST /v1/transactions/m/submit"}));
  EXPECT_EQ(order_->ask("SELECT COUNT(*) FROM orders"), 1);
  EXPECT_EQ(check("m"), R"({"state":"committed"})");
  EXPECT_EQ(order_by_message("m"), 200) << "repeating is safe";
  EXPECT_EQ(order_->ask("SELECT coins FROM purse"), 940);
}

TEST_F(OrderExample, MSG_T1_WithoutAPreparedMessageTheBusinessDoesNotStart) {
  settle_.answer_with(503);
  EXPECT_EQ(order_by_message("m"), 503);
  EXPECT_EQ(order_->ask("SELECT COUNT(*) FROM orders"), 0);
  EXPECT_EQ(order_->ask("SELECT COUNT(*) FROM settle_barrier"), 0);
}

TEST_F(OrderExample, ARefusedOrderIsFencedBeforeItVouchesForTheAbort) {
  inject(*order_, "refuse");
  EXPECT_EQ(order_by_message("m"), 409);
  EXPECT_EQ(settle_.seen(), (std::vector<std::string>{"POST /v1/transactions", "POST /v1/transactions/m/abort"}));
  EXPECT_EQ(check("m"), R"({"state":"aborted"})");
  EXPECT_EQ(order_by_message("m"), 409) << "nobody can commit it any more";
  EXPECT_EQ(order_->ask("SELECT COUNT(*) FROM orders"), 0);
}

TEST_F(OrderExample, MSG_T2_ALateLocalCommitMeetsTheTombstone) {
  EXPECT_EQ(check("m"), R"({"state":"aborted"})");
  EXPECT_EQ(order_by_message("m"), 409);
  EXPECT_EQ(order_->ask("SELECT COUNT(*) FROM orders"), 0);
}

TEST_F(OrderExample, RULE_R3_AnUnknownLocalCommitIsNeitherSubmittedNorAborted) {
  Result<Database> other = Database::open(folder_ + "/order.db", std::chrono::milliseconds(0));
  ASSERT_TRUE(other.ok());
  const Result<LocalTransaction> held = LocalTransaction::begin(*other);
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(order_by_message("m"), 425);
  EXPECT_EQ(settle_.seen(), (std::vector<std::string>{"POST /v1/transactions"}));
}

}  // namespace
}  // namespace settle::example
