#include "net/http_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "net/http_fields.h"
#include "net/testing.h"

namespace settle::net {
namespace {

using std::chrono::milliseconds;
using testing::RawSocket;
using testing::ServerThread;

const ServerThread::Handler kEcho = [](HttpServer& server, const HttpRequest& request, ResponseSlot slot) {
  std::string body(request.method);
  body.append(" ").append(request.path).append("|").append(request.query).append("|").append(request.body);
  server.respond(slot, 200, "text/plain", body);
};

std::string get(std::string_view target, std::string_view headers = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nhost: a\r\n" + std::string(headers) + "\r\n";
}

std::string post(std::string_view target, std::string_view body, std::string_view headers = {}) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nhost: a\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

std::string body_of(const std::string& message) {
  return message.substr(std::min(message.find("\r\n\r\n") + 4, message.size()));
}
bool says_close(const std::string& message) { return message.find("connection: close\r\n") != std::string::npos; }

TEST(HttpServer, AnswersOnAConnectionThatPersists) {
  ServerThread server({}, kEcho);
  RawSocket peer = server.connect();
  ASSERT_TRUE(peer.send(post("/a/b?c=d&e", "hello")));
  const std::string first = peer.read_message();
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 OK\r\ndate: ")) << first;
  EXPECT_NE(first.find("\r\ncontent-type: text/plain\r\n"), std::string::npos) << first;
  EXPECT_FALSE(says_close(first));
  EXPECT_EQ(body_of(first), "POST /a/b|c=d&e|hello");
  ASSERT_TRUE(peer.send(get("http://elsewhere:1/x?y")));
  EXPECT_EQ(body_of(peer.read_message()), "GET /x|y|");
  EXPECT_EQ(server.stats().accepted, 1U);
}

TEST(HttpServer, ARequestMayComeInAnyPieces) {
  ServerThread server({}, kEcho);
  RawSocket peer = server.connect();
  for (const char byte : post("/slow", "0123456789")) ASSERT_TRUE(peer.send(std::string_view(&byte, 1)));
  EXPECT_EQ(body_of(peer.read_message()), "POST /slow||0123456789");
  const std::string large(900'000, 'x');
  ASSERT_TRUE(peer.send(post("/large", large)));
  EXPECT_EQ(body_of(peer.read_message()), "POST /large||" + large);
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInTheirOrderWhateverTheOrderOfAnswers) {
  std::vector<ResponseSlot> slots;
  ServerThread server({}, [&](HttpServer& http, const HttpRequest&, ResponseSlot slot) {
    slots.push_back(slot);
    if (slots.size() < 5) return;
    for (const std::size_t i : {3U, 1U, 4U, 0U, 2U}) http.respond(slots[i], 200, "text/plain", std::to_string(i));
  });
  RawSocket peer = server.connect();
  std::string five;
  for (int i = 0; i < 5; ++i) five += get("/");
  ASSERT_TRUE(peer.send(five));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(body_of(peer.read_message()), std::to_string(i));
}

TEST(HttpServer, MorePipelinedRequestsThanItHoldsWaitForAnswers) {
  std::vector<ResponseSlot> slots;
  ServerThread server({}, [&](HttpServer&, const HttpRequest&, ResponseSlot slot) { slots.push_back(slot); });
  RawSocket peer = server.connect();
  std::string many;
  for (int i = 0; i < 100; ++i) many += get("/" + std::to_string(i));
  ASSERT_TRUE(peer.send(many));
  ASSERT_TRUE(server.eventually([&] { return server.server.open_requests() == 32; }));
  server.thread.run([] {});
  EXPECT_EQ(server.thread.run([&] { return slots.size(); }), 32U);
  std::size_t answered = 0;
  while (answered < 100) {
    answered += server.thread.run([&] {
      const std::vector<ResponseSlot> now = std::exchange(slots, {});
      for (const ResponseSlot slot : now) server.server.respond(slot, 200, "text/plain", std::to_string(slot.sequence));
      return now.size();
    });
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(body_of(peer.read_message()), std::to_string(i));
}

TEST(HttpServer, BodiesCanBeWrittenInPlace) {
  ServerThread server({}, [](HttpServer& http, const HttpRequest& request, ResponseSlot slot) {
    http.begin_body(slot, 201, "application/json", "retry-after: 1\r\n")
        .append(std::stoul(std::string(request.query)), 'j');
    http.end_body();
  });
  RawSocket peer = server.connect();
  for (const std::size_t size : {0U, 7U, 10U, 4096U, 1'000'000U}) {
    ASSERT_TRUE(peer.send(get("/?" + std::to_string(size))));
    const std::string message = peer.read_message();
    EXPECT_TRUE(message.starts_with("HTTP/1.1 201 Created\r\n"));
    EXPECT_NE(message.find("\r\nretry-after: 1\r\n"), std::string::npos);
    EXPECT_EQ(body_of(message), std::string(size, 'j'));
  }
}

TEST(HttpServer, HeadAndBodilessAnswersCarryNoBody) {
  ServerThread server({}, [](HttpServer& http, const HttpRequest& request, ResponseSlot slot) {
    http.respond(slot, request.path == "/204" ? 204 : 200, "text/plain", "twelve bytes");
  });
  RawSocket peer = server.connect();
  ASSERT_TRUE(peer.send("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n" + get("/204") + get("/")));
  const std::string head = peer.read_until("\r\n\r\n");
  EXPECT_NE(head.find("12\r\n"), std::string::npos) << head;
  const std::string none = peer.read_until("\r\n\r\n");
  EXPECT_TRUE(none.starts_with("HTTP/1.1 204 No Content\r\n")) << none;
  EXPECT_EQ(none.find("content-length"), std::string::npos);
  EXPECT_EQ(body_of(peer.read_message()), "twelve bytes");
}

TEST(HttpServer, ClosesAfterTheAnswerWhenTheRequestSaysSo) {
  ServerThread server({}, kEcho);
  for (const std::string_view bytes :
       {"GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "GET /x HTTP/1.0\r\n\r\n"}) {
    RawSocket peer = server.connect();
    ASSERT_TRUE(peer.send(std::string(bytes) + get("/never")));
    const std::string all = peer.read_all();
    EXPECT_TRUE(says_close(all)) << all;
    EXPECT_EQ(body_of(all), "GET /x||");
    EXPECT_FALSE(peer.was_reset());
  }
  RawSocket old = server.connect();
  ASSERT_TRUE(old.send("GET /1 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
  EXPECT_NE(old.read_message().find("connection: keep-alive\r\n"), std::string::npos);
  ASSERT_TRUE(old.send("GET /2 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
  EXPECT_EQ(body_of(old.read_message()), "GET /2||");
}

TEST(HttpServer, APeerThatClosedItsHalfStillGetsItsAnswer) {
  std::vector<ResponseSlot> slots;
  ServerThread server({}, [&](HttpServer&, const HttpRequest&, ResponseSlot slot) { slots.push_back(slot); });
  RawSocket peer = server.connect();
  ASSERT_TRUE(peer.send(get("/")));
  peer.finish_sending();
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 1; }));
  server.thread.run([&] { server.server.respond(slots[0], 200, "text/plain", "late"); });
  EXPECT_EQ(body_of(peer.read_all()), "late");
  EXPECT_TRUE(server.eventually([&] { return server.server.connections() == 0; }));
}

TEST(HttpServer, ContinuesABodyThatWaitsToBeAskedFor) {
  ServerThread server({}, kEcho);
  RawSocket peer = server.connect();
  const std::string request = post("/x", "hello", "expect: 100-continue\r\n");
  ASSERT_TRUE(peer.send(request.substr(0, request.size() - 5)));
  EXPECT_EQ(peer.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(peer.send("hel"));
  ASSERT_TRUE(peer.send("lo"));
  EXPECT_EQ(body_of(peer.read_message()), "POST /x||hello");
  ASSERT_TRUE(peer.send(request)) << "with the body at once there is nothing to ask for";
  EXPECT_TRUE(peer.read_message().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, MalformedRequestsAreAnsweredAndTheConnectionClosed) {
  HttpServerOptions options;
  options.limits.body_bytes = 100;
  options.problem = [](int status, std::string_view detail) {
    return HttpProblem{"application/problem+json", std::to_string(status) + ":" + std::string(detail)};
  };
  ServerThread server(options, kEcho);
  const std::vector<std::pair<std::string, int>> cases{
      {"GET / HTTP/1.1\nhost: a\n\n", 400},
      {get("/" + std::string(3000, 'x')), 414},
      {get("/", "x: " + std::string(20000, 'x') + "\r\n"), 431},
      {"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 101\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", 501},
      {"GET / HTTP/3.0\r\n\r\n", 505},
      {get("/", "expect: nothing\r\n"), 417},
  };
  for (const auto& [bytes, status] : cases) {
    RawSocket peer = server.connect();
    ASSERT_TRUE(peer.send(get("/before") + bytes));
    EXPECT_EQ(body_of(peer.read_message()), "GET /before||");
    const std::string answer = peer.read_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << answer;
    EXPECT_TRUE(says_close(answer));
    EXPECT_TRUE(body_of(answer).starts_with(std::to_string(status) + ":")) << answer;
    EXPECT_FALSE(peer.was_reset());
  }
  EXPECT_EQ(server.stats().refused, cases.size());
  EXPECT_EQ(server.stats().requests, cases.size()) << "only those before";
}

TEST(HttpServer, ARefusalWaitsForTheAnswersBeforeIt) {
  std::vector<ResponseSlot> slots;
  ServerThread server({}, [&](HttpServer&, const HttpRequest&, ResponseSlot slot) { slots.push_back(slot); });
  RawSocket peer = server.connect();
  ASSERT_TRUE(peer.send(get("/good") + "bad\r\n\r\n"));
  ASSERT_TRUE(server.eventually([&] { return server.server.stats().refused == 1; }));
  server.thread.run([&] { server.server.respond(slots.at(0), 200, "text/plain", "first"); });
  EXPECT_EQ(body_of(peer.read_message()), "first");
  EXPECT_TRUE(peer.read_all().starts_with("HTTP/1.1 400 "));
}

TEST(HttpServer, TheAnswerTooLargeReachesAPeerThatIsStillSending) {
  HttpServerOptions options;
  options.limits.body_bytes = 1000;
  ServerThread server(options, kEcho);
  RawSocket peer = server.connect();
  // More than all socket buffers hold: without reading on, the server's close would be a reset that overtakes the
  // answer.
  const std::string large(8'000'000, 'x');
  ASSERT_TRUE(peer.send(post("/", large)));
  EXPECT_TRUE(peer.read_until("\r\n\r\n").starts_with("HTTP/1.1 413 "));
}

TEST(HttpServer, FAIL_M7_BrokenHeaderLinesNeverLeave) {
  ServerThread server({}, [](HttpServer& http, const HttpRequest& request, ResponseSlot slot) {
    std::string lines;
    if (request.path == "/checked") {
      (void)append_header(lines, "x-echo", request.body);
    } else {
      lines = "x-echo: " + std::string(request.body) + "\r\n";
    }
    http.respond(slot, 200, "text/plain", "x", lines);
  });
  RawSocket peer = server.connect();
  ASSERT_TRUE(peer.send(post("/checked", "fine") + post("/checked", "a\r\nset-cookie: b") +
                        post("/", "a\r\n\r\nHTTP/1.1 200 OK") + post("/", "a\r\ncontent-length: 0") +
                        post("/", "fine")));
  EXPECT_NE(peer.read_message().find("\r\nx-echo: fine\r\n"), std::string::npos);
  EXPECT_EQ(peer.read_message().find("set-cookie"), std::string::npos);
  for (int i = 0; i < 2; ++i) {
    const std::string answer = peer.read_message();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
    EXPECT_EQ(answer.find("x-echo"), std::string::npos);
  }
  EXPECT_TRUE(peer.read_message().starts_with("HTTP/1.1 200 "));
}

// ---- slow and silent peers

HttpServerOptions short_timeouts() {
  HttpServerOptions options;
  options.head_timeout = milliseconds(60);
  options.body_timeout = milliseconds(60);
  options.idle_timeout = milliseconds(60);
  options.write_timeout = milliseconds(60);
  options.linger_timeout = milliseconds(60);
  return options;
}

// Sends a byte every few milliseconds until the server has had enough.
std::string drip(RawSocket& peer, std::string_view start, std::string_view drop) {
  if (!peer.send(start)) return {};
  while (!peer.readable(milliseconds(5)) && peer.send(drop)) {
  }
  return peer.read_all();
}

TEST(HttpServer, SlowLorisInTheHeadIsEnded) {
  ServerThread server(short_timeouts(), kEcho);
  RawSocket first = server.connect();
  EXPECT_TRUE(drip(first, "GET / HTTP/1.1\r\nhost: a\r\nx: ", "a").starts_with("HTTP/1.1 408 "));
  RawSocket second = server.connect();  // the time counts per request, not per connection
  ASSERT_TRUE(second.send(get("/quick")));
  EXPECT_EQ(body_of(second.read_message()), "GET /quick||");
  EXPECT_TRUE(drip(second, "G", "E").starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(server.stats().timed_out, 2U);
}

TEST(HttpServer, SlowLorisInTheBodyIsEnded) {
  ServerThread server(short_timeouts(), kEcho);
  RawSocket fixed = server.connect();
  EXPECT_TRUE(
      drip(fixed, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n", "a").starts_with("HTTP/1.1 408 "));
  RawSocket chunked = server.connect();
  EXPECT_TRUE(drip(chunked, "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n")
                  .starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(server.stats().timed_out, 2U);
}

TEST(HttpServer, SilentConnectionsAreClosedWithoutAWord) {
  ServerThread server(short_timeouts(), kEcho);
  RawSocket never_spoke = server.connect();
  RawSocket idle = server.connect();
  ASSERT_TRUE(idle.send(get("/")));
  (void)idle.read_message();
  EXPECT_EQ(never_spoke.read_all(), "");
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_FALSE(never_spoke.timed_out() || idle.timed_out());
  EXPECT_TRUE(server.eventually([&] { return server.server.connections() == 0; }));
  EXPECT_EQ(server.stats().timed_out, 0U);
}

TEST(HttpServer, AHandlerMayTakeLongerThanAnyTimeout) {
  std::vector<ResponseSlot> slots;
  ServerThread server(short_timeouts(),
                      [&](HttpServer&, const HttpRequest&, ResponseSlot slot) { slots.push_back(slot); });
  RawSocket other = server.connect();
  RawSocket peer = server.connect();
  ASSERT_TRUE(peer.send(get("/")));
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 1; }));
  EXPECT_EQ(other.read_all(), "") << "by now an idle time-out has passed";
  server.thread.run([&] { server.server.respond(slots[0], 200, "text/plain", "done"); });
  EXPECT_EQ(body_of(peer.read_message()), "done");
}

TEST(HttpServer, APeerThatReadsNothingIsNotReadFromAndIsEndedInTheEnd) {
  HttpServerOptions options = short_timeouts();
  options.unsent_bytes_max = 10'000;
  const std::string large(200'000, 'x');
  ServerThread server(options, [&](HttpServer& http, const HttpRequest&, ResponseSlot slot) {
    http.respond(slot, 200, "text/plain", large);
  });
  RawSocket peer = server.connect();
  std::string many;
  for (int i = 0; i < 1000; ++i) many += get("/");
  ASSERT_TRUE(peer.send(many));
  ASSERT_TRUE(server.eventually([&] { return server.server.connections() == 0; }));
  EXPECT_LT(server.stats().requests, 200U) << "as many as the socket buffers take, not all";
  EXPECT_EQ(server.stats().timed_out, 1U);
  EXPECT_TRUE(server.thread.run([&] { return server.server.drained(); }));
}

TEST(HttpServer, APeerThatReadsLateGetsEverything) {
  HttpServerOptions options;
  options.unsent_bytes_max = 10'000;
  const std::string large(100'000, 'x');
  ServerThread server(options, [&](HttpServer& http, const HttpRequest&, ResponseSlot slot) {
    http.respond(slot, 200, "text/plain", std::to_string(slot.sequence) + large);
  });
  RawSocket peer = server.connect();
  std::string many;
  for (int i = 0; i < 200; ++i) many += get("/");
  ASSERT_TRUE(peer.send(many));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(body_of(peer.read_message()), std::to_string(i) + large);
}

// ---- connections that die, limits, draining

TEST(HttpServer, AnswersForDeadConnectionsAndSecondAnswersGoNowhere) {
  std::vector<ResponseSlot> slots;
  ServerThread server({}, [&](HttpServer&, const HttpRequest&, ResponseSlot slot) { slots.push_back(slot); });
  RawSocket gone = server.connect();
  ASSERT_TRUE(gone.send(get("/gone")));
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 1; }));
  gone.reset();
  ASSERT_TRUE(
      server.eventually([&] { return server.server.connections() == 0 && server.server.open_requests() == 0; }));

  RawSocket next = server.connect();  // takes the same place
  ASSERT_TRUE(next.send(get("/next")));
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 2; }));
  server.thread.run([&] {
    EXPECT_EQ(slots[0].connection, slots[1].connection);
    server.server.respond(slots[0], 200, "text/plain", "for the dead");
    server.server.respond({99, 1, 0}, 200, "text/plain", "for nobody");
    server.server.begin_body(slots[0], 200, "text/plain").append("for the dead");
    server.server.end_body();
    server.server.respond(slots[1], 200, "text/plain", "once");
    server.server.respond(slots[1], 200, "text/plain", "twice");
    EXPECT_EQ(server.server.open_requests(), 0U);
  });
  EXPECT_EQ(body_of(next.read_message()), "once");
  ASSERT_TRUE(next.send(get("/more")));
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 3; }));
  server.thread.run([&] { server.server.respond(slots[2], 200, "text/plain", "third"); });
  EXPECT_EQ(body_of(next.read_message()), "third");
}

TEST(HttpServer, TellsWhenAConnectionWithUnansweredRequestsIsGone) {
  std::vector<ResponseSlot> slots;
  std::vector<ResponseSlot> gone;
  HttpServerOptions options;
  options.gone = [&](ResponseSlot slot) { gone.push_back(slot); };
  ServerThread server(std::move(options),
                      [&](HttpServer&, const HttpRequest&, ResponseSlot slot) { slots.push_back(slot); });
  RawSocket half = server.connect();
  ASSERT_TRUE(half.send(get("/half")));
  half.finish_sending();
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 1; }));
  RawSocket answered = server.connect();
  ASSERT_TRUE(answered.send(get("/answered")));
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 2; }));
  RawSocket dead = server.connect();
  ASSERT_TRUE(dead.send(get("/1") + get("/2")));
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 4; }));
  server.thread.run([&] { server.server.respond(slots[1], 200, "text/plain", "yes"); });
  EXPECT_FALSE(answered.read_message().empty());
  answered.reset();
  dead.reset();
  ASSERT_TRUE(server.eventually([&] { return server.server.connections() == 1; }));
  server.thread.run([&] {
    ASSERT_EQ(gone.size(), 1U) << "one word per connection, none for those that got their answers";
    EXPECT_EQ(gone[0].connection, slots[3].connection);
    EXPECT_EQ(gone[0].generation, slots[3].generation);
    server.server.respond(slots[0], 200, "text/plain", "still waited for");
  });
  EXPECT_EQ(body_of(half.read_message()), "still waited for");
}

