#include "settle/coroutine.h"

#include <condition_variable>
#include <deque>
#include <stdexcept>
#include <thread>

#include "sdk/daemon_world.h"
#include "settle/saga.h"

// The coroutine form, against the running daemon. Built with g++ 12 too, where coroutines have traps (coroutine.h).

namespace settle::sdk_tests {
namespace {

using Story = std::vector<std::string>;

/// A thread that runs what it is given.
class Executor {
 public:
  Executor() : thread_([this] { run(); }) {}
  ~Executor() {
    post({});
    thread_.join();
  }
  void post(std::function<void()> work) {
    const std::lock_guard hold(lock_);
    work_.push_back(std::move(work));
    changed_.notify_one();
  }
  [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }

 private:
  void run() {
    for (;;) {
      std::unique_lock hold(lock_);
      changed_.wait(hold, [this] { return !work_.empty(); });
      const std::function<void()> next = std::move(work_.front());
      work_.pop_front();
      hold.unlock();
      if (!next) return;
      next();
    }
  }

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  std::thread thread_;
};

class SdkCoroutine : public DaemonWorld {
 protected:
  Saga order() {
    Saga saga;
    saga.retry(quick());
    saga.step("stock", url("/stock")).compensate(url("/unstock"));
    saga.step("pay", url("/pay"));
    return saga;
  }
  Client client{options()};
};

task<bool> buy(CoClient client, Saga saga) {
  const Result<Transaction> told = co_await client.run(saga, live::kPatience);
  co_return told && told->committed();
}

task<int> buy_some(CoClient client, std::vector<Saga> orders) {
  int bought = 0;
  for (Saga& saga : orders) {
    const bool good = co_await buy(client, std::move(saga));
    if (good) ++bought;
  }
  co_return bought;
}

TEST_F(SdkCoroutine, TasksAwaitRequestsAndEachOther) {
  answer("/pay", 409);
  EXPECT_FALSE(sync_wait(buy(CoClient(client), order())));
  answer("/pay", 200);
  std::vector<Saga> orders;
  for (int i = 0; i < 50; ++i) orders.push_back(order());
  EXPECT_EQ(sync_wait(buy_some(CoClient(client), std::move(orders))), 50);
  EXPECT_EQ(count("action /pay"), 51U);
}

task<Story> drive(CoClient client, std::string base) {
  Story outcomes;
  Tcc tcc;
  Result<Transaction> told = co_await client.begin(tcc);
  if (!told) throw std::runtime_error(told.error().message);
  TccBranch branch("account", base + "/confirm", base + "/cancel");
  told = co_await client.enlist(tcc.gid(), std::move(branch));
  outcomes.push_back(told ? told->phase : told.error().message);
  told = co_await client.report(tcc.gid(), "account", Report::done("try"));
  outcomes.push_back(told ? told->find("account", "try")->outcome : told.error().message);
  told = co_await client.submit(tcc.gid());
  outcomes.push_back(told && told->decision == Transaction::Decision::kCommit ? "commit" : "not decided");
  told = co_await client.wait(tcc.gid(), Wait::for_end(live::kPatience));
  outcomes.push_back(told && told->committed() ? "committed" : "not committed");
  told = co_await client.abort(tcc.gid(), "too late");
  outcomes.push_back(told ? "aborted" : "refused");
  told = co_await client.query("nobody");
  outcomes.push_back(told ? "found" : "not found");
  co_return outcomes;
}

TEST_F(SdkCoroutine, EveryVerb) {
  EXPECT_EQ(sync_wait(drive(CoClient(client), url(""))),
            (Story{"trying", "done", "commit", "committed", "refused", "not found"}));
}

task<std::thread::id> where(CoClient client) {
  (void)co_await client.query("nobody");
  co_return std::this_thread::get_id();
}

TEST_F(SdkCoroutine, TheyGoOnWhereTheyAreTold) {
  Executor executor;
  const CoClient here(client, [&](std::function<void()> work) { executor.post(std::move(work)); });
  EXPECT_EQ(sync_wait(where(here)), executor.id());
  EXPECT_NE(sync_wait(where(CoClient(client))), executor.id());
  EXPECT_NE(sync_wait(where(CoClient(client))), std::this_thread::get_id());
}

task<void> throws(CoClient client) {
  (void)co_await client.query("nobody");
  throw std::runtime_error("business");
}

task<std::string> catches(CoClient client) {
  std::string what = "nothing";
  try {
    co_await throws(client);
  } catch (const std::runtime_error& thrown) {
    what = thrown.what();
  }
  co_return what;
}

TEST_F(SdkCoroutine, AnExceptionReachesWhoeverAwaits) {
  EXPECT_EQ(sync_wait(catches(CoClient(client))), "business");
  EXPECT_THROW(sync_wait(throws(CoClient(client))), std::runtime_error);
}

task<void> in_scope(CoClient client, TccScope scope, bool completes, std::string* gid) {
  *gid = scope.gid();
  (void)co_await client.query(scope.gid());  // from here on it runs on the client's own thread
  if (completes) (void)co_await client.complete(scope);
}

TEST_F(SdkCoroutine, AScopeIsLeftOnTheClientsOwnThread) {
  for (const bool completes : {true, false}) {
    Result<TccScope> scope = TccScope::open(client);
    ASSERT_TRUE(scope);
    std::string gid;
    sync_wait(in_scope(CoClient(client), std::move(*scope), completes, &gid));
    const auto told = client.wait(gid, Wait::for_end(live::kPatience));
    ASSERT_TRUE(told) << told.error().message;
    EXPECT_EQ(told->committed(), completes);
    EXPECT_EQ(told->aborted(), !completes);
  }
}

task<void> tell(CoClient client, Saga saga, std::function<void(bool)> bought) {
  const bool good = co_await buy(client, std::move(saga));
  bought(good);
}

TEST_F(SdkCoroutine, ManyRunSideBySide) {
  std::atomic<int> bought{0};
  for (int i = 0; i < 100; ++i) detach(tell(CoClient(client), order(), [&](bool good) { bought += good ? 1 : 0; }));
  EXPECT_TRUE(live::eventually(live::kPatience, [&] { return bought == 100; }));
}

}  // namespace
}  // namespace settle::sdk_tests
