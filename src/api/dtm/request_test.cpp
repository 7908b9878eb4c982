#include "api/dtm/request.h"

#include <gtest/gtest.h>

namespace settle::api::dtm {
namespace {

std::string problem(std::string_view text) {
  const Result<TransRequest> read = read_trans(parse(text));
  return read ? "" : read.error().message;
}

TEST(DtmRequest, EveryFieldIsReadWhateverTheCaseOfItsName) {
  const Result<TransRequest> read =
      read_trans(parse(R"({"GID":"g","Trans_Type":"msg","steps":[{"Action":"a","compensate":null}],
    "payloads":["p"],"query_prepared":"q","custom_data":"c","protocol":"http","rollback_reason":"r","WAIT_RESULT":true,
    "timeout_to_fail":1,"request_timeout":2,"retry_interval":3,"branch_headers":{"k":"v"},"concurrent":true,
    "retry_limit":4,"retry_count":9,"unknown":{"x":[1]}})"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->gid, "g");
  EXPECT_EQ(read->trans_type, "msg");
  ASSERT_EQ(read->steps.size(), 1U);
  EXPECT_EQ(read->steps[0].action, "a");
  EXPECT_EQ(read->payloads, std::vector<std::string>{"p"});
  EXPECT_EQ(read->query_prepared, "q");
  EXPECT_EQ(read->custom_data, "c");
  EXPECT_EQ(read->rollback_reason, "r");
  EXPECT_TRUE(read->options.wait_result);
  EXPECT_EQ(read->options.timeout_to_fail, 1);
  EXPECT_EQ(read->options.request_timeout, 2);
  EXPECT_EQ(read->options.retry_interval, 3);
  EXPECT_EQ(read->options.branch_headers.front().second, "v");
  EXPECT_TRUE(read->options.concurrent);
  EXPECT_EQ(read->options.retry_limit, 4);
}

TEST(DtmRequest, NullIsLikeAbsent) {
  const Result<TransRequest> read = read_trans(parse(R"({"gid":"g","trans_type":null,"steps":null,"payloads":null,
    "branch_headers":null,"wait_result":null,"timeout_to_fail":null,"custom_data":null,"query_prepared":null})"));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->options.timeout_to_fail, 0);
}

TEST(DtmRequest, TheLastOfTwoEqualNamesCountsAlsoInAnotherCase) {
  EXPECT_EQ(read_trans(parse(R"({"gid":"a","gid":"b"})"))->gid, "b");
}

TEST(DtmRequest, WhatDoesNotFitIsNamed) {
  EXPECT_EQ(problem("nothing"), "the body is no JSON");
  EXPECT_EQ(problem("[]"), "the body is no JSON object");
  EXPECT_EQ(problem("{}"), "no gid specified");
  EXPECT_EQ(problem(R"({"gid":";\r\n"})"), "no gid specified");
  EXPECT_EQ(problem(R"({"gid":7})"), "gid: a string is expected");
  EXPECT_EQ(problem(R"({"gid":"g","branch_headers":["a"]})"), "branch_headers: an object of strings is expected");
  EXPECT_EQ(problem(R"({"gid":"g","timeout_to_fail":"1"})"), "timeout_to_fail: a whole number is expected");
  EXPECT_EQ(problem(R"({"gid":"g","timeout_to_fail":1.5})"), "timeout_to_fail: a whole number is expected");
  EXPECT_EQ(problem(R"({"gid":"g","wait_result":1})"), "wait_result: true or false is expected");
  EXPECT_EQ(problem(R"({"gid":"g","steps":[{"action":"a"}]})"), "payloads: fewer than steps");
  EXPECT_EQ(problem("{\"gid\":\"" + std::string(129, 'g') + "\"}"), "gid: more than 128 bytes");
}

TEST(DtmRequest, HugeAndNegativeTimesAreHeldWithinBounds) {
  EXPECT_EQ(read_trans(parse(R"({"gid":"g","timeout_to_fail":-5})"))->options.timeout_to_fail, 0);
  EXPECT_EQ(read_trans(parse(R"({"gid":"g","timeout_to_fail":18446744073709551615})"))->options.timeout_to_fail,
            34'560'000);
  EXPECT_EQ(read_trans(parse(R"({"gid":"g","timeout_to_fail":99999999999})"))->options.timeout_to_fail, 34'560'000);
}

TEST(DtmRequest, OptionsCanBeReadBack) {
  Options options;
  EXPECT_EQ(text_of(options), R"({"concurrent":false})");
  options.wait_result = true;
  options.timeout_to_fail = 5;
  options.branch_headers = {{"k", "a\"b"}};
  EXPECT_EQ(text_of(options),
            R"({"wait_result":true,"timeout_to_fail":5,"branch_headers":{"k":"a\"b"},"concurrent":false})");
  EXPECT_EQ(options_of(text_of(options)).timeout_to_fail, 5);
}

TEST(DtmRequest, ARegistrationIsAFlatMapOfStrings) {
  const Result<BranchRequest> read = read_branch(parse(R"({"GID":"g;","branch_id":"01","try":null,"data":"d"})"));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->at("gid"), "g");
  EXPECT_EQ(read->at("try"), "");
  EXPECT_EQ(read_branch(parse(R"({"branch_id":1})")).error().message, "branch_id: a string is expected");
}

}  // namespace
}  // namespace settle::api::dtm
