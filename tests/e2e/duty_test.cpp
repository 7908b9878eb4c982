#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include "e2e/world.h"

// Operators on duty: alerts with their signature, destinations, the audit; each against a daemon of its own.

namespace settle::e2e {
namespace {

constexpr const char* kSecret = "a secret of more than sixteen bytes";

std::string hex(const unsigned char* bytes, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) {
    std::array<char, 3> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%02x", bytes[i]);
    out += digits.data();
  }
  return out;
}

/// As docs/operations.md tells a receiver to do it; no code of the product.
std::string hmac_of(const std::string& text) {
  std::array<unsigned char, 32> bytes{};
  unsigned size = 0;
  (void)HMAC(EVP_sha256(), kSecret, static_cast<int>(std::char_traits<char>::length(kSecret)),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data(), &size);
  return hex(bytes.data(), size);
}

std::string sha_of(const std::string& text) {
  std::array<unsigned char, 32> bytes{};
  (void)SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data());
  return hex(bytes.data(), bytes.size());
}

/// Somebody who is told. Believes nothing that is not signed.
class Receiver {
 public:
  Receiver() : server_(live::free_port(), [this](const live::Message& request) { return take(request); }) {}

  [[nodiscard]] std::string url() const { return live::url(server_.port(), "/hook"); }
  void answer(int status) {
    const std::lock_guard hold(lock_);
    status_ = status;
  }
  [[nodiscard]] std::vector<Json> got(const std::string& kind) const {
    const std::lock_guard hold(lock_);
    std::vector<Json> out;
    for (const Json& alert : alerts_) {
      if (alert.value("kind", "") == kind) out.push_back(alert);
    }
    return out;
  }
  [[nodiscard]] bool hears(const std::string& kind) const {
    return eventually(kPatience, [&] { return !got(kind).empty(); });
  }
  [[nodiscard]] int refused() const {
    const std::lock_guard hold(lock_);
    return refused_;
  }
  [[nodiscard]] int forged() const {
    const std::lock_guard hold(lock_);
    return forged_;
  }

 private:
  Said take(const live::Message& request) {
    const std::lock_guard hold(lock_);
    const std::string timestamp = request.header("settle-timestamp");
    if (request.header("settle-signature") != "v1=" + hmac_of(timestamp + "." + request.body)) {
      ++forged_;
      return {403, "", {}, Said::How::kAnswer};
    }
    if (status_ != 200) {
      ++refused_;
      return {status_, "", {}, Said::How::kAnswer};
    }
    alerts_.push_back(Json::parse(request.body, nullptr, false));
    return {200, "", {}, Said::How::kAnswer};
  }

  mutable std::mutex lock_;
  std::vector<Json> alerts_;  // guarded by lock_
  int status_ = 200;          // guarded by lock_
  int refused_ = 0;           // guarded by lock_
  int forged_ = 0;            // guarded by lock_
  live::Server server_;
};

class Duty : public testing::Test {
 protected:
  /// Flags for a daemon that tells `receiver_`.
  std::vector<std::string> told(std::vector<std::string> more = {}) {
    const std::string path = place_.path("secret");
    std::ofstream(path) << kSecret << "\n";
    (void)::chmod(path.c_str(), 0600);
    std::vector<std::string> flags{"--alert.url=" + receiver_.url(), "--alert.secret-file=" + path, "--workers=2"};
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }

  /// The line of /v1/destinations for the services; null if there is none.
  [[nodiscard]] Json destination(live::Settled& daemon) const {
    const Reply reply = daemon.admin().get("/v1/destinations");
    const std::string name = name_of_services();
    for (const Json& one : reply.body.value("destinations", Json::array())) {
      if (one.value("name", "") == name) return one;
    }
    return {};
  }
  [[nodiscard]] std::string name_of_services() const {
    const std::string url = services_.url("/");
    return url.substr(0, url.size() - 1);
  }
  [[nodiscard]] Reply order(live::Settled& daemon, const std::string& verb, const std::string& reason = "maintenance") {
    return daemon.admin().post("/v1/destinations/" + name_of_services() + "/" + verb,
                               R"({"reason":")" + reason + "\"}");
  }

  live::Place place_{"duty"};
  Receiver receiver_;
  Services services_;
};

