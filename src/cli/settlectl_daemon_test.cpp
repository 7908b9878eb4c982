// settlectl against the real daemon, so that both keep to the same contract.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "cli/json.h"
#include "cli/scripted_daemon_testing.h"
#include "net/socket.h"

namespace settle::cli {
namespace {

/// settled on ports of the kernel's choice, with a store that forgets. Killed at the end.
class Daemon {
 public:
  Daemon() {
    int ends[2] = {-1, -1};
    SETTLE_ASSERT(::pipe2(ends, O_CLOEXEC) == 0);
    log_.reset(ends[0]);
    const net::Fd writing(ends[1]);
    pid_ = ::fork();
    SETTLE_ASSERT(pid_ >= 0);
    if (pid_ == 0) become(writing.get());
  }
  ~Daemon() {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Reads its log until it is ready; false if it ends before.
  bool await_ready() {
    for (std::string line; read_line(line);) {
      if (line.find(" listening ") != std::string::npos) {
        environment_of_test()["SETTLE_API"] = word_after(line, " api=");
        environment_of_test()["SETTLE_ADMIN"] = word_after(line, " admin=");
      }
      if (line.ends_with(" ready")) return true;
    }
    return false;
  }

 private:
  [[noreturn]] static void become(int log) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)::dup2(log, STDERR_FILENO);
    ::execl(SETTLED_BINARY, SETTLED_BINARY, "--api.http=127.0.0.1:0", "--admin.http=127.0.0.1:0",
            "--store=memory:", "--workers=1", "--log.level=info", nullptr);
    ::_exit(127);
  }
  bool read_line(std::string& line) const {
    line.clear();
    for (char c = 0; ::read(log_.get(), &c, 1) == 1;) {
      if (c == '\n') return true;
      line.push_back(c);
    }
    return false;
  }
  static std::string word_after(const std::string& line, const std::string& key) {
    const std::size_t begin = line.find(key) + key.size();
    return line.substr(begin, line.find(' ', begin) - begin);
  }

  net::Fd log_;
  pid_t pid_ = -1;
};

/// A participant that answers by path: /yes, /no, /down, /committed, /aborted.
class Participant {
 public:
  Participant()
      : server_(loop_, {}, [this](const net::HttpRequest& request, net::ResponseSlot slot) {
          int status = 503;
          std::string body;
          if (request.path == "/yes") status = 200;
          if (request.path == "/no") status = 409, body = "sold out";
          if (request.path == "/committed") status = 200, body = R"({"state":"committed"})";
          if (request.path == "/aborted") status = 200, body = R"({"state":"aborted"})";
          server_.respond(slot, status, "application/json", body);
        }) {
    const Result<std::uint16_t> port = server_.listen("127.0.0.1", 0);
    SETTLE_ASSERT(port.ok());
    url_ = "http://127.0.0.1:" + std::to_string(*port);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Participant() {
    loop_.stop();
    thread_.join();
  }
  Participant(const Participant&) = delete;
  Participant& operator=(const Participant&) = delete;
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  net::Loop loop_;
  net::HttpServer server_;
  std::string url_;
  std::thread thread_;
};

class SettlectlAndSettled : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.await_ready()); }

  [[nodiscard]] std::string saga(const std::string& gid, const std::string& path) const {
    return R"({"pattern":"saga","gid":")" + gid +
           R"(","labels":{"shop":"north"},"retry":{"base_ms":20,"cap_ms":100},)" +
           R"("steps":[{"id":"first","action":")" + participant_.url() + R"(/yes","compensate":")" +
           participant_.url() + R"(/yes"},{"id":"second","action":")" + participant_.url() + path + R"("}]})";
  }
  [[nodiscard]] std::string prepared_message(const std::string& gid, const std::string& check) const {
    return R"({"pattern":"message","gid":")" + gid + R"(","check":")" + participant_.url() + check +
           R"(","check_after_ms":600000,"targets":[{"id":"a","url":")" + participant_.url() + R"(/yes"}]})";
  }

  Participant participant_;
  Daemon daemon_;
};

TEST_F(SettlectlAndSettled, ASagaIsSubmittedShownAndListed) {
  const Ran submitted = run_settlectl({"submit", "-", "--wait", "10000"}, saga("good", "/yes"));
  EXPECT_EQ(submitted.exit, 0) << submitted.err;
  EXPECT_EQ(submitted.out.rfind("good  saga  committed\n", 0), 0U) << submitted.out;
  EXPECT_EQ(run_settlectl({"submit", "-", "--wait", "10000"}, saga("good", "/yes")).exit, 0) << "the same again";

  const Ran shown = run_settlectl({"show", "good"});
  EXPECT_EQ(shown.exit, 0) << shown.err;
  for (const char* part :
       {"good  saga  committed", "  second  action  done     1         HTTP 200", "begun", "ended"}) {
    EXPECT_NE(shown.out.find(part), std::string::npos) << part << "\n" << shown.out;
  }
  const Ran listed = run_settlectl({"list", "--outcome", "committed"});
  EXPECT_NE(listed.out.find("good  saga     committed"), std::string::npos) << listed.out;
  const Json document = parse_json(run_settlectl({"show", "good", "--json"}).out);
  EXPECT_EQ(text_at(document, "outcome"), "committed");
}

