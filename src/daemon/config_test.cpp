#include "daemon/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/config_values.h"

namespace settle::daemon {
namespace {

Result<Config> with(std::vector<Setting> settings) { return make_config(settings); }

std::string complaint(const std::string& key, const std::string& value) {
  const auto config = with({{key, value, "here"}});
  return config ? "accepted" : config.error().message;
}

std::string text_of(const Result<Config>& config) { return config ? "accepted" : config.error().message; }

TEST(Config, DefaultsAreThoseOfTheArchitecture) {
  const auto config = with({});
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->api_http.text(), "127.0.0.1:36789");
  EXPECT_EQ(config->api_grpc.text(), "127.0.0.1:36790");
  EXPECT_EQ(config->api_seata.text(), "off");
  EXPECT_EQ(config->api_channel.text(), "127.0.0.1:36788");
  EXPECT_EQ(config->admin_http.text(), "127.0.0.1:36780");
  EXPECT_EQ(config->store.kind, StoreKind::kEmbedded);
  EXPECT_EQ(config->store.directory, "./settle-data");
  EXPECT_EQ(config->shards, 256);
  EXPECT_GE(config->workers, 1);
  EXPECT_FALSE(config->test_hooks);
  EXPECT_EQ(config->drain, std::chrono::seconds(10));
}

TEST(Config, EveryDefaultPassesItsOwnCheck) {
  for (const Key& key : config_keys()) {
    Config config;
    EXPECT_TRUE(key.set(config, key.fallback).ok()) << key.name;
  }
}

TEST(Config, EveryKeyOfTheArchitectureIsAccepted) {
  const std::vector<Setting> all = {{"api.http", "127.0.0.1:1", ""},
                                    {"api.grpc", "[::1]:2", ""},
                                    {"api.seata", "127.0.0.1:8091", ""},
                                    {"api.channel", "localhost:4", ""},
                                    {"admin.http", "127.1.2.3:5", ""},
                                    {"store", "memory:", ""},
                                    {"workers", "2", ""},
                                    {"shards", "16", ""},
                                    {"test-hooks", "on", ""},
                                    {"drain", "1500ms", ""},
                                    {"retention", "30d", ""},
                                    {"replay-horizon", "720h", ""},
                                    {"limits.open", "7", ""},
                                    {"limits.body", "64KiB", ""},
                                    {"participants.per-destination", "3", ""}};
  const auto config = make_config(all);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->api_grpc, (Endpoint{"::1", 2}));
  EXPECT_EQ(config->api_grpc.text(), "[::1]:2");
  EXPECT_EQ(config->api_channel, (Endpoint{"localhost", 4}));
  EXPECT_EQ(config->store.kind, StoreKind::kMemory);
  EXPECT_EQ(config->workers, 1) << "whatever it says: test-hooks have one";
  EXPECT_EQ(config->shards, 16);
  EXPECT_TRUE(config->test_hooks);
  EXPECT_EQ(config->drain, milliseconds(1500));
  EXPECT_EQ(config->retention, config->replay_horizon);
  EXPECT_EQ(config->open_max, 7u);
  EXPECT_EQ(config->body_bytes_max, 65'536u);
  EXPECT_EQ(config->calls_per_destination, 3u);
}

TEST(Config, TheLastSettingWins) {
  const auto config = with({{"drain", "1s", "file"}, {"drain", "2s", "flag"}});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->drain, std::chrono::seconds(2));
}

TEST(Config, ComplaintsSayWhereWhatAndWhatInstead) {
  EXPECT_EQ(complaint("api.htp", "x"), "here: there is no key 'api.htp'; did you mean 'api.http'?");
  EXPECT_EQ(complaint("per-destination", "1"),
            "here: there is no key 'per-destination'; did you mean 'participants.per-destination'?");
  EXPECT_EQ(complaint("zzzzzzzzzzzz", "1"), "here: there is no key 'zzzzzzzzzzzz'; see --help");
  EXPECT_EQ(complaint("workers", "many"), "here: workers: 'many' is no whole number");
  EXPECT_EQ(complaint("workers", "0"), "here: workers: '0' is out of range: a number from 1 to 255");
  EXPECT_EQ(complaint("drain", "10"),
            "here: drain: '10' is no time; write a whole number with its unit, for example 500ms, 10s, 5m, 2h or 7d");
  EXPECT_EQ(complaint("lease", "1ms"), "here: lease: '1ms' is out of range: a time from 1s to 1h");
  EXPECT_EQ(complaint("limits.body", "1MB"),
            "here: limits.body: '1MB' is no size; write for example 65536, 64KiB or 1MiB");
  EXPECT_EQ(complaint("test-hooks", "yes"), "here: test-hooks: 'yes' is neither on nor off");
  EXPECT_EQ(complaint("log.level", "loud"), "here: log.level: 'loud' is no level; use debug, info, warn or error");
}

