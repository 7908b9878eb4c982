#include "wire/json_splice.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/random.h"

namespace settle::wire {
namespace {

constexpr std::size_t kMax = 1024;

std::string part(std::string_view text, std::string_view pointer) {
  const std::optional<std::string_view> found = json_part(text, pointer);
  return found ? std::string(*found) : "none";
}

std::string spliced(std::string text, std::string_view pointer, std::string_view value, std::size_t bytes_max = kMax) {
  const std::string before = text;
  if (splice_json(text, pointer, value, bytes_max)) return text;
  EXPECT_EQ(text, before) << "untouched when it fails";
  return "no";
}

TEST(JsonSplice, PointersOfRfc6901) {
  // The document and the table of RFC 6901, section 5.
  const std::string text =
      R"({"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7,
          "m~n": 8})";
  EXPECT_EQ(part(text, ""), text);
  EXPECT_EQ(part(text, "/foo"), R"(["bar", "baz"])");
  EXPECT_EQ(part(text, "/foo/0"), "\"bar\"");
  EXPECT_EQ(part(text, "/"), "0");
  EXPECT_EQ(part(text, "/a~1b"), "1");
  EXPECT_EQ(part(text, "/c%d"), "2");
  EXPECT_EQ(part(text, "/e^f"), "3");
  EXPECT_EQ(part(text, "/g|h"), "4");
  EXPECT_EQ(part(text, "/i\\j"), "5");
  EXPECT_EQ(part(text, "/k\"l"), "6");
  EXPECT_EQ(part(text, "/ "), "7");
  EXPECT_EQ(part(text, "/m~0n"), "8");
}

TEST(JsonSplice, PartsKeepTheirBytes) {
  EXPECT_EQ(part(" { \"a\" : { \"n\" : 1.50e+3 } } ", "/a"), "{ \"n\" : 1.50e+3 }");
  EXPECT_EQ(part("{\"\\u0061\":\"\\u00fc\"}", "/a"), "\"\\u00fc\"") << "keys are compared decoded";
  EXPECT_EQ(part("[[1,[2, 3]]]", "/0/1/1"), "3");
  EXPECT_EQ(part("{\"~1\":5}", "/~01"), "5") << "~01 is ~1, not /";
  EXPECT_EQ(part("7", ""), "7");
}

TEST(JsonSplice, PartsThatAreNotThere) {
  for (const char* pointer : {"/b", "/a/b", "/a/0/0", "/a/2", "/a/-", "/a/00", "/a/01", "/a/-1", "/a/+1", "/a/1e0",
                              "/a/99999999999999999999", "a", "/~", "/~2"}) {
    EXPECT_EQ(part("{\"a\":[1,2]}", pointer), "none") << pointer;
  }
  for (const char* text : {"", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "plain", "{\"a\":1}{\"a\":2}"}) {
    EXPECT_EQ(part(text, "/a"), "none") << text;
  }
}

TEST(JsonSplice, WhatStandsThereIsReplacedAndNothingElseChanges) {
  EXPECT_EQ(spliced("{ \"a\" : 1.50 , \"b\":[ 1 ]}", "/a", " {\"x\": 1.0} "), "{ \"a\" : {\"x\": 1.0} , \"b\":[ 1 ]}");
  EXPECT_EQ(spliced("{\"b\":[ 1, 2 ]}", "/b/1", "\"z\""), "{\"b\":[ 1, \"z\" ]}");
  EXPECT_EQ(spliced("{\"b\":[{\"c\":null}]}", "/b/0/c", "7"), "{\"b\":[{\"c\":7}]}");
  EXPECT_EQ(spliced(" [1] ", "", "{}"), " {} ");
  EXPECT_EQ(spliced("{\"\\u0061\":1}", "/a", "2"), "{\"\\u0061\":2}");
}

TEST(JsonSplice, WhatIsMissingIsAdded) {
  EXPECT_EQ(spliced("", "/a", "1"), R"({"a":1})") << "no payload counts as {}";
  EXPECT_EQ(spliced("", "", "[1]"), "[1]");
  EXPECT_EQ(spliced("{}", "/a/b/c", "1"), R"({"a":{"b":{"c":1}}})");
  EXPECT_EQ(spliced("{ }", "/a", "1"), R"({ "a":1})");
  EXPECT_EQ(spliced(R"({"x":1})", "/a~1b", "2"), R"({"x":1,"a/b":2})");
  EXPECT_EQ(spliced(R"({"x":1})", "/q\"\\", "2"), R"({"x":1,"q\"\\":2})");
  EXPECT_EQ(spliced("[]", "/-", "1"), "[1]");
  EXPECT_EQ(spliced("[1 ]", "/1", "2"), "[1 ,2]");
  EXPECT_EQ(spliced("{\"l\":[{}]}", "/l/-/a", "2"), "{\"l\":[{},{\"a\":2}]}");
  EXPECT_EQ(spliced("{\"l\":[{}]}", "/l/0/0", "2"), "{\"l\":[{\"0\":2}]}") << "in an object a number is a name";
}

