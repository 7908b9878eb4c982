#pragma once

#include <cstdint>
#include <string>

#include "api/http/http_figures.h"
#include "base/time.h"
#include "engine/worker.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace settle::api {

/// What the whole process counts at one moment, added up over its worker threads by the daemon. Numbers only: no gid,
/// no destination, nothing that grows with the work, so every label is bounded.
struct MetricsSnapshot {
  engine::Counters engine;
  std::uint64_t open = 0;       ///< transactions
  std::uint64_t incidents = 0;  ///< open transactions that wait for a person
  Instant oldest_open = kNever;
  bool is_ready = false;  ///< every shard is owned and loaded

  HttpFigures http;
  net::HttpServerStats server;
  net::HttpClientStats client;
  std::uint64_t client_connections = 0;  ///< of clients, open
  std::uint64_t requests_open = 0;
  std::uint64_t calls_open = 0;
  engine::GateTotals destinations;

  std::uint64_t alerts_sent = 0;
  std::uint64_t alerts_dropped = 0;
  std::uint64_t alerts_failed_attempts = 0;
  std::uint64_t alerts_waiting = 0;

  std::uint64_t store_free_bytes = 0;
  std::uint64_t store_size_bytes = 0;  ///< 0: the store's disk is not watched
  std::uint64_t store_syncs = 0;
  std::uint64_t store_groups = 0;  ///< saves / groups: the size of a group
  std::uint64_t store_saves = 0;   ///< after merging
  std::uint64_t store_commit_us = 0;
  std::uint64_t saves_waiting = 0;
  std::uint64_t reads_waiting = 0;
  std::uint64_t records_loaded = 0;
  std::uint64_t records_damaged = 0;
};

/// Prometheus text format 0.0.4.
std::string metrics_text(const MetricsSnapshot& snapshot, Instant now);

}  // namespace settle::api
