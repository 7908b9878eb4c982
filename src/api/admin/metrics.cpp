#include "api/admin/metrics.h"

#include <array>
#include <charconv>
#include <string_view>

namespace settle::api {
namespace {

constexpr double kMicros = 1e-6;

class Exposition {
 public:
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    head(name, help, "counter");
    sample(name, {}, value);
  }
  void counter_seconds(std::string_view name, std::string_view help, std::uint64_t us) {
    head(name, help, "counter");
    sample_seconds(name, {}, static_cast<double>(us) * kMicros);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    head(name, help, "gauge");
    sample(name, {}, value);
  }
  void gauge_seconds(std::string_view name, std::string_view help, double seconds) {
    head(name, help, "gauge");
    sample_seconds(name, {}, seconds);
  }

  void head(std::string_view name, std::string_view help, std::string_view type) {
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  /// `labels` as they stand between the braces.
  void sample(std::string_view name, std::string_view labels, std::uint64_t value) {
    begin(name, labels);
    out_.append(std::to_string(value)).append("\n");
  }
  void sample_seconds(std::string_view name, std::string_view labels, double value) {
    begin(name, labels);
    number(value);
    out_.push_back('\n');
  }
  void number(double value) { out_.append(text(value)); }
  static std::string text(double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return {digits.data(), end};
  }

  std::string take() { return std::move(out_); }

 private:
  void begin(std::string_view name, std::string_view labels) {
    out_.append(name);
    if (!labels.empty()) out_.append("{").append(labels).append("}");
    out_.push_back(' ');
  }
  std::string out_;
};

void transactions(Exposition& out, const MetricsSnapshot& figures, Instant now) {
  const engine::Counters& engine = figures.engine;
  out.counter("settle_transactions_begun_total", "Transactions begun by clients.", engine.begun);
  out.counter("settle_transactions_committed_total", "Transactions that ended as committed.", engine.committed);
  out.counter("settle_transactions_aborted_total", "Transactions that ended as aborted.", engine.aborted);
  out.counter("settle_transactions_recovered_total", "Open transactions taken over at a start or from another owner.",
              engine.recovered);
  out.counter("settle_begins_refused_total", "Begins refused because too much was open.", engine.refused_overload);
  out.gauge("settle_transactions_open", "Transactions that have not ended.", figures.open);
  const bool has_open = figures.oldest_open != kNever;
  const double age = has_open ? static_cast<double>((now - figures.oldest_open).count()) * kMicros : 0;
  out.gauge_seconds("settle_transactions_open_oldest_seconds", "Age of the oldest open transaction.",
                    age < 0 ? 0 : age);
  out.gauge("settle_incidents_open", "Open transactions that wait for a person.", figures.incidents);
  out.counter("settle_incidents_opened_total", "Incidents opened.", engine.incidents_opened);
  out.counter("settle_calls_total", "Attempts sent to participants.", engine.calls);
  out.counter("settle_retries_total", "Attempts that were not the first of their op.", engine.retries);
  out.counter("settle_fenced_total", "Saves refused by the store because the ownership was over.", engine.fenced);
  out.gauge("settle_ready", "1 if every shard is owned and loaded.", figures.is_ready ? 1 : 0);
}

void store(Exposition& out, const MetricsSnapshot& figures) {
  out.head("settle_saves_total", "Saves asked for by the engine.", "counter");
  out.sample("settle_saves_total", R"(durability="forced")", figures.engine.saves_forced);
  out.sample("settle_saves_total", R"(durability="lazy")", figures.engine.saves_lazy);
  if (figures.store_size_bytes > 0) {
    out.gauge("settle_store_free_bytes", "Free space on the disk of the store.", figures.store_free_bytes);
    out.gauge("settle_store_size_bytes", "Size of the disk of the store.", figures.store_size_bytes);
  }
  out.counter("settle_store_syncs_total", "Syncs issued by the store.", figures.store_syncs);
  out.counter("settle_store_groups_total", "Groups of saves committed.", figures.store_groups);
  out.counter("settle_store_saves_total", "Saves committed, after merging.", figures.store_saves);
  out.counter_seconds("settle_store_commit_seconds_total", "Time spent in commits.", figures.store_commit_us);
  out.gauge("settle_store_saves_waiting", "Saves that the next groups are made of.", figures.saves_waiting);
  out.gauge("settle_store_reads_waiting", "Blocking reads that wait.", figures.reads_waiting);
  out.counter("settle_store_records_loaded_total", "Open records read when shards were taken.", figures.records_loaded);
  out.counter("settle_store_records_damaged_total", "Records that could not be read.", figures.records_damaged);
}

void network(Exposition& out, const MetricsSnapshot& figures) {
  out.counter("settle_http_connections_accepted_total", "Connections of clients.", figures.server.accepted);
  out.counter("settle_http_connections_refused_total", "Connections over the limit.", figures.server.turned_away);
  out.counter("settle_http_requests_malformed_total", "Requests refused before they reached a route.",
              figures.server.refused);
  out.counter("settle_http_requests_timed_out_total", "Requests or answers that took too long on the wire.",
              figures.server.timed_out);
  out.gauge("settle_http_connections_open", "Connections of clients.", figures.client_connections);
  out.gauge("settle_http_requests_open", "Requests that wait for their answer.", figures.requests_open);
  out.gauge("settle_calls_open", "Attempts that wait for a participant's answer.", figures.calls_open);
  out.gauge("settle_calls_waiting", "Calls held back by a full, paused or broken destination.",
            figures.destinations.waiting);
  out.head("settle_destinations", "Destinations known to the worker that knows most of them, by state.", "gauge");
  out.sample("settle_destinations", R"(state="closed")", figures.destinations.closed);
  out.sample("settle_destinations", R"(state="open")", figures.destinations.open);
  out.sample("settle_destinations", R"(state="half-open")", figures.destinations.half_open);
  out.sample("settle_destinations", R"(state="paused")", figures.destinations.paused);
  out.counter("settle_breakers_opened_total", "Times that a destination's breaker opened, counted by each worker.",
              figures.engine.breakers_opened);
  out.counter("settle_participant_connections_total", "Connections opened to participants.",
              figures.client.connections);
}

void alerts(Exposition& out, const MetricsSnapshot& figures) {
  out.counter("settle_alerts_sent_total", "Alerts that the web hook has taken.", figures.alerts_sent);
  out.counter("settle_alerts_dropped_total", "Alerts that nobody will ever see.", figures.alerts_dropped);
  out.counter("settle_alerts_failed_attempts_total", "Attempts that the web hook did not take.",
              figures.alerts_failed_attempts);
  out.gauge("settle_alerts_waiting", "Alerts that have not been delivered yet.", figures.alerts_waiting);
}

void requests(Exposition& out, const HttpFigures& figures) {
  constexpr std::array<std::string_view, 6> kClasses{"gone", "1xx", "2xx", "3xx", "4xx", "5xx"};
  out.head("settle_http_requests_total", "Requests answered, by route and class of status.", "counter");
  for (int route = 0; route < kRoutes; ++route) {
    const auto& of = figures.routes[static_cast<std::size_t>(route)];
    for (const std::size_t code : {std::size_t{2}, std::size_t{4}, std::size_t{5}, std::size_t{0}}) {
      const std::string labels = "route=\"" + std::string(name_of(static_cast<Route>(route))) + "\",class=\"" +
                                 std::string(kClasses[code]) + "\"";
      out.sample("settle_http_requests_total", labels, of.by_class[code]);
    }
  }
  constexpr std::string_view kName = "settle_http_request_duration_seconds";
  out.head(kName, "From a request to its answer, waits that the client asked for included.", "histogram");
  for (int route = 0; route < kRoutes; ++route) {
    const Histogram& histogram = figures.routes[static_cast<std::size_t>(route)].duration;
    const std::string of = "route=\"" + std::string(name_of(static_cast<Route>(route))) + "\"";
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      total += histogram.counts[i];
      const std::string bound = i < Histogram::kBounds.size()
                                    ? Exposition::text(static_cast<double>(Histogram::kBounds[i]) * kMicros)
                                    : "+Inf";
      out.sample(std::string(kName) + "_bucket", of + ",le=\"" + bound + "\"", total);
    }
    out.sample_seconds(std::string(kName) + "_sum", of, static_cast<double>(histogram.sum_us) * kMicros);
    out.sample(std::string(kName) + "_count", of, total);
  }
}

}  // namespace

std::string metrics_text(const MetricsSnapshot& snapshot, Instant now) {
  Exposition out;
  transactions(out, snapshot, now);
  store(out, snapshot);
  network(out, snapshot);
  alerts(out, snapshot);
  requests(out, snapshot.http);
  return out.take();
}

}  // namespace settle::api