TEST(JsonSplice, WhereNothingCanStandItFails) {
  EXPECT_EQ(spliced("{\"a\":5}", "/a/b", "1"), "no");
  EXPECT_EQ(spliced("\"text\"", "/a", "1"), "no");
  EXPECT_EQ(spliced("[1]", "/2", "1"), "no");
  EXPECT_EQ(spliced("[1]", "/x", "1"), "no");
  EXPECT_EQ(spliced("[1]", "/01", "1"), "no");
  EXPECT_EQ(spliced("not json", "/a", "1"), "no");
  EXPECT_EQ(spliced("{}", "/a", "not json"), "no");
  EXPECT_EQ(spliced("{}", "/a", ""), "no");
  EXPECT_EQ(spliced("{}", "/a", "1,2"), "no");
  EXPECT_EQ(spliced("{}", "a", "1"), "no");
  EXPECT_EQ(spliced("{}", "/\x9f", "1"), "no") << "such a name could never be found again";
  EXPECT_EQ(spliced("{}", "/a", "12345", 10), "no") << "too large";
  EXPECT_EQ(spliced("{}", "/a", "1234", 10), R"({"a":1234})");
  EXPECT_EQ(spliced(std::string(32, '[') + std::string(32, ']'), "/0", "[[]]").front(), '[');
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "/a";
  EXPECT_EQ(spliced("{}", deep, "1"), "no") << "nested too deeply for any reader of ours";
}

/// Against another implementation, on random documents and pointers.
TEST(JsonSplice, AgreesWithAnotherImplementation) {
  using nlohmann::json;
  Random random(7);
  const auto pick = [&](std::uint64_t bound) { return random.next() % bound; };
  const std::function<json(int)> document = [&](int depth) -> json {
    switch (depth > 3 ? pick(2) : pick(5)) {
      case 0:
        return pick(100);
      case 1:
        return "t" + std::to_string(pick(9));
      case 2: {
        json list = json::array();
        for (auto n = pick(4); n > 0; --n) list.push_back(document(depth + 1));
        return list;
      }
      default: {
        json object = json::object();
        static const char* const kKeys[] = {"a", "b/c", "~", "0", "ü", ""};
        for (auto n = pick(4); n > 0; --n) object[kKeys[pick(6)]] = document(depth + 1);
        return object;
      }
    }
  };
  int found = 0;
  int replaced = 0;
  for (int round = 0; round < 20'000; ++round) {
    const json whole = document(0);
    const std::string text = whole.dump(pick(2) == 0 ? -1 : 1);
    std::string pointer;
    json expected = whole;
    json* theirs = &expected;
    for (auto n = pick(4); n > 0; --n) {
      static const std::pair<const char*, const char*> kTokens[] = {
          {"/a", "a"}, {"/b~1c", "b/c"}, {"/~0", "~"}, {"/0", "0"}, {"/1", "1"}, {"/ü", "ü"}, {"/", ""}, {"/2", "2"}};
      const auto& [written, name] = kTokens[pick(8)];
      pointer += written;
      if (theirs == nullptr) continue;
      if (theirs->is_object()) {
        theirs = theirs->contains(name) ? &(*theirs)[name] : nullptr;
      } else {
        const std::size_t index = name[0] >= '0' && name[0] <= '2' ? static_cast<std::size_t>(name[0] - '0') : 99;
        theirs = theirs->is_array() && index < theirs->size() ? &(*theirs)[index] : nullptr;
      }
    }
    const std::optional<std::string_view> mine = json_part(text, pointer);
    ASSERT_EQ(mine.has_value(), theirs != nullptr) << text << " " << pointer;
    if (theirs == nullptr) continue;
    ++found;
    ASSERT_EQ(json::parse(*mine), *theirs) << text << " " << pointer;
    std::string changed = text;
    const json value = document(2);
    if (!splice_json(changed, pointer, value.dump(), kMax * kMax)) continue;
    ++replaced;
    *theirs = value;
    ASSERT_EQ(json::parse(changed), expected) << text << " " << pointer;
  }
  EXPECT_GT(found, 2000);
  EXPECT_EQ(found, replaced);
}

}  // namespace
}  // namespace settle::wire