// ------------------------------------------------------------------------------------------------------------- alerts

TEST_F(Duty, AnIncidentIsToldOnceSignedAndItsEndToo) {
  OwnDaemon own(told());
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  const std::string gid = fresh("alerted");
  services_.on("/deliver/a", in_turn({say(409, "no"), say(200)}));
  ASSERT_EQ(own.settled.client().begin(message(services_, gid, {"a"})).status, 201);
  ASSERT_TRUE(receiver_.hears("incident-opened")) << own.settled.log();
  const Json alert = receiver_.got("incident-opened").front();
  EXPECT_EQ(alert.value("gid", ""), gid);
  EXPECT_EQ(alert.value("branch", ""), "a");
  EXPECT_EQ(alert.value("cause", ""), "refused");
  EXPECT_TRUE(receiver_.got("incident-closed").empty());
  EXPECT_EQ(own.settled.admin().post("/v1/transactions/" + gid + "/retry", R"({"reason":"mended"})").status, 200);
  ASSERT_TRUE(receiver_.hears("incident-closed"));
  EXPECT_EQ(receiver_.got("incident-opened").size(), 1U);
  EXPECT_EQ(receiver_.forged(), 0);
  EXPECT_EQ(own.settled.log().find(kSecret), std::string::npos);
  EXPECT_EQ(own.settled.terminate(), (live::Exit{0, 0}));
}

