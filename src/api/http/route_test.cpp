#include "api/http/route.h"

#include <gtest/gtest.h>

#include "api/http/query_string.h"

namespace settle::api {
namespace {

std::string shown(const Place& place) {
  return std::string(name_of(place.route)) + "|" + std::string(place.gid) + "|" + std::string(place.branch) + "|" +
         std::string(place.allow);
}

TEST(Routes, EveryPathWithEveryMethod) {
  struct Row {
    std::string_view path;
    bool has_transaction;
    std::string get;
    std::string post;
    std::string other;
  };
  const std::string none = "other|||";
  for (const Row& row : {
           Row{"/v1/transactions", false, "list|||", "begin|||", "other|||GET, POST"},
           Row{"/v1/transactions", true, "query|||", "begin|||", "other|||GET, POST"},
           Row{"/v1/transactions/g", false, "query|g||", "other|||GET", "other|||GET"},
           Row{"/v1/transactions/submit", false, "query|submit||", "other|||GET", "other|||GET"},
           Row{"/v1/transactions/submit", true, "other|||POST", "submit|||", "other|||POST"},
           Row{"/v1/transactions/abort", true, "other|||POST", "abort|||", "other|||POST"},
           Row{"/v1/transactions/g/submit", false, "other|||POST", "submit|g||", "other|||POST"},
           Row{"/v1/transactions/g/abort", false, "other|||POST", "abort|g||", "other|||POST"},
           Row{"/v1/transactions/submit/abort", false, "other|||POST", "abort|submit||", "other|||POST"},
           Row{"/v1/transactions/g/branches/b/report", false, "other|||POST", "report|g|b|", "other|||POST"},
           Row{"/v1/transactions/branches/b/report", true, "other|||POST", "report||b|", "other|||POST"},
           Row{"/v1/transactions/branches/b/report", false, none, none, none},
           Row{"/v1/gids", false, "other|||POST", "gids|||", "other|||POST"},
           Row{"/v1/transactions/g/branches", false, "other|||POST", "enlist|g||", "other|||POST"},
           Row{"/v1/transactions/branches", true, "other|||POST", "enlist|||", "other|||POST"},
           Row{"/v1/transactions/branches", false, "query|branches||", "other|||GET", "other|||GET"},
           Row{"/v1/transactions/g/branches/b", false, none, none, none},
           Row{"/v1/transactions/g/branches/b/resolve", false, none, none, none},
           Row{"/v1/transactions/g/stop", false, none, none, none},
           Row{"/v1/transactions/g/retry", false, none, none, none},
           Row{"/v1/transactions/", false, none, none, none},
           Row{"/v1/transactions//submit", false, none, none, none},
           Row{"/v1/transactions/g/", false, none, none, none},
           Row{"/v1/transactions/g/submit/x", false, none, none, none},
           Row{"/v1/transactions/a/b/c/d/e/f/g", false, none, none, none},
           Row{"/v1/transactionsx", false, none, none, none},
           Row{"/v1/gids/", false, none, none, none},
           Row{"/v1", false, none, none, none},
           Row{"/", false, none, none, none},
           Row{"", false, none, none, none},
           Row{"*", false, none, none, none},
           Row{"/metrics", false, none, none, none},
       }) {
    EXPECT_EQ(shown(place_of("GET", row.path, row.has_transaction)), row.get) << row.path;
    EXPECT_EQ(shown(place_of("POST", row.path, row.has_transaction)), row.post) << row.path;
    for (const char* method : {"PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "get", "TRACE"}) {
      EXPECT_EQ(shown(place_of(method, row.path, row.has_transaction)), row.other) << method << " " << row.path;
    }
  }
}

TEST(Query, ParametersAreDecodedAndTakenOnce) {
  QueryString query("a=1&b=x%20y%3D+z&c&d=&&label=k%3Dv=w");
  EXPECT_EQ(query.take("a"), "1");
  EXPECT_EQ(query.take("b"), "x y=+z");
  EXPECT_EQ(query.take("c"), "");
  EXPECT_EQ(query.take("d"), "");
  EXPECT_EQ(query.take("label"), "k=v=w");
  EXPECT_EQ(query.take("e"), std::nullopt);
  EXPECT_TRUE(query.finish("x"));
}

TEST(Query, FAIL_M9_WhatNobodyTakesIsRefusedByName) {
  QueryString query("limit=5&outcom=running");
  EXPECT_TRUE(query.take("limit"));
  EXPECT_FALSE(query.finish("limit and outcome"));
  EXPECT_EQ(query.refusal().text, "query parameter \"outcom\" is unknown; this path takes limit and outcome");
}

TEST(Query, FAIL_M1_BrokenOnesAreRefused) {
  for (const char* text : {"a=1&a=2", "a=1&%61=2", "a=%", "a=%2", "a=%zz", "%=1", "a=%ff", "a=%c0%af", "a=%ed%a0%80"}) {
    QueryString query(text);
    (void)query.take("a");
    EXPECT_FALSE(query.finish("a")) << text;
  }
}

TEST(Query, FAIL_M5_NumbersHaveARange) {
  const auto whole = [](const std::string& text) {
    QueryString query("n=" + text);
    std::int64_t value = 7;
    const bool fine = query.take_whole("n", 1, 1000, ErrorName::kTooMany, value);
    return fine ? std::to_string(value) : std::string(kind_of(query.refusal().name).type);
  };
  EXPECT_EQ(whole("1"), "1");
  EXPECT_EQ(whole("1000"), "1000");
  EXPECT_EQ(whole("1001"), "/errors/too-many");
  for (const char* text : {"", "0", "-1", "1.0", "1e2", "+1", "x", "99999999999999999999", "-0"}) {
    EXPECT_EQ(whole(text), "/errors/invalid") << text;
  }
}

TEST(Query, FlagsAreTrueOrFalse) {
  const auto flag = [](const std::string& text) {
    QueryString query("f=" + text);
    std::optional<bool> value;
    return query.take_flag("f", value) ? (*value ? "true" : "false") : "refused";
  };
  EXPECT_STREQ(flag("true"), "true");
  EXPECT_STREQ(flag("1"), "true");
  EXPECT_STREQ(flag("false"), "false");
  EXPECT_STREQ(flag("0"), "false");
  EXPECT_STREQ(flag("yes"), "refused");
  EXPECT_STREQ(flag(""), "refused");
}

}  // namespace
}  // namespace settle::api
