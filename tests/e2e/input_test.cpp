#include "e2e/world.h"

// Bad input over the wire: a problem document that says what, where and what instead; nothing stored, nothing crashes.

namespace settle::e2e {
namespace {

struct Bad {
  std::string body;
  int status = 400;
  std::string problem;
  std::string names;  ///< must stand in the detail
};

class Input : public World {
 protected:
  /// A whole begin with `step` as its only step and `more` in front.
  static std::string plan(const std::string& step, const std::string& more = {}) {
    return R"({"pattern":"saga","gid":"bad",)" + more + R"("steps":[)" + step + "]}";
  }
  static std::string step(const std::string& more = {}) {
    return R"({"id":"a","action":"http://127.0.0.1:1/a")" + more + "}";
  }
  static std::string message(const std::string& more) {
    return R"({"pattern":"message","gid":"bad","targets":[{"id":"a","url":"http://127.0.0.1:1/a"}],)" + more + "}";
  }

  void refuses(const std::vector<Bad>& all) {
    const std::size_t stored = client().list("").size();
    for (const Bad& bad : all) {
      const std::string shown = bad.body.substr(0, 120);
      const Reply reply = client().post("/v1/transactions", bad.body);
      EXPECT_EQ(reply.status, bad.status) << shown << "\n" << reply.body;
      EXPECT_EQ(reply.problem(), bad.problem) << shown << "\n" << reply.body;
      EXPECT_EQ(reply.body.value("status", 0), bad.status) << shown;
      EXPECT_NE(reply.text("/detail").find(bad.names), std::string::npos) << shown << "\n" << reply.text("/detail");
      EXPECT_GT(reply.text("/detail").size(), 10U) << shown;
      EXPECT_NE(live::read_file(SETTLE_SOURCE_DIR "/docs" + reply.text("/type") + ".md"), "") << "no page for it";
    }
    EXPECT_EQ(client().list("").size(), stored) << "something was stored";
    EXPECT_EQ(admin().get("/healthz").status, 200);
  }
};

TEST_F(Input, FAIL_M1_WhatIsNoJson) {
  std::string deep = plan(step(R"(,"input":)" + std::string(40, '[') + std::string(40, ']')));
  refuses({
      {"", 400, "malformed", ""},
      {"{", 400, "malformed", "byte"},
      {"null", 400, "invalid", ""},
      {"[]", 400, "invalid", ""},
      {R"("text")", 400, "invalid", ""},
      {plan(step()) + "x", 400, "malformed", ""},
      {plan(step(), R"("wait_ms":01,)"), 400, "malformed", ""},
      {plan(step(), R"("wait_ms":NaN,)"), 400, "malformed", ""},
      {R"({'pattern':'saga'})", 400, "malformed", ""},
      {plan(step(), "\"labels\":{\"a\":\"\xff\xfe\"},"), 400, "malformed", ""},
      {plan(step(), "\"labels\":{\"a\":\"\xc0\xaf\"},"), 400, "malformed", ""},
      {plan(step(), R"("labels":{"a":"\ud800"},)"), 400, "malformed", ""},
      {plan(step(), R"("labels":{"a":"\udc00\ud800"},)"), 400, "malformed", ""},
      {plan(step(), "\"labels\":{\"a\":\"\x01\"},"), 400, "malformed", ""},
      {"\xef\xbb\xbf" + plan(step()), 400, "malformed", ""},
      {plan(step(), R"("gid":"twice",)"), 400, "malformed", "gid"},
      {plan(step(R"(,"input":{"x":1,"x":2})")), 400, "malformed", "x"},
      {plan(step(R"(,"input":{"x":1,"\u0078":2})")), 400, "malformed", "x"},
      {deep, 400, "malformed", ""},
      {std::string(100'000, '['), 400, "malformed", ""},
  });
}

TEST_F(Input, FAIL_M9_FieldsThatThisVersionDoesNotKnow) {
  std::vector<Bad> all;
  for (const char* field :
       {R"("parent":"x")", R"("recover":"forward")", R"("branches":[])", R"("Pattern":"saga")", R"("":1)"}) {
    all.push_back({plan(step(), std::string(field) + ","), 400, "invalid", ""});
  }
  for (const char* field :
       {R"("piwot":true)", R"("try":"http://127.0.0.1:1/")", R"("on_refused":"park")", R"("actions":"x")"}) {
    all.push_back({plan(step("," + std::string(field))), 400, "invalid", "/steps/0"});
  }
  for (const char* field : {R"("on_timeout":"park")", R"("pivot":true)", R"("after":[])"}) {
    all.push_back(
        {R"({"pattern":"message","targets":[{"id":"a","url":"http://127.0.0.1:1/a",)" + std::string(field) + "}]}", 400,
         "invalid", "/targets/0"});
  }
  for (const char* pattern : {"xa", "at", "TCC", "SAGA", "", "workflow"}) {
    all.push_back(
        {R"({"pattern":")" + std::string(pattern) + R"(","steps":[)" + step() + "]}", 400, "invalid", "/pattern"});
  }
  refuses(all);
}

TEST_F(Input, FieldsOfTheWrongType) {
  refuses({
      {R"({"pattern":7,"steps":[]})", 400, "invalid", "/pattern"},
      {R"({"pattern":"saga"})", 400, "invalid", "steps"},
      {R"({"steps":[]})", 400, "invalid", "pattern"},
      {R"({"pattern":"saga","steps":{}})", 400, "invalid", "/steps"},
      {R"({"pattern":"saga","steps":[]})", 400, "invalid", "/steps"},
      {R"({"pattern":"saga","steps":[7]})", 400, "invalid", "/steps/0"},
      {R"({"pattern":"saga","steps":[{}]})", 400, "invalid", "/steps/0"},
      {R"({"pattern":"saga","targets":[]})", 400, "invalid", "/targets"},
      {R"({"pattern":"message","targets":[]})", 400, "invalid", "/targets"},
      {plan(step(), R"("wait_ms":"5",)"), 400, "invalid", "/wait_ms"},
      {plan(step(), R"("wait_ms":1.5,)"), 400, "invalid", "/wait_ms"},
      {plan(step(), R"("wait_for":"ever",)"), 400, "invalid", "/wait_for"},
      {plan(step(), R"("concurrent":1,)"), 400, "invalid", "/concurrent"},
      {plan(step(), R"("labels":[],)"), 400, "invalid", "/labels"},
      {plan(step(), R"("labels":{"a":1},)"), 400, "invalid", "/labels"},
      {plan(step(), R"("retry":7,)"), 400, "invalid", "/retry"},
      {plan(step(R"(,"retry":{"base_ms":"x"})")), 400, "invalid", "/steps/0/retry/base_ms"},
      {plan(step(R"(,"compensate_input":{})")), 400, "invalid", "/steps/0"},
      {message(R"("check":7)"), 400, "invalid", "/check"},
      {message(R"("check_after_ms":500)"), 400, "invalid", "/check_after_ms"},
  });
}

TEST_F(Input, FAIL_M3_GidsAndNamesOutsideTheAlphabet) {
  std::vector<Bad> all;
  for (const std::string& gid : {std::string(), std::string(129, 'g'), std::string(100'000, 'g'), std::string("a b"),
                                 std::string("a/b"), std::string("a\\u0000b"), std::string("a'b"),
                                 std::string("\xc3\xa4"), std::string("a\\nb"), std::string("%41")}) {
    all.push_back({R"({"pattern":"saga","gid":")" + gid + R"(","steps":[)" + step() + "]}", 400, "invalid", "/gid"});
  }
  for (const std::string& id :
       {std::string(), std::string(65, 'b'), std::string("a:b"), std::string("00"), std::string("a b")}) {
    all.push_back({R"({"pattern":"saga","steps":[{"id":")" + id + R"(","action":"http://127.0.0.1:1/"}]})", 400,
                   "invalid", "/steps/0/id"});
  }
  all.push_back({plan(step() + "," + step()), 400, "invalid", "/steps/1"});
  refuses(all);
  for (const char* path :
       {"/v1/transactions/a%20b", "/v1/transactions/%00", "/v1/transactions/%zz", "/v1/transactions/%c3%a4"}) {
    EXPECT_EQ(client().get(path).problem(), "invalid") << path;
  }
}

TEST_F(Input, UrlsThatAreNotCalled) {
  std::vector<Bad> all;
  for (const char* url :
       {"", "nowhere", "ftp://127.0.0.1/", "//127.0.0.1/", "http://", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
        "http://user@127.0.0.1/", "http://127.0.0.1/#x", "http://127.0.0.1/a b", "http://127.1/", "http://0x7f.1/",
        "http://2130706433/", "http://10.0.0.1/", "http://169.254.169.254/latest", "http://[::]/", "http://0.0.0.0/"}) {
    all.push_back({R"({"pattern":"saga","steps":[{"id":"a","action":")" + std::string(url) + R"("}]})", 400, "invalid",
                   "/steps/0/action"});
  }
  all.push_back({message(R"("check":"http://192.168.1.1/")"), 400, "invalid", "/check"});
  all.push_back(
      {R"({"pattern":"saga","steps":[{"id":"a","action":"http://127.0.0.1/)" + std::string(3000, 'x') + R"("}]})", 400,
       "invalid", "/steps/0/action"});
  refuses(all);
}

TEST_F(Input, FAIL_M6_GraphsThatAreNone) {
  const auto graph = [](const std::string& steps) { return R"({"pattern":"saga","steps":[)" + steps + "]}"; };
  const auto node = [](const std::string& id, const std::string& after) {
    return R"({"id":")" + id + R"(","action":"http://127.0.0.1:1/","after":)" + after + "}";
  };
  refuses({
      {graph(node("a", R"(["a"])")), 400, "invalid", "cycle"},
      {graph(node("a", R"(["b"])") + "," + node("b", R"(["a"])")), 400, "invalid", "cycle"},
      {graph(node("a", R"(["c"])") + "," + node("b", R"(["a"])") + "," + node("c", R"(["b"])")), 400, "invalid",
       "cycle"},
      {graph(node("a", R"(["nobody"])")), 400, "invalid", "nobody"},
      {graph(node("a", R"([7])")), 400, "invalid", "/steps/0/after/0"},
      {graph(node("a", R"("b")")), 400, "invalid", "/steps/0/after"},
  });
}

TEST_F(Input, FAIL_M5_AbsurdTimesAndNumbers) {
  std::vector<Bad> all;
  for (const char* field : {"wait_ms", "deadline_ms", "attempt_timeout_ms"}) {
    for (const char* value : {"-1", "1e300", "99999999999999999999", "34560000001"}) {
      all.push_back(
          {plan(step(), "\"" + std::string(field) + "\":" + value + ","), 400, "invalid", "/" + std::string(field)});
    }
  }
  for (const char* retry : {R"({"base_ms":0})", R"({"base_ms":-5})", R"({"factor":0})", R"({"factor":1e9})",
                            R"({"jitter":2})", R"({"jitter":-0.1})", R"({"attempts":0})", R"({"attempts":99999999999})",
                            R"({"for_ms":-1})", R"({"base_ms":500,"cap_ms":100})", R"({"tries":3})"}) {
    all.push_back({plan(step(), "\"retry\":" + std::string(retry) + ","), 400, "invalid", "/retry"});
  }
  all.push_back({message(R"("at":"tomorrow")"), 400, "invalid", "/at"});
  all.push_back({message(R"("at":"9999-12-31T23:59:59Z")"), 400, "invalid", "/at"});
  all.push_back({message(R"("delay_ms":-1)"), 400, "invalid", "/delay_ms"});
  all.push_back({message(R"("delay_ms":5,"at":"2026-01-01T00:00:00Z")"), 400, "invalid", ""});
  refuses(all);
}

TEST_F(Input, FAIL_M7_HeadersThatMustNotBeForwarded) {
  std::vector<Bad> all;
  for (const char* header :
       {R"("authorization":"x")", R"("host":"x")", R"("content-length":"5")", R"("cookie":"a=b")",
        R"("settle-gid":"x")", R"("x-forwarded-for":"1.2.3.4")", R"("x-a b":"x")", R"("x-a\r\nevil":"x")", R"("":"x")",
        R"("x-a":"b\r\nevil: 1")", R"("x-a":"\u0000")", R"("x-a":7)"}) {
    all.push_back({plan(step(), "\"headers\":{" + std::string(header) + "},"), 400, "invalid", "/headers"});
  }
  refuses(all);
}

TEST_F(Input, FAIL_L7_MoreOrLargerThanOneTransactionMayBe) {
  std::string many;
  for (int i = 0; i < 300; ++i) {
    many +=
        (i == 0 ? "" : ",") + std::string(R"({"id":"s)") + std::to_string(i) + R"(","action":"http://127.0.0.1:1/"})";
  }
  refuses({
      {plan(many), 422, "too-many", "/steps"},
      {plan(step(R"(,"input":")" + std::string(300'000, 'x') + "\"")), 413, "too-large", "/steps/0/input"},
      {plan(step(R"(,"input":")" + std::string(2'000'000, 'x') + "\"")), 413, "too-large", ""},
  });
}

TEST_F(Input, PlacesAndMethodsThatAreNot) {
  const auto problem = [this](const char* method, const char* target) {
    return client().ask(method, target, {}).problem();
  };
  EXPECT_EQ(problem("GET", "/"), "unknown-route");
  EXPECT_EQ(problem("GET", "/v1"), "unknown-route");
  EXPECT_EQ(problem("GET", "/v2/transactions"), "unknown-route");
  EXPECT_EQ(problem("GET", "/v1/transactions/"), "unknown-route");
  EXPECT_EQ(problem("POST", "/v1/transactions/g/commit"), "unknown-route");
  EXPECT_EQ(problem("GET", "/../etc/passwd"), "unknown-route");
  EXPECT_EQ(problem("DELETE", "/v1/transactions/g"), "method-not-allowed");
  EXPECT_EQ(problem("PUT", "/v1/transactions"), "method-not-allowed");
  EXPECT_EQ(problem("GET", "/v1/transactions/g/submit"), "method-not-allowed");
  EXPECT_EQ(problem("GET", "/v1/transactions/g"), "unknown-gid");
  EXPECT_EQ(problem("POST", "/v1/transactions/g/submit"), "unknown-gid");
  EXPECT_EQ(problem("POST", "/v1/transactions?x=1"), "invalid");
  // Operators' verbs are on the other listener only.
  EXPECT_EQ(problem("POST", "/v1/transactions/g/retry"), "unknown-route");
  EXPECT_EQ(problem("GET", "/metrics"), "unknown-route");
}

TEST_F(Input, VerbsWithBodiesThatMakeNoSense) {
  const std::string gid = fresh("verbs");
  Gate gate;
  services.on("/act/a", gate.held());
  ASSERT_EQ(client().begin(saga(services, gid, {"a"})).status, 201);
  const std::string at = "/v1/transactions/" + gid;
  EXPECT_EQ(client().post(at + "/abort", "{").problem(), "malformed");
  EXPECT_EQ(client().post(at + "/abort", R"({"why":"x"})").problem(), "invalid");
  EXPECT_EQ(client().post(at + "/abort", R"({"reason":7})").problem(), "invalid");
  EXPECT_EQ(client().post(at + "/submit", R"({"x":1})").problem(), "invalid");
  EXPECT_EQ(client().post(at + "/branches/a/report", R"({"op":"action"})").problem(), "invalid");
  EXPECT_EQ(client().post(at + "/branches/a/report", R"({"op":"fly","outcome":"done"})").problem(), "invalid");
  EXPECT_EQ(client().post(at + "/branches/nobody/report", R"({"op":"action","outcome":"done"})").problem(),
            "unknown-branch");
  EXPECT_EQ(client().get(at + "?wait_ms=-1").problem(), "invalid");
  EXPECT_EQ(client().get(at + "?wait_ms=x").problem(), "invalid");
  EXPECT_EQ(client().get(at + "?wait_for=ever").problem(), "invalid");
  EXPECT_EQ(client().get(at + "?colour=red").problem(), "invalid");
  EXPECT_EQ(client().show(gid).outcome(), "running");
  gate.open();
  EXPECT_EQ(client().ended(gid).outcome(), "committed");
}

}  // namespace
}  // namespace settle::e2e