TEST(Config, OddNumbersAndTimesAreRefused) {
  for (const char* value : {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "99999999999999999999", "1.5"}) {
    EXPECT_NE(complaint("shards", value), "accepted") << value;
  }
  for (const char* value : {"", "s", "10", "10 s", "-1s", "1.5s", "10sec", "9223372036854775807d", "100000000000d"}) {
    EXPECT_NE(complaint("retention", value), "accepted") << value;
  }
}

TEST(Config, EndpointsMustBeLiteral) {
  for (const char* value : {"", "36789", ":36789", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http",
                            "example.org:80", "::1:80", "[::1]", "127.1:80", "off"}) {
    EXPECT_NE(complaint("api.http", value), "accepted") << value;
  }
  EXPECT_EQ(complaint("api.grpc", "off"), "accepted");
}

TEST(Config, AListenerOutsideLoopbackIsRefused) {
  for (const char* key : {"api.http", "api.grpc", "api.seata", "api.channel", "admin.http"}) {
    for (const char* value :
         {"0.0.0.0:1000", "192.168.1.1:1000", "[::]:1000", "[fe80::1]:1000", "[::ffff:10.0.0.1]:1000"}) {
      const std::string said = complaint(key, value);
      EXPECT_NE(said.find("neither TLS nor credentials"), std::string::npos) << key << " " << value << ": " << said;
    }
  }
}

TEST(Config, TwoListenersNeedTwoPorts) {
  EXPECT_EQ(text_of(with({{"api.http", "127.0.0.1:36790", ""}})),
            "api.http and api.grpc are both 127.0.0.1:36790; give each a port of its own");
  EXPECT_EQ(text_of(with({{"api.http", "127.0.0.1:0", ""}, {"admin.http", "127.0.0.1:0", ""}})), "accepted");
}

TEST(Config, RetentionCoversTheReplayHorizon) {
  const std::string said = text_of(with({{"retention", "1h", ""}, {"replay-horizon", "2h", ""}}));
  EXPECT_EQ(
      said,
      "retention: 1h is less than replay-horizon, 2h, so a late repetition would run a forgotten transaction again; "
      "raise retention or lower replay-horizon");
}

TEST(Config, EveryWorkerHasAShard) {
  EXPECT_EQ(text_of(with({{"workers", "3", ""}, {"shards", "2", ""}})),
            "workers: 3 threads for 2 shards would leave some without work; set workers to at most shards");
}

TEST(Config, StoresOfOtherVersionsAreNamedWithoutTheirPasswords) {
  EXPECT_EQ(complaint("store", "postgres:me:secret"), "here: store: write postgres://USER@HOST:PORT/DATABASE");
  EXPECT_EQ(complaint("store", "redis://me:secret@host/db"),
            "here: store: this version has no redis store; use embedded:DIR, postgres://USER@HOST:PORT/DATABASE or "
            "memory:");
  EXPECT_EQ(complaint("store", "mysql://me:secret@host/db"),
            "here: store: 'mysql' is no kind of store; use embedded:DIR, postgres://USER@HOST:PORT/DATABASE or "
            "memory:");
  EXPECT_EQ(complaint("store", "embedded:"), "here: store: 'embedded:' names no directory; write embedded:DIR");
}

TEST(Config, PartsThatDoNotExistYetAreNamed) {
  EXPECT_EQ(keys_not_served(*with({})), (std::vector<std::string_view>{"api.grpc", "api.channel"}));
  EXPECT_EQ(keys_not_served(*with({{"api.grpc", "off", ""}, {"api.channel", "off", ""}, {"test-hooks", "off", ""}})),
            std::vector<std::string_view>());
  EXPECT_EQ(keys_not_served(*with({{"api.seata", "127.0.0.1:8091", ""}, {"test-hooks", "on", ""}})),
            (std::vector<std::string_view>{"api.grpc", "api.seata", "api.channel"}));
}

TEST(Config, DtmsClientsMayComeToTheListenerOfV1) {
  EXPECT_FALSE(shares_listener(*with({})));
  EXPECT_TRUE(shares_listener(*with({{"api.dtm", "127.0.0.1:36789", ""}})));
  EXPECT_FALSE(shares_listener(*with({{"api.dtm", "127.0.0.1:36799", ""}})));
  EXPECT_EQ(text_of(with({{"api.dtm", "127.0.0.1:36780", ""}})),
            "api.dtm and admin.http are both 127.0.0.1:36780; give each a port of its own");
  EXPECT_EQ(text_of(with({{"api.dtm", "0.0.0.0:36789", ""}})).substr(0, 8), "api.dtm:");
  EXPECT_EQ(with({{"dtm.retry-interval", "7", ""}})->dtm_retry_interval, std::chrono::seconds{7})
      << "seconds, as DTM counts";
  EXPECT_EQ(keys_not_served(
                *with({{"api.grpc", "off", ""}, {"api.channel", "off", ""}, {"dtm.alert-web-hook", "http://h/", ""}})),
            std::vector<std::string_view>{"dtm.alert-web-hook"});
}

