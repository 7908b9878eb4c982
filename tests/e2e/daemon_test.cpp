#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "e2e/world.h"

// The process: start, refusal to start, drain, restart.

namespace settle::e2e {
namespace {

constexpr live::Exit kFine{0, 0};
constexpr int kUsage = 2;
constexpr int kCannotListen = 69;
constexpr int kStoreClosed = 74;

class Process : public testing::Test {
 protected:
  Services services;
};

/// Starts `settled` with these flags only and gives its exit; nothing: it runs.
std::optional<live::Exit> exit_of(const live::Place& place, const std::vector<std::string>& flags) {
  std::vector<std::string> command{live::binary("settled")};
  command.insert(command.end(), flags.begin(), flags.end());
  live::Process process(command, place.path("log"));
  return process.wait(kPatience);
}

TEST_F(Process, FAIL_H9_ASecondDaemonOnTheSameDirectoryRefuses) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  const std::string gid = fresh("first");
  ASSERT_EQ(own.settled.client().begin(saga(services, gid, {"a"})).status, 201);
  const live::Place place("second");
  const auto exit =
      exit_of(place, {"--store=embedded:" + own.settled.data(), "--api.http=127.0.0.1:0", "--admin.http=127.0.0.1:0"});
  ASSERT_TRUE(exit) << "two daemons run on one directory";
  EXPECT_EQ(exit->code, kStoreClosed);
  EXPECT_NE(live::read_file(place.path("log")).find(own.settled.data()), std::string::npos) << "it says which";
  EXPECT_EQ(own.settled.client().ended(gid).outcome(), "committed");
  // The first one's end, even by force, frees the directory.
  own.settled.kill();
  EXPECT_TRUE(own.settled.start()) << own.settled.log();
  EXPECT_EQ(own.settled.client().show(gid).outcome(), "committed");
  EXPECT_EQ(own.settled.terminate(), kFine);
}

TEST_F(Process, AListenerOutsideLoopbackIsRefusedBeforeAnythingStarts) {
  const live::Place place("outside");
  for (const char* flag :
       {"--api.http=0.0.0.0:0", "--api.http=[::]:0", "--api.http=10.1.2.3:36789", "--admin.http=0.0.0.0:0"}) {
    const auto exit = exit_of(
        place, {"--store=embedded:" + place.path("data"), "--api.http=127.0.0.1:0", "--admin.http=127.0.0.1:0", flag});
    ASSERT_TRUE(exit) << flag;
    EXPECT_EQ(*exit, (live::Exit{kUsage, 0})) << flag;
  }
  EXPECT_FALSE(std::filesystem::exists(place.path("data"))) << "nothing was made";
  EXPECT_NE(live::read_file(place.path("log")).find("127.0.0.1, [::1] or localhost"), std::string::npos)
      << live::read_file(place.path("log"));
}

TEST_F(Process, FlagsThatMakeNoSenseAreNamed) {
  const live::Place place("flags");
  for (const std::string flag : {"--api.htp=127.0.0.1:0", "--workers=0", "--drain=soon", "--store=floppy:a",
                                 "--test.failpoint=nowhere", "--retention=1h", "--config=/nowhere/settled.toml"}) {
    std::error_code ignored;
    std::filesystem::remove(place.path("log"), ignored);
    const auto exit = exit_of(place, {"--store=embedded:" + place.path("data"), flag});
    ASSERT_TRUE(exit) << flag;
    EXPECT_EQ(*exit, (live::Exit{kUsage, 0})) << flag;
    const std::string key = flag.substr(2, flag.find('=') - 2);
    EXPECT_NE(live::read_file(place.path("log")).find(key == "config" ? "settled.toml" : key), std::string::npos)
        << live::read_file(place.path("log"));
  }
}

TEST_F(Process, APortThatIsTakenIsNotShared) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start());
  const live::Place place("taken");
  const auto exit = exit_of(place, {"--store=memory:", "--api.http=127.0.0.1:" + std::to_string(own.settled.api_port()),
                                    "--admin.http=127.0.0.1:0"});
  ASSERT_TRUE(exit);
  EXPECT_EQ(*exit, (live::Exit{kCannotListen, 0}));
}

