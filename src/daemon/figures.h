#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "daemon/writer.h"
#include "engine/worker.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace settle::daemon {

/// What one worker thread counts, read on that thread.
struct ThreadFigures {
  engine::Counters counters;
  std::size_t open = 0;
  std::size_t incidents = 0;
  Instant oldest_open = kNever;
  bool is_ready = false;
  net::HttpServerStats server;
  net::HttpClientStats client;
  std::size_t client_connections = 0;  ///< of clients
  std::size_t requests_open = 0;
  std::size_t calls_open = 0;
};

/// What the whole process counts at one moment, without a lock on anybody's way.
struct Figures {
  ThreadFigures threads;  ///< added up
  Writer::Counts writer;
  std::uint64_t syncs = 0;
  std::size_t reads_waiting = 0;
  std::uint64_t loaded = 0;
  std::uint64_t damaged = 0;
};

/// Adds `part` to `sum`.
void add(ThreadFigures& sum, const ThreadFigures& part);

}  // namespace settle::daemon
