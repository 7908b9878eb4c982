// The whole daemon as a process: started, called, killed and started again, with a real participant beside it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/failpoint.h"
#include "daemon/exit_codes.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/testing.h"

namespace settle::daemon {
namespace {

using std::chrono::seconds;

// A process of the daemon. Killed and collected at the latest by the destructor.
class Settled {
 public:
  explicit Settled(std::vector<std::string> flags, const std::string& log) {
    std::vector<char*> arguments;
    std::string program = SETTLED_BINARY;
    arguments.push_back(program.data());
    for (std::string& flag : flags) arguments.push_back(flag.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)::dup2(out, STDERR_FILENO);
    (void)::dup2(out, STDOUT_FILENO);
    (void)::execv(program.c_str(), arguments.data());
    ::_exit(127);
  }
  ~Settled() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)wait();
  }
  Settled(const Settled&) = delete;
  Settled& operator=(const Settled&) = delete;

  void signal(int number) const { ASSERT_EQ(::kill(pid_, number), 0); }
  // What waitpid() says.
  int wait() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return status;
  }
  [[nodiscard]] bool has_ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == 0) return false;
    ended_ = status;
    pid_ = 0;
    return true;
  }
  [[nodiscard]] int ended() const { return ended_; }

 private:
  pid_t pid_ = 0;
  int ended_ = 0;
};

struct Reply {
  int status = 0;  // 0: no answer
  std::string body;
};

// One request at a time, from any thread.
Reply request(std::uint16_t port, const std::string& method, const std::string& path, const std::string& body = {},
              Duration patience = seconds(60)) {
  net::Loop loop;
  Reply reply;
  net::HttpClient client(loop, {}, [&](const net::HttpAnswer& answer) {
    reply = {answer.failure == net::HttpFailure::kNone ? answer.status : 0, std::string(answer.body)};
    loop.stop();
  });
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + path;
  net::HttpCall call;
  call.url = url;
  call.method = method;
  if (!body.empty()) call.headers = "content-type: application/json\r\n";
  call.body = body;
  call.deadline = net::engine_now() + patience;
  (void)client.call(call);
  loop.run();
  return reply;
}

// A participant on a thread of its own, which keeps books: who was asked what how often.
class Books {
 public:
  Books()
      : server_(loop_, {},
                [this](const net::HttpRequest& request, net::ResponseSlot slot) { on_request(request, slot); }),
        port_(*server_.listen("127.0.0.1", 0)),
        thread_([this] { loop_.run(); }) {}
  ~Books() {
    loop_.stop();
    thread_.join();
  }

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // From now on, this path is answered so; status 0: not at all.
  void answer(const std::string& path, int status, const std::string& body = "{}") {
    const std::lock_guard hold(lock_);
    answers_[path] = {status, body};
  }
  // While held, requests of this path get no answer; they get it when it is let go.
  void hold(const std::string& path) {
    const std::lock_guard hold(lock_);
    held_[path];
  }
  void let_go(const std::string& path) {
    const std::lock_guard hold(lock_);
    loop_.post([this, slots = held_[path]] {
      for (const net::ResponseSlot slot : slots) server_.respond(slot, 200, "application/json", "{}");
    });
    held_.erase(path);
  }
  // How often (gid, branch, op) was asked.
  int count(const std::string& gid, const std::string& branch, const std::string& op) {
    const std::lock_guard hold(lock_);
    const auto found = counts_.find(gid + "/" + branch + "/" + op);
    return found == counts_.end() ? 0 : found->second;
  }
  void wait_for(const std::string& gid, const std::string& branch, const std::string& op, int times = 1) {
    std::unique_lock held(lock_);
    changed_.wait(held, [&] { return counts_[gid + "/" + branch + "/" + op] >= times; });
  }

