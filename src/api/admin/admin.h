#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/admin/destinations.h"
#include "api/admin/metrics.h"
#include "api/http/body_reader.h"
#include "api/http/face.h"
#include "api/http/pending.h"
#include "api/http/ports.h"
#include "api/http/query_string.h"
#include "audit/chain.h"
#include "net/http_server.h"
#include "storage/store.h"

namespace settle::api {

/// Who shares the store, as the store said last.
struct NodesSnapshot {
  std::vector<Node> nodes;
  std::string self;
  std::uint16_t shards = 0;  ///< of the whole store
};

/// What the admin listener needs beside Ports. Called on its thread only.
class AdminPorts {
 public:
  AdminPorts() = default;
  AdminPorts(const AdminPorts&) = delete;
  AdminPorts& operator=(const AdminPorts&) = delete;
  virtual ~AdminPorts() = default;

  /// Asks every worker; `then` runs on this thread, later or at once.
  virtual void collect(std::function<void(const MetricsSnapshot&)> then) = 0;

  /// Puts the record into the audit, durably, with the time and the name of this daemon; `then` runs on this thread,
  /// later. False: too many wait already, nothing was and will be written.
  [[nodiscard]] virtual bool audit(audit::Record&& record, std::function<void(const Result<std::uint64_t>&)> then) = 0;

  /// Lines of the audit from record number `from` on, at most `limit`. False: too many wait already.
  [[nodiscard]] virtual bool read_audit(std::uint64_t from, std::size_t limit,
                                        std::function<void(const Result<std::string>&)> then) = 0;

  /// Audits `record`, keeps the pause (or its end) and tells every worker, in this order. False: as for audit().
  [[nodiscard]] virtual bool set_paused(audit::Record&& record, bool paused,
                                        std::function<void(const PauseResult&)> then) = 0;

  /// Asks every worker; `then` runs on this thread, later or at once.
  virtual void collect_destinations(std::function<void(DestinationsSnapshot&&)> then) = 0;

  /// The daemons of the store, by name; of a store with one owner that one.
  [[nodiscard]] virtual NodesSnapshot nodes() = 0;

  /// Runs `then` on this thread after the pause.
  virtual void after(Duration pause, std::function<void()> then) = 0;
};

/// How long /readyz waits for the store, and /metrics for the workers.
inline constexpr Duration kProbeTimeout = std::chrono::seconds{2};

/// What a path below /v1/transactions asks for on the admin listener.
struct OperatorPlace {
  engine::Verb verb = engine::Verb::kRetryNow;
  std::string_view gid;     ///< as in the path; empty: `?transaction=` must name it
  std::string_view branch;  ///< kResolve
};

/// …/{gid}/retry, …/{gid}/stop, …/{gid}/branches/{id}/resolve, or the same without the gid. Nothing: no such path.
std::optional<OperatorPlace> operator_place_of(std::string_view path);

/// The admin listener: health, metrics, operators' verbs. On one thread; it must outlive what it gave to its ports.
class AdminFace {
 public:
  AdminFace(Ports& ports, AdminPorts& admin, Respond respond);

  void on_request(const net::HttpRequest& request, net::ResponseSlot slot);

  /// The engine's reply to a token that `is_for_admin`.
  void on_reply(engine::Token token, Rendered&& rendered);
  void on_gone(net::ResponseSlot slot);

 private:
  /// Somebody who is answered when something has come, or when `until` is over.
  struct Waiting {
    std::uint64_t number;
    net::ResponseSlot slot;
  };

  void readyz(net::ResponseSlot slot);
  void start_probe();
  void probed(const Result<void>& result);
  void metrics(net::ResponseSlot slot);
  void operate(const OperatorPlace& place, QueryString& query, const net::HttpRequest& request, net::ResponseSlot slot);
  void audited(engine::Request&& request, net::ResponseSlot slot);
  void audit(QueryString& query, net::ResponseSlot slot);
  void incidents(QueryString& query, net::ResponseSlot slot);
  void nodes(QueryString& query, net::ResponseSlot slot);
  void destinations(QueryString& query, net::ResponseSlot slot);
  void pause(const PausePlace& place, QueryString& query, const net::HttpRequest& request, net::ResponseSlot slot);
  void collect_destinations(net::ResponseSlot slot, std::function<Rendered(DestinationsSnapshot&&)> render);
  void answer(net::ResponseSlot slot, const Rendered& rendered);
  void answer_ready(const Rendered& rendered);
  /// Takes the waiter off; false: it has been answered.
  static bool take(std::vector<Waiting>& list, std::uint64_t number);

  Ports& ports_;
  AdminPorts& admin_;
  Respond respond_;
  BodyReader body_;
  PendingReplies pending_;
  std::vector<Waiting> for_probe_;
  std::vector<Waiting> for_metrics_;
  std::vector<Waiting> for_destinations_;
  bool probing_ = false;
  std::uint64_t numbers_ = 0;
};

}  // namespace settle::api