TEST_F(Process, AConfigurationFileAndPortsThatTheKernelChooses) {
  const live::Place place("config");
  std::ofstream(place.path("settled.toml")) << "store = \"embedded:" << place.path("data") << "\"\n"
                                            << "ports-file = \"" << place.path("ports") << "\"\n"
                                            << "ready-file = \"" << place.path("ready") << "\"\n"
                                            << "[api]\nhttp = \"127.0.0.1:1\"\n[admin]\nhttp = \"127.0.0.1:0\"\n";
  live::Process process({live::binary("settled"), "--config", place.path("settled.toml"), "--api.http=127.0.0.1:0"},
                        place.path("log"));
  ASSERT_TRUE(eventually(kPatience, [&] {
    return live::read_file(place.path("ready")) == "ready\n" || !process.running();
  })) << live::read_file(place.path("log"));
  unsigned api = 0;
  unsigned admin = 0;
  ASSERT_EQ(std::sscanf(live::read_file(place.path("ports")).c_str(), "api=%u admin=%u", &api, &admin), 2)
      << live::read_file(place.path("log"));
  EXPECT_EQ(live::Client(static_cast<std::uint16_t>(api)).get("/v1/transactions").status, 200);
  EXPECT_EQ(live::Client(static_cast<std::uint16_t>(admin)).get("/readyz").status, 200);
  process.send(SIGINT);
  EXPECT_EQ(process.wait(kPatience), kFine);
}

// SIGTERM: what runs is finished or kept, who waits hears the document, the exit is 0, and a restart goes on.
TEST_F(Process, FAIL_O2_DrainAnswersThoseWhoWaitAndKeepsTheRest) {
  OwnDaemon own({"--drain=3s"});
  ASSERT_TRUE(own.settled.start());
  const std::string soon = fresh("soon");
  const std::string late = fresh("late");
  Gate gate;
  Gate never;
  services.on("/act/soon", gate.held());
  services.on("/act/late", never.held());
  Reply soon_told;
  Reply late_told;
  const auto wait_for = [&](const std::string& gid, const char* step, Reply& told) {
    return std::thread([&, gid, step] {
      Json plan = saga(services, gid, {step, "after"});
      plan["wait_ms"] = 25'000;
      plan["attempt_timeout_ms"] = 60'000;
      told = own.settled.client().begin(plan);
    });
  };
  std::thread first = wait_for(soon, "soon", soon_told);
  std::thread second = wait_for(late, "late", late_told);
  EXPECT_TRUE(services.hears(soon, "/act/soon"));
  EXPECT_TRUE(services.hears(late, "/act/late"));

  own.settled.process().send(SIGTERM);
  // It accepts nobody any more, and lets the call that is under way end.
  EXPECT_TRUE(eventually(kPatience, [&] { return own.settled.client().get("/v1/transactions").status != 200; }));
  gate.open();
  first.join();
  second.join();
  EXPECT_EQ(own.settled.process().wait(kPatience), kFine) << own.settled.log();
  // Both hear the state of things as a normal answer.
  for (const Reply* told : {&soon_told, &late_told}) {
    EXPECT_EQ(told->status, 201);
    EXPECT_TRUE(told->outcome() == "running" || told->outcome() == "committed") << told->body;
  }
  EXPECT_EQ(late_told.outcome(), "running");

  never.open();
  services.on("/act/late", say(200));
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  EXPECT_EQ(own.settled.client().ended(soon).outcome(), "committed");
  EXPECT_EQ(own.settled.client().ended(late).outcome(), "committed");
  EXPECT_EQ(own.settled.terminate(), kFine);
}

TEST_F(Process, ADrainWithoutWorkIsQuick) {
  OwnDaemon own({"--drain=60s"});
  ASSERT_TRUE(own.settled.start());
  const live::Connection idle = live::Connection::to(own.settled.api_port());
  // Idle connections and prepared messages must not hold it for the whole minute, which is more than our patience.
  Json plan = prepared(services, fresh("idle"), {"a"});
  plan["check_after_ms"] = 60'000;
  EXPECT_EQ(own.settled.client().begin(plan).status, 201);
  EXPECT_EQ(own.settled.terminate(), kFine);
}

