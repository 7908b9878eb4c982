#include "client/line.h"

#include <gtest/gtest.h>

#include <future>

#include "net/testing.h"
#include "settle/client.h"
#include "settle/saga.h"

// What the client makes of daemons that are not there, go away, or do not know. The daemons are scripts.

namespace settle {
namespace {

using net::HttpRequest;
using net::HttpServer;
using net::ResponseSlot;
using net::testing::RawListener;
using net::testing::ServerThread;
using std::chrono::seconds;

constexpr std::string_view kDocument =
    R"({"gid":"g","tid":"T","pattern":"saga","phase":"ended","decision":"commit","outcome":"committed"})";

/// Answers with the scripts one after the other; the last one stays.
struct Script {
  int status = 200;
  std::string type = "application/json";
  std::string body{kDocument};
  std::string headers;
};

Script problem(int status, const std::string& name, const std::string& headers = {}) {
  return {status, "application/problem+json", R"({"type":"/errors/)" + name + R"(","detail":"why"})", headers};
}

struct Daemon {
  explicit Daemon(std::vector<Script> answers)
      : scripts(std::move(answers)),
        server({}, [this](HttpServer& http, const HttpRequest& request, ResponseSlot slot) {
          asked.push_back(std::string(request.method) + " " + std::string(request.target));
          const Script& say = scripts[std::min(asked.size(), scripts.size()) - 1];
          http.respond(slot, say.status, say.type, say.body, say.headers);
        }) {}
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(server.port()); }
  std::vector<std::string> seen() {
    return server.thread.run([this] { return asked; });
  }

