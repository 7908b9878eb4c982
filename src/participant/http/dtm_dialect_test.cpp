#include "participant/http/dtm_dialect.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace settle::participant::dtm {
namespace {

Call saga_step(std::string_view url, std::string_view payload = "{}") {
  Call call;
  call.gid = "s1";
  call.branch_id = "01";
  call.dialect = Dialect::kDtm;
  call.url = url;
  call.payload = payload;
  return call;
}

std::string url_of(const Call& call) {
  Random random = Random::stream(1, "test");
  std::string url, body;
  build(call, random, url, body);
  return url;
}

std::string body_of(const Call& call) {
  Random random = Random::stream(1, "test");
  std::string url, body;
  build(call, random, url, body);
  return body.substr(body.find("\"jsonrpc\""));
}

CallEnded answered(int status, std::string_view body, Op op = Op::kAction, bool by_json_rpc = false) {
  net::HttpAnswer answer;
  answer.status = status;
  answer.body = body;
  return ended_of(answer, op, by_json_rpc);
}

TEST(DtmDialect, ParametersAreAddedToTheQuery) {
  EXPECT_EQ(url_of(saga_step("http://h/a")), "http://h/a?branch_id=01&gid=s1&op=action&trans_type=saga");
  EXPECT_EQ(url_of(saga_step("http://h/a2?x=1")), "http://h/a2?x=1&branch_id=01&gid=s1&op=action&trans_type=saga");
}

TEST(DtmDialect, ValuesAreEscaped) {
  Call call = saga_step("http://h/a");
  call.gid = "a b&c\"\xc3\xa4";
  EXPECT_EQ(url_of(call), "http://h/a?branch_id=01&gid=a%20b%26c%22%C3%A4&op=action&trans_type=saga");
}

TEST(DtmDialect, WithoutPayloadItIsAGetButXaPosts) {
  Call call = saga_step("http://h/a", "");
  EXPECT_EQ(method_of(call), "GET");
  call.pattern = Pattern::kTwoPhase;
  EXPECT_EQ(method_of(call), "POST");
  EXPECT_EQ(method_of(saga_step("http://h/a")), "POST");
}

TEST(DtmDialect, TheClientsHeadersWin) {
  Call call = saga_step("http://h/a");
  std::string lines;
  EXPECT_TRUE(append_headers(lines, call));
  EXPECT_EQ(lines, "content-type: application/json\r\n");
  const std::vector<std::pair<std::string_view, std::string_view>> own{{"Content-Type", "text/x"}, {"token", "t"}};
  call.headers = &own;
  lines.clear();
  EXPECT_TRUE(append_headers(lines, call));
  EXPECT_EQ(lines, "Content-Type: text/x\r\ntoken: t\r\n");
  const std::vector<std::pair<std::string_view, std::string_view>> bad{{"token", "a\r\nb: c"}};
  call.headers = &bad;
  EXPECT_FALSE(append_headers(lines, call));
}

TEST(DtmDialect, AnswersAreReadInTheirOrder) {
  EXPECT_EQ(answered(200, "").outcome, Outcome::kDone);
  EXPECT_EQ(answered(204, "").outcome, Outcome::kDone) << "row 3 of the decisions";
  EXPECT_EQ(answered(409, "why").outcome, Outcome::kRefused);
  EXPECT_EQ(answered(409, "why").result, "why");
  EXPECT_EQ(answered(425, "").outcome, Outcome::kRunning);
  EXPECT_EQ(answered(200, R"({"dtm_result":"FAILURE"})").outcome, Outcome::kRefused) << "row 2";
  EXPECT_EQ(answered(500, "ONGOING").outcome, Outcome::kRunning);
  EXPECT_EQ(answered(409, "FAILURE, ONGOING").outcome, Outcome::kRunning) << "ONGOING is looked for first";
  EXPECT_EQ(answered(500, "x").outcome, Outcome::kUnknown);
  EXPECT_EQ(answered(500, "x").result, "x");
  EXPECT_EQ(answered(302, "").outcome, Outcome::kUnknown);
}

TEST(DtmDialect, ACheckBackIsAnsweredByWhatItFinds) {
  EXPECT_EQ(answered(200, "", Op::kCheck).check, CheckState::kCommitted);
  EXPECT_EQ(answered(409, "", Op::kCheck).check, CheckState::kAborted);
  EXPECT_EQ(answered(409, "", Op::kCheck).outcome, Outcome::kDone);
  EXPECT_EQ(answered(425, "", Op::kCheck).outcome, Outcome::kRunning);
  EXPECT_EQ(answered(500, "", Op::kCheck).outcome, Outcome::kUnknown);
}

TEST(DtmDialect, NoAnswerIsUnknown) {
  net::HttpAnswer none;
  none.failure = net::HttpFailure::kRefused;
  const CallEnded ended = ended_of(none, Op::kAction, false);
  EXPECT_EQ(ended.outcome, Outcome::kUnknown);
  EXPECT_FALSE(ended.reached);
  EXPECT_EQ(ended.answer, kAnswerRefused);
}

TEST(DtmDialect, NoUrlIsDone) {
  EXPECT_EQ(ended_without_url(Op::kConfirm).outcome, Outcome::kDone);
  EXPECT_EQ(ended_without_url(Op::kCheck).outcome, Outcome::kUnknown) << "nobody has said that it was committed";
}

TEST(DtmDialect, JsonRpcPutsTheParametersIntoParams) {
  Call call = saga_step("http://h/rpc?method=TransOut", R"({"amount":30,"op":"x"})");
  EXPECT_FALSE(is_by_json_rpc(call)) << "the protocol of the transaction says http";
  call.dialect = Dialect::kDtmJsonRpc;
  ASSERT_TRUE(is_by_json_rpc(call));
  EXPECT_EQ(body_of(call), R"("jsonrpc":"2.0","method":"TransOut","params":{"amount":30,"branch_id":"01",)"
                           R"("gid":"s1","op":"action","trans_type":"saga"}})");
  call.url = "http://h/plain";
  EXPECT_FALSE(is_by_json_rpc(call));
}

TEST(DtmDialect, JsonRpcErrorsAreReadByTheirCode) {
  const auto outcome = [](std::string_view body) { return answered(200, body, Op::kAction, true).outcome; };
  EXPECT_EQ(outcome(R"({"result":{},"error":null})"), Outcome::kDone);
  EXPECT_EQ(outcome(R"({"error":{"code":-32901,"message":"no"}})"), Outcome::kRefused);
  EXPECT_EQ(outcome(R"({"error":{"code":-32902}})"), Outcome::kRunning);
  EXPECT_EQ(outcome(R"({"error":{"code":-32603,"message":"x"}})"), Outcome::kUnknown);
  EXPECT_EQ(outcome(R"({"error":"text"})"), Outcome::kUnknown);
  EXPECT_EQ(outcome(R"({"error":{"code":-32603,"message":"ONGOING"}})"), Outcome::kRunning) << "words come first";
  EXPECT_EQ(outcome("no json"), Outcome::kUnknown);
}

}  // namespace
}  // namespace settle::participant::dtm
