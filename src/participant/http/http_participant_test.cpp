#include "participant/http/http_participant.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.h"
#include "net/loop.h"
#include "net/socket.h"

namespace settle::participant {
namespace {

using std::chrono::seconds;

// A real client against a real server, both on one loop.
class HttpParticipantTest : public testing::Test {
 protected:
  struct Seen {
    std::string method, target, body;
    std::map<std::string, std::string> headers;
  };

  HttpParticipantTest() {
    server_.emplace(loop_, net::HttpServerOptions{}, [this](const net::HttpRequest& request, net::ResponseSlot slot) {
      Seen seen{std::string(request.method), std::string(request.target), std::string(request.body), {}};
      for (std::size_t i = 0; i < request.head->header_count(); ++i) {
        const auto header = request.head->header_at(i);
        EXPECT_TRUE(seen.headers.emplace(header.name, header.value).second) << "twice: " << header.name;
      }
      seen_.push_back(std::move(seen));
      if (answers_) server_->respond(slot, status_, "text/plain", body_, extra_);
    });
    const auto port = server_->listen("127.0.0.1", 0);
    EXPECT_TRUE(port.ok());
    base_ = "http://127.0.0.1:" + std::to_string(port.ok() ? *port : 0);
    make_participant({});
  }

  void make_participant(HttpParticipantOptions options) {
    participant_.reset();
    participant_.emplace(loop_, std::move(options), [this](CallEnded&& ended) {
      EXPECT_FALSE(calling_) << "ended inside call()";
      ended_.push_back(std::move(ended));
      if (ended_.size() == wanted_) loop_.stop();
    });
  }

  Call call_to(const std::string& path, Op op = Op::kAction) {
    Call call;
    call.id = 17;
    call.tid = Tid{1, 2, 3, 4};
    call.gid = "order-1";
    call.op = op;
    call.branch = op == Op::kCheck ? -1 : 2;
    call.branch_id = op == Op::kCheck ? "00" : "stock";
    call.attempt = 3;
    url_ = path.starts_with("http") ? path : base_ + path;
    call.url = url_;
    call.payload = R"({"n": 1})";
    call.sent_at = net::engine_now();
    call.timeout = seconds(20);
    return call;
  }

  CallEnded run(const Call& call) {
    calling_ = true;
    participant_->call(call);
    calling_ = false;
    wanted_ = ended_.size() + 1;
    loop_.run();
    return ended_.back();
  }

  CallEnded answered(int status, const std::string& body, const std::string& extra = {}, Op op = Op::kAction) {
    status_ = status;
    body_ = body;
    extra_ = extra;
    return run(call_to("/x", op));
  }

