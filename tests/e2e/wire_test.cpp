#include <algorithm>

#include "e2e/world.h"

// The wire itself: what is no HTTP, what is ambiguous HTTP, what never ends; and what participants answer beside words.

namespace settle::e2e {
namespace {

using live::Connection;

class Wire : public World {
 protected:
  /// What the daemon answers to bytes, and whether it then closes.
  std::string answer(std::string_view bytes) {
    Connection connection = Connection::to(daemon().api_port());
    EXPECT_TRUE(connection.send(bytes));
    return connection.read_all(seconds{20});
  }
};

TEST_F(Wire, FAIL_M8_AmbiguousRequestsAreRefusedAndTheConnectionEnds) {
  const std::string body = R"({"pattern":"saga","gid":"smuggled","steps":[]})";
  const std::string hidden = live::request_text("POST", "/v1/transactions", body);
  const std::string start = "POST /v1/transactions HTTP/1.1\r\nhost: x\r\n";
  const std::vector<std::string> all{
      start + "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
      start + "content-length: 4\r\ncontent-length: 5\r\n\r\nabcd" + hidden,
      start + "content-length: +4\r\n\r\nabcd" + hidden,
      start + "content-length: 0x4\r\n\r\nabcd" + hidden,
      start + "content-length : 4\r\n\r\nabcd" + hidden,
      start + "transfer-encoding: xchunked\r\n\r\n" + hidden,
      start + "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
      start + "transfer-encoding: chunked\r\n\r\n5;\nx\r\nhello\r\n0\r\n\r\n" + hidden,
      start + "x: y\r\n folded: 1\r\ncontent-length: 0\r\n\r\n" + hidden,
      start + "x: a\rb\r\ncontent-length: 0\r\n\r\n" + hidden,
      "POST /v1/transactions HTTP/1.1\nhost: x\ncontent-length: 0\n\n" + hidden,
      "POST /v1/transactions HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
      "POST /v1/transactions HTTP/1.1\r\ncontent-length: 0\r\n\r\n" + hidden,
      "POST /v1/transactions HTTP/1.1\r\nhost: x\r\nhost: y\r\ncontent-length: 0\r\n\r\n" + hidden,
      "POST  /v1/transactions HTTP/1.1\r\nhost: x\r\n\r\n" + hidden,
      "POST http://x/v1 /transactions HTTP/1.1\r\nhost: x\r\n\r\n" + hidden,
      std::string("GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n", 28) + hidden,
  };
  for (const std::string& bytes : all) {
    Connection connection = Connection::to(daemon().api_port());
    EXPECT_TRUE(connection.send(bytes));
    const auto told = connection.read(kPatience);
    ASSERT_TRUE(told) << bytes;
    EXPECT_TRUE(told->status == 400 || told->status == 501) << bytes << "\n" << told->body;
    EXPECT_EQ(told->header("connection"), "close") << bytes;
    EXPECT_EQ(connection.read_all(kPatience), "") << "a second answer to:\n" << bytes;
  }
  EXPECT_EQ(client().show("smuggled").problem(), "unknown-gid");
}

TEST_F(Wire, WhatIsNoHttpAtAll) {
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(200, 'x') + "\r\n\r\n",
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("hello\r\n\r\n"), std::string("\r\n\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\nhost: x\r\n\r\n"), std::string(1000, '\0') + "\r\n\r\n"}) {
    const std::string told = answer(bytes);
    EXPECT_TRUE(told.starts_with("HTTP/1.1 4") || told.starts_with("HTTP/1.1 50")) << told;
  }
  EXPECT_EQ(admin().get("/readyz").status, 200);
}

