#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "e2e/world.h"

// Operators: health, metrics, retry, and settlectl against the daemon itself.

namespace settle::e2e {
namespace {

class Operator : public World {
 protected:
  Operator() : World({"--limits.open=200"}) {}

  std::string metrics() {
    const live::Exchange got = live::exchange(daemon().admin_port(), "GET", "/metrics", {}, kPatience);
    EXPECT_EQ(got.answer.status, 200);
    EXPECT_TRUE(got.answer.header("content-type").starts_with("text/plain")) << got.answer.header("content-type");
    return got.answer.body;
  }
  /// The value of a line; -1 if there is none.
  static double value(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
    }
    return -1;
  }

  struct Ran {
    int code = -1;
    std::string output;
  };
  Ran settlectl(std::vector<std::string> words) {
    const live::Place place("ctl");
    std::vector<std::string> command{live::binary("settlectl"),
                                     "--api=127.0.0.1:" + std::to_string(daemon().api_port()),
                                     "--admin=127.0.0.1:" + std::to_string(daemon().admin_port())};
    command.insert(command.end(), words.begin(), words.end());
    live::Process process(command, place.path("out"));
    const auto exit = process.wait(kPatience);
    return {exit ? exit->code : -1, live::read_file(place.path("out"))};
  }
};

TEST_F(Operator, HealthAndReadiness) {
  EXPECT_EQ(admin().get("/healthz").status, 200);
  EXPECT_EQ(admin().get("/readyz").status, 200);
  EXPECT_EQ(admin().post("/healthz", "{}").problem(), "method-not-allowed");
  EXPECT_EQ(admin().get("/v1/transactions").problem(), "unknown-route");
}

TEST_F(Operator, RetryMakesItDueNow) {
  const std::string gid = fresh("retry");
  services.on("/act/a", in_turn({say(503), say(200)}));
  Json plan = saga(services, gid, {"a"});
  plan["retry"] = {{"base_ms", 3'600'000}, {"cap_ms", 3'600'000}};
  ASSERT_EQ(client().begin(plan).status, 201);
  ASSERT_TRUE(eventually(kPatience,
                         [&] { return wait_of(client().show(gid).body, "a").value("last_answer", "") == "HTTP 503"; }));
  const Json waits = wait_of(client().show(gid).body, "a");
  EXPECT_EQ(waits.value("op", ""), "action");
  EXPECT_EQ(waits.value("attempts", 0), 1);
  EXPECT_TRUE(waits.contains("next_due_at"));
  EXPECT_EQ(admin().post("/v1/transactions/" + gid + "/retry", R"({"reason":"repaired"})").status, 200);
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
  EXPECT_EQ(admin().post("/v1/transactions/nobody/retry", R"({"reason":"x"})").problem(), "unknown-gid");
  EXPECT_EQ(admin().post("/v1/transactions/" + gid + "/retry", R"({"because":"x"})").problem(), "invalid");
}

TEST_F(Operator, TheTimelineTellsTheWholeStory) {
  const std::string gid = fresh("story");
  services.on("/act/a", in_turn({say(503), say(200)}));
  services.on("/act/b", say(409));
  Json plan = saga(services, gid, {"a", "b"});
  plan["wait_ms"] = 20'000;
  ASSERT_EQ(client().begin(plan).outcome(), "aborted");
  const Reply shown = client().show(gid, "?timeline=1");
  std::string story;
  std::string last;
  for (const Json& line : shown.body.at("timeline")) {
    story += line.value("event", "") + " " + line.value("branch", "") + "; ";
    EXPECT_GE(line.value("at", ""), last) << "RFC 3339 in UTC sorts as text";
    last = line.value("at", "");
  }
  EXPECT_EQ(story, "begun ; unknown a; done a; refused b; turned-back ; done a; ended ; ") << shown.body;
  EXPECT_FALSE(client().show(gid).body.contains("timeline"));
}

// failures.md L9: a label with a gid in it would grow for ever.
TEST_F(Operator, FAIL_L9_MetricsCountAndTheirLabelsAreBounded) {
  const double begun = value(metrics(), "settle_transactions_begun_total");
  ASSERT_GE(begun, 0);
  const std::string name = fresh("counted");
  for (int i = 0; i < 50; ++i) {
    Json plan = saga(services, name + "-" + std::to_string(i), {"a", "b"});
    plan["wait_ms"] = 20'000;
    plan["labels"] = {{"customer", name}};
    ASSERT_EQ(client().begin(plan).outcome(), "committed");
  }
  (void)client().get("/v1/" + name);
  (void)client().post("/v1/transactions", "{");
  const std::string text = metrics();
  EXPECT_EQ(value(text, "settle_transactions_begun_total"), begun + 50);
  EXPECT_GE(value(text, "settle_calls_total"), 100);
  EXPECT_EQ(value(text, "settle_ready"), 1);
  EXPECT_EQ(text.find(name), std::string::npos) << "a name from outside stands in the metrics";

  std::map<std::string, std::set<std::string>> series;
  std::istringstream lines(text);
  const std::regex form(R"re(([a-z_]+)(\{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*\})? -?[0-9.eE+]+)re");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(line, parts, form)) << line;
    EXPECT_TRUE(series[parts[1]].insert(parts[2]).second) << "twice: " << line;
    EXPECT_NE(text.find("# TYPE settle_"), std::string::npos);
  }
  for (const auto& [metric, labels] : series) {
    EXPECT_TRUE(metric.starts_with("settle_") || metric.starts_with("process_")) << metric;
    EXPECT_LT(labels.size(), 200U) << metric;
  }
}

