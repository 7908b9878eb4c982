#include "api/http/route.h"

#include <array>
#include <cstddef>

namespace settle::api {
namespace {

constexpr std::string_view kTransactions = "/v1/transactions";
constexpr std::size_t kSegmentsMax = 5;

struct Segments {
  std::array<std::string_view, kSegmentsMax> at;
  std::size_t count = 0;
  bool fits = true;
};

/// Segments of "/a/b/c"; an empty one, or too many, fit nothing.
Segments split(std::string_view path) {
  Segments out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    if (segment.empty() || out.count == kSegmentsMax) {
      out.fits = false;
      return out;
    }
    out.at[out.count++] = segment;
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return out;
}

Place only(std::string_view method, std::string_view allowed, Place place) {
  if (method == allowed) return place;
  return {.route = Route::kOther, .gid = {}, .branch = {}, .allow = allowed};
}

Place of_collection(std::string_view method, bool has_transaction) {
  if (method == "GET")
    return {.route = has_transaction ? Route::kQuery : Route::kList, .gid = {}, .branch = {}, .allow = {}};
  if (method == "POST") return {.route = Route::kBegin, .gid = {}, .branch = {}, .allow = {}};
  return {.route = Route::kOther, .gid = {}, .branch = {}, .allow = "GET, POST"};
}

Route verb_of(std::string_view word) {
  if (word == "submit") return Route::kSubmit;
  if (word == "abort") return Route::kAbort;
  if (word == "branches") return Route::kEnlist;
  return Route::kOther;
}

/// Below /v1/transactions.
Place of_transaction(std::string_view method, const Segments& path, bool has_transaction) {
  const auto& at = path.at;
  if (path.count == 1) {
    // "submit" may be somebody's gid; with ?transaction= it is the verb.
    const Route verb = verb_of(at[0]);
    if (has_transaction && verb != Route::kOther) return only(method, "POST", {verb, {}, {}, {}});
    return only(method, "GET", {Route::kQuery, at[0], {}, {}});
  }
  if (path.count == 2 && verb_of(at[1]) != Route::kOther) return only(method, "POST", {verb_of(at[1]), at[0], {}, {}});
  if (path.count == 3 && has_transaction && at[0] == "branches" && at[2] == "report") {
    return only(method, "POST", {Route::kReport, {}, at[1], {}});
  }
  if (path.count == 4 && at[1] == "branches" && at[3] == "report") {
    return only(method, "POST", {Route::kReport, at[0], at[2], {}});
  }
  return {};
}

}  // namespace

std::string_view name_of(Route route) {
  switch (route) {
    case Route::kBegin:
      return "begin";
    case Route::kList:
      return "list";
    case Route::kQuery:
      return "query";
    case Route::kSubmit:
      return "submit";
    case Route::kAbort:
      return "abort";
    case Route::kReport:
      return "report";
    case Route::kEnlist:
      return "enlist";
    case Route::kGids:
      return "gids";
    case Route::kOther:
      return "other";
  }
  return "?";
}

Place place_of(std::string_view method, std::string_view path, bool has_transaction) {
  if (path == kTransactions) return of_collection(method, has_transaction);
  if (path == "/v1/gids") return only(method, "POST", {Route::kGids, {}, {}, {}});
  if (!path.starts_with(kTransactions) || path[kTransactions.size()] != '/') return {};
  const Segments segments = split(path.substr(kTransactions.size()));
  return segments.fits ? of_transaction(method, segments, has_transaction) : Place{};
}

}  // namespace settle::api
