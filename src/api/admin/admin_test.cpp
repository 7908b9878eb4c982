#include "api/admin/admin.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace settle::api {
namespace {

/// The daemon's part, with everything that waits in hand.
class Desk final : public Ports, public AdminPorts {
 public:
  void send(engine::Input&& input) override { sent.push_back(std::move(input)); }
  bool read_store(std::function<void(Store&)> read, std::function<void()> then) override {
    if (refuse_reads) return false;
    reads.emplace_back(std::move(read), std::move(then));
    return true;
  }
  std::string fresh_gid() override { return "fresh"; }
  [[nodiscard]] std::uint8_t thread_index() const override { return 3; }
  [[nodiscard]] Instant now() const override { return clock; }
  [[nodiscard]] bool is_ready() const override { return loaded; }
  void collect(std::function<void(const MetricsSnapshot&)> then) override { then(snapshot); }

  std::vector<engine::Input> sent;
  std::deque<std::pair<std::function<void(Store&)>, std::function<void()>>> reads;
  bool refuse_reads = false;
  bool loaded = true;
  Instant clock = instant_of(1'700'000'000'000'000);
  MetricsSnapshot snapshot;
};

struct Said {
  std::uint32_t slot;
  Rendered answer;
};

class AdminFaceTest : public ::testing::Test {
 protected:
  Rendered ask(std::string_view method, std::string_view path, std::string_view body = {}) {
    net::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    face.on_request(request, net::ResponseSlot{.sequence = ++slots});
    if (said.empty()) return {};
    Rendered out = said.back().answer;
    said.pop_back();
    return out;
  }

  Desk desk;
  std::vector<Said> said;
  std::uint32_t slots = 0;
  AdminFace face{desk, desk,
                 [this](net::ResponseSlot slot, const Rendered& answer) { said.push_back({slot.sequence, answer}); }};
};

TEST_F(AdminFaceTest, HealthNeedsNothing) {
  desk.loaded = false;
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("POST", "/healthz").status, 405);
}

TEST_F(AdminFaceTest, ReadinessTriesTheStore) {
  EXPECT_EQ(ask("GET", "/readyz").body, "") << "waits for the probe";
  ASSERT_EQ(desk.reads.size(), 1U);
  desk.reads.front().second();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said.back().answer.status, 200);
}

TEST_F(AdminFaceTest, NotReadyWhileLoading) {
  desk.loaded = false;
  const Rendered answer = ask("GET", "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(desk.reads.empty());
}

TEST_F(AdminFaceTest, FAIL_H11_AStoreThatHangsIsNotReady) {
  (void)ask("GET", "/readyz");
  EXPECT_EQ(ask("GET", "/readyz").status, 200) << "the first probe is a moment old";
  desk.clock += std::chrono::seconds{3};
  EXPECT_EQ(ask("GET", "/readyz").status, 503);
}

TEST_F(AdminFaceTest, MetricsAreTextWithBoundedLabels) {
  desk.snapshot.engine.committed = 7;
  desk.snapshot.store_commit_us = 1'000'042;
  const Rendered answer = ask("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find("settle_transactions_ended_total{outcome=\"committed\"} 7\n"), std::string::npos);
  EXPECT_NE(answer.body.find("settle_store_commit_seconds_total 1.000042\n"), std::string::npos);
  EXPECT_EQ(answer.body.find("gid="), std::string::npos);
}

TEST_F(AdminFaceTest, RetryNeedsAReason) {
  EXPECT_EQ(ask("POST", "/v1/transactions/g/retry", "{}").status, 400);
  EXPECT_EQ(ask("POST", "/v1/transactions/g/retry", "{\"reason\":\"\"}").status, 400);
  EXPECT_EQ(ask("POST", "/v1/transactions/g/retry", "{\"why\":\"x\"}").status, 400);
  EXPECT_EQ(ask("POST", "/v1/transactions/g/retry", "rubbish").status, 400);
  EXPECT_EQ(ask("GET", "/v1/transactions/g/retry").status, 405);
  EXPECT_TRUE(desk.sent.empty());
}

TEST_F(AdminFaceTest, RetryIsAnsweredByTheEngine) {
  (void)ask("POST", "/v1/transactions/g-1/retry", "{\"reason\":\"the shop is back\"}");
  ASSERT_EQ(desk.sent.size(), 1U);
  const auto& request = std::get<engine::Request>(desk.sent[0]);
  EXPECT_EQ(request.verb, engine::Verb::kRetryNow);
  EXPECT_EQ(request.gid, "g-1");
  EXPECT_EQ(thread_of(request.token), 3);
  EXPECT_EQ(flags_of(request.token), kForAdmin);
  Rendered done;
  done.status = 200;
  face.on_reply(request.token, std::move(done));
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].slot, slots);
  face.on_reply(request.token, {});
  EXPECT_EQ(said.size(), 1U) << "answered once";
}

TEST_F(AdminFaceTest, UnknownRoutesNameTheKnownOnes) { EXPECT_EQ(ask("GET", "/v1/transactions/g").status, 404); }

}  // namespace
}  // namespace settle::api