TEST_F(SettlectlAndSettled, ARefusalTurnsBackAndTheExitCodeSaysSo) {
  EXPECT_EQ(run_settlectl({"submit", "-", "--wait", "10000"}, saga("bad", "/no")).exit, 1);
  EXPECT_EQ(run_settlectl({"wait", "bad"}).exit, 1);
  const Ran shown = run_settlectl({"show", "bad"});
  EXPECT_NE(shown.out.find("compensate  done"), std::string::npos) << shown.out;
  EXPECT_NE(shown.out.find("sold out"), std::string::npos) << shown.out;
}

TEST_F(SettlectlAndSettled, AStuckSagaIsExplainedRetriedAndAborted) {
  ASSERT_EQ(run_settlectl({"submit", "-"}, saga("stuck", "/down")).exit, 0);
  Ran shown;
  do {
    const Ran waited = run_settlectl({"wait", "stuck", "--for", "10"});
    ASSERT_EQ(waited.exit, 4) << waited.err;
    shown = run_settlectl({"show", "stuck"});
  } while (shown.out.find("HTTP 503") == std::string::npos);  // the test's own time limit ends a wait in vain
  EXPECT_NE(shown.out.find("WAITS FOR"), std::string::npos) << shown.out;
  const Ran listed = run_settlectl({"list", "--outcome", "running"});
  EXPECT_NE(listed.out.find("second action"), std::string::npos) << listed.out;

  const Ran retried = run_settlectl({"retry", "stuck", "--reason", "test"});
  EXPECT_EQ(retried.exit, 0) << retried.err;
  const Ran aborted = run_settlectl({"abort", "stuck", "--reason", "nobody needs it"});
  EXPECT_EQ(aborted.exit, 0) << aborted.err;
  EXPECT_EQ(run_settlectl({"wait", "stuck"}).exit, 1);
  EXPECT_NE(run_settlectl({"show", "stuck"}).out.find("nobody needs it"), std::string::npos);
}

TEST_F(SettlectlAndSettled, AbortOfAPreparedMessageAsksTheProducer) {
  ASSERT_EQ(run_settlectl({"submit", "-"}, prepared_message("did-not", "/aborted")).exit, 0);
  const Ran aborted = run_settlectl({"abort", "did-not"});
  EXPECT_EQ(aborted.exit, 0) << aborted.out << aborted.err;
  EXPECT_EQ(run_settlectl({"wait", "did-not"}).exit, 1);

  ASSERT_EQ(run_settlectl({"submit", "-"}, prepared_message("did", "/committed")).exit, 0);
  const Ran refused = run_settlectl({"abort", "did"});
  EXPECT_EQ(refused.exit, 1) << refused.out << refused.err;
  EXPECT_EQ(run_settlectl({"wait", "did"}).exit, 0) << "the message was delivered";
}

TEST_F(SettlectlAndSettled, EveryFilterIsUnderstood) {
  ASSERT_EQ(run_settlectl({"submit", "-", "--wait", "10000"}, saga("one", "/yes")).exit, 0);
  ASSERT_EQ(run_settlectl({"submit", "-", "--wait", "10000"}, saga("two", "/yes")).exit, 0);
  const Ran fits = run_settlectl({"list", "--pattern", "saga", "--outcome", "committed", "--phase", "ended", "--label",
                                  "shop=north", "--since", "2020-01-01T00:00:00Z", "--until", "2199-01-01T00:00:00Z"});
  EXPECT_EQ(fits.exit, 0) << fits.err;
  EXPECT_NE(fits.out.find("one "), std::string::npos) << fits.out;
  EXPECT_EQ(run_settlectl({"list", "--incident"}).out, "no such transaction\n");
  EXPECT_EQ(run_settlectl({"list", "--label", "shop=south"}).out, "no such transaction\n");

  const Ran first = run_settlectl({"list", "--limit", "1"});
  const std::size_t cursor = first.out.find("--cursor ");
  ASSERT_NE(cursor, std::string::npos) << first.out;
  EXPECT_NE(first.out.find("two "), std::string::npos) << "newest first: " << first.out;
  const std::string more = first.out.substr(cursor + 9, first.out.size() - cursor - 10);
  EXPECT_NE(run_settlectl({"list", "--limit", "1", "--cursor", more}).out.find("one "), std::string::npos);
}

TEST_F(SettlectlAndSettled, RefusalsAreReadable) {
  const Ran unknown = run_settlectl({"show", "nobody"});
  EXPECT_EQ(unknown.exit, 1);
  EXPECT_NE(unknown.err.find("refused with 404 unknown-gid"), std::string::npos) << unknown.err;

  const Ran malformed = run_settlectl({"submit", "-"}, "{\"pattern\":");
  EXPECT_EQ(malformed.exit, 1);
  EXPECT_NE(malformed.err.find("400 malformed"), std::string::npos) << malformed.err;

  ASSERT_EQ(run_settlectl({"submit", "-", "--wait", "10000"}, saga("taken", "/yes")).exit, 0);
  const Ran reused = run_settlectl({"submit", "-"}, saga("taken", "/no"));
  EXPECT_EQ(reused.exit, 1);
  EXPECT_NE(reused.err.find("409 gid-reused"), std::string::npos) << reused.err;

  const Ran late = run_settlectl({"abort", "taken"});
  EXPECT_EQ(late.exit, 1);
  EXPECT_NE(late.err.find("409 wrong-phase"), std::string::npos) << late.err;

  const Ran filter = run_settlectl({"list", "--phase", "sleeping"});
  EXPECT_EQ(filter.exit, 1);
  EXPECT_NE(filter.err.find("400 invalid"), std::string::npos) << filter.err;
}

}  // namespace
}  // namespace settle::cli
