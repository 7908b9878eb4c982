#include "participant/http/payload.h"

#include <gtest/gtest.h>

#include <vector>

namespace settle::participant {
namespace {

std::string bound(std::string_view input, const std::vector<BoundPart>& parts) {
  Call call;
  call.payload = input;
  call.bound = &parts;
  std::string payload;
  const std::optional<std::string> why = bind_payload(call, payload);
  return why ? "! " + *why : payload;
}

TEST(BindPayload, PartsAreTakenRawAndPutInOrder) {
  EXPECT_EQ(bound(R"({ "n": 1.0 })", {{"/lot", "/lot", R"({"lot": { "id" : 7.50 }})"}}),
            R"({ "n": 1.0 ,"lot":{ "id" : 7.50 }})");
  EXPECT_EQ(bound("", {{"/a/1", "/x/y", R"({"a":[1,"two"]})"}, {"", "/x/z", " [3] "}}), R"({"x":{"y":"two","z":[3]}})")
      << "without input it begins with {}, and a later part may go into what an earlier one made";
  EXPECT_EQ(bound(R"({"a":1})", {{"/v", "/a", R"({"v":null})"}}), R"({"a":null})");
}

TEST(BindPayload, WhatCannotBeMadeSaysWhy) {
  EXPECT_EQ(bound("{}", {{"/b", "/x", R"({"a":1})"}}), "! the earlier result has no part at \"/b\"");
  EXPECT_EQ(bound("{}", {{"", "/x", ""}}), "! the earlier result has no part at \"\"");
  EXPECT_EQ(bound("{}", {{"/a", "/x", "a=1"}}), "! the earlier result has no part at \"/a\"");
  EXPECT_EQ(bound("7", {{"/a", "/x", R"({"a":1})"}}), "! nothing can be put into the input at \"/x\"");
  const std::string large = "\"" + std::string(kBoundPayloadBytesMax, 'x') + "\"";
  EXPECT_EQ(bound("", {{"", "/x", large}}), "! nothing can be put into the input at \"/x\"");
}

}  // namespace
}  // namespace settle::participant