TEST_F(Wire, HeadsThatAreTooLarge) {
  EXPECT_TRUE(answer("GET /" + std::string(5000, 'x') + " HTTP/1.1\r\nhost: x\r\n\r\n").starts_with("HTTP/1.1 414"));
  const std::string big = "GET / HTTP/1.1\r\nhost: x\r\nx: " + std::string(40'000, 'x') + "\r\n\r\n";
  EXPECT_TRUE(answer(big).starts_with("HTTP/1.1 431"));
  std::string many = "GET / HTTP/1.1\r\nhost: x\r\n";
  for (int i = 0; i < 200; ++i) many += "x-" + std::to_string(i) + ": 1\r\n";
  EXPECT_TRUE(answer(many + "\r\n").starts_with("HTTP/1.1 431"));
}

TEST_F(Wire, ABodyThatIsAnnouncedTooLargeIsNotReadAtAll) {
  const std::string told = answer("POST /v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n");
  EXPECT_TRUE(told.starts_with("HTTP/1.1 413") || told.starts_with("HTTP/1.1 400")) << told;
}

TEST_F(Wire, PipelinedRequestsAreAnsweredInTheirOrder) {
  Connection connection = Connection::to(daemon().api_port());
  std::string all;
  for (int i = 0; i < 20; ++i) {
    all += live::request_text("GET", "/v1/transactions/pipe-" + std::to_string(i), {});
  }
  ASSERT_TRUE(connection.send(all));
  for (int i = 0; i < 20; ++i) {
    const auto told = connection.read(kPatience);
    ASSERT_TRUE(told);
    EXPECT_EQ(Json::parse(told->body).value("gid", ""), "pipe-" + std::to_string(i));
  }
}

TEST_F(Wire, AChunkedBodyIsUnderstood) {
  const std::string gid = fresh("chunked");
  const std::string body = saga(services, gid, {"a"}).dump();
  std::string bytes =
      "POST /v1/transactions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
  for (const char c : body) bytes += std::string("1\r\n") + c + "\r\n";
  EXPECT_TRUE(answer(bytes + "0\r\n\r\n").starts_with("HTTP/1.1 201"));
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

// Heads and bodies that come by drops: others are served meanwhile, and the slow ones are turned out.
TEST_F(Wire, FAIL_J6_SlowClientsAreTurnedOutAndHoldUpNobody) {
  std::vector<Connection> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(Connection::to(daemon().api_port()));
    ASSERT_TRUE(slow.back().send("POST /v1/transactions HTTP/1.1\r\nhost: x\r\nx-slow: "));
  }
  // The time limit of a head is 10 s from its first byte, whatever drips in.
  std::size_t turned_out = 0;
  const bool all = eventually(seconds{25}, [&] {
    turned_out = 0;
    for (Connection& connection : slow) {
      (void)connection.send("x");
      turned_out += connection.closed_by_peer(milliseconds{0}) ? 1U : 0U;
    }
    EXPECT_EQ(client().get("/v1/transactions/nobody").status, 404);
    return turned_out == slow.size();
  });
  EXPECT_TRUE(all) << turned_out << " of " << slow.size();
}

// ------------------------------------------------------------------------------- what participants answer

TEST_F(Wire, RedirectsAreNotFollowedAndDecideNothing) {
  const std::string gid = fresh("redirect");
  Services elsewhere;
  services.on(
      "/act/a",
      in_turn(
          {[&](const Heard&) { return Said{307, "", {{"location", elsewhere.url("/stolen")}}, Said::How::kAnswer}; },
           [&](const Heard&) { return Said{301, "", {{"location", "/moved"}}, Said::How::kAnswer}; }, say(200)}));
  Json plan = saga(services, gid, {"a"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  EXPECT_EQ(services.story(gid), "/act/a /act/a /act/a");
  EXPECT_EQ(elsewhere.count(), 0U);
}

TEST_F(Wire, FAIL_J7_WhatAProxySaysIsUnknown) {
  const std::string gid = fresh("proxy");
  services.on("/act/a",
              in_turn({say(502, "<html>"), say(504), say(404), say(401), say(400), say(429), say(503), say(200)}));
  Json plan = saga(services, gid, {"a"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan).outcome(), "committed");
  EXPECT_EQ(services.count(gid), 8U);
}

TEST_F(Wire, FAIL_M10_AnswersThatAreTooLargeOrNoHttpAreUnknown) {
  const std::string gid = fresh("answers");
  const auto raw = [](std::string bytes) {
    return [bytes = std::move(bytes)](const Heard&) { return Said{0, bytes, {}, Said::How::kRaw}; };
  };
  services.on("/act/a", in_turn({
                            say(200, "\"" + std::string(1'000'000, 'x') + "\""),
                            raw("HTTP/1.1 200 OK\r\n\r\n" + std::string(3'000'000, 'x')),
                            raw("HTTP/1.1 200 OK\r\nx: " + std::string(100'000, 'x') + "\r\n\r\n"),
                            raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"),
                            raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
                            raw("200 fine\r\n\r\n"),
                            raw(std::string(1000, '\0')),
                            raw(""),
                            say(200, R"({"the":"result"})"),
                        }));
  Json plan = saga(services, gid, {"a"});
  plan["wait_ms"] = 25'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "committed");
  EXPECT_EQ(services.count(gid), 9U);
  EXPECT_EQ(op_of(told.body, "a", "action")["result"], Json::parse(R"({"the":"result"})")) << told.body;
}

// failures.md J5: an answer that drips for ever ends with the attempt's time.
TEST_F(Wire, FAIL_J5_AParticipantThatNeverEndsItsAnswerHoldsNothing) {
  const std::string gid = fresh("drip");
  services.on("/act/a", in_turn({hang(), say(200)}));
  Json plan = saga(services, gid, {"a"});
  plan["attempt_timeout_ms"] = 300;
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "committed");
  EXPECT_EQ(services.heard(gid).at(1).attempt, 2);
}

// failures.md J2: a request is never sent twice behind our back; what the participant hears is what was counted.
TEST_F(Wire, FAIL_J2_AConnectionThatIsCutIsOneAttempt) {
  const std::string gid = fresh("cut");
  services.on("/act/a", in_turn({[](const Heard&) { return Said{0, {}, {}, Said::How::kCut}; },
                                 [](const Heard&) { return Said{0, {}, {}, Said::How::kCut}; }, say(200)}));
  Json plan = saga(services, gid, {"a"});
  plan["wait_ms"] = 20'000;
  const Reply told = client().begin(plan);
  EXPECT_EQ(told.outcome(), "committed");
  const std::vector<Heard> heard = services.heard(gid);
  ASSERT_EQ(heard.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(heard[static_cast<std::size_t>(i)].attempt, i + 1);
  EXPECT_EQ(op_of(told.body, "a", "action").value("attempts", 0), 3);
}

TEST_F(Wire, TheTraceOfTheCallerGoesOn) {
  const std::string gid = fresh("trace");
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  services.on("/act/b", say(409));
  Json plan = saga(services, gid, {"a", "b"});
  plan["wait_ms"] = 20'000;
  (void)client().begin(plan, {{"traceparent", "00-" + trace + "-b7ad6b7169203331-01"}});
  const std::vector<Heard> heard = services.heard(gid);
  ASSERT_EQ(heard.size(), 3U);
  std::vector<std::string> spans;
  for (const Heard& one : heard) {
    const std::string parent = one.request.header("traceparent");
    ASSERT_EQ(parent.size(), 55U) << parent;
    EXPECT_EQ(parent.substr(0, 36), "00-" + trace + "-");
    EXPECT_EQ(parent.substr(52), "-01");
    spans.push_back(parent.substr(36, 16));
  }
  std::ranges::sort(spans);
  EXPECT_EQ(std::ranges::adjacent_find(spans), spans.end()) << "each call is a span of its own";
  EXPECT_EQ(std::ranges::count(spans, "b7ad6b7169203331"), 0);
}

TEST_F(Wire, ATraceParentThatIsNoneIsNotPassedOn) {
  const std::string gid = fresh("trace");
  Json plan = saga(services, gid, {"a"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(client().begin(plan, {{"traceparent", "00-XYZ"}}).outcome(), "committed");
  EXPECT_EQ(services.heard(gid).at(0).request.header("traceparent").find("XYZ"), std::string::npos);
}

}  // namespace
}  // namespace settle::e2e