// INV I3: whatever was acknowledged is there after a kill, and goes on by itself.
TEST_F(Process, INV_I3_FAIL_D4_AKillInTheMiddleOfAnUndoingIsGoneOnWith) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start());
  const std::string gid = fresh("undoing");
  Gate gate;
  services.on("/act/c", say(409));
  services.on("/undo/b", in_turn({gate.held(), say(200)}));
  ASSERT_EQ(own.settled.client().begin(saga(services, gid, {"a", "b", "c"})).status, 201);
  ASSERT_TRUE(services.hears(gid, "/undo/b"));
  own.settled.kill();
  gate.open();
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  const Reply told = own.settled.client().ended(gid);
  EXPECT_EQ(told.outcome(), "aborted");
  EXPECT_EQ(told.text("/decision"), "abort");
  EXPECT_EQ(services.story(gid), "/act/a /act/b /act/c /undo/b /undo/b /undo/a");
  EXPECT_EQ(own.settled.terminate(), kFine);
}

// T7: the submit was answered, so the decision is on disk: no second check, one delivery at least.
TEST_F(Process, MSG_T7_AnAcknowledgedSubmitSurvivesAKill) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start());
  const std::string gid = fresh("t7");
  services.on("/check", aborted());  // would be the wrong answer
  services.on("/deliver/a", hang());
  Json plan = prepared(services, gid, {"a"});
  plan["check_after_ms"] = 60'000;
  ASSERT_EQ(own.settled.client().begin(plan).status, 201);
  ASSERT_EQ(own.settled.client().submit(gid).text("/decision"), "commit");
  own.settled.kill();
  services.on("/deliver/a", say(200));
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  EXPECT_EQ(own.settled.client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.count(gid, "/check"), 0U);
  EXPECT_GE(services.count(gid, "/deliver/a"), 1U);
  EXPECT_EQ(own.settled.terminate(), kFine);
}

// A prepared message outlives its daemon and is asked back by the next one.
TEST_F(Process, MSG_T1_APreparedMessageIsAskedBackAfterAKill) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start());
  const std::string gid = fresh("t1");
  Json plan = prepared(services, gid, {"a"});
  plan["check_after_ms"] = 1500;
  ASSERT_EQ(own.settled.client().begin(plan).status, 201);
  own.settled.kill();
  services.on("/check", committed());
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  EXPECT_EQ(own.settled.client().ended(gid).outcome(), "committed");
  EXPECT_EQ(services.story(gid), "/check /deliver/a");
  EXPECT_EQ(own.settled.terminate(), kFine);
}

// A deadline counts on while nobody runs.
TEST_F(Process, ADeadlineThatPassedWhileTheDaemonWasDownIsHeld) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start());
  const std::string gid = fresh("asleep");
  services.on("/act/b", say(425));
  Json plan = saga(services, gid, {"a", "b"});
  plan["deadline_ms"] = 1000;
  ASSERT_EQ(own.settled.client().begin(plan).status, 201);
  ASSERT_TRUE(services.hears(gid, "/act/b"));
  own.settled.kill();
  std::this_thread::sleep_for(milliseconds{1000});
  services.on("/act/b", say(200));  // too late for that
  ASSERT_TRUE(own.settled.start()) << own.settled.log();
  EXPECT_EQ(own.settled.client().ended(gid).outcome(), "aborted");
  EXPECT_EQ(own.settled.terminate(), kFine);
}

TEST_F(Process, AnUnreadableStoreIsNotTakenForAnEmptyOne) {
  OwnDaemon own;
  ASSERT_TRUE(own.settled.start());
  const std::string gid = fresh("damaged");
  ASSERT_EQ(own.settled.client().begin(saga(services, gid, {"a"})).status, 201);
  ASSERT_EQ(own.settled.client().ended(gid).outcome(), "committed");
  ASSERT_EQ(own.settled.terminate(), kFine);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(own.settled.data())) {
    if (entry.path().filename().string().starts_with("MANIFEST")) std::ofstream(entry.path()) << "garbage";
  }
  own.settled.launch();
  const auto exit = own.settled.process().wait(kPatience);
  ASSERT_TRUE(exit) << "it serves with a damaged store";
  EXPECT_EQ(*exit, (live::Exit{kStoreClosed, 0})) << own.settled.log();
}

}  // namespace
}  // namespace settle::e2e