 private:
  void on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
    Reply reply{200, "{}"};
    {
      const std::lock_guard hold(lock_);
      ++counts_[std::string(request.header("settle-gid").value_or("?")) + "/" +
                std::string(request.header("settle-branch").value_or("?")) + "/" +
                std::string(request.header("settle-op").value_or("?"))];
      const auto found = answers_.find(std::string(request.path));
      if (found != answers_.end()) reply = found->second;
      const auto held = held_.find(std::string(request.path));
      if (held != held_.end()) {
        held->second.push_back(slot);
        reply.status = 0;
      }
    }
    changed_.notify_all();
    if (reply.status != 0) server_.respond(slot, reply.status, "application/json", reply.body);
  }

  std::mutex lock_;
  std::condition_variable changed_;
  std::map<std::string, Reply> answers_;  // by path
  std::map<std::string, int> counts_;
  std::map<std::string, std::vector<net::ResponseSlot>> held_;  // by path
  net::Loop loop_;
  net::HttpServer server_;
  std::uint16_t port_;
  std::thread thread_;
};

class SettledTest : public testing::Test {
 protected:
  SettledTest() {
    std::string form = testing::TempDir() + "settled_test.XXXXXX";
    EXPECT_NE(::mkdtemp(form.data()), nullptr);
    directory_ = form;
  }
  ~SettledTest() override {
    settled_.reset();
    if (HasFailure()) {
      std::ifstream log(directory_ + "/log");
      std::stringstream text;
      text << log.rdbuf();
      (void)std::fprintf(stderr, "---- log of settled\n%s----\n", text.str().c_str());
    }
    std::filesystem::remove_all(directory_);
  }

  std::vector<std::string> flags(std::vector<std::string> more = {}) {
    std::vector<std::string> all = {"--store=embedded:" + directory_ + "/data",
                                    "--api.http=127.0.0.1:0",
                                    "--admin.http=127.0.0.1:0",
                                    "--api.grpc=off",
                                    "--api.channel=off",
                                    "--workers=2",
                                    "--ports-file=" + directory_ + "/ports",
                                    "--ready-file=" + directory_ + "/ready"};
    for (std::string& flag : more) all.push_back(std::move(flag));
    return all;
  }

  // Starts it and waits until it is ready or has ended; true: ready.
  bool start(std::vector<std::string> more = {}) {
    settled_.reset();
    std::filesystem::remove(directory_ + "/ports");
    std::filesystem::remove(directory_ + "/ready");
    settled_.emplace(flags(std::move(more)), directory_ + "/log");
    while (!std::filesystem::exists(directory_ + "/ready")) {
      if (settled_->has_ended()) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    read_ports();
    return true;
  }
  void read_ports() {
    std::ifstream file(directory_ + "/ports");
    std::string text;
    std::getline(file, text);
    int api = 0;
    int admin = 0;
    ASSERT_EQ(std::sscanf(text.c_str(), "api=%d admin=%d", &api, &admin), 2) << text;
    api_ = static_cast<std::uint16_t>(api);
    admin_ = static_cast<std::uint16_t>(admin);
  }
  void kill9() {
    settled_->signal(SIGKILL);
    (void)settled_->wait();
  }
  int wait_for_exit() { return settled_->wait(); }

  std::string saga(const std::string& gid, const std::vector<std::string>& steps, int wait_ms) {
    std::string body = R"({"pattern":"saga","gid":")" + gid + R"(","wait_ms":)" + std::to_string(wait_ms) +
                       R"(,"retry":{"base_ms":10,"cap_ms":50},"steps":[)";
    for (std::size_t i = 0; i < steps.size(); ++i) {
      body += std::string(i == 0 ? "" : ",") + R"({"id":")" + steps[i] + R"(","action":")" +
              books_.url("/" + steps[i]) + R"(","compensate":")" + books_.url("/undo") + R"(","input":{"n":1}})";
    }
    return body + "]}";
  }
  Reply begin(const std::string& gid, const std::vector<std::string>& steps, int wait_ms = 20'000) {
    return request(api_, "POST", "/v1/transactions", saga(gid, steps, wait_ms));
  }
  Reply get(const std::string& gid, int wait_ms = 0) {
    return request(api_, "GET", "/v1/transactions/" + gid + "?wait_ms=" + std::to_string(wait_ms));
  }

  Books books_;
  std::string directory_;
  std::optional<Settled> settled_;
  std::uint16_t api_ = 0;
  std::uint16_t admin_ = 0;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(SettledTest, ASagaRunsToItsEnd) {
  ASSERT_TRUE(start());
  const Reply reply = begin("order-1", {"stock", "points"});
  EXPECT_EQ(reply.status, 201) << reply.body;
  EXPECT_TRUE(has(reply.body, R"("outcome":"committed")")) << reply.body;
  EXPECT_EQ(books_.count("order-1", "stock", "action"), 1);
  EXPECT_EQ(books_.count("order-1", "points", "action"), 1);
  EXPECT_EQ(begin("order-1", {"stock", "points"}).status, 200) << "a repeat";
  EXPECT_EQ(begin("order-1", {"stock"}).status, 409) << "another plan";
  EXPECT_EQ(get("nobody").status, 404);
}