TEST_F(Duty, AReceiverThatIsBusyIsToldLaterAndSlowsNobodyDown) {
  OwnDaemon own(told());
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  receiver_.answer(503);
  services_.on("/deliver/a", say(409, "no"));
  const std::string gid = fresh("late");
  ASSERT_EQ(own.settled.client().begin(message(services_, gid, {"a"})).status, 201);
  ASSERT_TRUE(eventually(kPatience, [&] { return receiver_.refused() > 0; }));
  Json plan = saga(services_, fresh("meanwhile"), {"b"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(own.settled.client().begin(plan).outcome(), "committed");
  receiver_.answer(200);
  EXPECT_TRUE(receiver_.hears("incident-opened"));
}

// Nobody knows whether the daemon that died had told anybody: the next one tells again, under the same id.
TEST_F(Duty, AfterAKillTheIncidentIsToldAgainWithTheSameId) {
  OwnDaemon own(told());
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  services_.on("/deliver/a", say(409, "no"));
  const std::string gid = fresh("again");
  ASSERT_EQ(own.settled.client().begin(message(services_, gid, {"a"})).status, 201);
  ASSERT_TRUE(receiver_.hears("incident-opened")) << "so it is durable";
  own.settled.kill();
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  ASSERT_TRUE(eventually(kPatience, [&] { return receiver_.got("incident-opened").size() == 2; }));
  const std::vector<Json> both = receiver_.got("incident-opened");
  EXPECT_EQ(both[0].value("id", "x"), both[1].value("id", "y"));
  EXPECT_TRUE(both[1].value("again", false));
}

TEST_F(Duty, AnOldTransactionIsToldAndItsEndToo) {
  OwnDaemon own(told({"--alert.oldest=1s"}));
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  Gate gate;
  services_.on("/act/a", gate.held());
  const std::string gid = fresh("old");
  ASSERT_EQ(own.settled.client().begin(saga(services_, gid, {"a"})).status, 201);
  ASSERT_TRUE(receiver_.hears("oldest-over-bound"));
  EXPECT_EQ(receiver_.got("oldest-over-bound").front().value("bound_ms", 0), 1000);
  EXPECT_TRUE(receiver_.got("oldest-back-below").empty());
  gate.open();
  EXPECT_TRUE(receiver_.hears("oldest-back-below"));
  EXPECT_EQ(receiver_.got("oldest-over-bound").size(), 1U);
}

TEST_F(Duty, ASecretThatOthersCanReadKeepsTheDaemonFromStarting) {
  std::vector<std::string> flags = told();
  (void)::chmod(place_.path("secret").c_str(), 0644);
  OwnDaemon own(flags);
  EXPECT_FALSE(own.settled.start());
  EXPECT_NE(own.settled.log().find("chmod 600"), std::string::npos) << own.settled.log();
}

// ------------------------------------------------------------------------------------------------------- destinations

TEST_F(Duty, FAIL_G3_ADestinationThatIsDownIsProbedToldAndServedAgain) {
  OwnDaemon own(told({"--participants.breaker-failures=3", "--participants.breaker-pause=100ms",
                      "--participants.breaker-pause-max=200ms"}));
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  services_.close();
  std::vector<std::string> gids;
  for (int i = 0; i < 40; ++i) {
    gids.push_back(fresh("down"));
    ASSERT_EQ(own.settled.client().begin(saga(services_, gids.back(), {"a"})).status, 201);
  }
  ASSERT_TRUE(receiver_.hears("destination-down")) << own.settled.log();
  EXPECT_EQ(receiver_.got("destination-down").front().value("destination", ""), name_of_services());
  const Json shown = destination(own.settled);
  EXPECT_NE(shown.value("state", ""), "closed") << shown;
  EXPECT_GE(shown.value("breaker_opened", 0), 1) << shown;
  EXPECT_EQ(shown.value("last_error", ""), "not reached") << shown;

  Services others;
  Json plan = saga(others, fresh("other"), {"a"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(own.settled.client().begin(plan).outcome(), "committed") << "nobody else is delayed";

  services_.open();
  for (const std::string& gid : gids) EXPECT_EQ(own.settled.client().ended(gid).outcome(), "committed") << gid;
  EXPECT_TRUE(receiver_.hears("destination-back"));
  EXPECT_EQ(destination(own.settled).value("state", ""), "closed");
  EXPECT_EQ(own.settled.terminate(), (live::Exit{0, 0}));
}

TEST_F(Duty, APauseHoldsEveryCallAlsoOverARestart) {
  OwnDaemon own({"--workers=2"});
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  EXPECT_EQ(order(own.settled, "pause").body.value("state", ""), "paused");
  const std::string gid = fresh("paused");
  ASSERT_EQ(own.settled.client().begin(saga(services_, gid, {"a"})).status, 201);
  ASSERT_TRUE(eventually(kPatience, [&] { return destination(own.settled).value("waiting", 0) == 1; }));
  EXPECT_EQ(own.settled.terminate(), (live::Exit{0, 0}));
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  ASSERT_TRUE(eventually(kPatience, [&] { return destination(own.settled).value("waiting", 0) == 1; }));
  EXPECT_EQ(destination(own.settled).at("pause").value("reason", ""), "maintenance");
  EXPECT_EQ(services_.count(), 0U) << "nothing left before or after";

  Services others;
  Json plan = saga(others, fresh("other"), {"a"});
  plan["wait_ms"] = 20'000;
  EXPECT_EQ(own.settled.client().begin(plan).outcome(), "committed");

  EXPECT_EQ(order(own.settled, "resume").body.value("state", ""), "closed");
  EXPECT_EQ(own.settled.client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services_.count(gid), 1U);
}

// -------------------------------------------------------------------------------------------------------------- audit

TEST_F(Duty, FAIL_N18_EveryVerbIsInTheChainBeforeItActsAndOverARestart) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  services_.on("/deliver/a", say(409, "no"));
  const std::string gid = fresh("audited");
  Json plan = message(services_, gid, {"a"});
  plan["wait_ms"] = 20'000;
  ASSERT_EQ(own.settled.client().begin(plan).status, 201);
  const std::string path = "/v1/transactions/" + gid;
  EXPECT_EQ(own.settled.admin().post(path + "/stop", R"({"reason":"look first"})").status, 200);
  EXPECT_EQ(order(own.settled, "pause").status, 200);
  own.settled.kill();
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  EXPECT_EQ(order(own.settled, "resume").status, 200);
  EXPECT_EQ(own.settled.admin().post(path + "/branches/a/resolve", R"({"as":"done","reason":"by phone"})").status, 200);
  EXPECT_EQ(own.settled.admin().post(path + "/retry", "{}").status, 400) << "no reason, no record";

  const std::string text = live::read_file(own.settled.data() + "/audit.log");
  std::string before(64, '0');
  std::string verbs;
  std::size_t at = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; at = end + 1, end = text.find('\n', at)) {
    const std::string hash = text.substr(at, 64);
    const std::string json = text.substr(at + 65, end - at - 65);
    EXPECT_EQ(hash, sha_of(before + json));
    verbs += Json::parse(json).value("verb", "?") + " ";
    before = hash;
  }
  EXPECT_EQ(at, text.size());
  EXPECT_EQ(verbs, "stop pause resume resolve ");
  EXPECT_NE(own.settled.log().find("head=" + before), std::string::npos) << "the log has what the chain ends in";
}

TEST_F(Duty, FAIL_O6_WithoutAnAuditOperatorsAreRefusedAndTransactionsGoOn) {
  const std::string folder = place_.path("audit");
  OwnDaemon own({"--audit.file=" + folder + "/audit.log"});
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  services_.on("/deliver/a", in_turn({say(409, "no"), say(200)}));
  const std::string gid = fresh("unaudited");
  Json plan = message(services_, gid, {"a"});
  plan["wait_ms"] = 20'000;
  ASSERT_EQ(own.settled.client().begin(plan).status, 201);
  const std::string retry = "/v1/transactions/" + gid + "/retry";
  const Reply refused = own.settled.admin().post(retry, R"({"reason":"r"})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.problem(), "audit-unavailable");
  EXPECT_EQ(order(own.settled, "pause").problem(), "audit-unavailable");
  EXPECT_EQ(services_.count(gid), 1U) << "the verb did not act";
  EXPECT_EQ(destination(own.settled).value("state", ""), "closed");
  Json other = saga(services_, fresh("other"), {"b"});
  other["wait_ms"] = 20'000;
  EXPECT_EQ(own.settled.client().begin(other).outcome(), "committed");

  std::filesystem::create_directory(folder);
  EXPECT_EQ(own.settled.admin().post(retry, R"({"reason":"r"})").status, 200);
  EXPECT_EQ(own.settled.client().ended(gid).outcome(), "committed");
}

// --------------------------------------------------------------------------------------------------------- settlectl

TEST_F(Duty, SettlectlDoesAllOfIt) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  const auto ctl = [&](std::vector<std::string> words) {
    std::vector<std::string> command{live::binary("settlectl"),
                                     "--api=127.0.0.1:" + std::to_string(own.settled.api_port()),
                                     "--admin=127.0.0.1:" + std::to_string(own.settled.admin_port())};
    command.insert(command.end(), words.begin(), words.end());
    live::Process process(command, place_.path("out"));
    const auto exit = process.wait(kPatience);
    return std::to_string(exit ? exit->code : -1) + " " + live::read_file(place_.path("out"));
  };
  services_.on("/deliver/a", say(409, "sold out"));
  const std::string gid = fresh("ctl");
  Json plan = message(services_, gid, {"a"});
  plan["wait_ms"] = 20'000;
  ASSERT_EQ(own.settled.client().begin(plan).status, 201);
  const auto expect = [](const std::string& output, const std::string& part) {
    EXPECT_TRUE(output.starts_with("0 ")) << output;
    EXPECT_NE(output.find(part), std::string::npos) << part << "\n" << output;
  };
  ASSERT_TRUE(eventually(kPatience, [&] {
    return !own.settled.admin().get("/v1/incidents").body.value("transactions", Json::array()).empty();
  })) << "the list is that of the store";
  expect(ctl({"incidents"}), gid);
  expect(ctl({"destinations"}), name_of_services());
  expect(ctl({"destinations", "pause", name_of_services(), "--reason=r"}), "paused");
  expect(ctl({"destinations", "resume", name_of_services(), "--reason=r"}), "closed");
  expect(ctl({"stop", gid, "--reason=r"}), "nothing is called any more");
  expect(ctl({"resolve", gid, "a", "--as=done", "--reason=r"}), "committed");
  ASSERT_TRUE(eventually(kPatience, [&] {
    return own.settled.admin().get("/v1/incidents").body.value("transactions", Json::array()).empty();
  }));
  expect(ctl({"incidents"}), "no incident");
  expect(ctl({"nodes"}), "(this one answers)");
  expect(ctl({"top", "--times=1"}), "incidents 0");
  expect(ctl({"audit", "list"}), "resolve");
  expect(ctl({"audit", "verify"}), "sound: 4 records");
  expect(ctl({"audit", "verify", own.settled.data() + "/audit.log"}), "sound: 4 records");
}

}  // namespace
}  // namespace settle::e2e
