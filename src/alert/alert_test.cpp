#include "alert/alert.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace settle::alert {
namespace {

using nlohmann::json;

constexpr Instant kAt = instant_of(1'767'323'045'000'000);

TEST(Alert, OfAnIncidentSaysWhatAndWhere) {
  Alert alert;
  alert.at = kAt;
  alert.node = "n1";
  alert.gid = "order \"1\"";
  alert.branch = "stock";
  alert.cause = "exhausted";
  alert.since = kAt - std::chrono::seconds{1};
  EXPECT_EQ(
      body_of(alert),
      R"({"id":"incident-opened:order \"1\":1767323044000000","kind":"incident-opened",)"
      R"("at":"2026-01-02T03:04:05.000000Z","node":"n1","gid":"order \"1\"","branch":"stock","cause":"exhausted",)"
      R"("since":"2026-01-02T03:04:04.000000Z"})");
}

TEST(Alert, ARepetitionByAnotherDaemonHasTheSameId) {
  Alert first;
  first.at = kAt;
  first.node = "n1";
  first.gid = "g";
  first.since = kAt;
  Alert again = first;
  again.at = kAt + std::chrono::hours{1};
  again.node = "n2";
  again.again = true;
  EXPECT_EQ(id_of(first), id_of(again));
  EXPECT_TRUE(json::parse(body_of(again))["again"]);
  again.since = kAt + std::chrono::seconds{1};
  EXPECT_NE(id_of(first), id_of(again)) << "another incident of the same transaction";
}

TEST(Alert, EveryKindIsOneObject) {
  for (const Kind kind : {Kind::kIncidentOpened, Kind::kIncidentClosed, Kind::kOldestOverBound, Kind::kOldestBackBelow,
                          Kind::kDestinationDown, Kind::kDestinationBack}) {
    Alert alert;
    alert.kind = kind;
    alert.at = kAt;
    alert.destination = "http://h:1";
    alert.bound = std::chrono::minutes{1};
    const json body = json::parse(body_of(alert));
    EXPECT_EQ(body["kind"], name_of(kind));
    EXPECT_EQ(body["bound_ms"], 60'000);
  }
}

// The value was computed with another tool: printf '%s' '1767323045.{"id":"x"}' | openssl dgst -sha256 -hmac KEY
TEST(Alert, TheSignatureIsOverTimestampAndBody) {
  EXPECT_EQ(signature_of("0123456789abcdef", "1767323045", R"({"id":"x"})"),
            "v1=8746a007c947bf82c99146bc0444acd20e157cd420a294f9f44a67ae01cbedd6");
  EXPECT_NE(signature_of("0123456789abcdef", "1767323046", R"({"id":"x"})"),
            signature_of("0123456789abcdef", "1767323045", R"({"id":"x"})"));
}

}  // namespace
}  // namespace settle::alert