TEST_F(SettledTest, ARefusedStepTurnsTheSagaBack) {
  ASSERT_TRUE(start());
  books_.answer("/points", 409, R"({"why":"too few"})");
  const Reply reply = begin("order-1", {"stock", "points"});
  EXPECT_TRUE(has(reply.body, R"("outcome":"aborted")")) << reply.body;
  EXPECT_EQ(books_.count("order-1", "stock", "compensate"), 1);
}

TEST_F(SettledTest, SagasMeetAllThreads) {
  ASSERT_TRUE(start({"--workers=4", "--shards=8"}));
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([this, client] {
      for (int i = 0; i < 50; ++i) {
        const std::string gid = "c" + std::to_string(client) + "-" + std::to_string(i);
        const Reply reply = begin(gid, {"stock", "points"});
        EXPECT_EQ(reply.status, 201) << gid << reply.body;
        EXPECT_TRUE(has(reply.body, R"("outcome":"committed")")) << gid << reply.body;
        EXPECT_TRUE(has(get(gid).body, R"("outcome":"committed")")) << gid;
      }
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(SettledTest, FAIL_A_KilledInTheMiddleItGoesOn) {
  ASSERT_TRUE(start());
  books_.answer("/points", 503);
  ASSERT_EQ(begin("order-1", {"stock", "points"}, 0).status, 201);
  books_.wait_for("order-1", "points", "action", 2);
  kill9();
  books_.answer("/points", 200);
  ASSERT_TRUE(start());
  const Reply reply = get("order-1", 20'000);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(has(reply.body, R"("outcome":"committed")")) << reply.body;
  kill9();
  ASSERT_TRUE(start());
  EXPECT_TRUE(has(get("order-1").body, R"("outcome":"committed")"));
}

// Every acknowledged transaction ends in one outcome, wherever the process dies.
class AtFailpoint : public SettledTest, public testing::WithParamInterface<Failpoint> {};

TEST_P(AtFailpoint, NothingAcknowledgedIsLost) {
  const std::string name(GetParam().name);
  ASSERT_TRUE(start());
  // Something to load, to retry, and to check.
  books_.answer("/slow", 503);
  books_.answer("/check", 200, R"({"state":"running"})");
  ASSERT_EQ(begin("old", {"stock", "slow"}, 0).status, 201);
  books_.wait_for("old", "slow", "action");
  const std::string message = R"({"pattern":"message","gid":"note","check":")" + books_.url("/check") +
                              R"(","check_after_ms":100,"targets":[{"id":"mail","url":")" + books_.url("/mail") +
                              R"("}]})";
  ASSERT_EQ(request(api_, "POST", "/v1/transactions", message).status, 201);
  kill9();

  // On the way up or at work, it dies at the failpoint.
  std::vector<std::string> acknowledged = {"old"};
  if (start({"--test.failpoint=" + name})) {
    for (int i = 0; !settled_->has_ended(); ++i) {
      ASSERT_LT(i, 10'000) << "never passes " << name;
      const std::string gid = "new-" + std::to_string(i);
      if (begin(gid, {"stock", "points"}, 2'000).status == 201) acknowledged.push_back(gid);
    }
  }
  EXPECT_TRUE(WIFSIGNALED(settled_->ended()) && WTERMSIG(settled_->ended()) == SIGKILL) << settled_->ended();
  settled_.reset();

  books_.answer("/slow", 200);
  books_.answer("/check", 200, R"({"state":"committed"})");
  ASSERT_TRUE(start());
  for (const std::string& gid : acknowledged) {
    EXPECT_TRUE(has(get(gid, 20'000).body, R"("outcome":"committed")")) << gid << get(gid).body;
    EXPECT_GE(books_.count(gid, "stock", "action"), 1);
    EXPECT_EQ(books_.count(gid, "stock", "compensate"), 0);
  }
  EXPECT_TRUE(has(get("note", 20'000).body, R"("outcome":"committed")")) << get("note").body;
  EXPECT_GE(books_.count("note", "mail", "deliver"), 1);
}

INSTANTIATE_TEST_SUITE_P(All, AtFailpoint, testing::ValuesIn(kFailpoints), [](const auto& instance) {
  std::string name(instance.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_F(SettledTest, SigtermDrains) {
  ASSERT_TRUE(start());
  books_.answer("/slow", 425);
  // A caller waits for a saga that does not end.
  Reply waiting;
  std::thread caller([&] { waiting = begin("order-1", {"stock", "slow"}, 60'000); });
  books_.wait_for("order-1", "slow", "action");
  settled_->signal(SIGTERM);
  const int status = wait_for_exit();
  caller.join();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(waiting.status, 201) << "still running is a normal answer: " << waiting.body;
  EXPECT_TRUE(has(waiting.body, R"("outcome":"running")")) << waiting.body;

  books_.answer("/slow", 200);
  ASSERT_TRUE(start());
  EXPECT_TRUE(has(get("order-1", 20'000).body, R"("outcome":"committed")"));
  settled_->signal(SIGINT);
  const int again = wait_for_exit();
  EXPECT_TRUE(WIFEXITED(again) && WEXITSTATUS(again) == 0) << again;
}

TEST_F(SettledTest, ADrainLetsARunningCallEndAndKeepsItsAnswer) {
  ASSERT_TRUE(start());
  books_.hold("/slow");
  ASSERT_EQ(begin("order-1", {"slow", "points"}, 0).status, 201);
  books_.wait_for("order-1", "slow", "action");
  settled_->signal(SIGTERM);
  while (request(api_, "GET", "/v1/transactions/order-1").status != 0) {  // until it takes nobody any more
  }
  books_.let_go("/slow");
  const int status = wait_for_exit();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(books_.count("order-1", "points", "action"), 0) << "no call leaves during a drain";
  ASSERT_TRUE(start());
  EXPECT_TRUE(has(get("order-1", 20'000).body, R"("outcome":"committed")"));
  EXPECT_EQ(books_.count("order-1", "slow", "action"), 1) << "its answer was kept";
}

TEST_F(SettledTest, ADrainHasAnEnd) {
  ASSERT_TRUE(start({"--drain=200ms"}));
  books_.hold("/slow");
  ASSERT_EQ(begin("order-1", {"slow"}, 0).status, 201);
  books_.wait_for("order-1", "slow", "action");
  settled_->signal(SIGTERM);
  const int status = wait_for_exit();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(SettledTest, ACallerWhoseConnectionBreaksWaitsNoLonger) {
  ASSERT_TRUE(start());
  books_.hold("/slow");
  {
    net::testing::RawSocket caller = net::testing::RawSocket::connect_to(api_);
    const std::string body = saga("order-1", {"slow"}, 60'000);
    ASSERT_TRUE(caller.send("POST /v1/transactions HTTP/1.1\r\nhost: h\r\ncontent-length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body));
    books_.wait_for("order-1", "slow", "action");
    caller.reset();
  }
  const std::string line = R"(settle_http_requests_total{route="begin",class="gone"} 1)";
  const auto patience = std::chrono::steady_clock::now() + seconds(20);
  while (!has(request(admin_, "GET", "/metrics").body, line) && std::chrono::steady_clock::now() < patience) {
  }
  EXPECT_TRUE(has(request(admin_, "GET", "/metrics").body, line));
  books_.let_go("/slow");
  EXPECT_TRUE(has(get("order-1", 20'000).body, R"("outcome":"committed")")) << "the transaction goes on without it";
}

TEST_F(SettledTest, FAIL_H3_ADiskThatIsNearlyFullTakesNoNewWork) {
  ASSERT_TRUE(start({"--limits.store-reserve=99"}));  // no disk is that empty
  const auto patience = std::chrono::steady_clock::now() + seconds(20);
  Reply refused;
  for (int i = 0; refused.status != 507 && std::chrono::steady_clock::now() < patience; ++i) {
    refused = begin("order-" + std::to_string(i), {"stock"}, 0);
  }
  EXPECT_EQ(refused.status, 507) << refused.body;
  EXPECT_TRUE(has(refused.body, "/errors/store-full")) << refused.body;
  EXPECT_TRUE(has(request(admin_, "GET", "/metrics").body, "settle_store_free_bytes "));
}

TEST_F(SettledTest, HealthReadinessAndMetrics) {
  ASSERT_TRUE(start());
  EXPECT_EQ(request(admin_, "GET", "/healthz").status, 200);
  EXPECT_EQ(request(admin_, "GET", "/readyz").status, 200);
  ASSERT_EQ(begin("order-1", {"stock"}).status, 201);
  const Reply metrics = request(admin_, "GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_TRUE(has(metrics.body, "settle_")) << metrics.body;
}

TEST_F(SettledTest, TheMemoryStoreForgets) {
  ASSERT_TRUE(start({"--store=memory:"}));
  EXPECT_TRUE(has(begin("order-1", {"stock"}).body, R"("outcome":"committed")"));
  ASSERT_TRUE(start({"--store=memory:"}));
  EXPECT_EQ(get("order-1").status, 404);
}

// ------------------------------------------------------------------------------------------------ refusals at start

class Refused : public SettledTest {
 protected:
  // Runs it with exactly these flags until it ends by itself.
  int code_of(std::vector<std::string> given) {
    Settled settled(std::move(given), directory_ + "/log");
    const int status = settled.wait();
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return WEXITSTATUS(status);
  }
  std::string log() {
    std::ifstream file(directory_ + "/log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

TEST_F(Refused, BadConfiguration) {
  EXPECT_EQ(code_of({"--api.http=0.0.0.0:1"}), kExitUsage);
  EXPECT_EQ(code_of({"--api.htp=127.0.0.1:1"}), kExitUsage);
  EXPECT_EQ(code_of({"--config=" + directory_ + "/missing.toml"}), kExitUsage);
  EXPECT_EQ(code_of({"--test.failpoint=nowhere"}), kExitUsage);
  EXPECT_TRUE(has(log(), "neither TLS nor credentials"));
  EXPECT_TRUE(has(log(), "did you mean 'api.http'?"));
  EXPECT_TRUE(has(log(), "there is no failpoint 'nowhere'"));
}

TEST_F(Refused, AStoreThatSomebodyElseHas) {
  ASSERT_TRUE(start());
  EXPECT_EQ(code_of(flags()), kExitStoreClosed);
}

TEST_F(Refused, AStoreWithAnotherNumberOfShards) {
  ASSERT_TRUE(start({"--shards=16"}));
  kill9();
  EXPECT_EQ(code_of(flags({"--shards=8"})), kExitStoreClosed);
  EXPECT_TRUE(has(log(), "16 shards")) << log();
}

TEST_F(Refused, APortThatIsTaken) {
  ASSERT_TRUE(start());
  EXPECT_EQ(code_of(flags({"--store=memory:", "--api.http=127.0.0.1:" + std::to_string(api_)})), kExitCannotListen);
  EXPECT_EQ(code_of(flags({"--store=memory:", "--admin.http=127.0.0.1:" + std::to_string(admin_)})), kExitCannotListen);
}

TEST_F(Refused, HelpVersionAndFailpointsAreNoRefusals) {
  EXPECT_EQ(code_of({"--help"}), 0);
  EXPECT_EQ(code_of({"--version"}), 0);
  EXPECT_EQ(code_of({"--list-failpoints"}), 0);
  for (const Failpoint& point : kFailpoints) EXPECT_TRUE(has(log(), std::string(point.name)));
}

}  // namespace
}  // namespace settle::daemon
