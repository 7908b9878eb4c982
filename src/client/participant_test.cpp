#include "settle/participant.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

#include "net/testing.h"
#include "settle/tcc_scope.h"

namespace settle {
namespace {

using net::testing::RawSocket;

constexpr std::string_view kTid = "06BSR9XJ2H0001000000000001";

ParticipantRequest request_of(std::string op, std::string path = "/seat") {
  return {"POST",
          std::move(path),
          {{"Settle-Gid", "order-1"},
           {"settle-branch", "seat"},
           {"settle-op", std::move(op)},
           {"settle-tid", std::string(kTid)},
           {"settle-pattern", "saga"},
           {"settle-attempt", "3"},
           {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}},
          R"({"n":1})"};
}

ParticipantRequest without(std::string_view header) {
  ParticipantRequest out = request_of("action");
  std::erase_if(out.headers, [&](const auto& one) { return one.first == header; });
  return out;
}

TEST(ParseCall, EverythingThatTheDaemonSends) {
  const auto call = parse_call(request_of("action"));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->gid, "order-1");
  EXPECT_EQ(call->branch, "seat");
  EXPECT_EQ(call->op, "action");
  EXPECT_EQ(call->tid, kTid);
  EXPECT_EQ(call->pattern, "saga");
  EXPECT_EQ(call->attempt, 3);
  EXPECT_EQ(call->trace_parent.size(), 55U);
  EXPECT_EQ(call->body, R"({"n":1})");
  EXPECT_FALSE(call->enlist);
  const barrier::Call barrier = call->for_barrier();
  EXPECT_EQ(barrier.gid + barrier.branch + barrier.op + barrier.tid, "order-1seataction" + std::string(kTid));
  EXPECT_EQ(barrier.digest, barrier::digest_of(R"({"n":1})"));
}

TEST(ParseCall, WhatIsNoCallIsRefused) {
  EXPECT_TRUE(parse_call(without("settle-tid"))) << "a barrier does without, for a while";
  for (const char* header : {"Settle-Gid", "settle-branch", "settle-op"}) {
    const auto call = parse_call(without(header));
    ASSERT_FALSE(call) << header;
    EXPECT_EQ(call.error().code, ErrorCode::kInvalid);
  }
  for (const auto& [header, value] :
       {std::pair{"Settle-Gid", "a b"}, std::pair{"settle-branch", "a/b"}, std::pair{"settle-tid", "short"},
        std::pair{"settle-attempt", "1x"}, std::pair{"settle-op", ""}}) {
    ParticipantRequest wrong = without(header);
    wrong.headers.emplace_back(header, value);
    EXPECT_FALSE(parse_call(wrong)) << header;
  }
}

TEST(BranchAnswer, EachHasItsStatus) {
  struct Row {
    BranchAnswer answer;
    int status;
    std::string body;
    std::string type;
  };
  for (const Row& row :
       {Row{BranchAnswer::done(), 200, "", "text/plain"},
        Row{BranchAnswer::done(R"({"a":1})"), 200, R"({"a":1})", "application/json"},
        Row{BranchAnswer::refused("no seat"), 409, "no seat", "text/plain"},
        Row{BranchAnswer::running(), 425, "", "text/plain"}, Row{BranchAnswer::unknown("x"), 500, "x", "text/plain"},
        Row{BranchAnswer::read_only(), 200, R"({"vote":"read-only"})", "application/json"},
        Row{BranchAnswer::committed(), 200, R"({"state":"committed"})", "application/json"},
        Row{BranchAnswer::aborted(), 200, R"({"state":"aborted"})", "application/json"},
        Row{BranchAnswer::undecided(), 200, R"({"state":"running"})", "application/json"}}) {
    const ParticipantResponse response = row.answer.response();
    EXPECT_EQ(response.status, row.status);
    EXPECT_EQ(response.body, row.body);
    EXPECT_EQ(response.content_type, row.type);
  }
  const ParticipantResponse busy = BranchAnswer::running(std::chrono::seconds{7}).response();
  EXPECT_EQ(busy.headers, (HeaderList{{"retry-after", "7"}}));
}

TEST(BranchAnswer, WhatTheBarrierSays) {
  struct Row {
    barrier::Answer answer;
    int status;
    std::string body;
  };
  for (const Row& row : {Row{barrier::Answer::kDone, 200, "body"}, Row{barrier::Answer::kRefused, 409, "reason"},
                         Row{barrier::Answer::kRunning, 425, ""}, Row{barrier::Answer::kUnknown, 500, "reason"},
                         Row{barrier::Answer::kConflict, 500, "reason"},
                         Row{barrier::Answer::kCommitted, 200, R"({"state":"committed"})"},
                         Row{barrier::Answer::kAborted, 200, R"({"state":"aborted"})"}}) {
    const ParticipantResponse response =
        BranchAnswer::of(barrier::Reply{row.answer, "body", "reason", std::nullopt}).response();
    EXPECT_EQ(response.status, row.status);
    EXPECT_EQ(response.body, row.body);
  }
}

TEST(ParticipantRouter, TheHandlerOfThePathAnswers) {
  ParticipantRouter router;
  router.on("/seat", [](const BranchCall& call) { return BranchAnswer::done("\"" + call.op + "\""); });
  router.on("/none", [](const BranchCall&) { return BranchAnswer::refused("none"); });
  EXPECT_EQ(router.handle(request_of("try")).body, "\"try\"");
  EXPECT_EQ(router.handle(request_of("try", "/seat?row=7")).status, 200);
  EXPECT_EQ(router.handle(request_of("try", "/none")).status, 409);
}

TEST(ParticipantRouter, NothingButAnAnswerOfTheHandlerSaysDoneOrRefused) {
  ParticipantRouter router;
  router.on("/throws", [](const BranchCall&) -> BranchAnswer { throw std::runtime_error("oops"); });
  router.on("/throws-odd", [](const BranchCall&) -> BranchAnswer { throw 7; });
  router.on("/seat", [](const BranchCall&) { return BranchAnswer::done(); });
  EXPECT_EQ(router.handle(request_of("action", "/throws")).status, 500);
  EXPECT_EQ(router.handle(request_of("action", "/throws-odd")).status, 500);
  EXPECT_EQ(router.handle(request_of("action", "/elsewhere")).status, 404);
  EXPECT_EQ(router.handle(without("settle-op")).status, 400);
  ParticipantRequest get = request_of("action");
  get.method = "GET";
  EXPECT_EQ(router.handle(get).status, 405);
}

TEST(ScopeHeaders, NameTheBranchBelowTheOneThatCalls) {
  ParticipantRequest request = request_of("try");
  request.headers.emplace_back("settle-enlist", "self");
  const auto call = parse_call(request);
  ASSERT_TRUE(call && call->enlist);
  const auto onward = call->headers_for("bank");
  ASSERT_TRUE(onward) << onward.error().message;
  const auto next = parse_call({"POST", "/try", *onward, ""});
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->branch, "seat.bank");
  EXPECT_EQ(next->gid, call->gid);
  EXPECT_EQ(next->tid, call->tid);
  EXPECT_EQ(next->trace_parent, call->trace_parent);
  EXPECT_EQ(next->op, "try");
  EXPECT_TRUE(next->enlist);
  EXPECT_EQ(call->headers_for("a b").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(call->headers_for(std::string(64, 'x')).error().code, ErrorCode::kInvalid) << "too long";
  EXPECT_FALSE(parse_call(request_of("confirm"))->headers_for("bank")) << "it is too late to join";
}

std::string bytes_of(const ParticipantRequest& request) {
  std::string out = request.method + " " + request.path + " HTTP/1.1\r\nhost: h\r\n";
  for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
  return out + "content-length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

TEST(ParticipantServer, ServesARouter) {
  ParticipantRouter router;
  router.on("/seat", [](const BranchCall& call) {
    return call.op == "action" ? BranchAnswer::done(call.body) : BranchAnswer::running(std::chrono::seconds{3});
  });
  const auto server = ParticipantServer::start(std::move(router));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(server->url("/seat"), "http://127.0.0.1:" + std::to_string(server->port()) + "/seat");
  RawSocket client = RawSocket::connect_to(server->port());
  ASSERT_TRUE(client.send(bytes_of(request_of("action"))));
  const std::string done = client.read_message();
  EXPECT_TRUE(done.starts_with("HTTP/1.1 200 ")) << done;
  EXPECT_TRUE(done.ends_with(R"({"n":1})")) << done;
  ASSERT_TRUE(client.send(bytes_of(request_of("compensate"))));
  const std::string running = client.read_message();
  EXPECT_TRUE(running.starts_with("HTTP/1.1 425 ")) << running;
  EXPECT_NE(running.find("retry-after: 3\r\n"), std::string::npos) << running;
}

TEST(ParticipantServer, HandlersRunSideBySideAndAreWaitedForAtTheEnd) {
  std::promise<void> both;
  std::atomic<int> inside{0};
  std::atomic<int> finished{0};
  ParticipantRouter router;
  router.on("/seat", [&, all = both.get_future().share()](const BranchCall&) {
    if (++inside == 2) both.set_value();
    all.wait();
    ++finished;
    return BranchAnswer::done();
  });
  ParticipantServerOptions options;
  options.threads = 2;
  {
    const auto server = ParticipantServer::start(std::move(router), options);
    ASSERT_TRUE(server);
    RawSocket one = RawSocket::connect_to(server->port());
    RawSocket other = RawSocket::connect_to(server->port());
    ASSERT_TRUE(one.send(bytes_of(request_of("action"))));
    ASSERT_TRUE(other.send(bytes_of(request_of("action"))));
    EXPECT_TRUE(one.read_message().starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(other.read_message().starts_with("HTTP/1.1 200 "));
  }
  EXPECT_EQ(finished, 2);
}

TEST(ParticipantServer, TooManyThatWaitHearThatAtOnce) {
  std::promise<void> gate;
  std::promise<void> entered;
  std::atomic<bool> first{true};
  ParticipantRouter router;
  router.on("/seat", [&, open = gate.get_future().share()](const BranchCall&) {
    if (first.exchange(false)) entered.set_value();
    open.wait();
    return BranchAnswer::done();
  });
  ParticipantServerOptions options;
  options.threads = 1;
  options.waiting_max = 1;
  const auto server = ParticipantServer::start(std::move(router), options);
  ASSERT_TRUE(server);
  RawSocket busy = RawSocket::connect_to(server->port());
  ASSERT_TRUE(busy.send(bytes_of(request_of("action"))));
  entered.get_future().wait();  // the only thread is in the handler
  RawSocket one = RawSocket::connect_to(server->port());
  RawSocket other = RawSocket::connect_to(server->port());
  ASSERT_TRUE(one.send(bytes_of(request_of("action"))));
  ASSERT_TRUE(other.send(bytes_of(request_of("action"))));
  // One of them may wait, the other one is turned away while the gate is shut.
  bool one_is_answered = false;
  for (int i = 0; i < 2'000 && !one_is_answered && !other.readable(std::chrono::milliseconds{5}); ++i) {
    one_is_answered = one.readable(std::chrono::milliseconds{5});
  }
  RawSocket& turned_away = one_is_answered ? one : other;
  RawSocket& waits = one_is_answered ? other : one;
  EXPECT_TRUE(turned_away.read_message().starts_with("HTTP/1.1 503 "));
  gate.set_value();
  EXPECT_TRUE(busy.read_message().starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(waits.read_message().starts_with("HTTP/1.1 200 "));
}

TEST(ParticipantServer, AnAddressThatIsTakenIsAnError) {
  const net::testing::RawListener listener;
  ParticipantServerOptions options;
  options.port = listener.port();
  const auto server = ParticipantServer::start({}, options);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kUnavailable) << server.error().message;
}

}  // namespace
}  // namespace settle
