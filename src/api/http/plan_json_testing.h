#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/http/plan_json.h"

namespace settle::api {

inline constexpr Instant kNow = instant_of(1'767'323'045'000'000);  // 2026-01-02T03:04:05Z

inline std::string detail_of(const Refusal& refusal) {
  return std::string(kind_of(refusal.name).type.substr(8)) + " " + refusal.pointer + ": " + refusal.text;
}

class PlanJson : public testing::Test {
 protected:
  const Plan& plan_of(const std::string& body) {
    body_ = body;
    const bool fine = reader_.read(body_, {}, kNow);
    EXPECT_TRUE(fine) << body << "\n" << detail_of(reader_.refusal());
    return reader_.plan();
  }
  std::string body_;
  PlanReader reader_;
};

/// `body` with %S for a sound step, %T for a sound target.
struct BadBody {
  std::string body;
  std::string refusal;     ///< beginning of "name pointer: text"
  std::string words = {};  ///< and somewhere in it
};

inline std::string filled(std::string body) {
  const auto replace = [&body](std::string_view mark, std::string_view with) {
    for (std::size_t at = body.find(mark); at != std::string::npos; at = body.find(mark)) {
      body.replace(at, mark.size(), with);
    }
  };
  replace("%S", R"({"id":"s","action":"http://a/"})");
  replace("%T", R"({"id":"t","url":"http://a/"})");
  return body;
}

inline void expect_refused(const BadBody& bad) {
  const std::string body = filled(bad.body);
  PlanReader reader;
  ASSERT_FALSE(reader.read(body, {}, kNow)) << body;
  const std::string detail = detail_of(reader.refusal());
  EXPECT_TRUE(detail.starts_with(bad.refusal)) << body << "\n" << detail;
  EXPECT_NE(detail.find(bad.words), std::string::npos) << body << "\n" << detail;
  // The problem document itself is sound, whatever stood in the body.
  const nlohmann::json problem = nlohmann::json::parse(render_problem(reader.refusal()).body);
  EXPECT_EQ(problem["status"], kind_of(reader.refusal().name).status);
}

struct BadInput : testing::TestWithParam<BadBody> {};

}  // namespace settle::api
