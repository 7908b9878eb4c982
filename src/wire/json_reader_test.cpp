#include "wire/json_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace settle::wire {
namespace {

std::string nested(unsigned depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonReader, TakesWhatRfc8259Allows) {
  const std::string deepest = nested(kJsonDepthMax);
  for (const std::string_view text :
       {std::string_view("null"), std::string_view(" true "), std::string_view("false\n"), std::string_view("0"),
        std::string_view("-0"), std::string_view("-1.5e+10"), std::string_view("1E400"), std::string_view("\"\""),
        std::string_view("{}"), std::string_view("[]"), std::string_view("[ ]"), std::string_view("{ }"),
        std::string_view("[1,\t2 ,\r\n3]"), std::string_view(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"),
        std::string_view(R"("\" \\ \/ \b \f \n \r \t ä 😀")"), std::string_view(R"("\u0000")"),
        std::string_view("\"ü\xf4\x8f\xbf\xbf\x7f\""), std::string_view(deepest)}) {
    EXPECT_EQ(check_json(text), std::nullopt) << text;
  }
}

struct BadText {
  std::string text;
  std::size_t offset;
  std::string what;  ///< part of the message
};

class FAIL_M1_BadJson : public testing::TestWithParam<BadText> {};

TEST_P(FAIL_M1_BadJson, IsRefusedWhereItIsWrong) {
  const auto error = check_json(GetParam().text);
  ASSERT_TRUE(error) << GetParam().text;
  EXPECT_EQ(error->offset, GetParam().offset) << GetParam().text << ": " << error->text;
  EXPECT_NE(error->text.find(GetParam().what), std::string_view::npos) << GetParam().text << ": " << error->text;
}

INSTANTIATE_TEST_SUITE_P(
    JsonReader, FAIL_M1_BadJson,
    testing::Values(BadText{"", 0, "too early"}, BadText{"  ", 2, "too early"}, BadText{"nul", 0, "value"},
                    BadText{"True", 0, "value"}, BadText{"{", 1, "too early"}, BadText{"[", 1, "too early"},
                    BadText{"[1", 2, "too early"}, BadText{"[1,", 3, "too early"}, BadText{"[1,]", 3, "value"},
                    BadText{"[,1]", 1, "value"}, BadText{"[1 2]", 3, "','"}, BadText{"[1}", 2, "','"},
                    BadText{"{\"a\"}", 4, "':'"}, BadText{"{\"a\":}", 5, "value"}, BadText{"{\"a\":1,}", 7, "key"},
                    BadText{"{1:1}", 1, "key"}, BadText{"{\"a\":1 \"b\":2}", 7, "','"}, BadText{"{'a':1}", 1, "key"},
                    BadText{"{\"a\":1]", 6, "','"}, BadText{"{,}", 1, "key"}, BadText{"1 2", 2, "behind"},
                    BadText{"{} x", 3, "behind"}, BadText{"[]]", 2, "behind"}, BadText{"01", 1, "behind"},
                    BadText{"-", 0, "number"}, BadText{"+1", 0, "value"}, BadText{".5", 0, "value"},
                    BadText{"1.", 0, "point"}, BadText{"1.e5", 0, "point"}, BadText{"1e", 0, "exponent"},
                    BadText{"1e+", 0, "exponent"}, BadText{"-x", 0, "number"}, BadText{"0x10", 1, "behind"},
                    BadText{"NaN", 0, "value"}, BadText{"Infinity", 0, "value"}, BadText{"-Infinity", 0, "number"},
                    BadText{"// c\n1", 0, "value"}, BadText{"/* c */1", 0, "value"}, BadText{"\"abc", 0, "no end"},
                    BadText{"\"abc\\", 4, "escape"}, BadText{"\"a\nb\"", 2, "control"},
                    BadText{std::string("\"a\0b\"", 5), 2, "control"}, BadText{"\"\\x41\"", 1, "escape"},
                    BadText{"\"\\u12\"", 1, "hex"}, BadText{"\"\\u12g4\"", 1, "hex"},
                    BadText{"\xef\xbb\xbf{}", 0, "byte order mark"}, BadText{std::string("1\0", 2), 1, "behind"},
                    BadText{"\xa0[]", 0, "value"}));

INSTANTIATE_TEST_SUITE_P(LoneSurrogates, FAIL_M1_BadJson,
                         testing::Values(BadText{R"("\ud800")", 1, "surrogate"}, BadText{R"("\udc00")", 1, "surrogate"},
                                         BadText{R"("\ud800A")", 1, "surrogate"},
                                         BadText{R"("\ud800\ud800")", 1, "surrogate"},
                                         BadText{R"("x\uDBFFx")", 2, "surrogate"},
                                         BadText{R"("\ud83d\n")", 1, "surrogate"},
                                         BadText{R"({"\ud800":1})", 2, "surrogate"},
                                         BadText{R"({"a":[1,{"b":"\udfff"}]})", 14, "surrogate"}));

INSTANTIATE_TEST_SUITE_P(
    NotUtf8, FAIL_M1_BadJson,
    testing::Values(BadText{"\"\xff\"", 1, "UTF-8"}, BadText{"\"\x80\"", 1, "UTF-8"},
                    BadText{"\"\xc0\xaf\"", 1, "UTF-8"}, BadText{"\"\xc1\xbf\"", 1, "UTF-8"},
                    BadText{"\"\xe0\x80\xaf\"", 1, "UTF-8"}, BadText{"\"\xf0\x80\x80\xaf\"", 1, "UTF-8"},
                    BadText{"\"\xed\xa0\x80\"", 1, "UTF-8"}, BadText{"\"\xed\xbf\xbf\"", 1, "UTF-8"},
                    BadText{"\"\xf4\x90\x80\x80\"", 1, "UTF-8"}, BadText{"\"\xf5\x80\x80\x80\"", 1, "UTF-8"},
                    BadText{"\"\xc3\"", 1, "UTF-8"}, BadText{"\"\xe2\x82\"", 1, "UTF-8"},
                    BadText{"\"\xf0\x9f\x98\"", 1, "UTF-8"}, BadText{"\"\xe2\x82", 1, "UTF-8"},
                    BadText{"\"0123456789abcdef0123\xc3(\"", 21, "UTF-8"}, BadText{"{\"a\xff\":1}", 3, "UTF-8"}));

TEST(JsonReader, FAIL_M1_DepthIsBounded) {
  EXPECT_EQ(check_json(nested(32)), std::nullopt);
  const auto error = check_json(nested(33));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->offset, 32U);
  EXPECT_TRUE(check_json(std::string(1'000'000, '[')));
  std::string objects;
  for (int i = 0; i < 33; ++i) objects += "{\"a\":";
  EXPECT_EQ(check_json(objects)->offset, 160U);
  EXPECT_TRUE(check_json("[[1]]", 1));
  EXPECT_FALSE(check_json("[[1]]", 2));
}

TEST(JsonReader, FAIL_M1_AKeyTwiceIsRefusedEverywhere) {
  const auto twice = [](std::string_view text) {
    const auto error = check_json(text);
    return error ? error->key + "@" + std::to_string(error->offset) : "fine";
  };
  EXPECT_EQ(twice(R"({"a":1,"a":2})"), "a@7");
  EXPECT_EQ(twice(R"({"a":1,"\u0061":2})"), "a@7") << "the same key in another spelling";
  EXPECT_EQ(twice(R"({"\/":1,"/":2})"), "/@8");
  EXPECT_EQ(twice(R"([{"x":{"b":1,"c":2,"b":3}}])"), "b@19");
  EXPECT_EQ(twice(R"({"":1,"":2})"), "@6");
  EXPECT_EQ(twice(R"({"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]})"), "fine");
  EXPECT_EQ(twice(R"({"a":1,"A":2,"a ":3})"), "fine");
}