TEST(Config, TestHooksRunOneWorkerOnAStoreOfTheirOwn) {
  EXPECT_EQ(with({{"workers", "4", ""}, {"test-hooks", "on", ""}})->workers, 1);
  EXPECT_FALSE(
      make_config(std::vector<Setting>{{"test-hooks", "on", ""}, {"store", "postgres://a@127.0.0.1:5432/b", ""}}).ok());
}

// ------------------------------------------------------------------------------------------------------------- file

class ConfigFile : public testing::Test {
 protected:
  Result<std::vector<Setting>> read(const std::string& text) {
    std::ofstream(path_) << text;
    return read_config_file(path_);
  }
  ~ConfigFile() override { (void)std::remove(path_.c_str()); }

  const std::string path_ = testing::TempDir() + "settled_config_test.toml";
};

TEST_F(ConfigFile, TablesAndDottedKeysAreTheSame) {
  const auto settings = read("store = \"memory:\"\nworkers = 2\ntest-hooks = true\n[api]\nhttp = \"127.0.0.1:1\"\n");
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  const auto config = make_config(*settings);
  ASSERT_TRUE(config.ok()) << config.error().message;
  EXPECT_EQ(config->store.kind, StoreKind::kMemory);
  EXPECT_EQ(config->workers, 1) << "whatever it says: test-hooks have one";
  EXPECT_TRUE(config->test_hooks);
  EXPECT_EQ(config->api_http.port, 1);

  const auto dotted = read("api.http = \"127.0.0.1:1\"\n");
  ASSERT_TRUE(dotted.ok());
  EXPECT_EQ(dotted->front().key, "api.http");
}

TEST_F(ConfigFile, ComplaintsNameTheLine) {
  const auto settings = read("[api]\n\nhtpp = \"x\"\n");
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(text_of(make_config(*settings)), path_ + ":3: there is no key 'api.htpp'; did you mean 'api.http'?");
}

TEST_F(ConfigFile, OddFilesAreRefused) {
  for (const char* text : {"workers = ", "workers = 1.5\n", "workers = [1]\n", "workers = 1\nworkers = 2\n",
                           "drain = 10:00:00\n", "workers"}) {
    const auto settings = read(text);
    ASSERT_FALSE(settings.ok()) << text;
    EXPECT_EQ(settings.error().message.find(path_ + ":"), 0u) << settings.error().message;
  }
  EXPECT_TRUE(read("# nothing but a remark\n").ok());
  EXPECT_EQ(read_config_file(path_ + ".missing").error().code, ErrorCode::kNotFound);
}

// ------------------------------------------------------------------------------------------------------------ flags

Result<CommandLine> line_of(std::vector<std::string_view> arguments) { return parse_command_line(arguments); }

TEST(Flags, BothForms) {
  const auto line = line_of({"--config", "a.toml", "--api.http=127.0.0.1:1", "--workers", "3", "--node="});
  ASSERT_TRUE(line.ok()) << line.error().message;
  EXPECT_EQ(line->config_file, "a.toml");
  ASSERT_EQ(line->settings.size(), 3u);
  EXPECT_EQ(line->settings[0].key, "api.http");
  EXPECT_EQ(line->settings[0].value, "127.0.0.1:1");
  EXPECT_EQ(line->settings[0].where, "--api.http");
  EXPECT_EQ(line->settings[1].value, "3");
  EXPECT_EQ(line->settings[2].value, "");
}

TEST(Flags, Odd) {
  EXPECT_EQ(line_of({"serve"}).error().message, "'serve' is no flag; write --KEY=VALUE, see --help");
  EXPECT_EQ(line_of({"--workers"}).error().message, "--workers has no value; write --workers=VALUE");
  EXPECT_FALSE(line_of({"--workers", "--drain=1s"}).ok());
  EXPECT_FALSE(line_of({"--"}).ok());
  EXPECT_TRUE(line_of({"--help"})->help);
  EXPECT_TRUE(line_of({"--version"})->version);
  EXPECT_TRUE(line_of({"--list-failpoints"})->list_failpoints);
}

TEST(Flags, HelpNamesEveryKey) {
  const std::string help = help_text();
  for (const Key& key : config_keys())
    EXPECT_NE(help.find("--" + std::string(key.name) + "="), std::string::npos) << key.name;
}

TEST(ConfigValues, DurationsReadBack) {
  for (const char* text : {"0s", "1us", "1500ms", "10s", "90s", "5m", "25h", "7d"}) {
    EXPECT_EQ(duration_text(*parse_duration(text, Duration{0}, Duration::max())), text);
  }
}

}  // namespace
}  // namespace settle::daemon
