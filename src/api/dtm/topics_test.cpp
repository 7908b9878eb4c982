#include "api/dtm/topics.h"

#include <gtest/gtest.h>

#include "storage/memory/memory_store.h"

namespace settle::api::dtm {
namespace {

constexpr Instant kT0 = instant_of(1'700'000'000'000'000);

struct Place {
  MemoryStore store{[] { return kT0; }};
  std::string done(const Result<void>& result) const { return result ? "" : result.error().message; }
  std::string add(const std::string& topic, const std::string& url) {
    return done(subscribe(store, topic, url, "r", kT0));
  }
  std::string drop(const std::string& topic, const std::string& url) {
    return done(unsubscribe(store, topic, url, kT0));
  }
};

TEST(Topics, VersionsGoUpWithEveryChangeAndBeginAnew) {
  Place place;
  EXPECT_EQ(place.add("t", "a"), "");
  EXPECT_EQ(place.add("t", "b"), "");
  EXPECT_EQ(place.drop("t", "a"), "");
  EXPECT_EQ(read_topics(place.store)->front().version, 3U);
  EXPECT_EQ(read_topics(place.store)->front().subscribers.size(), 1U);
  EXPECT_EQ(place.done(remove_topic(place.store, "t")), "");
  EXPECT_TRUE(read_topics(place.store)->empty());
  EXPECT_EQ(place.add("t", "c"), "");
  EXPECT_EQ(read_topics(place.store)->front().version, 1U);
}

TEST(Topics, TheyAreKeptByName) {
  Place place;
  for (const char* name : {"b", "c", "a"}) EXPECT_EQ(place.add(name, "u"), "");
  const auto topics = read_topics(place.store);
  ASSERT_EQ(topics->size(), 3U);
  EXPECT_EQ(topics->front().name, "a");
  EXPECT_EQ(topics->back().name, "c");
}

TEST(Topics, WhatWasNotWrittenHereIsNotRead) {
  Place place;
  for (const char* value : {"{}", "[7]", "[{}]", R"([{"name":1}])", R"([{"name":"t","subscribers":[7]}])", "x"}) {
    ASSERT_TRUE(place.store.put_value("dtm", "topics", value).ok());
    EXPECT_FALSE(read_topics(place.store).ok()) << value;
    EXPECT_NE(place.add("t", "u"), "") << value;
  }
}

}  // namespace
}  // namespace settle::api::dtm