  std::vector<Script> scripts;
  std::vector<std::string> asked;  // on the server's thread
  ServerThread server;
};

/// An address of 127.0.0.1 where nobody listens.
std::string nowhere() { return "127.0.0.1:" + std::to_string(RawListener().port()); }

/// Patient enough for a busy machine: a daemon that answers is always heard.
ClientOptions options(std::vector<std::string> addresses) {
  ClientOptions out;
  out.addresses = std::move(addresses);
  out.patience = net::testing::kPatience;
  out.attempt_timeout = net::testing::kPatience;
  out.pause = milliseconds{5};
  return out;
}

/// For daemons that never give what is asked for.
ClientOptions hurried(std::vector<std::string> addresses) {
  ClientOptions out = options(std::move(addresses));
  out.patience = milliseconds{1'500};
  return out;
}

/// Takes connections and reads, but never answers.
class Mute {
 public:
  Mute()
      : thread_([this] {
          while (!stop_) {
            if (!listener_.waiting(milliseconds{10})) continue;
            open_.push_back(listener_.accept());
            ++accepted_;
          }
        }) {}
  ~Mute() {
    stop_ = true;
    thread_.join();
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(listener_.port()); }
  [[nodiscard]] int accepted() const { return accepted_; }

 private:
  RawListener listener_;
  std::vector<net::testing::RawSocket> open_;
  std::atomic<bool> stop_{false};
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

TEST(Line, NobodyThereMeansNothingHappened) {
  Client client(hurried({nowhere(), nowhere()}));
  const auto told = client.submit("g");
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kUnavailable) << told.error().message;
}

TEST(Line, TheNextDaemonIsAskedAndKept) {
  Daemon daemon({Script{}});
  Client client(options({nowhere(), daemon.address()}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.submit("g"));
  EXPECT_EQ(daemon.seen().size(), 3U);
}

TEST(Line, FAIL_J1_ASilentDaemonMeansUnknownEvenIfTheOthersAreNotThere) {
  Mute mute;
  ClientOptions twice = hurried({mute.address(), nowhere()});
  twice.attempt_timeout = milliseconds{100};
  Client client(twice);
  const auto told = client.submit("g");
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kUnknownOutcome) << told.error().message;
  EXPECT_GE(mute.accepted(), 2) << "it was asked again";
}

TEST(Line, AfterALostAnswerTheSameRequestIsRepeatedElsewhere) {
  Mute mute;
  Daemon daemon({Script{}});
  ClientOptions patient = options({mute.address(), daemon.address()});
  patient.attempt_timeout = seconds{1};
  Client client(patient);
  EXPECT_TRUE(client.submit("g"));
  EXPECT_EQ(daemon.seen(), std::vector<std::string>{"POST /v1/transactions/g/submit"});
}

TEST(Line, WhatMayBeRepeatedIsRepeated) {
  for (const Script& first :
       {problem(503, "store-unknown"), problem(503, "overloaded"), Script{502, "text/html", "", {}},
        problem(507, "store-full"), Script{500, "text/plain", "oops", {}}}) {
    Daemon daemon({first, Script{}});
    Client client(options({daemon.address()}));
    EXPECT_TRUE(client.query("g")) << first.status << first.body;
    EXPECT_EQ(daemon.seen().size(), 2U);
  }
}

TEST(Line, FAIL_J7_OnlyAnOverloadIsKnownToHaveDoneNothing) {
  struct Row {
    Script answer;
    ErrorCode code;
  };
  for (const Row& row : {Row{problem(503, "store-unknown"), ErrorCode::kUnknownOutcome},
                         Row{problem(503, "overloaded"), ErrorCode::kUnavailable},
                         Row{problem(507, "store-full"), ErrorCode::kUnavailable},
                         Row{Script{502, "text/html", "<p>bad gateway", {}}, ErrorCode::kUnknownOutcome}}) {
    Daemon daemon({row.answer});
    Client client(hurried({daemon.address()}));
    const auto told = client.submit("g");
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, row.code) << row.answer.body << told.error().message;
  }
}

TEST(Line, RetryAfterBeyondThePatienceEndsItAtOnce) {
  Daemon daemon({problem(503, "overloaded", "retry-after: 30\r\n")});
  ClientOptions patient = options({daemon.address()});
  patient.patience = seconds{20};
  Client client(patient);
  EXPECT_EQ(client.submit("g").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(daemon.seen().size(), 1U);
}

TEST(Line, ProblemsAreErrorsThatSayWhatToDo) {
  struct Row {
    int status;
    const char* name;
    ErrorCode code;
  };
  for (const Row& row : {Row{400, "malformed", ErrorCode::kInvalid}, Row{400, "invalid", ErrorCode::kInvalid},
                         Row{404, "unknown-gid", ErrorCode::kNotFound},
                         Row{404, "unknown-branch", ErrorCode::kNotFound}, Row{409, "gid-reused", ErrorCode::kConflict},
                         Row{409, "wrong-phase", ErrorCode::kConflict}, Row{409, "contradiction", ErrorCode::kConflict},
                         Row{409, "epoch-closed", ErrorCode::kFenced}, Row{413, "too-large", ErrorCode::kTooLarge},
                         Row{422, "too-many", ErrorCode::kTooLarge}, Row{410, "pruned", ErrorCode::kNotFound}}) {
    Daemon daemon({problem(row.status, row.name)});
    Client client(options({daemon.address()}));
    const auto told = client.submit("g");
    ASSERT_FALSE(told) << row.name;
    EXPECT_EQ(told.error().code, row.code) << row.name;
    EXPECT_EQ(told.error().message, std::string(row.name) + ": why");
    EXPECT_EQ(daemon.seen().size(), 1U) << "asking again would not help: " << row.name;
  }
}

TEST(Line, APrunedTransactionStillTellsItsOutcome) {
  Daemon daemon({Script{410,
                        "application/problem+json",
                        R"({"type":"/errors/pruned","detail":"g ended as aborted; its record was pruned"})",
                        {}}});
  Client client(options({daemon.address()}));
  const auto told = client.query("g");
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->aborted());
  EXPECT_EQ(told->gid, "g");
  EXPECT_TRUE(told->document.empty());
}

TEST(Line, WhateverElseListensIsNotTakenForAnOutcome) {
  for (const char* body : {"", "hello", "[]", "{}", R"({"gid":"g"})", R"({"gid":"g","decision":"none"})",
                           R"({"gid":"g","outcome":"running"})", R"({"gid":"g","outcome":"done","decision":"commit"})",
                           R"({"gid":"g","outcome":"committed","decision":"commit"} x)"}) {
    Daemon daemon({Script{200, "text/html", body, {}}});
    Client client(options({daemon.address()}));
    const auto told = client.query("g");
    ASSERT_FALSE(told) << body;
    EXPECT_EQ(told.error().code, ErrorCode::kCorrupt) << body;
  }
}

TEST(Line, UnknownMembersOfADocumentArePassedOver) {
  Daemon daemon(
      {Script{200,
              "application/json",
              R"({"new":[{"x":1}],"gid":"g","outcome":"running","decision":"none","incident":{"kind":"refused",)"
              R"("since":"x","text":"why","suggested":["retry"]},"branches":[{"ops":{"try":{"outcome":"done",)"
              R"("attempts":2,"result":{"a": 1}},"cancel":7},"id":"b","more":0},9],"reason":5})",
              {}}});
  Client client(options({daemon.address()}));
  const auto told = client.query("g");
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_TRUE(told->running());
  ASSERT_TRUE(told->incident);
  EXPECT_EQ(told->incident->text, "why");
  ASSERT_NE(told->find("b", "try"), nullptr);
  EXPECT_EQ(told->find("b", "try")->result, R"({"a": 1})");
  EXPECT_NE(told->find("b", "cancel"), nullptr);
}

TEST(Line, AddressesAreChecked) {
  for (const char* address :
       {"", "127.0.0.1:99999", "http://127.0.0.1:1/x", "http://127.0.0.1:1/", "a b:1", "http://u@127.0.0.1:1"}) {
    Client client(options({address}));
    EXPECT_EQ(client.query("g").error().code, ErrorCode::kInvalid) << address;
  }
  Client none(options({}));
  EXPECT_EQ(none.query("g").error().code, ErrorCode::kInvalid);
}

TEST(Line, WhatIsOpenEndsWithTheClient) {
  Mute mute;
  std::promise<Result<Transaction>> heard;
  {
    ClientOptions patient = options({mute.address()});
    patient.attempt_timeout = patient.patience = seconds{60};
    Client client(patient);
    client.submit("g", {}, [&heard](Result<Transaction> told) { heard.set_value(std::move(told)); });
    const Instant give_up = net::engine_now() + net::testing::kPatience;
    while (mute.accepted() == 0 && net::engine_now() < give_up) std::this_thread::yield();
  }
  EXPECT_EQ(heard.get_future().get().error().code, ErrorCode::kUnknownOutcome);
}

TEST(Line, WhoAsksAgainAtTheEndIsAnsweredToo) {
  Mute mute;
  std::promise<ErrorCode> heard;
  {
    ClientOptions patient = options({mute.address()});
    patient.attempt_timeout = patient.patience = seconds{60};
    Client client(patient);
    client.submit("g", {}, [&](const Result<Transaction>&) {
      client.submit("g", {}, [&](const Result<Transaction>& told) { heard.set_value(told.error().code); });
    });
  }
  EXPECT_EQ(heard.get_future().get(), ErrorCode::kUnavailable);
}

TEST(Line, ABlockingCallOnTheOwnThreadIsRefused) {
  Daemon daemon({Script{}});
  Client client(options({daemon.address()}));
  std::promise<Result<Transaction>> heard;
  client.query("g", [&](const Result<Transaction>&) { heard.set_value(client.query("g")); });
  EXPECT_EQ(heard.get_future().get().error().code, ErrorCode::kInvalid);
}

TEST(Plans, AFreshGidIsNobodysTid) {
  const std::string gid = fresh_gid();
  EXPECT_TRUE(is_gid(gid));
  EXPECT_NE(gid, fresh_gid());
  EXPECT_FALSE(Tid::parse(gid)) << "the daemon would read a shard out of it";
}

TEST(Plans, ASetterReplacesWhatItSetBefore) {
  Saga saga("g");
  saga.step("a", "http://x/a").input("1").input(R"({"n": 7.50})").compensate("http://x/b").compensate("http://x/\"c\"");
  EXPECT_EQ(saga.json().ok() ? *saga.json() : "",
            R"({"pattern":"saga","gid":"g","steps":[{"id":"a","action":"http://x/a","input":{"n": 7.50},)"
            R"("compensate":"http://x/\"c\""}]})");
}

}  // namespace
}  // namespace settle