// INV I18: payloads are nobody's business but the participants'.
TEST_F(Operator, INV_I18_PayloadsAreNotInLogsOrMetrics) {
  const std::string gid = fresh("secret");
  const std::string canary = "canary-4f1d9a";
  services.on("/act/a", in_turn({say(500, canary), say(200, "\"" + canary + "\"")}));
  services.on("/act/b", say(409, canary));
  Json plan = saga(services, gid, {"a", "b"});
  for (Json& step : plan["steps"]) step["input"] = {{"card", canary}};
  plan["headers"] = {{"x-token", canary}};
  plan["wait_ms"] = 20'000;
  ASSERT_EQ(client().begin(plan).outcome(), "aborted");
  (void)client().post("/v1/transactions",
                      R"({"pattern":"saga","steps":[{"id":"a","action":"http://127.0.0.1:1/","input":)" + canary);
  EXPECT_EQ(daemon().log().find(canary), std::string::npos);
  EXPECT_EQ(metrics().find(canary), std::string::npos);
}

// failures.md L1: more is refused with a pause to keep, before memory grows, and it is stored in no form.
TEST_F(Operator, FAIL_L1_TooManyOpenTransactionsAreRefusedWithRetryAfter) {
  Services nobody;
  nobody.close();
  const std::string name = fresh("open");
  live::KeptLine line(daemon().api_port());
  std::vector<std::string> taken;
  Reply refused;
  std::string refused_gid;
  for (int i = 0; i < 400 && refused.status == 0; ++i) {
    const std::string gid = name + "-" + std::to_string(i);
    Reply reply = live::reply_of(line.exchange("POST", "/v1/transactions", saga(nobody, gid, {"a"}).dump(), kPatience));
    if (reply.status == 201) {
      taken.push_back(gid);
    } else {
      refused = std::move(reply);
      refused_gid = gid;
    }
  }
  EXPECT_TRUE(refused.status == 503 || refused.status == 429) << refused.body;
  EXPECT_EQ(refused.problem(), "overloaded");
  EXPECT_GE(std::atoi(refused.header("retry-after").c_str()), 1);
  EXPECT_LE(taken.size(), 200U);
  EXPECT_EQ(client().show(refused_gid).problem(), "unknown-gid");
  // What runs goes on, can be asked for, and can be ended, which makes room.
  for (const std::string& gid : taken) EXPECT_EQ(client().abort(gid).status, 200);
  for (const std::string& gid : taken) EXPECT_EQ(client().ended(gid).outcome(), "aborted");
  EXPECT_EQ(client().begin(saga(services, refused_gid, {"a"})).status, 201);
  EXPECT_EQ(client().ended(refused_gid).outcome(), "committed");
}

// failures.md L8: one too many is turned away at once, and those who are in are served all the time.
TEST_F(Operator, FAIL_L8_ConnectionsOverTheLimitAreTurnedAwayUntilThereIsRoom) {
  OwnDaemon own({"--limits.connections=8", "--workers=1"});
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  std::vector<live::Connection> taken;
  const auto asks = [](live::Connection& connection) {
    return connection.send(live::request_text("GET", "/v1/transactions/nobody", {})) &&
           connection.read(kPatience).has_value();
  };
  for (int i = 0; i < 8; ++i) {
    taken.push_back(live::Connection::to(own.settled.api_port()));
    EXPECT_TRUE(asks(taken.back())) << i;
  }
  live::Connection more = live::Connection::to(own.settled.api_port());
  EXPECT_TRUE(more.closed_by_peer(kPatience));
  for (live::Connection& connection : taken) EXPECT_TRUE(asks(connection));
  taken.pop_back();
  EXPECT_TRUE(eventually(kPatience, [&] { return own.settled.client().get("/v1/transactions/nobody").status == 404; }));
  EXPECT_EQ(own.settled.terminate(), (live::Exit{0, 0}));
}

TEST_F(Operator, TheLimitOfABodyCanBeLowered) {
  OwnDaemon own({"--limits.body=2KiB"});
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  Json plan = saga(services, fresh("body"), {"a"});
  plan["steps"][0]["input"] = std::string(1000, 'x');
  EXPECT_EQ(own.settled.client().begin(plan).status, 201);
  plan["steps"][0]["input"] = std::string(3000, 'x');
  const Reply refused = own.settled.client().begin(plan);
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.problem(), "too-large");
  EXPECT_EQ(own.settled.terminate(), (live::Exit{0, 0}));
}