TEST(JsonReader, FAIL_M1_AKeyTwiceAmongManyIsFound) {
  for (const int count : {15, 16, 17, 18, 40, 5'000}) {
    for (const int again : {0, count / 2, count - 1}) {
      std::string text = "{";
      for (int i = 0; i < count; ++i) text += "\"k" + std::to_string(i) + "\":" + nested(2) + ",";
      EXPECT_EQ(check_json(text + "\"z\":1}"), std::nullopt);
      const auto error = check_json(text + "\"k" + std::to_string(again) + "\":1}");
      ASSERT_TRUE(error) << count << " " << again;
      EXPECT_EQ(error->key, "k" + std::to_string(again));
      EXPECT_EQ(error->offset, text.size());
    }
  }
}

TEST(JsonReader, FAIL_M1_ManyKeysCostNoSquare) {
  // 100,000 keys: pairwise this would be 5·10^9 comparisons, minutes of a sanitized build.
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  EXPECT_EQ(check_json(text + "\"end\":0}"), std::nullopt);
}

TEST(JsonReader, HandsOutFieldsInTheirOrder) {
  const std::string text =
      R"( {"s":"a\u00fcb","n": -12.50 ,"t":true,"f":false,"in":{"x": [1, {"y":"}"}]},"l":["p","q"],"e":[],"o":{}} )";
  JsonReader reader;
  reader.open(text);
  std::string_view key;
  ASSERT_TRUE(reader.enter_object());
  ASSERT_TRUE(reader.next_member(key));
  EXPECT_EQ(key, "s");
  EXPECT_EQ(reader.offset(), 2U);
  EXPECT_EQ(reader.string(), "aüb");
  EXPECT_EQ(reader.offset(), 6U);
  ASSERT_TRUE(reader.next_member(key));
  EXPECT_EQ(reader.number(), "-12.50");
  ASSERT_TRUE(reader.next_member(key));
  EXPECT_TRUE(reader.boolean());
  ASSERT_TRUE(reader.next_member(key));
  EXPECT_FALSE(reader.boolean());
  ASSERT_TRUE(reader.next_member(key));
  EXPECT_EQ(reader.raw(), R"({"x": [1, {"y":"}"}]})");
  EXPECT_EQ(text.substr(reader.offset(), 4), R"({"x")");
  ASSERT_TRUE(reader.next_member(key));
  ASSERT_TRUE(reader.enter_array());
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.string(), "p");
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.raw(), "\"q\"");
  EXPECT_FALSE(reader.next_element());
  ASSERT_TRUE(reader.next_member(key));
  ASSERT_TRUE(reader.enter_array());
  EXPECT_FALSE(reader.next_element());
  ASSERT_TRUE(reader.next_member(key));
  EXPECT_EQ(key, "o");
  ASSERT_TRUE(reader.enter_object());
  EXPECT_FALSE(reader.next_member(key));
  EXPECT_FALSE(reader.next_member(key));
  EXPECT_TRUE(reader.finish());
}