TEST(HttpServer, ConnectionsOverTheLimitAreClosedAtOnce) {
  HttpServerOptions options;
  options.connections_max = 2;
  ServerThread server(options, kEcho);
  std::array<RawSocket, 2> held{server.connect(), server.connect()};
  for (RawSocket& peer : held) {
    ASSERT_TRUE(peer.send(get("/")));
    (void)peer.read_message();
  }
  RawSocket third = server.connect();
  EXPECT_EQ(third.read_all(), "");
  EXPECT_EQ(server.stats().turned_away, 1U);
  held[0].close();
  ASSERT_TRUE(server.eventually([&] { return server.server.connections() == 1; }));
  RawSocket fourth = server.connect();
  ASSERT_TRUE(fourth.send(get("/4")));
  EXPECT_EQ(body_of(fourth.read_message()), "GET /4||");
}

TEST(HttpServer, DrainingAnswersWhatIsOpenAndTakesNothingNew) {
  std::vector<ResponseSlot> slots;
  ServerThread server({}, [&](HttpServer&, const HttpRequest&, ResponseSlot slot) { slots.push_back(slot); });
  RawSocket idle = server.connect();
  RawSocket busy = server.connect();
  ASSERT_TRUE(busy.send(get("/1") + get("/2")));
  ASSERT_TRUE(server.eventually([&] { return slots.size() == 2 && server.server.connections() == 2; }));
  server.thread.run([&] {
    server.server.stop_accepting();
    server.server.close_idle();
    EXPECT_FALSE(server.server.drained());
  });
  EXPECT_EQ(idle.read_all(), "");
  const SocketAddress address = *literal_address("127.0.0.1", server.port());
  const Fd late(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_NE(::connect(late.get(), address.raw(), address.size), 0) << "nobody listens any more";
  server.thread.run([&] {
    server.server.respond(slots[0], 200, "text/plain", "1");
    server.server.respond(slots[1], 200, "text/plain", "2");
  });
  const std::string first = busy.read_message();
  EXPECT_FALSE(says_close(first)) << "an answer still follows";
  const std::string second = busy.read_all();
  EXPECT_TRUE(says_close(second));
  EXPECT_EQ(body_of(second), "2");
  busy.close();
  EXPECT_TRUE(server.eventually([&] { return server.server.drained() && server.server.connections() == 0; }));
}

TEST(HttpServer, TwoLoopsShareAPort) {
  std::array<std::atomic<int>, 2> served{};
  ServerThread first({}, [&](HttpServer& http, const HttpRequest&, ResponseSlot slot) {
    ++served[0];
    http.respond(slot, 200, "text/plain", "1");
  });
  ServerThread second(
      {},
      [&](HttpServer& http, const HttpRequest&, ResponseSlot slot) {
        ++served[1];
        http.respond(slot, 200, "text/plain", "2");
      },
      first.port());
  // The kernel spreads connections by a hash of their addresses: that 200 go the same way has a chance of 2^-199.
  for (int i = 0; i < 200; ++i) {
    RawSocket peer = RawSocket::connect_to(first.port());
    ASSERT_TRUE(peer.send(get("/")));
    EXPECT_FALSE(peer.read_message().empty());
  }
  EXPECT_GT(served[0], 0);
  EXPECT_GT(served[1], 0);
  EXPECT_EQ(served[0] + served[1], 200);
  EXPECT_FALSE(check_port_free("127.0.0.1", first.port()).ok()) << "sharing must not hide that a daemon runs already";
}

TEST(HttpServer, ListenTellsWhatIsWrong) {
  Loop loop;
  HttpServer server(loop, {}, [](const HttpRequest&, ResponseSlot) {});
  EXPECT_EQ(server.listen("example.org", 0).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(server.listen("192.0.2.1", 0).error().code, ErrorCode::kUnavailable) << "not an address of this machine";
  const testing::RawListener other;  // without SO_REUSEPORT
  EXPECT_EQ(server.listen("127.0.0.1", other.port()).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(check_port_free("127.0.0.1", other.port()).error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(check_port_free("localhost", 0).ok());
}

}  // namespace
}  // namespace settle::net
