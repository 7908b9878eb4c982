#include "daemon/pauses.h"

#include <gtest/gtest.h>

#include "net/loop.h"
#include "storage/memory/memory_store.h"

namespace settle::daemon {
namespace {

using Outcome = api::PauseResult::Outcome;

api::Pause pause(const std::string& name) { return {name, "a \"reason\"\n", "ada", instant_of(1'767'323'045'000'001)}; }

struct Told {
  std::vector<std::string> lines;
  Pauses pauses{[this](const std::string& name, bool paused) { lines.push_back((paused ? "+" : "-") + name); }};
  std::vector<std::string> take() { return std::exchange(lines, {}); }
};

using Lines = std::vector<std::string>;

TEST(Pauses, AreKeptOverARestart) {
  MemoryStore store([] { return net::engine_now(); });
  Told first;
  EXPECT_EQ(first.pauses.change(store, pause("http://a:1"), true).outcome, Outcome::kDone);
  EXPECT_EQ(first.pauses.change(store, pause("http://b:1"), true).outcome, Outcome::kDone);
  EXPECT_EQ(first.take(), (Lines{"+http://a:1", "+http://b:1"}));

  Told second;
  ASSERT_TRUE(second.pauses.refresh(store).ok());
  EXPECT_EQ(second.take(), (Lines{"+http://a:1", "+http://b:1"}));
  ASSERT_EQ(second.pauses.all().size(), 2U);
  EXPECT_EQ(second.pauses.all()[0].reason, "a \"reason\"\n");
  EXPECT_EQ(second.pauses.all()[0].who, "ada");
  EXPECT_EQ(second.pauses.all()[0].since, instant_of(1'767'323'045'000'001));
}

TEST(Pauses, OfAnotherDaemonOfTheStoreAreSeen) {
  MemoryStore store([] { return net::engine_now(); });
  Told one;
  Told other;
  ASSERT_TRUE(one.pauses.refresh(store).ok());
  (void)other.pauses.change(store, pause("http://a:1"), true);
  (void)one.pauses.change(store, pause("http://b:1"), true);
  EXPECT_EQ(one.take(), (Lines{"+http://a:1", "+http://b:1"})) << "a change begins with what is there";
  (void)other.pauses.change(store, pause("http://a:1"), false);
  ASSERT_TRUE(one.pauses.refresh(store).ok());
  EXPECT_EQ(one.take(), (Lines{"-http://a:1"}));
  ASSERT_TRUE(one.pauses.refresh(store).ok());
  EXPECT_EQ(one.take(), Lines{});
}

TEST(Pauses, AResumeIsToldAlsoForWhatWasNotPaused) {
  MemoryStore store([] { return net::engine_now(); });
  Told told;
  EXPECT_EQ(told.pauses.change(store, pause("http://a:1"), false).outcome, Outcome::kDone);
  EXPECT_EQ(told.take(), (Lines{"-http://a:1"})) << "its breaker tries at once";
}

TEST(Pauses, AreBounded) {
  MemoryStore store([] { return net::engine_now(); });
  std::vector<api::Pause> many;
  for (std::size_t i = 0; i < api::kPausesMax; ++i) many.push_back(pause("http://h:" + std::to_string(i + 1)));
  ASSERT_TRUE(store.put_value("destinations", "paused", encode_pauses(many)).ok());
  Told told;
  EXPECT_EQ(told.pauses.change(store, pause("http://one:1"), true).outcome, Outcome::kTooMany);
  EXPECT_EQ(told.pauses.change(store, pause("http://h:7"), true).outcome, Outcome::kDone) << "it is one of them";
}

TEST(Pauses, WhatCannotBeReadIsNotOverwritten) {
  for (const char* text : {"x", "{}", "[{}]", "[{\"name\":7}]", "[] x", R"([{"name":"http://a:1","since_us":"x"}])"}) {
    MemoryStore store([] { return net::engine_now(); });
    ASSERT_TRUE(store.put_value("destinations", "paused", text).ok());
    Told told;
    EXPECT_FALSE(told.pauses.refresh(store).ok()) << text;
    EXPECT_EQ(told.pauses.change(store, pause("http://a:1"), true).outcome, Outcome::kNotStored) << text;
    EXPECT_EQ(**store.get_value("destinations", "paused"), text);
    EXPECT_EQ(told.take(), Lines{});
  }
}

TEST(Pauses, FieldsOfALaterVersionAreLeftAlone) {
  const auto read = decode_pauses(R"([{"name":"http://a:1","until_us":9,"reason":"r"}])");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)[0].reason, "r");
}

}  // namespace
}  // namespace settle::daemon
