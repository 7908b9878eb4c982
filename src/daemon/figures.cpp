#include "daemon/figures.h"

#include <algorithm>

namespace settle::daemon {

void add(ThreadFigures& sum, const ThreadFigures& part) {
  engine::Counters& counters = sum.counters;
  counters.begun += part.counters.begun;
  counters.committed += part.counters.committed;
  counters.aborted += part.counters.aborted;
  counters.calls += part.counters.calls;
  counters.saves_forced += part.counters.saves_forced;
  counters.saves_lazy += part.counters.saves_lazy;
  counters.retries += part.counters.retries;
  counters.refused_overload += part.counters.refused_overload;
  counters.incidents_opened += part.counters.incidents_opened;
  counters.fenced += part.counters.fenced;
  counters.recovered += part.counters.recovered;

  sum.open += part.open;
  sum.incidents += part.incidents;
  sum.oldest_open = std::min(sum.oldest_open, part.oldest_open);
  sum.is_ready = sum.is_ready && part.is_ready;

  sum.server.accepted += part.server.accepted;
  sum.server.turned_away += part.server.turned_away;
  sum.server.requests += part.server.requests;
  sum.server.refused += part.server.refused;
  sum.server.timed_out += part.server.timed_out;
  sum.client.calls += part.client.calls;
  sum.client.connections += part.client.connections;
  sum.client.rescued += part.client.rescued;
  sum.client_connections += part.client_connections;
  sum.requests_open += part.requests_open;
  sum.calls_open += part.calls_open;
}

}  // namespace settle::daemon
