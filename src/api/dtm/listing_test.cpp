#include "api/dtm/listing.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "api/dtm/plan.h"
#include "storage/memory/memory_store.h"

namespace settle::api::dtm {
namespace {

using std::chrono::seconds;

constexpr Instant kT0 = instant_of(1'700'000'000'000'000);
constexpr std::array<ShardNo, 1> kShards{0};

/// A store of transactions that rest, each newer than the one before.
struct Place {
  MemoryStore store{[] { return kT0; }};
  Epoch epoch = store.acquire(kShards, "test", seconds{60})->front().epoch;
  std::uint64_t count = 0;

  void put(const std::string& gid, const OwnedPlan& plan, Instant next_at) {
    State state;
    state.phase = Phase::kTrying;
    state.created_at = state.updated_at = kT0 + seconds{static_cast<std::int64_t>(++count)};
    state.clock.next_at = next_at;
    const Save save{.shard = 0,
                    .epoch = epoch,
                    .tid = {count, 1, 0, epoch},
                    .gid = gid,
                    .version = 1,
                    .summary = {.pattern = Pattern::kTcc, .phase = state.phase, .created_at = state.created_at},
                    .plan = plan.shared_bytes(),
                    .state = encode_state(state)};
    ASSERT_EQ(store.commit({&save, 1})->front().status, SaveStatus::kSaved);
  }
  void put_dtm(const std::string& gid, Instant next_at = kT0) {
    TransRequest request;
    request.gid = gid;
    request.trans_type = "tcc";
    put(gid, *make_plan(request, true, Settings{}, [](const std::string&) { return std::vector<std::string>(); }),
        next_at);
  }
  /// Of clients that DTM's interface knows nothing of.
  void put_others(int number) {
    Plan plan;
    plan.pattern = Pattern::kTcc;
    plan.client_driven = true;
    for (int i = 0; i < number; ++i) put("other" + std::to_string(count), OwnedPlan::encode(plan), kT0);
  }

  /// The gids of a page, and where the next one begins.
  std::vector<std::string> page(ListAsked asked, std::string& position) {
    asked.position = position;
    const Json body = parse(list(store, asked).body);
    position = body.value("next_position", "?");
    std::vector<std::string> gids;
    for (const Json& one : body["transactions"]) gids.push_back(one.value("gid", "?"));
    return gids;
  }
};

using Gids = std::vector<std::string>;

TEST(DtmListing, APageThatFoundNothingInItsShareSaysWhereTheNextOneBegins) {
  Place place;
  place.put_dtm("oldest");
  place.put_others(7);
  ListAsked asked;
  asked.scanned_max = 5;
  std::string position;
  EXPECT_EQ(place.page(asked, position), Gids{});
  ASSERT_NE(position, "") << "two others and one of DTM's are left";
  EXPECT_EQ(place.page(asked, position), Gids{"oldest"});
  EXPECT_EQ(position, "");
}

TEST(DtmListing, NothingIsShownTwiceAndNothingLeftOutWhereverAPageEnds) {
  Place place;
  for (const char* gid : {"a", "b", "c"}) {
    place.put_dtm(gid);
    place.put_others(3);
  }
  for (const std::size_t scanned_max : {1U, 2U, 3U, 5U, 12U, 13U, 1000U}) {
    for (const std::int64_t limit : {1, 2, 100}) {
      ListAsked asked;
      asked.scanned_max = scanned_max;
      asked.limit = limit;
      Gids all;
      std::string position;
      int pages = 0;
      do {
        for (std::string& gid : place.page(asked, position)) all.push_back(std::move(gid));
      } while (!position.empty() && ++pages < 20);
      EXPECT_EQ(all, (Gids{"c", "b", "a"})) << scanned_max << ", " << limit;
    }
  }
}

TEST(DtmListing, AFilterThatFindsNothingStillGoesOn) {
  Place place;
  for (const char* gid : {"a", "b", "c"}) place.put_dtm(gid);
  ListAsked asked;
  asked.scanned_max = 2;
  asked.status = "succeed";
  std::string position;
  EXPECT_EQ(place.page(asked, position), Gids{});
  EXPECT_NE(position, "");
  EXPECT_EQ(place.page(asked, position), Gids{});
  EXPECT_EQ(position, "");
}

TEST(DtmListing, WhatWaitsBehindTheShareOfOneRequestRemains) {
  Place place;
  place.put_dtm("waits", kT0 + seconds{100});
  place.put_others(5);
  const auto share = waiting_until(place.store, kT0, 10, 3);
  ASSERT_TRUE(share.ok());
  EXPECT_TRUE(share->gids.empty());
  EXPECT_TRUE(share->has_more);
  const auto whole = waiting_until(place.store, kT0, 10, 7);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->gids, Gids{"waits"});
  EXPECT_FALSE(whole->has_more);
}

TEST(DtmListing, MoreThanTheLimitRemains) {
  Place place;
  for (const char* gid : {"a", "b", "c"}) place.put_dtm(gid, kT0 + seconds{100});
  const auto two = waiting_until(place.store, kT0, 2);
  EXPECT_EQ(two->gids, (Gids{"c", "b"}));
  EXPECT_TRUE(two->has_more);
  EXPECT_FALSE(waiting_until(place.store, kT0, 3)->has_more);
}

}  // namespace
}  // namespace settle::api::dtm
