#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "api/http/route.h"
#include "base/time.h"

namespace settle::api {

/// Counts durations by upper bounds that never change, so that histograms of several threads can be added.
struct Histogram {
  /// Microseconds; what is longer goes into the last bucket.
  static constexpr std::array<std::int64_t, 14> kBounds{
      100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000};

  std::array<std::uint64_t, kBounds.size() + 1> counts{};
  std::uint64_t sum_us = 0;

  void add(Duration duration) {
    const std::int64_t us = duration.count() < 0 ? 0 : duration.count();
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && us > kBounds[bucket]) ++bucket;
    ++counts[bucket];
    sum_us += static_cast<std::uint64_t>(us);
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum_us += other.sum_us;
  }
};

/// What a face counts, read on its thread. Bounded: routes and classes of status, never a gid.
struct HttpFigures {
  struct OfRoute {
    std::array<std::uint64_t, 6> by_class{};  ///< [2]: 2xx, …; [0]: the client was gone before its answer
    Histogram duration;                       ///< from the request to its answer, waits included
  };
  std::array<OfRoute, kRoutes> routes;

  OfRoute& of(Route route) { return routes[static_cast<std::size_t>(route)]; }
  void add(const HttpFigures& other) {
    for (std::size_t i = 0; i < routes.size(); ++i) {
      for (std::size_t k = 0; k < routes[i].by_class.size(); ++k) routes[i].by_class[k] += other.routes[i].by_class[k];
      routes[i].duration.add(other.routes[i].duration);
    }
  }
};

}  // namespace settle::api
