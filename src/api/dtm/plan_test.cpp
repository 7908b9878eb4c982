#include "api/dtm/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "api/dtm/short_uuid.h"

namespace settle::api::dtm {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TransRequest request(const std::string& type, std::size_t steps = 0) {
  TransRequest out;
  out.gid = "g";
  out.trans_type = type;
  for (std::size_t i = 0; i < steps; ++i) {
    out.steps.push_back({"http://h/do" + std::to_string(i), "http://h/undo" + std::to_string(i)});
    out.payloads.push_back("p" + std::to_string(i));
  }
  return out;
}

std::vector<std::string> nobody(const std::string&) { return {}; }

OwnedPlan plan_of(const TransRequest& request, bool announced = false) {
  Result<OwnedPlan> plan = make_plan(request, announced, Settings{}, nobody);
  EXPECT_TRUE(plan.ok());
  return std::move(*plan);
}

std::string problem_of(const TransRequest& request, bool announced = false) {
  const Result<OwnedPlan> plan = make_plan(request, announced, Settings{}, nobody);
  return plan ? "" : plan.error().message;
}

TEST(DtmPlan, ASagaGoesOneByOneAndUndoesWhatWasRefused) {
  const OwnedPlan plan = plan_of(request("saga", 2));
  EXPECT_EQ(plan->pattern, Pattern::kSaga);
  EXPECT_EQ(plan->order, Order::kList);
  EXPECT_TRUE(plan->undoes_refused);
  EXPECT_TRUE(plan->passes.on);
  EXPECT_EQ(plan->dialect, Dialect::kDtm);
  EXPECT_EQ(plan->deadline, Duration{0}) << "only if its client says when";
  ASSERT_EQ(plan->branches.size(), 2U);
  EXPECT_EQ(plan->branches[1].id, "02");
  EXPECT_EQ(plan->branches[1].back, "http://h/undo1");
  EXPECT_EQ(plan->branches[1].input, "p1");
}

TEST(DtmPlan, OrdersMakeAGraph) {
  TransRequest asked = request("saga", 3);
  asked.custom_data = R"({"concurrent":true,"orders":{"2":[0,1]}})";
  const OwnedPlan plan = plan_of(asked);
  EXPECT_EQ(plan->order, Order::kGraph);
  EXPECT_EQ(plan->branches[2].after, (std::vector<std::uint16_t>{0, 1}));
  asked.custom_data = R"({"concurrent":true})";
  EXPECT_EQ(plan_of(asked)->order, Order::kConcurrent);
  asked.custom_data = "no JSON";
  EXPECT_EQ(plan_of(asked)->order, Order::kList);
}

TEST(DtmPlan, OrdersThatCannotBeAreRefused) {
  TransRequest asked = request("saga", 2);
  for (const char* custom :
       {R"({"concurrent":true,"orders":{"5":[0]}})", R"({"concurrent":true,"orders":{"x":[0]}})",
        R"({"concurrent":true,"orders":{"1":[7]}})", R"({"concurrent":true,"orders":{"1":["0"]}})",
        R"({"concurrent":true,"orders":{"0":[1],"1":[0]}})", R"({"concurrent":true,"orders":{"1":0}})"}) {
    asked.custom_data = custom;
    EXPECT_NE(problem_of(asked), "") << custom;
  }
}

TEST(DtmPlan, TheFirstIntervalIsChosenAsDtmChoosesIt) {
  TransRequest asked = request("tcc");
  EXPECT_EQ(plan_of(asked, true)->retry.base, seconds{10});
  EXPECT_EQ(plan_of(asked, true)->deadline, seconds{35});
  asked.options.timeout_to_fail = 3;
  EXPECT_EQ(plan_of(asked, true)->retry.base, seconds{3});
  EXPECT_EQ(plan_of(asked, true)->deadline, seconds{3});
  asked.options.timeout_to_fail = 60;
  EXPECT_EQ(plan_of(asked, true)->retry.base, seconds{10});
  asked.options.retry_interval = 20;
  EXPECT_EQ(plan_of(asked, true)->retry.base, seconds{20});
  EXPECT_EQ(plan_of(asked, true)->retry.cap, hours{1});
  EXPECT_EQ(plan_of(asked, true)->attempt_timeout, seconds{3});
  asked.options.request_timeout = 8;
  EXPECT_EQ(plan_of(asked, true)->attempt_timeout, seconds{8});
}

TEST(DtmPlan, TccAndXaAreDrivenByTheirClients) {
  EXPECT_EQ(plan_of(request("tcc"), true)->phase_two, PhaseTwo::kLastToFirst);
  EXPECT_EQ(plan_of(request("xa"), true)->phase_two, PhaseTwo::kFirstToLast);
  EXPECT_TRUE(plan_of(request("xa"), true)->client_driven);
}

TEST(DtmPlan, AnAnnouncedMessageHasTwoSteps) {
  TransRequest asked = request("msg", 1);
  asked.query_prepared = "http://h/check";
  asked.custom_data = R"({"Delay":7})";
  EXPECT_TRUE(plan_of(asked, true)->two_step);
  EXPECT_EQ(plan_of(asked, true)->check, "http://h/check");
  EXPECT_FALSE(plan_of(asked)->two_step);
  EXPECT_EQ(plan_of(asked)->delay, seconds{7});
}

TEST(DtmPlan, ATopicBecomesItsSubscribers) {
  TransRequest asked = request("msg", 2);
  asked.steps[0].action = "topic://t";
  EXPECT_TRUE(names_topic(asked));
  EXPECT_EQ(problem_of(asked), "topic not found");
  const Topics two = [](const std::string&) { return std::vector<std::string>{"http://h/1", "http://h/2"}; };
  const Result<OwnedPlan> plan = make_plan(asked, false, Settings{}, two);
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ((*plan)->branches.size(), 3U);
  EXPECT_EQ((*plan)->branches[1].id, "01-02");
  EXPECT_EQ((*plan)->branches[1].input, "p0");
  EXPECT_EQ((*plan)->branches[2].id, "02");
  const Topics one = [](const std::string&) { return std::vector<std::string>{"http://h/1"}; };
  EXPECT_EQ((*make_plan(asked, false, Settings{}, one))->branches[0].id, "01") << "one alone has no suffix";
}

TEST(DtmPlan, WhatTheClientReadsBackIsKept) {
  TransRequest asked = request("saga", 1);
  asked.custom_data = "{}";
  asked.options.wait_result = true;
  const OwnedPlan plan = plan_of(asked);
  EXPECT_EQ(label_of(*plan, kOptionsLabel), R"({"wait_result":true,"concurrent":false})");
  EXPECT_EQ(label_of(*plan, kCustomDataLabel), "{}");
  EXPECT_EQ(label_of(*plan, kProtocolLabel), "http");
}

TEST(DtmPlan, HeadersThatAreNoneAreRefused) {
  TransRequest asked = request("saga", 1);
  asked.options.branch_headers = {{"a b", "c"}};
  EXPECT_EQ(problem_of(asked), "branch_headers: \"a b\" is no header");
  asked.options.branch_headers = {{"a", "c\r\nd: e"}};
  EXPECT_NE(problem_of(asked), "");
}

TEST(DtmPlan, UnknownTypesAreNamed) {
  EXPECT_EQ(problem_of(request("workflow")), "unknow trans type: workflow");
  EXPECT_EQ(problem_of(request("saga", 1), true), "a saga is not prepared; submit it");
}

TEST(DtmPlan, ABranchIsWhatWasRegistered) {
  const Result<OwnedPlan> tcc =
      make_branch({{"trans_type", "tcc"}, {"branch_id", "01"}, {"confirm", "c"}, {"data", "d"}});
  ASSERT_TRUE(tcc.ok());
  EXPECT_EQ((*tcc)->branches[0].confirm, "c");
  EXPECT_EQ((*tcc)->branches[0].back, "");
  EXPECT_EQ((*tcc)->branches[0].input, "d");
  const Result<OwnedPlan> xa = make_branch({{"trans_type", "xa"}, {"branch_id", "01"}, {"url", "u"}, {"data", "d"}});
  ASSERT_TRUE(xa.ok());
  EXPECT_EQ((*xa)->branches[0].confirm, "u");
  EXPECT_EQ((*xa)->branches[0].back, "u");
  EXPECT_EQ((*xa)->branches[0].input, "");
  EXPECT_FALSE(make_branch({{"trans_type", "tcc"}, {"branch_id", ""}}).ok());
}

TEST(ShortUuid, TwentyTwoCharactersOfItsAlphabet) {
  EXPECT_EQ(short_uuid(0, 0).size(), kShortUuidChars);
  EXPECT_EQ(short_uuid(UINT64_MAX, UINT64_MAX).find_first_of("01IOl"), std::string::npos);
  std::set<std::string> all;
  for (std::uint64_t i = 0; i < 1000; ++i) all.insert(short_uuid(i, i));
  EXPECT_EQ(all.size(), 1000U);
}

}  // namespace
}  // namespace settle::api::dtm
