#include "net/url.h"

#include <gtest/gtest.h>

#include "net/http_fields.h"
#include "net/socket.h"

namespace settle::net {
namespace {

TEST(Url, PartsAreFound) {
  const auto url = parse_url("http://stock.internal:8080/v1/reserve?a=%20b&c");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->scheme, "http");
  EXPECT_EQ(url->authority, "stock.internal:8080");
  EXPECT_EQ(url->host, "stock.internal");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->target, "/v1/reserve?a=%20b&c");
  EXPECT_EQ(url->path(), "/v1/reserve");
  EXPECT_FALSE(url->ipv6);
}

TEST(Url, DefaultsAreFilledIn) {
  EXPECT_EQ(parse_url("http://a")->target, "/");
  EXPECT_EQ(parse_url("http://a")->port, 80);
  EXPECT_EQ(parse_url("HTTPS://a/")->port, 443);
  EXPECT_EQ(parse_url("HTTPS://a/")->scheme, "https");
}

TEST(Url, AddressesAreTakenInTheirPlainForm) {
  EXPECT_EQ(parse_url("http://127.0.0.1:1/")->host, "127.0.0.1");
  const auto six = parse_url("http://[::1]:99/x");
  ASSERT_TRUE(six.ok());
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->authority, "[::1]:99");
  EXPECT_EQ(six->port, 99);
  EXPECT_TRUE(six->ipv6);
  EXPECT_TRUE(parse_url("http://[2001:db8::1]").ok());
}

TEST(Url, WhatTwoParsersCouldReadDifferentlyIsRefused) {
  using std::string_literals::operator""s;
  for (const std::string& text : std::vector<std::string>{"",
                                                          "http",
                                                          "http:",
                                                          "http:/",
                                                          "http://",
                                                          "http:///",
                                                          "//a/",
                                                          "/a",
                                                          "a",
                                                          "ftp://a/",
                                                          "file:///etc/passwd",
                                                          "httpx://a/",
                                                          " http://a/",
                                                          "http://a/ ",
                                                          "http://a b/",
                                                          "http://a/b c",
                                                          "http://a\t/",
                                                          "http://a/\n",
                                                          "http://a/\r\nx: y",
                                                          "http://a/\0"s,
                                                          "http://user@a/",
                                                          "http://user:pw@a/",
                                                          "http://@a/",
                                                          "http://a@b@c/",
                                                          "http://a/#f",
                                                          "http://a#f",
                                                          "http://a\\b/",
                                                          "http://a/\\b",
                                                          "http://\\a",
                                                          "http://a?x=1",
                                                          "http://a:/",
                                                          "http://a:0/",
                                                          "http://a:080/",
                                                          "http://a:65536/",
                                                          "http://a:1x/",
                                                          "http://a:-1/",
                                                          "http://a:123456/",
                                                          "http://:80/",
                                                          "http://a:1:2/",
                                                          "http://.a/",
                                                          "http://a./",
                                                          "http://a..b/",
                                                          "http://-a/",
                                                          "http://a-/",
                                                          "http://a_%62/",
                                                          "http://%61/",
                                                          "http://a\xc3\xa4/",
                                                          "http://a/\xc3\xa4",
                                                          "http://a/%",
                                                          "http://a/%4",
                                                          "http://a/%zz",
                                                          "http://a/<b>",
                                                          "http://a/\"",
                                                          "http://a/{b}",
                                                          "http://a/|",
                                                          "http://a/^",
                                                          "http://a/[x]",
                                                          "http://127.1/",
                                                          "http://2130706433/",
                                                          "http://0x7f000001/",
                                                          "http://0177.0.0.1/",
                                                          "http://127.0.0.01/",
                                                          "http://1.2.3.4.5/",
                                                          "http://256.0.0.1/",
                                                          "http://a.1/",
                                                          "http://a.0x1/",
                                                          "http://1/",
                                                          "http://[::1/",
                                                          "http://::1/",
                                                          "http://[::1]x/",
                                                          "http://[::1%lo]/",
                                                          "http://[127.0.0.1]/",
                                                          "http://[]/",
                                                          "http://[::g]/",
                                                          "http://[v1.a]/",
                                                          "http://[::1\0]/"s,
                                                          "http://[::1\0\0\0"s + "]"s,
                                                          "http://127.0.0.1\0/"s,
                                                          "http://" + std::string(64, 'a') + "/",
                                                          "http://a/" + std::string(2048, 'a')}) {
    const auto url = parse_url(text);
    EXPECT_FALSE(url.ok()) << text;
    if (!url.ok()) {
      EXPECT_EQ(url.error().code, ErrorCode::kInvalid);
      EXPECT_TRUE(url.error().message.starts_with("url: ")) << url.error().message;
    }
  }
}

TEST(Loopback, IsKnownByAddressNotByName) {
  EXPECT_TRUE(is_loopback("127.0.0.1"));
  EXPECT_TRUE(is_loopback("127.9.9.9"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_TRUE(is_loopback("localhost"));
  EXPECT_FALSE(is_loopback("0.0.0.0"));
  EXPECT_FALSE(is_loopback("::"));
  EXPECT_FALSE(is_loopback("10.0.0.1"));
  EXPECT_FALSE(is_loopback("::ffff:127.0.0.1"));
  EXPECT_FALSE(is_loopback("127.0.0.1.example.org"));
  EXPECT_FALSE(is_loopback(""));
  EXPECT_FALSE(is_loopback(std::string_view("127.0.0.1\0.example.org", 21)));
}

TEST(HeaderLines, AreWrittenAndRecognised) {
  std::string lines;
  EXPECT_TRUE(append_header(lines, "settle-gid", "order:17"));
  EXPECT_TRUE(append_header(lines, "X-Empty", ""));
  EXPECT_EQ(lines, "settle-gid: order:17\r\nX-Empty: \r\n");
  EXPECT_TRUE(are_header_lines(lines));
  EXPECT_TRUE(are_header_lines(""));
}

TEST(HeaderLines, FAIL_M7_LineBreaksAndFramingAreRefused) {
  using std::string_literals::operator""s;
  std::string lines;
  for (const std::string& value : {"a\r\nx: y"s, "a\nb"s, "a\rb"s, "a\0b"s, "a\x7f"s, "0123456\n"s, "01234567\r"s}) {
    EXPECT_FALSE(append_header(lines, "x", value)) << value;
  }
  for (const std::string& name :
       {""s, "a b"s, "a:"s, "a\r\nb"s, "a\0"s, "\xc3\xa4"s, "Host"s, "CONTENT-LENGTH"s, "transfer-encoding"s,
        "Connection"s, "upgrade"s, "te"s, "trailer"s, "keep-alive"s, "expect"s, "proxy-connection"s}) {
    EXPECT_FALSE(append_header(lines, name, "v")) << name;
  }
  EXPECT_EQ(lines, "");
  for (const std::string& text :
       {"x"s, "x: y"s, "x: y\n"s, "\r\n"s, "x: y\r\n\r\n"s, "x: y\r\nz"s, " x: y\r\n"s, "x : y\r\n"s, ": y\r\n"s,
        "x: a\rb\r\n"s, "content-length: 1\r\n"s, "a: b\r\nHost: c\r\n"s, "x: y\r\n folded\r\n"s}) {
    EXPECT_FALSE(are_header_lines(text)) << text;
  }
}

TEST(HttpDate, IsTheFixedForm) { EXPECT_EQ(http_date(instant_of(784111777'000000)), "Sun, 06 Nov 1994 08:49:37 GMT"); }

}  // namespace
}  // namespace settle::net