TEST(JsonReader, DecodedStringsStayValidUntilTheNextText) {
  std::string text = "[";
  for (int i = 0; i < 200; ++i) text += "\"\\n" + std::to_string(i) + "\",";
  text += "0]";
  JsonReader reader;
  for (int round = 0; round < 2; ++round) {
    reader.open(text);
    std::vector<std::string_view> views;
    ASSERT_TRUE(reader.enter_array());
    while (reader.next_element() && reader.peek() == JsonType::kString) views.push_back(reader.string());
    ASSERT_EQ(views.size(), 200U);
    for (int i = 0; i < 200; ++i) EXPECT_EQ(views[static_cast<std::size_t>(i)], "\n" + std::to_string(i));
  }
}

TEST(JsonReader, ATypeOtherThanAskedForIsAnError) {
  JsonReader reader;
  reader.open("1");
  EXPECT_EQ(reader.string(), "");
  EXPECT_FALSE(reader.ok());
  reader.open("\"x\"");
  EXPECT_FALSE(reader.enter_object());
  EXPECT_FALSE(reader.finish());
  reader.open("[1]");
  std::string_view key;
  EXPECT_FALSE(reader.boolean());
  EXPECT_FALSE(reader.next_element());
  EXPECT_FALSE(reader.next_member(key));
}

TEST(JsonReader, EveryPrefixOfATextIsRefused) {
  const std::string text = R"({"a":[1,-2.5e3,true,null,"é\n\u00e9\ud83d\ude00"],"b":{"c":{}}})";
  ASSERT_EQ(check_json(text), std::nullopt);
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_TRUE(check_json(text.substr(0, size))) << size;
}

TEST(JsonPointer, NamesThePlace) {
  const std::string text = R"({"steps":[{"id":"a"},{"id":"b","after":["x","y"]}],"m/n~":{"k":[[],[7]]}})";
  EXPECT_EQ(json_pointer_at(text, 0), "");
  EXPECT_EQ(json_pointer_at(text, text.find("\"steps")), "/steps");
  EXPECT_EQ(json_pointer_at(text, text.find("[{")), "/steps");
  EXPECT_EQ(json_pointer_at(text, text.find("{\"id\":\"a")), "/steps/0");
  EXPECT_EQ(json_pointer_at(text, text.find("\"a\"")), "/steps/0/id");
  EXPECT_EQ(json_pointer_at(text, text.find("\"y\"")), "/steps/1/after/1");
  EXPECT_EQ(json_pointer_at(text, text.find('7')), "/m~1n~0/k/1/0");
  EXPECT_EQ(json_pointer_at(text, text.find("{\"k")), "/m~1n~0");
}

TEST(JsonPointer, WorksOnTextThatIsCutOff) {
  for (const std::string_view text : {"{\"a", "{\"a\\", "[1,{\"b\":", "", "]", "}}", "{\"a\":\"\\"}) {
    for (std::size_t at = 0; at <= text.size(); ++at) (void)json_pointer_at(text, at);
  }
  EXPECT_EQ(json_pointer_at("[1,{\"b\":", 8), "/1/b");
}

TEST(JsonNumbers, FAIL_M5_WholeNumbersOnly) {
  EXPECT_EQ(whole_number("0"), 0);
  EXPECT_EQ(whole_number("-17"), -17);
  EXPECT_EQ(whole_number("9223372036854775807"), INT64_MAX);
  for (const char* text : {"-0", "1.5", "1.0", "1e3", "9223372036854775808", "99999999999999999999", ""}) {
    EXPECT_EQ(whole_number(text), std::nullopt) << text;
  }
}

TEST(JsonNumbers, FAIL_M5_DecimalsThatFitADouble) {
  EXPECT_EQ(decimal_number("0.25"), 0.25);
  EXPECT_EQ(decimal_number("1e3"), 1000.0);
  EXPECT_EQ(decimal_number("-0"), 0.0);
  for (const char* text : {"1e400", "-1e400", ""}) EXPECT_EQ(decimal_number(text), std::nullopt) << text;
}

}  // namespace
}  // namespace settle::wire