// ------------------------------------------------------------------------------- settlectl

TEST_F(Operator, SettlectlShowsListsWaitsAndRetries) {
  const std::string gid = fresh("ctl");
  services.on("/act/b", in_turn({say(503), say(200)}));
  Json plan = saga(services, gid, {"a", "b"});
  plan["retry"] = {{"base_ms", 3'600'000}, {"cap_ms", 3'600'000}};
  const live::Place place("plan");
  {
    std::FILE* const file = std::fopen(place.path("plan.json").c_str(), "w");
    ASSERT_NE(file, nullptr);
    (void)std::fputs(plan.dump().c_str(), file);
    (void)std::fclose(file);
  }
  const Ran submitted = settlectl({"submit", place.path("plan.json")});
  EXPECT_EQ(submitted.code, 0) << submitted.output;
  ASSERT_TRUE(services.hears(gid, "/act/b"));
  ASSERT_TRUE(eventually(kPatience,
                         [&] { return wait_of(client().show(gid).body, "b").value("last_answer", "") == "HTTP 503"; }));
  const Ran shown = settlectl({"show", gid});
  EXPECT_EQ(shown.code, 0) << shown.output;
  for (const std::string& word : {gid, std::string("acting"), std::string("503"), std::string("action")}) {
    EXPECT_NE(shown.output.find(word), std::string::npos) << word << "\n" << shown.output;
  }
  const Ran listed = settlectl({"list", "--outcome=running"});
  EXPECT_EQ(listed.code, 0) << listed.output;
  EXPECT_NE(listed.output.find(gid), std::string::npos) << listed.output;
  const Ran retried = settlectl({"retry", gid, "--reason=repaired"});
  EXPECT_EQ(retried.code, 0) << retried.output;
  const Ran waited = settlectl({"--json", "wait", gid});
  EXPECT_EQ(waited.code, 0) << waited.output;
  EXPECT_EQ(Json::parse(waited.output, nullptr, false).value("outcome", ""), "committed") << waited.output;
}

TEST_F(Operator, SettlectlSaysWhatIsWrong) {
  const Ran missing = settlectl({"show", "nobody"});
  EXPECT_NE(missing.code, 0);
  EXPECT_NE(missing.output.find("nobody"), std::string::npos) << missing.output;
  const Ran unknown = settlectl({"fly"});
  EXPECT_NE(unknown.code, 0);
  EXPECT_FALSE(unknown.output.empty());
}

}  // namespace
}  // namespace settle::e2e
