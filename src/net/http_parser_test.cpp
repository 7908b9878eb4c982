#include "net/http_parser.h"

#include <gtest/gtest.h>

#include "net/chars.h"
#include "net/http_parser_probe.h"

namespace settle::net {
namespace {

using testing::Probe;
using testing::probe;
using testing::probe_whole;
using Kind = HttpParser::Kind;

constexpr std::string_view kHost = "host: a\r\n";

std::string request(std::string_view line, std::string_view headers, std::string_view body = {}) {
  return std::string(line) + "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

// The result must not depend on how the input is cut: whole, byte by byte, and in two pieces at every position.
Probe read(Kind kind, std::string_view input, const HttpLimits& limits = {}, bool closed = false) {
  const Probe whole = probe_whole(kind, limits, input, closed);
  EXPECT_EQ(probe(kind, limits, input, [](std::size_t) { return 1; }, closed), whole) << "byte by byte: " << input;
  for (std::size_t at = 1; at < input.size() && input.size() < 4096; ++at) {
    const Probe two =
        probe(kind, limits, input, [&](std::size_t from) { return from == 0 ? at : input.size(); }, closed);
    EXPECT_EQ(two, whole) << "cut at " << at << " of: " << input;
    if (two != whole) break;
  }
  return whole;
}

int refusal(std::string_view input, const HttpLimits& limits = {}) {
  return read(Kind::kRequest, input, limits).error_status;
}

testing::ProbedMessage one(Kind kind, std::string_view input, bool closed = false) {
  const Probe result = read(kind, input, {}, closed);
  EXPECT_EQ(result.error_status, 0) << result.error_text << " in: " << input;
  EXPECT_EQ(result.messages.size(), 1U) << input;
  return result.messages.empty() ? testing::ProbedMessage{} : result.messages.front();
}

TEST(HttpRequestParser, ReadsLineHeadersAndBody) {
  const auto message = one(Kind::kRequest, request("POST /v1/transactions?wait=1 HTTP/1.1",
                                                   "Host: localhost:36789\r\nContent-Type:\t application/json \t\r\n"
                                                   "Empty:\r\nContent-Length: 5\r\n",
                                                   "hello"));
  EXPECT_EQ(message.method, "POST");
  EXPECT_EQ(message.target, "/v1/transactions?wait=1");
  EXPECT_EQ(message.body, "hello");
  EXPECT_TRUE(message.keep_alive);
  const std::vector<std::pair<std::string, std::string>> headers{
      {"host", "localhost:36789"}, {"content-type", "application/json"}, {"empty", ""}, {"content-length", "5"}};
  EXPECT_EQ(message.headers, headers);
}

TEST(HttpRequestParser, ReadsPipelinedRequestsOneByOne) {
  const std::string three =
      request("POST /1 HTTP/1.1", "host: a\r\ncontent-length: 3\r\n", "one") + request("GET /2 HTTP/1.1", kHost) +
      request("POST /3 HTTP/1.1", "host: a\r\ntransfer-encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
  const Probe result = read(Kind::kRequest, three);
  ASSERT_EQ(result.messages.size(), 3U);
  EXPECT_EQ(result.messages[0].body, "one");
  EXPECT_EQ(result.messages[1].target, "/2");
  EXPECT_EQ(result.messages[2].body, "abc");
  EXPECT_EQ(result.error_status, 0);
}

TEST(HttpRequestParser, JoinsChunksAndForgetsExtensionsAndTrailers) {
  const auto message =
      one(Kind::kRequest, request("POST / HTTP/1.1", "host: a\r\nTransfer-Encoding: CHUNKED\r\n",
                                  "5\r\nhello\r\n1;a=\"b c\"\r\n \r\n0005\r\nworld\r\n0;last\r\nX-Sum: 1\r\n\r\n"));
  EXPECT_EQ(message.body, "hello world");
  EXPECT_EQ(message.headers.size(), 2U);
}

TEST(HttpRequestParser, FramingOfManySmallChunksDoesNotAddUp) {
  std::string body;
  for (int i = 0; i < 20000; ++i) body += "1;x\r\na\r\n";
  const HttpLimits limits{.head_bytes = 65535, .body_bytes = 20000};
  // The probe asserts that what is kept stays within the limits.
  const std::string input = request("POST / HTTP/1.1", "host: a\r\ntransfer-encoding: chunked\r\n", body + "0\r\n\r\n");
  const Probe result = probe(Kind::kRequest, limits, input, [](std::size_t) { return 777; });
  ASSERT_EQ(result.messages.size(), 1U) << result.error_text;
  EXPECT_EQ(result.messages[0].body, std::string(20000, 'a'));
}

TEST(HttpRequestParser, ConnectionPersistsByVersionAndHeader) {
  EXPECT_TRUE(one(Kind::kRequest, request("GET / HTTP/1.1", kHost)).keep_alive);
  EXPECT_FALSE(one(Kind::kRequest, request("GET / HTTP/1.1", "host: a\r\nConnection: foo, Close\r\n")).keep_alive);
  EXPECT_FALSE(one(Kind::kRequest, request("GET / HTTP/1.0", "")).keep_alive);
  EXPECT_TRUE(one(Kind::kRequest, request("GET / HTTP/1.0", "connection: Keep-Alive\r\n")).keep_alive);
  EXPECT_FALSE(one(Kind::kRequest, request("GET / HTTP/1.0", "connection: keep-alive, close\r\n")).keep_alive);
}

TEST(HttpRequestParser, TakesTargetsThatNameAPath) {
  EXPECT_EQ(one(Kind::kRequest, request("GET http://h:1/p?q HTTP/1.1", kHost)).target, "http://h:1/p?q");
  EXPECT_EQ(one(Kind::kRequest, request("OPTIONS * HTTP/1.1", kHost)).target, "*");
  for (const std::string_view target :
       {"*", "a", "h:80", "https://h/", "http://u@h/", "/a#b", "/a\\b", "/\x80", "/a\tb", ""}) {
    EXPECT_EQ(refusal(request("GET " + std::string(target) + " HTTP/1.1", kHost)), 400) << target;
  }
}

TEST(HttpRequestParser, ExpectContinueIsReportedAndOthersAreRefused) {
  EXPECT_TRUE(one(Kind::kRequest, request("POST / HTTP/1.1", "host: a\r\nexpect: 100-Continue\r\n")).expects_continue);
  EXPECT_EQ(refusal(request("POST / HTTP/1.1", "host: a\r\nexpect: 200-maybe\r\n")), 417);
}

struct Refused {
  std::string_view what;
  std::string bytes;
  int status;
};

// Every way to make two readers disagree about where a message ends or what it says.
TEST(HttpRequestParser, FAIL_M8_AmbiguousRequestsAreRefused) {
  const std::string line = "POST / HTTP/1.1";
  const std::string chunked = "host: a\r\ntransfer-encoding: chunked\r\n";
  using std::string_literals::operator""s;
  const std::vector<Refused> corpus{
      {"both lengths", request(line, chunked + "content-length: 5\r\n", "0\r\n\r\n"), 400},
      {"both lengths, other order",
       request(line, "host: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"two equal lengths", request(line, "host: a\r\ncontent-length: 1\r\ncontent-length: 1\r\n", "x"), 400},
      {"two different lengths", request(line, "host: a\r\ncontent-length: 1\r\nContent-Length: 2\r\n", "xy"), 400},
      {"list of lengths", request(line, "host: a\r\ncontent-length: 1, 1\r\n", "x"), 400},
      {"signed length", request(line, "host: a\r\ncontent-length: +1\r\n", "x"), 400},
      {"negative length", request(line, "host: a\r\ncontent-length: -1\r\n"), 400},
      {"hexadecimal length", request(line, "host: a\r\ncontent-length: 0x1\r\n", "x"), 400},
      {"empty length", request(line, "host: a\r\ncontent-length:\r\n"), 400},
      {"length with a blank inside", request(line, "host: a\r\ncontent-length: 1 1\r\n"), 400},
      {"length in other digits", request(line, "host: a\r\ncontent-length: \xd9\xa1\r\n", "x"), 400},
      {"chunked in 1.0", request("POST / HTTP/1.0", "transfer-encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"unknown coding", request(line, "host: a\r\ntransfer-encoding: gzip\r\n"), 501},
      {"identity", request(line, "host: a\r\ntransfer-encoding: identity\r\n"), 501},
      {"chunked not alone", request(line, "host: a\r\ntransfer-encoding: gzip, chunked\r\n"), 501},
      {"chunked not last", request(line, "host: a\r\ntransfer-encoding: chunked, gzip\r\n"), 501},
      {"chunked twice in a list", request(line, "host: a\r\ntransfer-encoding: chunked, chunked\r\n"), 501},
      {"chunked twice", request(line, chunked + "transfer-encoding: chunked\r\n"), 400},
      {"chunked hidden by a tab", request(line, "host: a\r\ntransfer-encoding: \x0b"s + "chunked\r\n"), 400},
      {"chunked in quotes", request(line, "host: a\r\ntransfer-encoding: \"chunked\"\r\n"), 501},
      {"bare LF behind the line", "POST / HTTP/1.1\nhost: a\r\n\r\n", 400},
      {"bare LF behind a header", "POST / HTTP/1.1\r\nhost: a\ncontent-length: 1\r\n\r\nx", 400},
      {"bare LF as the end", "POST / HTTP/1.1\r\nhost: a\r\n\n", 400},
      {"bare CR in a header", "POST / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n", 400},
      {"bare CR in the line", "POST /\r HTTP/1.1\r\nhost: a\r\n\r\n", 400},
      {"CR CR LF", "POST / HTTP/1.1\r\nhost: a\r\r\n\r\n", 400},
      {"empty line first", "\r\nPOST / HTTP/1.1\r\nhost: a\r\n\r\n", 400},
      {"folded header", request(line, "host: a\r\nx: a\r\n b\r\n"), 400},
      {"fold by tab", request(line, "host: a\r\nx: a\r\n\tb\r\n"), 400},
      {"fold before the first header", request(line, " host: a\r\n"), 400},
      {"blank before the colon", request(line, "host: a\r\ncontent-length : 1\r\n", "x"), 400},
      {"tab before the colon", request(line, "host: a\r\ntransfer-encoding\t: chunked\r\n"), 400},
      {"no colon", request(line, "host: a\r\ncontent-length\r\n"), 400},
      {"empty name", request(line, "host: a\r\n: 1\r\n"), 400},
      {"name in brackets", request(line, "host: a\r\n(x): 1\r\n"), 400},
      {"name with a control byte", request(line, "host: a\r\nx\x01y: 1\r\n"), 400},
      {"name with NUL", request(line, "host: a\r\nx\0y: 1\r\n"s), 400},
      {"name beyond ASCII", request(line, "host: a\r\nx\xc3\xa4: 1\r\n"), 400},
      {"value with NUL", request(line, "host: a\r\nx: a\0b\r\n"s), 400},
      {"value with DEL", request(line, "host: a\r\nx: a\x7f\r\n"), 400},
      {"value with escape, far in", request(line, "host: a\r\nx: 0123456789abcdef\x1b\r\n"), 400},
      {"no host", request("GET / HTTP/1.1", "x: 1\r\n"), 400},
      {"two hosts", request("GET / HTTP/1.1", "host: a\r\nHost: a\r\n"), 400},
      {"host with a path", request("GET / HTTP/1.1", "host: a/b\r\n"), 400},
      {"host with userinfo", request("GET / HTTP/1.1", "host: u@a\r\n"), 400},
      {"host list", request("GET / HTTP/1.1", "host: a b\r\n"), 400},
      {"no version", request("GET /", kHost), 400},
      {"small version name", request("GET / http/1.1", kHost), 400},
      {"version 1.10", request("GET / HTTP/1.10", kHost), 400},
      {"version 01.1", request("GET / HTTP/01.1", kHost), 400},
      {"version 1,1", request("GET / HTTP/1,1", kHost), 400},
      {"version 2.0", request("PRI * HTTP/2.0", ""), 505},
      {"version 1.2", request("GET / HTTP/1.2", kHost), 505},
      {"version 0.9", request("GET / HTTP/0.9", kHost), 505},
      {"two blanks", request("GET  / HTTP/1.1", kHost), 400},
      {"tab as blank", request("GET\t/ HTTP/1.1", kHost), 400},
      {"blank behind the version", request("GET / HTTP/1.1 ", kHost), 400},
      {"blank first", request(" GET / HTTP/1.1", kHost), 400},
      {"bad method", request("G{T / HTTP/1.1", kHost), 400},
      {"endless method", request(std::string(33, 'A') + " / HTTP/1.1", kHost), 400},
      {"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"s, 400},
      {"chunk size empty", request(line, chunked, "\r\n"), 400},
      {"chunk size signed", request(line, chunked, "+1\r\nx\r\n0\r\n\r\n"), 400},
      {"chunk size with 0x", request(line, chunked, "0x1\r\nx\r\n0\r\n\r\n"), 400},
      {"chunk size behind a blank", request(line, chunked, " 1\r\nx\r\n0\r\n\r\n"), 400},
      {"chunk size before a blank", request(line, chunked, "1 \r\nx\r\n0\r\n\r\n"), 400},
      {"chunk size wraps", request(line, chunked, "100000001\r\nx\r\n0\r\n\r\n"), 400},
      {"chunk size wraps 64 bits", request(line, chunked, "10000000000000001\r\nx\r\n0\r\n\r\n"), 400},
      {"chunk size ended by bare LF", request(line, chunked, "1\nx\r\n0\r\n\r\n"), 400},
      {"chunk longer than its size", request(line, chunked, "1\r\nxy\r\n0\r\n\r\n"), 400},
      {"chunk ended by bare LF", request(line, chunked, "1\r\nx\n0\r\n\r\n"), 400},
      {"chunk ended by CR x", request(line, chunked, "1\r\nx\rx0\r\n\r\n"), 400},
      {"extension with a control byte", request(line, chunked, "1;\x01\r\nx\r\n0\r\n\r\n"), 400},
      {"extension with bare CR", request(line, chunked, "1;a\rb\r\nx\r\n0\r\n\r\n"), 400},
      {"trailer without colon", request(line, chunked, "0\r\nabc\r\n\r\n"), 400},
      {"trailer folded", request(line, chunked, "0\r\nx: 1\r\n y\r\n\r\n"), 400},
      {"trailer ended by bare LF", request(line, chunked, "0\r\nx: 1\n\r\n"), 400},
  };
  for (const Refused& each : corpus) EXPECT_EQ(refusal(each.bytes), each.status) << each.what;
}

TEST(HttpRequestParser, FAIL_M8_TrailersCannotBecomeHeaders) {
  const auto message =
      one(Kind::kRequest, request("POST / HTTP/1.1", "host: a\r\ntransfer-encoding: chunked\r\n",
                                  "0\r\ncontent-length: 99\r\nhost: evil\r\nauthorization: x\r\n\r\n"));
  EXPECT_EQ(message.headers.size(), 2U);
  EXPECT_EQ(message.headers[0].second, "a");
}

TEST(HttpRequestParser, LimitsAreExact) {
  const HttpLimits limits{.head_bytes = 200, .headers = 3, .target_bytes = 20, .body_bytes = 10};
  const auto with_target = [](std::size_t size) {
    return request("GET /" + std::string(size - 1, 'a') + " HTTP/1.1", kHost);
  };
  EXPECT_EQ(refusal(with_target(20), limits), 0);
  EXPECT_EQ(refusal(with_target(21), limits), 414);
  EXPECT_EQ(refusal("GET /" + std::string(5000, 'a'), limits), 414) << "without waiting for the line's end";

  const auto with_head = [](std::size_t size) {
    const std::string rest = request("GET / HTTP/1.1", std::string(kHost) + "x: \r\n");
    return request("GET / HTTP/1.1", std::string(kHost) + "x: " + std::string(size - rest.size(), 'v') + "\r\n");
  };
  EXPECT_EQ(refusal(with_head(200), limits), 0);
  EXPECT_EQ(refusal(with_head(201), limits), 431);
  EXPECT_EQ(refusal("GET / HTTP/1.1\r\nx: " + std::string(300, 'v'), limits), 431)
      << "without waiting for the line's end";

  EXPECT_EQ(refusal(request("GET / HTTP/1.1", "host: a\r\nb: 1\r\nc: 1\r\n"), limits), 0);
  EXPECT_EQ(refusal(request("GET / HTTP/1.1", "host: a\r\nb: 1\r\nc: 1\r\nd: 1\r\n"), limits), 431);

  const auto with_length = [](std::string_view length) {
    return request("POST / HTTP/1.1", "host: a\r\ncontent-length: " + std::string(length) + "\r\n", "0123456789");
  };
  EXPECT_EQ(refusal(with_length("10"), limits), 0);
  EXPECT_EQ(refusal(with_length("11"), limits), 413);
  EXPECT_EQ(refusal(with_length("4294967296"), limits), 413);
  EXPECT_EQ(refusal(with_length("18446744073709551617"), limits), 413);

  const auto with_chunks = [](std::string_view chunks) {
    return request("POST / HTTP/1.1", "host: a\r\ntransfer-encoding: chunked\r\n", chunks);
  };
  EXPECT_EQ(refusal(with_chunks("5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n"), limits), 0);
  EXPECT_EQ(refusal(with_chunks("5\r\nabcde\r\n6\r\nabcdef\r\n0\r\n\r\n"), limits), 413);
  EXPECT_EQ(refusal(with_chunks("ffffffff\r\n"), limits), 413);
  EXPECT_EQ(refusal(with_chunks("0\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\n\r\n"), limits), 431);
  EXPECT_EQ(refusal(with_chunks("0\r\na: " + std::string(250, 'x') + "\r\n\r\n"), limits), 431);
  EXPECT_EQ(refusal(with_chunks("1;" + std::string(600, 'x') + "\r\na\r\n0\r\n\r\n"), limits), 400);
  std::string extensions;
  for (int i = 0; i < 5; ++i) extensions += "1;" + std::string(50, 'x') + "\r\na\r\n";
  EXPECT_EQ(refusal(with_chunks(extensions), limits), 400);
}

TEST(FieldValue, EachByteIsJudgedAloneWhereverItStands) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t at = 0; at < 20; ++at) {
      for (const char neighbour : {'a', '\t', ' ', '\x80', '\xff'}) {
        std::string value(20, neighbour);
        value[at] = static_cast<char>(byte);
        EXPECT_EQ(is_field_value(value), byte == '\t' || (byte >= 0x20 && byte != 0x7f)) << byte << " at " << at;
      }
    }
  }
}

TEST(HttpResponseParser, ReadsStatusHeadersAndBody) {
  const auto message =
      one(Kind::kResponse, "HTTP/1.1 409 Not this time\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(message.status, 409);
  EXPECT_EQ(message.body, "no");
  EXPECT_TRUE(message.keep_alive);
  EXPECT_EQ(message.headers[0].first, "retry-after");
}

TEST(HttpResponseParser, KnowsAnswersWithoutABody) {
  for (const std::string_view head :
       {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early\r\nlink: x\r\n\r\n"}) {
    EXPECT_EQ(one(Kind::kResponse, head).body, "") << head;
  }
  HttpParser parser(Kind::kResponse, {});
  parser.expect_no_body();
  std::string head = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n";
  EXPECT_EQ(parser.advance(head.data(), head.size()), HttpParser::Progress::kDone);
  EXPECT_EQ(parser.consumed(), head.size());
}

TEST(HttpResponseParser, BodyWithoutALengthEndsWithTheConnection) {
  const auto message = one(Kind::kResponse, "HTTP/1.1 200 OK\r\n\r\nall of it", true);
  EXPECT_EQ(message.body, "all of it");
  EXPECT_FALSE(message.keep_alive);
  EXPECT_TRUE(read(Kind::kResponse, "HTTP/1.1 200 OK\r\n\r\nall of it").messages.empty()) << "not before it is closed";
  EXPECT_TRUE(read(Kind::kResponse, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", {}, true).messages.empty());
  EXPECT_TRUE(read(Kind::kResponse, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", {}, true)
                  .messages.empty());
}

TEST(HttpResponseParser, StatusLineIsStrictButTakesAnAbsentReason) {
  EXPECT_EQ(one(Kind::kResponse, "HTTP/1.1 204\r\n\r\n").status, 204);
  EXPECT_EQ(one(Kind::kResponse, "HTTP/1.1 204 \r\n\r\n").status, 204);
  for (const std::string_view line :
       {"HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2x0 OK",
        "HTTP/1.1\t200 OK", "200 OK", "HTTP/1.1 200 O\x01K", "ICY 200 OK", "HTTP/1.1 200\tOK", ""}) {
    EXPECT_EQ(read(Kind::kResponse, std::string(line) + "\r\n\r\n").error_status, 400) << line;
  }
  EXPECT_EQ(read(Kind::kResponse, "HTTP/2.0 200 OK\r\n\r\n").error_status, 505);
}

TEST(HttpResponseParser, FAIL_M10_AnswersAreBounded) {
  const HttpLimits limits{.head_bytes = 100, .body_bytes = 8};
  const auto status = [&](std::string_view answer) { return read(Kind::kResponse, answer, limits, true).error_status; };
  EXPECT_EQ(status("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), 413);
  EXPECT_EQ(status("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n"), 413);
  EXPECT_EQ(status("HTTP/1.1 200 OK\r\n\r\n123456789"), 413);
  EXPECT_EQ(status("HTTP/1.1 200 OK\r\n\r\n12345678"), 0);
  EXPECT_EQ(status("HTTP/1.1 200 OK\r\nx: " + std::string(100, 'x')), 431);
  EXPECT_EQ(status("HTTP/1.1 200 " + std::string(100, 'x')), 431);
}

// Pieces that matter to the grammar, put together at random: most are wrong, in many ways.
TEST(HttpParser, FAIL_M8_RandomMessagesReadTheSameHoweverTheyAreCut) {
  const std::vector<std::string> pieces{"GET / HTTP/1.1\r\n",
                                        "POST /a?b HTTP/1.1\r\n",
                                        "HTTP/1.1 200 OK\r\n",
                                        "HTTP/1.0 404\r\n",
                                        "host: a\r\n",
                                        "content-length: 5\r\n",
                                        "content-length: 0\r\n",
                                        "transfer-encoding: chunked\r\n",
                                        "connection: close\r\n",
                                        "\r\n",
                                        "\r",
                                        "\n",
                                        "hello",
                                        "5\r\nhello\r\n",
                                        "0\r\n\r\n",
                                        "0\r\nx: y\r\n\r\n",
                                        "1;e=f\r\na\r\n",
                                        ": ",
                                        " ",
                                        "\t",
                                        "x-y:  z \r\n",
                                        "ffffffff\r\n",
                                        "expect: 100-continue\r\n"};
  Random random(20);
  int read_well = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string input;
    if (random.chance_permille(700)) {  // the beginning of a message that may go well
      const std::uint64_t line = random.below(4);
      input = pieces[line] + (line < 2 ? pieces[4] : "");
      for (std::uint64_t n = random.below(3); n > 0; --n) input += pieces[5 + random.below(4)];
      input += pieces[9];
    }
    for (std::uint64_t n = random.below(6); n > 0; --n) input += pieces[random.below(pieces.size())];
    if (!input.empty() && random.chance_permille(200))
      input[random.below(input.size())] = static_cast<char>(random.next());
    const HttpLimits limits{.head_bytes = random.chance_permille(500) ? 60U : 16384U,
                            .body_bytes = random.chance_permille(500) ? 8U : 4096U};
    const Kind kind = random.chance_permille(500) ? Kind::kRequest : Kind::kResponse;
    testing::check_any_input(kind, limits, input, random.next());
    read_well += probe_whole(kind, limits, input).messages.empty() ? 0 : 1;
  }
  EXPECT_GT(read_well, 500) << "the pieces do not make messages any more";
}

}  // namespace
}  // namespace settle::net
