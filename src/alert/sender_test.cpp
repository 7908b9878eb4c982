#include "alert/sender.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "net/http_server.h"

namespace settle::alert {
namespace {

using nlohmann::json;

/// A receiver and the sender on one loop; the receiver checks what it gets before it believes it.
class AlertSender : public testing::Test {
 protected:
  AlertSender() { open(); }

  void open() {
    server_ = std::make_unique<net::HttpServer>(
        loop_, net::HttpServerOptions{},
        [this](const net::HttpRequest& request, net::ResponseSlot slot) { on_request(request, slot); });
    const auto port = server_->listen("127.0.0.1", port_);
    ASSERT_TRUE(port.ok());
    port_ = *port;
  }

  void on_request(const net::HttpRequest& request, net::ResponseSlot slot) {
    const std::string timestamp(request.header("settle-timestamp").value_or(""));
    const std::string signature(request.header("settle-signature").value_or(""));
    EXPECT_EQ(signature, signature_of(kSecret, timestamp, request.body));
    EXPECT_EQ(request.header("content-type").value_or(""), "application/json");
    seen_.push_back(json::parse(request.body)["gid"]);
    int status = 200;
    if (!answers_.empty()) {
      status = answers_.front();
      answers_.pop_front();
    }
    if (status != 0) server_->respond(slot, status, "text/plain", "");
    stop_when_over();
  }

  SenderOptions options() {
    SenderOptions out;
    out.url = "http://127.0.0.1:" + std::to_string(port_) + "/hook";
    out.secret = kSecret;
    out.pause = milliseconds{5};
    out.pause_max = milliseconds{10};
    out.timeout = std::chrono::seconds{20};
    return out;
  }

  static Alert alert(const std::string& gid) {
    Alert out;
    out.gid = gid;
    return out;
  }

  /// Runs until nothing waits any more.
  void run(Sender& sender) {
    sender_ = &sender;
    stop_when_over();
    loop_.run();
    sender_ = nullptr;
  }
  void stop_when_over() {
    loop_.at(loop_.now() + milliseconds{1}, [this] {
      if (sender_ == nullptr) return;
      if (sender_->counts().waiting == 0) return loop_.stop();
      stop_when_over();
    });
  }

  static constexpr const char* kSecret = "0123456789abcdef";
  net::Loop loop_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint16_t port_ = 0;
  std::deque<int> answers_;  // 0: none; behind the last one: 200
  std::vector<std::string> seen_;
  Sender* sender_ = nullptr;
};

using Gids = std::vector<std::string>;

TEST_F(AlertSender, SendsInOrderAndSigned) {
  Sender sender(loop_, options());
  for (const char* gid : {"a", "b", "c"}) sender.raise(alert(gid));
  run(sender);
  EXPECT_EQ(seen_, (Gids{"a", "b", "c"}));
  EXPECT_EQ(sender.counts().sent, 3U);
  EXPECT_EQ(sender.counts().dropped, 0U);
}

TEST_F(AlertSender, AsksAgainUntilItIsTaken) {
  answers_ = {503, 500, 429, 408, 302};
  Sender sender(loop_, options());
  sender.raise(alert("a"));
  sender.raise(alert("b"));
  run(sender);
  EXPECT_EQ(seen_, (Gids{"a", "a", "a", "a", "a", "a", "b"}));
  EXPECT_EQ(sender.counts().sent, 2U);
  EXPECT_EQ(sender.counts().failed_attempts, 5U);
}

TEST_F(AlertSender, AReceiverThatIsAwayGetsItWhenItIsBack) {
  server_.reset();
  Sender sender(loop_, options());
  sender.raise(alert("a"));
  std::function<void()> open_when_it_was_missed = [&] {
    if (sender.counts().failed_attempts >= 2) return open();
    loop_.at(loop_.now() + milliseconds{1}, open_when_it_was_missed);
  };
  open_when_it_was_missed();
  run(sender);
  EXPECT_EQ(seen_, Gids{"a"});
  EXPECT_EQ(sender.counts().sent, 1U);
}

TEST_F(AlertSender, WhatIsRefusedForGoodDoesNotStandInTheWay) {
  answers_ = {400};
  Sender sender(loop_, options());
  sender.raise(alert("a"));
  sender.raise(alert("b"));
  run(sender);
  EXPECT_EQ(seen_, (Gids{"a", "b"}));
  EXPECT_EQ(sender.counts().dropped, 1U);
  EXPECT_EQ(sender.counts().sent, 1U);
}

TEST_F(AlertSender, WhatDoesNotFitIsCountedAndDropped) {
  SenderOptions tight = options();
  tight.waiting_max = 2;
  Sender sender(loop_, tight);
  for (const char* gid : {"a", "b", "c", "d"}) sender.raise(alert(gid));
  EXPECT_EQ(sender.counts().waiting, 2U);
  EXPECT_EQ(sender.counts().dropped, 2U);
  run(sender);
  EXPECT_EQ(seen_, (Gids{"a", "b"}));
}

TEST_F(AlertSender, WhatCannotBeDeliveredForLongIsGivenUp) {
  SenderOptions short_lived = options();
  short_lived.keep = milliseconds{30};
  answers_.assign(1000, 503);
  Sender sender(loop_, short_lived);
  sender.raise(alert("a"));
  run(sender);
  EXPECT_EQ(sender.counts().dropped, 1U);
  EXPECT_GE(sender.counts().failed_attempts, 2U);
}

TEST_F(AlertSender, AReceiverThatSaysNothingIsAskedAgain) {
  SenderOptions hasty = options();
  hasty.timeout = milliseconds{30};
  answers_ = {0};
  Sender sender(loop_, hasty);
  sender.raise(alert("a"));
  run(sender);
  EXPECT_EQ(seen_.size(), 2U);
  EXPECT_EQ(sender.counts().sent, 1U);
}

}  // namespace
}  // namespace settle::alert