  net::Loop loop_;
  std::optional<net::HttpServer> server_;
  std::optional<HttpParticipant> participant_;
  std::vector<Seen> seen_;
  std::vector<CallEnded> ended_;
  std::size_t wanted_ = 1;
  bool calling_ = false;
  bool answers_ = true;
  int status_ = 200;
  std::string body_;
  std::string extra_;
  std::string base_;
  std::string url_;
};

TEST_F(HttpParticipantTest, SendsWhatTheApiPromises) {
  const std::vector<std::pair<std::string_view, std::string_view>> forwarded = {{"x-tenant", "blue"}};
  Call call = call_to("/stock/reserve?fast=1");
  call.headers = &forwarded;
  call.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const CallEnded ended = run(call);

  EXPECT_EQ(ended.id, 17u);
  EXPECT_EQ(ended.tid, (Tid{1, 2, 3, 4}));
  EXPECT_EQ(ended.op, Op::kAction);
  EXPECT_EQ(ended.branch, 2);
  ASSERT_EQ(seen_.size(), 1u);
  const Seen& seen = seen_[0];
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/stock/reserve?fast=1");
  EXPECT_EQ(seen.body, R"({"n": 1})");
  EXPECT_EQ(seen.headers.at("content-type"), "application/json");
  EXPECT_EQ(seen.headers.at("content-length"), "8");
  EXPECT_EQ(seen.headers.at("host"), base_.substr(7));
  EXPECT_EQ(seen.headers.at("settle-gid"), "order-1");
  EXPECT_EQ(seen.headers.at("settle-tid"), (Tid{1, 2, 3, 4}.text()));
  EXPECT_EQ(seen.headers.at("settle-branch"), "stock");
  EXPECT_EQ(seen.headers.at("settle-op"), "action");
  EXPECT_EQ(seen.headers.at("settle-pattern"), "saga");
  EXPECT_EQ(seen.headers.at("settle-attempt"), "3");
  EXPECT_EQ(seen.headers.at("x-tenant"), "blue");
  const std::string trace = seen.headers.at("traceparent");
  EXPECT_EQ(trace.substr(0, 36), call.trace_parent.substr(0, 36));
  EXPECT_NE(trace, call.trace_parent);
}

TEST_F(HttpParticipantTest, EveryAttemptIsASpanOfTheTransactionsTrace) {
  const auto trace_parent = [&](std::string_view from_client) {
    Call call = call_to("/x");
    call.trace_parent = from_client;
    (void)run(call);
    return seen_.back().headers.at("traceparent");
  };
  const std::string first = trace_parent({});
  const std::string second = trace_parent("00-garbage");
  EXPECT_EQ(first.substr(0, 36), "00-00000000000000010002000300000004-") << "the tid";
  EXPECT_EQ(second.substr(0, 36), first.substr(0, 36));
  EXPECT_NE(second, first);
  EXPECT_EQ(first.size(), 55u);
}

TEST_F(HttpParticipantTest, OpsAndPatternsHaveTheirPublicNames) {
  const std::map<Op, std::string> names = {
      {Op::kAction, "action"}, {Op::kCompensate, "compensate"}, {Op::kDeliver, "deliver"}, {Op::kCheck, "check"},
      {Op::kTry, "try"},       {Op::kConfirm, "confirm"},       {Op::kCancel, "cancel"},   {Op::kPrepare, "prepare"},
      {Op::kCommit, "commit"}, {Op::kRollback, "rollback"}};
  const std::map<Pattern, std::string> patterns = {{Pattern::kSaga, "saga"},
                                                   {Pattern::kMessage, "message"},
                                                   {Pattern::kTcc, "tcc"},
                                                   {Pattern::kTwoPhase, "two_phase"}};
  for (const auto& [op, name] : names) {
    for (const auto& [pattern, pattern_name] : patterns) {
      Call call = call_to("/x", op);
      call.pattern = pattern;
      (void)run(call);
      EXPECT_EQ(seen_.back().headers.at("settle-op"), name);
      EXPECT_EQ(seen_.back().headers.at("settle-pattern"), pattern_name);
    }
  }
}

TEST_F(HttpParticipantTest, OnlyAPrepareThatIsDoneCanVoteReadOnly) {
  const std::string vote = R"({"vote": "read-only"})";
  const CallEnded ended = answered(200, vote, {}, Op::kPrepare);
  EXPECT_TRUE(ended.read_only);
  EXPECT_EQ(ended.outcome, Outcome::kDone);
  EXPECT_EQ(ended.result, vote);
  EXPECT_FALSE(answered(200, "{}", {}, Op::kPrepare).read_only);
  EXPECT_FALSE(answered(200, vote, {}, Op::kTry).read_only);
  EXPECT_FALSE(answered(200, vote, {}, Op::kCommit).read_only);
  for (const int status : {409, 425, 500, 302}) EXPECT_FALSE(answered(status, vote, {}, Op::kPrepare).read_only);
}

TEST_F(HttpParticipantTest, WhatIsBoundIsSentAndNothingElseChanges) {
  const std::vector<BoundPart> parts = {{"/lot", "/lot", R"({"lot": 7.50})"}};
  Call call = call_to("/x");
  call.bound = &parts;
  EXPECT_EQ(run(call).outcome, Outcome::kDone);
  EXPECT_EQ(seen_.back().body, R"({"n": 1,"lot":7.50})");
  EXPECT_EQ(seen_.back().headers.at("content-length"), std::to_string(seen_.back().body.size()));
  call.payload = {};
  (void)run(call);
  EXPECT_EQ(seen_.back().body, R"({"lot":7.50})");
}

TEST_F(HttpParticipantTest, WhatCannotBeBoundIsNeverSent) {
  const std::vector<BoundPart> parts = {{"/gone", "/lot", R"({"lot": 7.50})"}};
  const std::map<Op, Outcome> outcomes = {
      {Op::kAction, Outcome::kRefused},  {Op::kTry, Outcome::kRefused},      {Op::kPrepare, Outcome::kRefused},
      {Op::kDeliver, Outcome::kRefused}, {Op::kConfirm, Outcome::kUnknown},  {Op::kCancel, Outcome::kUnknown},
      {Op::kCommit, Outcome::kUnknown},  {Op::kRollback, Outcome::kUnknown}, {Op::kCompensate, Outcome::kUnknown}};
  for (const auto& [op, outcome] : outcomes) {
    Call call = call_to("/x", op);
    call.bound = &parts;
    const CallEnded ended = run(call);
    EXPECT_EQ(ended.outcome, outcome) << name_of(op);
    EXPECT_EQ(ended.answer, kAnswerUnbound);
    EXPECT_FALSE(ended.reached);
    EXPECT_EQ(ended.id, 17U);
    EXPECT_EQ(ended.op, op);
    EXPECT_EQ(ended.branch, 2);
    EXPECT_EQ(ended.result.empty(), outcome != Outcome::kRefused);
  }
  EXPECT_TRUE(seen_.empty());
  EXPECT_EQ(answered(200, "fine").outcome, Outcome::kDone) << "the next call of that slot is like any other";
}

TEST_F(HttpParticipantTest, WithoutInputTheBodyIsEmpty) {
  Call call = call_to("/x", Op::kCheck);
  call.payload = {};
  (void)run(call);
  EXPECT_EQ(seen_[0].headers.at("content-length"), "0");
  EXPECT_EQ(seen_[0].headers.at("settle-branch"), "00");
  EXPECT_EQ(seen_[0].body, "");
}

TEST_F(HttpParticipantTest, StatusesBecomeOutcomes) {
  struct Row {
    int status;
    Outcome outcome;
    std::string result;
  };
  for (const Row& row :
       {Row{200, Outcome::kDone, "said"}, Row{201, Outcome::kDone, "said"}, Row{299, Outcome::kDone, "said"},
        Row{409, Outcome::kRefused, "said"}, Row{425, Outcome::kRunning, ""}, Row{400, Outcome::kUnknown, ""},
        Row{404, Outcome::kUnknown, ""}, Row{408, Outcome::kUnknown, ""}, Row{500, Outcome::kUnknown, ""},
        Row{503, Outcome::kUnknown, ""}}) {
    const CallEnded ended = answered(row.status, "said");
    EXPECT_EQ(ended.outcome, row.outcome) << row.status;
    EXPECT_EQ(ended.result, row.result) << row.status;
    EXPECT_EQ(ended.answer, row.status);
    EXPECT_TRUE(ended.reached);
  }
}

TEST_F(HttpParticipantTest, RedirectsAreNeverFollowed) {
  for (const int status : {301, 302, 303, 307, 308}) {
    const CallEnded ended = answered(status, "", "location: " + base_ + "/elsewhere\r\n");
    EXPECT_EQ(ended.outcome, Outcome::kUnknown) << status;
    EXPECT_EQ(ended.answer, status);
  }
  EXPECT_EQ(seen_.size(), 5u);
}

TEST_F(HttpParticipantTest, RetryAfterIsALowerBound) {
  EXPECT_EQ(answered(425, "", "retry-after: 7\r\n").retry_after, seconds(7));
  EXPECT_EQ(answered(503, "", "retry-after: 9\r\n").retry_after, seconds(9));
  EXPECT_EQ(answered(503, "").retry_after, Duration{0});
  EXPECT_EQ(answered(200, "", "retry-after: 9\r\n").retry_after, Duration{0});
}

TEST_F(HttpParticipantTest, CheckBacks) {
  const auto check = [&](int status, const std::string& body) { return answered(status, body, {}, Op::kCheck); };
  CallEnded ended = check(200, R"({"state": "committed"})");
  EXPECT_EQ(ended.outcome, Outcome::kDone);
  EXPECT_EQ(ended.check, CheckState::kCommitted);
  EXPECT_EQ(ended.branch, -1);
  ended = check(200, R"({"state": "aborted"})");
  EXPECT_EQ(ended.outcome, Outcome::kDone);
  EXPECT_EQ(ended.check, CheckState::kAborted);
  ended = check(200, R"({"state": "running"})");
  EXPECT_EQ(ended.outcome, Outcome::kDone);
  EXPECT_EQ(ended.check, CheckState::kUndecided);
  for (const int status : {404, 409, 500}) {
    ended = check(status, R"({"state": "aborted"})");
    EXPECT_EQ(ended.outcome, Outcome::kUnknown) << status;
    EXPECT_EQ(ended.check, CheckState::kUndecided) << status;
  }
  ended = check(200, "aborted");
  EXPECT_EQ(ended.outcome, Outcome::kUnknown);
  EXPECT_EQ(ended.answer, kAnswerGarbage);
  EXPECT_TRUE(ended.reached);
}

TEST_F(HttpParticipantTest, AResultOf64KiBIsKeptALargerOneIsUnknown) {
  CallEnded ended = answered(200, std::string(64 * 1024, 'x'));
  EXPECT_EQ(ended.outcome, Outcome::kDone);
  EXPECT_EQ(ended.result.size(), 64u * 1024);
  ended = answered(200, std::string(64 * 1024 + 1, 'x'));
  EXPECT_EQ(ended.outcome, Outcome::kUnknown);
  EXPECT_EQ(ended.answer, kAnswerGarbage);
  EXPECT_TRUE(ended.reached);
}

TEST_F(HttpParticipantTest, NobodyListens) {
  const auto port = [] {  // bound and closed again: free, and nobody listens
    const auto fd = net::listen_on("127.0.0.1", 0);
    return net::local_port(fd->get());
  }();
  const CallEnded ended = run(call_to("http://127.0.0.1:" + std::to_string(port) + "/x"));
  EXPECT_EQ(ended.outcome, Outcome::kUnknown);
  EXPECT_EQ(ended.answer, kAnswerRefused);
  EXPECT_FALSE(ended.reached);
}

TEST_F(HttpParticipantTest, ATimeoutAfterTheBytesLeftMayHaveReached) {
  answers_ = false;
  Call call = call_to("/x");
  call.timeout = milliseconds(50);
  const CallEnded ended = run(call);
  EXPECT_EQ(ended.outcome, Outcome::kUnknown);
  EXPECT_EQ(ended.answer, kAnswerTimeout);
  EXPECT_TRUE(ended.reached);
}

TEST_F(HttpParticipantTest, ALostConnectionMayHaveReached) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const auto any = net::literal_address("127.0.0.1", 0);
  ASSERT_EQ(::bind(listener, any->raw(), any->size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  std::thread closer([listener] {  // reads a byte of the request, then closes
    const net::Fd peer(::accept(listener, nullptr, nullptr));
    char byte = 0;
    EXPECT_EQ(::recv(peer.get(), &byte, 1, 0), 1);
  });
  const CallEnded ended = run(call_to("http://127.0.0.1:" + std::to_string(net::local_port(listener)) + "/x"));
  closer.join();
  ::close(listener);
  EXPECT_EQ(ended.outcome, Outcome::kUnknown);
  EXPECT_EQ(ended.answer, kAnswerReset);
  EXPECT_TRUE(ended.reached);
}

TEST_F(HttpParticipantTest, OnlyLoopbackIsCalled) {
  for (const char* url : {"http://10.0.0.1/x", "http://169.254.169.254/latest", "http://[fe80::1]/x",
                          "http://0.0.0.0:80/x", "https://127.0.0.1/x", "ftp://127.0.0.1/x", "127.0.0.1", "",
                          "http://127.0.0.1@10.0.0.1/x", "http://10.0.0.1\\@127.0.0.1/x", "http://2130706433/x"}) {
    const CallEnded ended = run(call_to(url[0] == 'h' ? url : std::string("http:") + url));
    EXPECT_EQ(ended.outcome, Outcome::kUnknown) << url;
    EXPECT_EQ(ended.answer, kAnswerRefused) << url;
    EXPECT_FALSE(ended.reached) << url;
  }
  EXPECT_TRUE(seen_.empty());
}

TEST_F(HttpParticipantTest, ANameIsJudgedByAllItsAddresses) {
  HttpParticipantOptions options;
  options.client.lookup = [](const std::string& host, std::uint16_t port) {
    std::vector<net::SocketAddress> addresses = {*net::literal_address("127.0.0.1", port)};
    if (host == "half.test") addresses.push_back(*net::literal_address("10.0.0.1", port));
    return addresses;
  };
  make_participant(std::move(options));
  const std::string port = base_.substr(base_.rfind(':'));
  EXPECT_EQ(run(call_to("http://whole.test" + port + "/x")).outcome, Outcome::kDone);
  const CallEnded ended = run(call_to("http://half.test" + port + "/x"));
  EXPECT_EQ(ended.answer, kAnswerUnresolved);
  EXPECT_FALSE(ended.reached);
  EXPECT_EQ(seen_.size(), 1u);
}

TEST_F(HttpParticipantTest, AControlByteNeverReachesTheWire) {
  Call call = call_to("/x");
  call.gid = "a\r\nsettle-op: compensate";
  EXPECT_FALSE(run(call).reached);
  const std::vector<std::pair<std::string_view, std::string_view>> forwarded = {{"x-tenant", "blue\r\nhost: evil"}};
  call = call_to("/x");
  call.headers = &forwarded;
  EXPECT_FALSE(run(call).reached);
  EXPECT_TRUE(seen_.empty());
}

TEST_F(HttpParticipantTest, EveryCallEndsOnceUnderItsOwnId) {
  constexpr std::size_t kCalls = 200;
  wanted_ = kCalls;
  for (std::size_t i = 0; i < kCalls; ++i) {
    Call call = call_to("/x");
    call.id = i;
    call.branch = static_cast<std::int32_t>(i);
    participant_->call(call);
  }
  EXPECT_EQ(participant_->open_calls(), kCalls);
  loop_.run();
  std::map<std::uint64_t, int> times;
  for (const CallEnded& ended : ended_) {
    ++times[ended.id];
    EXPECT_EQ(ended.branch, static_cast<std::int32_t>(ended.id));
    EXPECT_EQ(ended.outcome, Outcome::kDone);
  }
  EXPECT_EQ(times.size(), kCalls);
  EXPECT_EQ(participant_->open_calls(), 0u);
}

TEST_F(HttpParticipantTest, ADrainTakesCallsBack) {
  answers_ = false;
  wanted_ = 2;
  participant_->call(call_to("/x"));
  participant_->call(call_to("/x"));
  loop_.post([&] { participant_->cancel_all(); });
  loop_.run();
  ASSERT_EQ(ended_.size(), 2u);
  for (const CallEnded& ended : ended_) {
    EXPECT_EQ(ended.outcome, Outcome::kUnknown);
    EXPECT_EQ(ended.answer, kAnswerCancelled);
  }
}

}  // namespace
}  // namespace settle::participant
