#include "wire/json_writer.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "wire/json_reader.h"

namespace settle::wire {
namespace {

TEST(JsonWriter, CommasComeByThemselves) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("a", "x");
  json.key("b");
  json.begin_array();
  json.number(1);
  json.number(std::int64_t{-2});
  json.boolean(true);
  json.begin_object();
  json.end_object();
  json.begin_array();
  json.end_array();
  json.end_array();
  json.key("c");
  json.raw(R"({"as": [1.50]})");
  json.escaped_key("d\"");
  json.raw("null");
  json.end_object();
  EXPECT_EQ(out, R"({"a":"x","b":[1,-2,true,{},[]],"c":{"as": [1.50]},"d\"":null})");
}

TEST(JsonWriter, ValuesThatEndLikeABracketStillGetTheirComma) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const char* text : {"{", "[", ":", ""}) json.string(text);
  json.end_array();
  EXPECT_EQ(out, R"(["{","[",":",""])");
}

TEST(JsonWriter, EscapesWhatMustBeEscaped) {
  using std::string_view_literals::operator""sv;
  std::string out;
  JsonWriter(out).string("q\" b\\ n\n t\t r\r b\b f\f 0\0 e\x1f d\x7f"sv);
  EXPECT_EQ(out, "\"q\\\" b\\\\ n\\n t\\t r\\r b\\b f\\f 0\\u0000 e\\u001f d\x7f\"");
}

TEST(JsonWriter, BytesThatAreNotUtf8AreReplaced) {
  std::string out;
  JsonWriter(out).string("ü \xc0\xaf \xed\xa0\x80 \xf0\x9f\x98\x80 \xff");
  EXPECT_EQ(out, "\"ü \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80 \xef\xbf\xbd\"");
}

TEST(JsonWriter, AnyBytesBecomeAStringThatTheReaderTakes) {
  Random random(11);
  JsonReader reader;
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    const auto size = random.next() % 60;
    for (std::uint64_t k = 0; k < size; ++k) text.push_back(static_cast<char>(random.next() & 0xffU));
    std::string out;
    JsonWriter(out).string(text);
    reader.open(out);
    (void)reader.string();
    ASSERT_TRUE(reader.finish()) << out;
  }
}

TEST(JsonWriter, ReaderGivesBackWhatWasWritten) {
  Random random(12);
  JsonReader reader;
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    const auto size = random.next() % 60;
    for (std::uint64_t k = 0; k < size; ++k) text.push_back(static_cast<char>(random.next() & 0x7fU));
    std::string out;
    JsonWriter(out).string(text);
    reader.open(out);
    EXPECT_EQ(reader.string(), text);
    EXPECT_TRUE(reader.finish());
  }
}

}  // namespace
}  // namespace settle::wire
